//! Finding objects and reading them.

use super::{Store, settle};
use crate::fault::{Doing, Fault};
use crate::live::{Place, Seen, stamp_of};
use crate::record::Record;
use bytes::Bytes;
use model::{BucketName, Kind, ObjectKey, UnixNanos};
use std::fs::File;
use std::io::{self, Read};

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

impl Source {
    /// All bytes of what `record` describes, which must be few.
    pub(crate) fn read_whole(self, record: &Record) -> Result<Bytes, Fault> {
        const DOING: &str = "read a live file";
        let file = match self {
            Self::Memory(bytes) => return Ok(bytes),
            Self::File(file) => file,
        };
        let size = usize::try_from(record.size()).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(size);
        (&file).take(record.size()).read_to_end(&mut bytes).doing(DOING)?;
        if bytes.len() < size || !is_still(&file, record.stamp.ctime).doing(DOING)? {
            let source = io::Error::other("the file was changed while it was read");
            return Err(Fault::Files { doing: DOING, source });
        }
        Ok(bytes.into())
    }
}

/// Whether nobody wrote into a file since it was opened; it may have lost its name.
pub(crate) fn is_still(file: &File, ctime: UnixNanos) -> rustix::io::Result<bool> {
    let stat = rustix::fs::fstat(file)?;
    Ok(stamp_of(&stat).ctime == ctime || stat.st_nlink == 0)
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
