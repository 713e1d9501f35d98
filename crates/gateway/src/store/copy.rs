//! Copying objects, which for an object onto itself means changing what is said about it.

use super::put::{Also, Content};
use super::{Condition, Found, PutRequest, Source, Store};
use crate::fault::{Doing, Fault};
use crate::index::{Change, Pending, Submission};
use crate::live::{Place, Seen, stamp_of};
use crate::record::{About, Record};
use bytes::Bytes;
use model::{BucketName, ETag, Kind, ObjectKey};
use std::fs::File;

/// How often a source that changes while it is copied is copied anew.
pub(super) const TRIES: usize = 4;

/// Which labels the copy carries.
#[derive(Debug)]
pub(crate) enum Labels {
    /// Those of the source.
    Keep,
    /// These.
    Replace(About),
}

/// A copy that shall be.
#[derive(Debug)]
pub(crate) struct CopyRequest {
    pub(crate) from: (BucketName, ObjectKey),
    pub(crate) to: (BucketName, ObjectKey),
    pub(crate) labels: Labels,
    /// What must hold of the target.
    pub(crate) condition: Condition,
    pub(crate) modified_ms: i64,
}

/// A copy that is in place.
#[derive(Debug)]
pub(crate) struct Copied {
    pub(crate) etag: ETag,
    pub(crate) pending: Pending,
}

impl Store {
    /// Copies an object if `acceptable` says so of the source.
    pub(crate) fn copy(
        &self,
        request: CopyRequest,
        acceptable: impl Fn(&Record) -> Result<(), Fault>,
    ) -> Result<Copied, Fault> {
        let CopyRequest { from, to, labels, condition, modified_ms } = request;
        if from == to {
            let Labels::Replace(about) = labels else {
                return Err(Fault::Invalid("a copy onto itself must replace the metadata".into()));
            };
            let acceptable =
                |record: &Record| condition.check(Some(record)).and_then(|()| acceptable(record));
            return self.relabel(to, about, modified_ms, acceptable);
        }
        let Found { record, source } = self.find(&from.0, &from.1)?;
        acceptable(&record)?;
        let (content, record) = self.duplicate(&from, record, source)?;
        let about = match labels {
            Labels::Keep => record.about,
            Labels::Replace(about) => about,
        };
        let request = PutRequest { bucket: to.0, key: to.1, about, condition, modified_ms };
        let (etag, pending) = self.put_with(request, content, Also::default())?;
        Ok(Copied { etag, pending })
    }

    /// The bytes of an object as content of their own. The kernel copies them, or shares the blocks where the file
    /// system can; the version is known, so nothing is hashed.
    fn duplicate(
        &self,
        from: &(BucketName, ObjectKey),
        mut record: Record,
        mut source: Source,
    ) -> Result<(Content, Record), Fault> {
        for _ in 0..TRIES {
            let file = match source {
                Source::Memory(bytes) => return Ok((Content::from_bytes(bytes), record)),
                Source::File(file) => file,
            };
            let draft = self.incoming.file()?;
            let mut copy = draft.file().expect("because it was started as a file");
            std::io::copy(&mut &file, &mut copy).doing("copy a file")?;
            if is_same(&file, &record)? {
                let content = Content::Draft { draft, size: record.size(), etag: record.etag.clone() };
                return Ok((content, record));
            }
            Found { record, source } = self.find(&from.0, &from.1)?;
        }
        Err(restless())
    }

    /// Changes what is said about an object, and the file's times and permissions with it. No content is copied.
    fn relabel(
        &self,
        (bucket, key): (BucketName, ObjectKey),
        about: About,
        modified_ms: i64,
        acceptable: impl Fn(&Record) -> Result<(), Fault>,
    ) -> Result<Copied, Fault> {
        let place = Place::new(&bucket, &key);
        let guard = self.locks.lock(&bucket, key.as_str());
        let record = self.settle(&bucket, &key)?.truth.ok_or(Fault::NoSuchKey)?;
        acceptable(&record)?;
        let attributes = about.attributes();
        let file = match self.live.see(&place)? {
            Seen::File(file, _) if !attributes.is_symlink() => file,
            // A link has no handle to change it by, and a file may become one: both are written anew.
            seen => {
                drop(guard);
                let content = Content::from_bytes(bytes_of(seen)?);
                let request = PutRequest { bucket, key, about, condition: Condition::default(), modified_ms };
                let (etag, pending) = self.put_with(request, content, Also::default())?;
                return Ok(Copied { etag, pending });
            }
        };
        self.incoming.apply(&file, Kind::File, attributes)?;
        rustix::fs::fsync(&file).doing("write a file to disk")?;
        let stamp = stamp_of(&rustix::fs::fstat(&file).doing("look at a live file")?);
        let etag = record.etag.clone();
        let record = Box::new(Record { modified_ms, stamp, about, ..record });
        let changes = vec![Change::Put { bucket, key, record }];
        let pending = self.index.submit(Submission { changes, guards: vec![guard], ..Submission::default() });
        Ok(Copied { etag, pending })
    }
}

/// What is said of a source that never was the same before and after it was copied.
pub(super) fn restless() -> Fault {
    let source = std::io::Error::other("it changes faster than it can be copied");
    Fault::Files { doing: "copy a live file", source }
}

/// Whether the file has held these bytes all the time. A rename over the name of an open file changes the inode's `ctime`, not its content.
pub(super) fn is_same(file: &File, record: &Record) -> Result<bool, Fault> {
    let stamp = stamp_of(&rustix::fs::fstat(file).doing("look at a live file")?);
    Ok((stamp.size, stamp.mtime, stamp.inode) == (record.stamp.size, record.stamp.mtime, record.stamp.inode))
}

fn bytes_of(seen: Seen) -> Result<Bytes, Fault> {
    match seen {
        Seen::File(mut file, stat) if stat.st_size <= 4096 => {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut file, &mut bytes).doing("read a live file")?;
            Ok(bytes.into())
        }
        Seen::File(..) => Err(Fault::Invalid("the target of a symbolic link has at most 4095 bytes".into())),
        Seen::Symlink(target, _) => Ok(target.into()),
        Seen::Directory(_) | Seen::Nothing => Ok(Bytes::new()),
    }
}
