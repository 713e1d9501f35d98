//! Waking a keeper when its folder changes.
//!
//! A watch sits on a directory, not on a path: a folder that is replaced or comes back later needs a new one.
//! So the watch is looked after for as long as the keeper runs.

use disk::{Identity, Noticed, Root, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often to see whether the watched directory is still the one at the path.
const LOOK_AFTER: Duration = Duration::from_secs(15);

/// Wakes `wake` whenever something below `folder` changes, until stopped.
pub(crate) async fn watch(folder: PathBuf, wake: Arc<Notify>, stop: CancellationToken) {
    let told = Arc::new(AtomicBool::new(false));
    while !stop.is_cancelled() {
        let watched = start(&folder, &wake, &told);
        let identity = identity(&folder);
        // What changed while nobody watched is seen by a cycle that starts after the watch.
        wake.notify_one();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_AFTER) => {}
            }
            if watched.is_none() || self::identity(&folder) != identity {
                break;
            }
        }
    }
}

fn start(folder: &Path, wake: &Arc<Notify>, told: &Arc<AtomicBool>) -> Option<Watcher> {
    let (wake, told, path) = (Arc::clone(wake), Arc::clone(told), folder.to_owned());
    let sink = move |noticed| match noticed {
        Noticed::Changed { .. } | Noticed::Overflow => wake.notify_one(),
        Noticed::LimitReached { .. } => {
            if !told.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    folder = %path.display(),
                    "too many directories to watch, so changes are found at the interval only; \
                     raise fs.inotify.max_user_watches to have them at once"
                );
            }
        }
    };
    // A folder that cannot be watched cannot be synced either, and the cycle says why.
    Watcher::start(vec![(0, folder.to_owned())], sink).ok()
}

fn identity(folder: &Path) -> Option<Identity> {
    Root::open(folder).and_then(|root| root.identity()).ok()
}
