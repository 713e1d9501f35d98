//! Objects: live files, their drafts and the index, kept in step.
//!
//! ```text
//!            incoming/draft-7 ── rename ──► live/alice/a/b
//! PUT ──► write, MD5, fsync     (key locked)     │ stamp
//!                                                ▼
//!            200 ◄── answer ◄── flush of a/, index row, unlock (one thread, in batches)
//! ```
//!
//! Every function blocks and is called on a thread that may. A change returns as soon as the file is in place,
//! with a [`Pending`] that tells when it is durable and visible: whoever waits for that needs no thread.
//! A crash between the rename and the row leaves a file whose stamp does not fit, which is how it is found
//! again.

mod batch;
mod condition;
mod copy;
mod delete;
mod get;
mod hash;
mod join;
mod multipart;
mod put;
mod reconcile;
mod settle;

pub(crate) use batch::Put;
pub(crate) use condition::{Condition, Wanted};
pub(crate) use copy::{Copied, CopyRequest, Labels};
pub(crate) use get::{Found, Source, is_still};
pub(crate) use multipart::{CompleteRequest, GivenPart};
pub(crate) use put::{Content, PutRequest};
pub use reconcile::{Problem, Reconciled};

use crate::error::Error;
use crate::fault::Fault;
use crate::incoming::Incoming;
use crate::index::{Change, Index, Pending, Submission};
use crate::live::Live;
use crate::locks::{Guard, Locks};
use disk::Unflushed;
use model::{BucketName, ObjectKey};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) index: Index,
    pub(crate) incoming: Incoming,
    live: Live,
    locks: Locks,
}

/// Not a key: holds a slash at its start. Guards what directories a bucket has, against the removal of emptied ones.
const DIRECTORIES: &str = "/directories";

impl Store {
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let (live, incoming, index) =
            (data_dir.join("live"), data_dir.join("incoming"), data_dir.join("index.db"));
        let cannot = |doing| {
            let path = live.clone();
            move |source| Error::Files { doing, path, source }
        };
        std::fs::create_dir_all(&live).map_err(cannot("create"))?;
        let incoming = Incoming::open(&incoming)?;
        let held = std::fs::File::open(&live).map_err(cannot("open"))?;
        let unflushed = Arc::new(Unflushed::new(held.into()));
        let index = Index::open(&index, Arc::clone(&unflushed))?;
        let live = Live::open(&live, unflushed).map_err(std::io::Error::from).map_err(cannot("open"))?;
        let store = Self { index, incoming, live, locks: Locks::new() };
        store.drop_stray_uploads(now_ms()).map_err(|fault| Error::Files {
            doing: "clear",
            path: data_dir.join("incoming"),
            source: std::io::Error::other(fault),
        })?;
        Ok(store)
    }

    /// Takes the lock that is always the last one to be taken.
    fn lock_directories(&self, bucket: &BucketName) -> Guard {
        self.locks.lock(bucket, DIRECTORIES)
    }

    fn submit(&self, changes: Vec<Change>, guards: Vec<Guard>) -> Pending {
        self.index.submit(Submission { changes, guards, directories: Vec::new() })
    }
}

/// Milliseconds since 1970. They date objects for people and for `If-Modified-Since`; nothing is decided by them.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Takes a key as a client sent it, for reading.
pub(crate) fn parse_key(text: &str) -> Result<ObjectKey, Fault> {
    let key = ObjectKey::parse(text).map_err(|error| Fault::Invalid(format!("bad key: {error}")))?;
    let name_max = 255;
    let fits = |name: &[u8]| name.len() <= name_max;
    if key.path().to_os_bytes().split(|&byte| byte == b'/').all(fits) {
        Ok(key)
    } else {
        Err(Fault::NameTooLong)
    }
}

/// Takes a key as a client sent it, for writing: what is ours is not theirs to write.
pub(crate) fn parse_key_to_write(text: &str) -> Result<ObjectKey, Fault> {
    let key = parse_key(text)?;
    if is_reserved(&key) { Err(Fault::Reserved(key.to_string())) } else { Ok(key) }
}

/// Whether a path is Heirloom's own: `.heirloom` at the top, and temporary names anywhere.
pub(crate) fn is_reserved(key: &ObjectKey) -> bool {
    let path = key.path();
    path.components().next() == Some(".heirloom")
        || path.components().any(|name| name.starts_with(".heirloom-tmp-"))
}
