//! Finding objects and reading them.

use super::{Store, settle};
use crate::fault::Fault;
use crate::live::{Place, Seen, kind_of, stamp_of};
use crate::record::Record;
use bytes::Bytes;
use model::{BucketName, Kind, ObjectKey};
use std::fs::File;

/// How often a file may change under our eyes before the request is given up.
const TRIES: usize = 8;

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
        let place = Place::new(bucket, key);
        for _ in 0..TRIES {
            let (row, seen) = (self.index.get(bucket, key)?, self.live.look(&place)?);
            match (row, seen) {
                (Some(row), seen) if settle::fits(&row, key, seen) => return Ok(row),
                (None, None | Some((Kind::Directory, _))) => return Err(Fault::NoSuchKey),
                (None, Some(_)) if key.is_directory() => return Err(Fault::NoSuchKey),
                _ => self.refresh(bucket, key)?,
            }
        }
        Err(restless())
    }

    /// Opens an object for reading.
    pub(crate) fn find(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Found, Fault> {
        let place = Place::new(bucket, key);
        for _ in 0..TRIES {
            let seen = self.live.see(&place)?;
            let row = self.index.get(bucket, key)?;
            let stamp = match &seen {
                Seen::File(_, stat) | Seen::Symlink(_, stat) => kind_of(stat).zip(Some(stamp_of(stat))),
                Seen::Directory(_) => Some((Kind::Directory, crate::record::DIRECTORY_STAMP)),
                Seen::Nothing => None,
            };
            match (row, seen) {
                (Some(record), seen) if settle::fits(&record, key, stamp) => {
                    let source = match seen {
                        Seen::File(file, _) => Source::File(file),
                        Seen::Symlink(target, _) => Source::Memory(target.into()),
                        Seen::Directory(_) | Seen::Nothing => Source::Memory(Bytes::new()),
                    };
                    return Ok(Found { record, source });
                }
                (None, Seen::Nothing | Seen::Directory(_)) => return Err(Fault::NoSuchKey),
                (None, _) if key.is_directory() => return Err(Fault::NoSuchKey),
                _ => self.refresh(bucket, key)?,
            }
        }
        Err(restless())
    }

    /// Brings the row of a key up to date with the disk.
    pub(super) fn refresh(&self, bucket: &BucketName, key: &ObjectKey) -> Result<(), Fault> {
        if super::is_reserved(key) {
            return Err(Fault::NoSuchKey);
        }
        let guard = self.locks.lock(bucket, key.as_str());
        let settled = self.settle(bucket, key)?;
        match settled.correction {
            Some(correction) => self.submit(vec![correction], vec![guard]).wait(),
            None => Ok(()),
        }
    }
}

fn restless() -> Fault {
    let source = std::io::Error::other("it changes faster than it can be read");
    Fault::Files { doing: "read a live file", source }
}
