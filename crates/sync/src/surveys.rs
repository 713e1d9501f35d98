//! What was learned of large files while they were looked at, so that they need not be read once more to be sent.

use disk::Surveyed;
use model::{ObjectKey, Stamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Chunks that are kept in mind, at most: some 8 MiB. Beyond that, a file is read again when its turn has come.
const CHUNKS_MAX: usize = 200_000;

#[derive(Default)]
pub(crate) struct Surveys(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    files: HashMap<ObjectKey, (Stamp, Surveyed)>,
    chunks: usize,
}

impl Surveys {
    pub(crate) fn keep(&self, key: ObjectKey, stamp: Stamp, surveyed: Surveyed) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.chunks + surveyed.chunks.len() <= CHUNKS_MAX {
            kept.chunks += surveyed.chunks.len();
            kept.files.insert(key, (stamp, surveyed));
        }
    }

    /// What was learned of a file, if it is the one that was looked at.
    pub(crate) fn take(&self, key: &ObjectKey, stamp: &Stamp) -> Option<Surveyed> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, surveyed) = kept.files.remove(key)?;
        kept.chunks -= surveyed.chunks.len();
        (then == *stamp).then_some(surveyed)
    }
}
