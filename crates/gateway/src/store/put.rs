//! Writing objects.

use super::{Condition, Store, hash, settle};
use crate::fault::{Doing, Fault};
use crate::incoming::Draft;
use crate::index::{Change, Pending, Submission};
use crate::live::{Occupied, Place};
use crate::locks::Guard;
use crate::record::{About, Record, etag_of};
use bytes::Bytes;
use model::{BucketName, ETag, Kind, ObjectKey};
use rustix::fs::Stat;
use std::io::{Seek, Write};
use std::os::fd::OwnedFd;

/// The longest target of a symbolic link.
const TARGET_MAX: u64 = 4095;

/// An object that shall be.
#[derive(Debug)]
pub(crate) struct PutRequest {
    pub(crate) bucket: BucketName,
    pub(crate) key: ObjectKey,
    pub(crate) about: About,
    pub(crate) condition: Condition,
    pub(crate) modified_ms: i64,
}

/// Bytes that have arrived whole and are as the client meant them.
#[derive(Debug)]
pub(crate) enum Content {
    Memory { chunks: Vec<Bytes>, etag: ETag },
    Draft { draft: Draft, size: u64, etag: ETag },
}

/// An object whose draft is complete, and has yet to get its name.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) request: PutRequest,
    pub(super) kind: Kind,
    pub(super) draft: Draft,
    pub(super) etag: ETag,
}

/// What changes in the index together with an object, and the locks for that.
#[derive(Debug, Default)]
pub(super) struct Also {
    pub(super) changes: Vec<Change>,
    pub(super) guards: Vec<Guard>,
}

impl Content {
    /// Bytes that are in memory.
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        let etag = etag_of(hash::md5_of_bytes(&bytes));
        Self::Memory { chunks: vec![bytes], etag }
    }

    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory { chunks, .. } => chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            Self::Draft { size, .. } => *size,
        }
    }

    fn is_empty(&self) -> bool {
        self.size() == 0
    }
}

impl Store {
    /// Puts an object in place, if the condition holds.
    pub(crate) fn put(&self, request: PutRequest, content: Content) -> Result<(ETag, Pending), Fault> {
        self.put_with(request, content, Also::default())
    }

    /// The same, together with something else.
    pub(super) fn put_with(
        &self,
        request: PutRequest,
        content: Content,
        also: Also,
    ) -> Result<(ETag, Pending), Fault> {
        if request.key.is_directory() {
            return self.put_directory(request, &content);
        }
        let ready = self.ready(request, content)?;
        Draft::flush([&ready.draft])?;
        let guard = self.locks.lock(&ready.request.bucket, ready.request.key.as_str());
        let mut submission =
            Submission { changes: also.changes, guards: also.guards, directories: Vec::new() };
        let etag = self.install(ready, guard, &mut submission)?;
        Ok((etag, self.index.submit(submission)))
    }

    /// Makes a draft of an object that is no directory. It is complete, but not flushed to disk.
    pub(super) fn ready(&self, request: PutRequest, content: Content) -> Result<Ready, Fault> {
        let attributes = request.about.attributes();
        let (kind, draft, etag) = if attributes.is_symlink() {
            let target = symlink_target(content)?;
            (Kind::Symlink, self.incoming.symlink(&target)?, etag_of(hash::md5_of_bytes(&target)))
        } else {
            let (draft, etag) = self.draft(content)?;
            (Kind::File, draft, etag)
        };
        self.incoming.furnish(&draft, attributes)?;
        Ok(Ready { request, kind, draft, etag })
    }

    /// Puts a draft that is on the disk in place, if its condition holds, and adds to `submission` what has to be told to the index.
    pub(super) fn install(
        &self,
        ready: Ready,
        guard: Guard,
        submission: &mut Submission,
    ) -> Result<ETag, Fault> {
        let Ready {
            request: PutRequest { bucket, key, about, condition, modified_ms },
            kind,
            mut draft,
            etag,
        } = ready;
        self.require(&condition, &bucket, &key)?;
        let place = Place::new(&bucket, &key);
        let (stat, directory) = match self.place(&mut draft, &place, &bucket, &key) {
            Ok(placed) => placed,
            Err(fault) => {
                self.prune(&bucket, &key)?;
                return Err(fault);
            }
        };
        let stamp = crate::live::stamp_of(&stat);
        let record = Box::new(Record { kind, etag: etag.clone(), modified_ms, stamp, about });
        submission.changes.push(Change::Put { bucket, key, record });
        submission.directories.push(directory);
        submission.guards.push(guard);
        Ok(etag)
    }

    /// Checks a condition against what is really there. The key must be locked.
    pub(super) fn require(
        &self,
        condition: &Condition,
        bucket: &BucketName,
        key: &ObjectKey,
    ) -> Result<(), Fault> {
        if condition.is_empty() {
            return Ok(());
        }
        condition.check(self.settle(bucket, key)?.truth.as_ref())
    }

    /// Renames a draft into place; an empty directory that nobody asked for makes way.
    fn place(
        &self,
        draft: &mut Draft,
        place: &Place,
        bucket: &BucketName,
        key: &ObjectKey,
    ) -> Result<(Stat, OwnedFd), Fault> {
        if let Ok(placed) = self.live.place(draft, place)? {
            return Ok(placed);
        }
        let _directories: Guard = self.lock_directories(bucket);
        let marker = ObjectKey::directory(&key.path());
        if self.index.get(bucket, &marker)?.is_some() || self.live.remove_directory(place)?.is_none() {
            return Err(Occupied::fault(place));
        }
        self.live.place(draft, place)?.map_err(|Occupied| Occupied::fault(place))
    }

    /// Bytes as a file that is complete but for its attributes.
    pub(super) fn draft(&self, content: Content) -> Result<(Draft, ETag), Fault> {
        match content {
            Content::Draft { draft, etag, .. } => Ok((draft, etag)),
            Content::Memory { chunks, etag } => {
                let draft = self.incoming.file()?;
                let mut file = draft.file().expect("because it was started as a file");
                chunks.iter().try_for_each(|chunk| file.write_all(chunk)).doing("write a file")?;
                Ok((draft, etag))
            }
        }
    }

    fn put_directory(&self, request: PutRequest, content: &Content) -> Result<(ETag, Pending), Fault> {
        let PutRequest { bucket, key, about, condition, modified_ms } = request;
        if !content.is_empty() {
            return Err(Fault::Invalid(format!("`{key}` is a directory, and a directory has no content")));
        }
        let place = Place::new(&bucket, &key);
        let guard = self.locks.lock(&bucket, key.as_str());
        self.require(&condition, &bucket, &key)?;
        // Until the marker is in the index, the directory looks like one that may be cleared away.
        let directories = self.lock_directories(&bucket);
        let directory = self.live.place_directory(&place)?;
        self.incoming.apply(&directory, Kind::Directory, about.attributes())?;
        let record = Box::new(Record { modified_ms, about, ..settle::directory_record() });
        let etag = record.etag.clone();
        let submission = Submission {
            changes: vec![Change::Put { bucket, key, record }],
            directories: vec![directory],
            guards: vec![guard, directories],
        };
        Ok((etag, self.index.submit(submission)))
    }
}

/// The content as the target of a link, if it can be one.
fn symlink_target(content: Content) -> Result<Vec<u8>, Fault> {
    let invalid = |what: &str| Err(Fault::Invalid(format!("the target of a symbolic link {what}")));
    if content.is_empty() {
        return invalid("is not empty");
    }
    if content.size() > TARGET_MAX {
        return invalid("has at most 4095 bytes");
    }
    let target = match content {
        Content::Memory { chunks, .. } => chunks.concat(),
        Content::Draft { draft, .. } => {
            let mut file = draft.file().expect("because content is drafted as a file");
            let mut target = Vec::new();
            file.rewind()
                .and_then(|()| std::io::Read::read_to_end(&mut file, &mut target))
                .doing("read a draft")?;
            target
        }
    };
    if target.contains(&0) { invalid("holds no NUL byte") } else { Ok(target) }
}
