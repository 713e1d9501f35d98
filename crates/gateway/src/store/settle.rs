//! Making row and file agree, where the file is right.

use super::{Store, hash, now_ms};
use crate::attributes;
use crate::fault::Fault;
use crate::index::Change;
use crate::live::{Place, Seen, stamp_of};
use crate::record::{About, DIRECTORY_STAMP, Record, etag_of};
use model::{BucketName, ContentId, Kind, ObjectKey, Stamp};
use rustix::fs::Stat;

/// What is really there, and what the index has yet to learn.
pub(super) struct Settled {
    pub(super) truth: Option<Record>,
    pub(super) correction: Option<Change>,
}

impl Store {
    /// Compares a row with its file, which is read only if the stamps differ. The key must be locked.
    pub(super) fn settle(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Settled, Fault> {
        let row = self.index.get(bucket, key)?;
        let place = Place::new(bucket, key);
        let seen = self.live.look(&place)?;
        let unchanged = |row: &Record| fits(row, key, seen);
        if row.as_ref().is_some_and(unchanged) {
            return Ok(Settled { truth: row, correction: None });
        }
        let truth = match (key.is_directory(), self.live.see(&place)?) {
            (false, Seen::File(file, stat)) => {
                let content = hash::md5_of(&file)?;
                Some(observe(row.as_ref(), Kind::File, content, &stat))
            }
            (false, Seen::Symlink(target, stat)) => {
                let content = hash::md5_of_bytes(&target);
                Some(observe(row.as_ref(), Kind::Symlink, content, &stat))
            }
            _ => None,
        };
        let (bucket, key) = (bucket.clone(), key.clone());
        let correction = match &truth {
            Some(record) => Some(Change::Put { bucket, key, record: Box::new(record.clone()) }),
            None => row.map(|_| Change::Remove { bucket, key }),
        };
        Ok(Settled { truth, correction })
    }

    /// The row of a directory that somebody made beside us and that holds nothing.
    pub(super) fn adopt_directory(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
    ) -> Result<Option<Change>, Fault> {
        let Seen::Directory(fd) = self.live.see(&Place::new(bucket, key))? else { return Ok(None) };
        let stat = rustix::fs::fstat(&fd)
            .map_err(|e| Fault::Files { doing: "look at a directory", source: e.into() })?;
        let mut about = About::default();
        attributes::describe(&mut about.metadata, &stat);
        let record = Record { about, ..directory_record() };
        Ok(Some(Change::Put { bucket: bucket.clone(), key: key.clone(), record: Box::new(record) }))
    }
}

/// A directory's row, about which nobody has said anything.
pub(super) fn directory_record() -> Record {
    Record {
        kind: Kind::Directory,
        etag: etag_of(ContentId::EMPTY),
        modified_ms: now_ms(),
        stamp: DIRECTORY_STAMP,
        about: About::default(),
    }
}

/// Whether a row still says what the disk says.
pub(super) fn fits(row: &Record, key: &ObjectKey, seen: Option<(Kind, Stamp)>) -> bool {
    match seen {
        Some((Kind::Directory, _)) => key.is_directory() && row.kind == Kind::Directory,
        Some((kind, stamp)) => !key.is_directory() && row.kind == kind && row.stamp == stamp,
        None => false,
    }
}

/// The row for what the disk holds. Content that is known keeps its version, date and labels: it was only moved to
/// another disk, or touched.
fn observe(row: Option<&Record>, kind: Kind, content: ContentId, stat: &Stat) -> Record {
    let (etag, stamp) = (etag_of(content), stamp_of(stat));
    let known = row.filter(|row| row.kind == kind && row.etag == etag);
    let modified_ms = known.map_or_else(now_ms, |row| row.modified_ms);
    let mut about = row.map(|row| row.about.clone()).unwrap_or_default();
    let same_permissions = |row: &Record| match row.about.attributes().permissions(kind) {
        Some(bits) if kind == Kind::File => bits == stat.st_mode & 0o777,
        _ => true,
    };
    if !known.is_some_and(|row| row.stamp.mtime == stamp.mtime && same_permissions(row)) {
        attributes::describe(&mut about.metadata, stat);
    }
    Record { kind, etag, modified_ms, stamp, about }
}
