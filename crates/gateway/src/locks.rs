//! One writer at a time for each key.
//!
//! A conditional write is a question and an answer, and nobody may write between them. A lock covers a write
//! from its question until the index has it, so it also keeps readers from taking the moment between a
//! file's rename and its row for a change by a stranger. It is released by the index's thread, hence by
//! another thread than took it; that rules out the mutexes of the standard library.

use model::BucketName;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// So many that two requests seldom ask the same one at once.
const SHARDS: usize = 64;

#[derive(Debug)]
pub(crate) struct Locks {
    shards: Vec<Arc<Shard>>,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Shard {
    held: Mutex<HashSet<String>>,
    released: Condvar,
}

/// Held while a key changes; released when dropped, by whichever thread.
#[derive(Debug)]
pub(crate) struct Guard {
    shard: Arc<Shard>,
    name: String,
}

impl Locks {
    pub(crate) fn new() -> Self {
        Self { shards: (0..SHARDS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }

    /// Waits for the key. Whoever waits may hold the lock of no other key that is not on its way to the index:
    /// two requests that wait for each other's would wait for ever.
    pub(crate) fn lock(&self, bucket: &BucketName, key: &str) -> Guard {
        let (shard, name) = self.shard(bucket, key);
        let mut held = shard.held.lock().unwrap_or_else(PoisonError::into_inner);
        while held.contains(&name) {
            held = shard.released.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
        held.insert(name.clone());
        drop(held);
        Guard { shard, name }
    }

    /// Takes the key if it is free.
    pub(crate) fn try_lock(&self, bucket: &BucketName, key: &str) -> Option<Guard> {
        let (shard, name) = self.shard(bucket, key);
        let is_free = shard.held.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        // Made only if the key is ours: whatever guard is dropped releases its key.
        is_free.then(|| Guard { shard, name })
    }

    fn shard(&self, bucket: &BucketName, key: &str) -> (Arc<Shard>, String) {
        let name = format!("{bucket}/{key}");
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let at = self.hasher.hash_one(&name) as usize % SHARDS;
        (Arc::clone(&self.shards[at]), name)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shard.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        self.shard.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_for_a_key_that_is_taken_does_not_release_it() {
        let (locks, bucket) = (Locks::new(), BucketName::new("alice").unwrap());
        let guard = locks.try_lock(&bucket, "key").unwrap();
        assert!(locks.try_lock(&bucket, "key").is_none());
        assert!(locks.try_lock(&bucket, "key").is_none(), "it is taken still");
        assert!(locks.try_lock(&bucket, "other").is_some());
        drop(guard);
        assert!(locks.try_lock(&bucket, "key").is_some());
    }
}
