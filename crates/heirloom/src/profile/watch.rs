//! Waking a keeper when its folder changes.
//!
//! A watch sits on a directory, not on a path: a folder that is replaced or comes back later needs a new one.
//! So the watch is looked after for as long as the keeper runs.
//!
//! Where the system grants too few watches, none are kept: half a watched folder is a promise that is kept by chance, and all programs of a
//! user share what there is. Such a folder lives by its interval.

mod limit;

use super::pi::pause;
use super::routes::Wired;
use crate::report::time::span;
use disk::{Identity, Limit, Noticed, Root, Watcher};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often to see whether the watched directory is still the one at the path.
const LOOK_AFTER: Duration = Duration::from_secs(15);

/// How often to see whether the system grants enough by now.
const TRY_AGAIN: Duration = Duration::from_mins(30);

/// Wakes the route's keeper whenever something below its folder changes, until stopped.
pub(crate) async fn watch(one: Wired, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let watch = start(&one).await;
        let identity = identity(&one.route.folder);
        // What changed while nobody watched is seen by a cycle that starts after the watch.
        one.live.wake().notify_one();
        watch.look_after(&one, identity, &stop).await;
    }
}

/// A watch, or the attempt at one.
struct Watch {
    watcher: Option<Watcher>,
    reached: Arc<Reached>,
}

/// The limit that was reached, once one was.
#[derive(Default)]
struct Reached {
    limit: Mutex<Option<Limit>>,
    told: Notify,
}

impl Reached {
    fn limit(&self) -> Option<Limit> {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adding a watch for each directory takes a while, and so does counting them.
async fn start(one: &Wired) -> Watch {
    let (wake, folder) = (Arc::clone(one.live.wake()), one.route.folder.clone());
    let reached = Arc::new(Reached::default());
    let sink = {
        let reached = Arc::clone(&reached);
        move |noticed| match noticed {
            Noticed::Changed { .. } | Noticed::Overflow => wake.notify_one(),
            Noticed::LimitReached { limit, .. } => {
                *reached.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(limit);
                reached.told.notify_one();
            }
        }
    };
    // A folder that cannot be watched cannot be synced either, and the cycle says why.
    let started = tokio::task::spawn_blocking(move || Watcher::start(vec![(0, folder)], sink).ok());
    Watch { watcher: started.await.ok().flatten(), reached }
}

impl Watch {
    /// Returns when another watch is needed.
    async fn look_after(self, one: &Wired, identity: Option<Identity>, stop: &CancellationToken) {
        let Self { watcher, reached } = self;
        if watcher.is_some() && reached.limit().is_none() {
            one.live.notes().unwatched = None;
            while !stop.is_cancelled() && reached.limit().is_none() {
                tokio::select! {
                    () = pause(stop, LOOK_AFTER) => {}
                    () = reached.told.notified() => {}
                }
                if self::identity(&one.route.folder) != identity {
                    return;
                }
            }
        }
        drop(watcher);
        match reached.limit() {
            Some(limit) => without(one, limit, stop).await,
            None => pause(stop, LOOK_AFTER).await,
        }
    }
}

/// Lives by the interval for a while.
async fn without(one: &Wired, limit: Limit, stop: &CancellationToken) {
    let folder = one.route.folder.clone();
    let why = tokio::task::spawn_blocking(move || limit::explain(&folder, limit)).await.unwrap_or_default();
    let is_news = one.live.notes().unwatched.replace(why.clone()).is_none();
    if is_news {
        let every = span(one.interval.as_secs());
        tracing::warn!(
            "{}: changes are found by looking, every {every}, not at once: {why}",
            one.route.name()
        );
    }
    let until = Instant::now() + TRY_AGAIN;
    while !stop.is_cancelled() && Instant::now() < until {
        pause(stop, TRY_AGAIN).await;
    }
}

fn identity(folder: &Path) -> Option<Identity> {
    Root::open(folder).and_then(|root| root.identity()).ok()
}
