//! Whoever waits for a change below a prefix is woken by the thread that has written one, and by no other.
//!
//! Rejected: one signal for every transaction, after which each waiter would ask the index; during somebody's upload that is a
//! thousand questions a second for every machine that waits for something else.

use super::changes::Change;
use model::{BucketName, ObjectKey};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Watchers(Mutex<Vec<Arc<Watched>>>);

#[derive(Debug)]
struct Watched {
    bucket: BucketName,
    prefix: String,
    changed: Notify,
}

/// Sees every change below a prefix from when it was made.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Watched>,
    watchers: Arc<Watchers>,
}

impl Watchers {
    pub(super) fn watch(self: &Arc<Self>, bucket: BucketName, prefix: String) -> Watcher {
        let watched = Arc::new(Watched { bucket, prefix, changed: Notify::new() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&watched));
        Watcher { watched, watchers: Arc::clone(self) }
    }

    /// Wakes whom these changes concern. They must be visible by now.
    pub(super) fn wake<'c>(&self, changes: impl Iterator<Item = &'c Change>) {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.is_empty() {
            return;
        }
        for (bucket, key) in changes.filter_map(Change::object) {
            watched.iter().filter(|watched| watched.sees(bucket, key)).for_each(|watched| {
                // Kept for one who does not wait yet.
                watched.changed.notify_one();
            });
        }
    }
}

impl Watched {
    fn sees(&self, bucket: &BucketName, key: &ObjectKey) -> bool {
        self.bucket == *bucket && key.as_str().starts_with(&self.prefix)
    }
}

impl Watcher {
    /// Waits for a change, or returns at once if there was one already.
    pub(crate) async fn changed(&self) {
        self.watched.changed.notified().await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut all = self.watchers.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|watched| !Arc::ptr_eq(watched, &self.watched));
    }
}
