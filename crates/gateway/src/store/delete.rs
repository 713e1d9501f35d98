//! Removing objects, and the directories that this leaves empty.

use super::{Condition, Store};
use crate::fault::Fault;
use crate::index::{Change, Pending, Submission};
use crate::live::{Place, ancestor_keys};
use crate::locks::Guard;
use model::{BucketName, ObjectKey, RelPath};
use std::collections::BTreeMap;

/// How many removals go to the index together. Alone, each would cost a flush of its directory.
const BATCH_MAX: usize = 128;

impl Store {
    /// Removes an object. One that is not there is removed already, whatever the condition says of its version.
    pub(crate) fn delete(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        condition: &Condition,
    ) -> Result<Pending, Fault> {
        let guard = self.locks.lock(bucket, key.as_str());
        let mut submission = Submission::default();
        self.take_away(bucket, key, condition, guard, &mut submission)?;
        let removed = !submission.directories.is_empty();
        let pending = self.index.submit(submission);
        if removed {
            self.prune(bucket, key)?;
        }
        Ok(pending)
    }

    /// Removes many objects, and waits until they are gone for good. The answers are in the order of the keys.
    pub(crate) fn delete_many(
        &self,
        bucket: &BucketName,
        keys: Vec<(ObjectKey, Condition)>,
    ) -> Vec<Result<(), Fault>> {
        let mut many =
            Many { store: self, bucket, batch: Batch::default(), sent: Vec::new(), answers: Vec::new() };
        for (key, condition) in keys {
            many.delete(&key, &condition);
        }
        many.finish()
    }

    /// Removes the file or directory of a locked key, and adds to `submission` what has to be told to the index.
    fn take_away(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        condition: &Condition,
        guard: Guard,
        submission: &mut Submission,
    ) -> Result<(), Fault> {
        match self.require(condition, bucket, key) {
            Ok(()) | Err(Fault::NoSuchKey) => {}
            Err(fault) => return Err(fault),
        }
        let place = Place::new(bucket, key);
        let directory = if key.is_directory() {
            // Until the marker has left the index, nobody may judge by it whether the directory stays.
            submission.guards.push(self.lock_directories(bucket));
            let has_marker = self.index.get(bucket, key)?.is_some();
            if has_marker { self.live.remove_directory(&place)? } else { None }
        } else {
            self.live.remove(&place)?
        };
        submission.directories.extend(directory);
        submission.changes.push(Change::Remove { bucket: bucket.clone(), key: key.clone() });
        submission.guards.push(guard);
        Ok(())
    }

    /// Removes the directories above a key that hold nothing and have no marker, from the inside out.
    pub(super) fn prune(&self, bucket: &BucketName, key: &ObjectKey) -> Result<(), Fault> {
        let mut ancestors = ancestor_keys(key).peekable();
        if ancestors.peek().is_none() {
            return Ok(());
        }
        let _directories = self.lock_directories(bucket);
        for ancestor in ancestors {
            if self.index.get(bucket, &ancestor)?.is_some()
                || self.live.remove_directory(&Place::new(bucket, &ancestor))?.is_none()
            {
                break;
            }
        }
        Ok(())
    }
}

/// A request to remove many objects, under way.
struct Many<'a> {
    store: &'a Store,
    bucket: &'a BucketName,
    batch: Batch,
    /// What is on its way to the index, with the places of its answers.
    sent: Vec<(Pending, Vec<usize>)>,
    answers: Vec<Result<(), Fault>>,
}

/// Removals that go to the index together.
#[derive(Default)]
struct Batch {
    submission: Submission,
    places: Vec<usize>,
    /// One key of each directory that something was removed from, by the directory.
    emptied: BTreeMap<Option<RelPath>, ObjectKey>,
}

impl Many<'_> {
    fn delete(&mut self, key: &ObjectKey, condition: &Condition) {
        let place = self.answers.len();
        if key.is_directory() {
            // It takes the lock of all directories, which nobody may hold while waiting for keys.
            self.send();
            let outcome = self.store.delete(self.bucket, key, condition);
            self.answers.push(outcome.map(|pending| self.sent.push((pending, vec![place]))));
            return;
        }
        let guard = self.store.locks.try_lock(self.bucket, key.as_str()).unwrap_or_else(|| {
            self.send();
            self.store.locks.lock(self.bucket, key.as_str())
        });
        let before = self.batch.submission.directories.len();
        let outcome = self.store.take_away(self.bucket, key, condition, guard, &mut self.batch.submission);
        if outcome.is_ok() {
            self.batch.places.push(place);
        }
        if self.batch.submission.directories.len() > before {
            self.batch.emptied.insert(key.path().parent(), key.clone());
        }
        self.answers.push(outcome);
        if self.batch.places.len() >= BATCH_MAX {
            self.send();
        }
    }

    fn send(&mut self) {
        let Batch { submission, places, emptied } = std::mem::take(&mut self.batch);
        if places.is_empty() {
            return;
        }
        let first = places.first().copied();
        self.sent.push((self.store.index.submit(submission), places));
        // Inner directories come behind outer ones.
        for key in emptied.into_values().rev() {
            if let (Err(fault), Some(first)) = (self.store.prune(self.bucket, &key), first) {
                self.answers[first] = Err(fault);
            }
        }
    }

    fn finish(mut self) -> Vec<Result<(), Fault>> {
        self.send();
        for (pending, places) in self.sent {
            if let Err(fault) = pending.wait() {
                for place in places {
                    self.answers[place] = Err(fault.again());
                }
            }
        }
        self.answers
    }
}
