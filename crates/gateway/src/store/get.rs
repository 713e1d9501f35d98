//! Finding objects and reading them.

use super::{Store, settle};
use crate::fault::Fault;
use crate::live::{Place, Seen};
use crate::record::Record;
use bytes::Bytes;
use model::{BucketName, Kind, ObjectKey};
use std::fs::File;

/// An object that is there.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) source: Source,
}

/// Where an object's bytes are.
#[derive(Debug)]
pub(crate) enum Source {
    /// An open file: it stays as it is when another one takes its name.
    File(File),
    Memory(Bytes),
}

impl Store {
    /// What is known about an object, without opening it.
    pub(crate) fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Record, Fault> {
        let (row, seen) = (self.index.get(bucket, key)?, self.live.look(&Place::new(bucket, key))?);
        match row {
            Some(row) if settle::fits(&row, key, seen) => Ok(row),
            None if is_nothing(key, seen.map(|(kind, _)| kind)) => Err(Fault::NoSuchKey),
            _ => Ok(self.find_alone(bucket, key)?.record),
        }
    }

    /// Opens an object for reading.
    pub(crate) fn find(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Found, Fault> {
        let seen = self.live.see(&Place::new(bucket, key))?;
        let row = self.index.get(bucket, key)?;
        let stamp = seen.kind_and_stamp();
        match row {
            Some(record) if settle::fits(&record, key, stamp) => Ok(Found { record, source: seen.into() }),
            None if is_nothing(key, stamp.map(|(kind, _)| kind)) => Err(Fault::NoSuchKey),
            _ => self.find_alone(bucket, key),
        }
    }

    /// Opens an object whose row and file do not fit: somebody is writing it, or has changed the file beside us. With
    /// the key locked, a client's write is over, and the row can be corrected if it was not that.
    fn find_alone(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Found, Fault> {
        if super::is_reserved(key) {
            return Err(Fault::NoSuchKey);
        }
        let guard = self.locks.lock(bucket, key.as_str());
        let settled = self.settle(bucket, key)?;
        let found = settled.truth.map(|record| {
            let source = self.live.see(&Place::new(bucket, key))?.into();
            Ok(Found { record, source })
        });
        if let Some(correction) = settled.correction {
            self.submit(vec![correction], vec![guard]).wait()?;
        }
        found.unwrap_or(Err(Fault::NoSuchKey))
    }
}

/// Whether what stands in a key's place is no object of that key: nothing, or a directory that nobody asked for.
fn is_nothing(key: &ObjectKey, kind: Option<Kind>) -> bool {
    key.is_directory() || matches!(kind, None | Some(Kind::Directory))
}

impl From<Seen> for Source {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::File(file, _) => Self::File(file),
            Seen::Symlink(target, _) => Self::Memory(target.into()),
            Seen::Directory(_) | Seen::Nothing => Self::Memory(Bytes::new()),
        }
    }
}
