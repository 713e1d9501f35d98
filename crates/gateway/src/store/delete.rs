//! Removing objects, and the directories that this leaves empty.

use super::{Condition, Store};
use crate::fault::Fault;
use crate::index::{Change, Pending, Submission};
use crate::live::{Place, ancestor_keys};
use model::{BucketName, ObjectKey};

impl Store {
    /// Removes an object. One that is not there is removed already, whatever the condition says of its version.
    pub(crate) fn delete(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        condition: &Condition,
    ) -> Result<Pending, Fault> {
        let guard = self.locks.lock(bucket, key.as_str());
        match self.require(condition, bucket, key) {
            Ok(()) | Err(Fault::NoSuchKey) => {}
            Err(fault) => return Err(fault),
        }
        let place = Place::new(bucket, key);
        let change = Change::Remove { bucket: bucket.clone(), key: key.clone() };
        let mut submission =
            Submission { changes: vec![change], guards: vec![guard], ..Submission::default() };
        if key.is_directory() {
            // Until the marker has left the index, nobody may judge by it whether the directory stays.
            submission.guards.push(self.lock_directories(bucket));
            if self.index.get(bucket, key)?.is_some() {
                submission.directories.extend(self.live.remove_directory(&place)?);
            }
        } else {
            submission.directories.extend(self.live.remove(&place)?);
        }
        let removed = !submission.directories.is_empty();
        let pending = self.index.submit(submission);
        if removed {
            self.prune(bucket, key)?;
        }
        Ok(pending)
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
