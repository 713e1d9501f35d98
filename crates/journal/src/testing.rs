//! What the tests of this crate build on.

use crate::{Journal, RouteId, RouteKey};
use model::{
    Agreed, BaseEntry, ContentId, ETag, Kind, Meta, Mode, Node, ObjectKey, Owner, RemoteVersion, Stamp,
    UnixNanos,
};
use std::path::PathBuf;
use tempfile::TempDir;

pub(crate) struct Scratch {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/journal.db");
        Self { directory, path }
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(&self.path).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.path.parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn route_to(journal: &Journal, destination: &str) -> RouteId {
    let key =
        RouteKey { destination: destination.into(), prefix: "documents/".into(), folder: "/data".into() };
    journal.route(&key).unwrap()
}

/// An entry of the most usual kind, different for each `number`.
pub(crate) fn entry(key: &str, number: u64) -> BaseEntry {
    let mut digest = [7; 16];
    digest[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let content = ContentId::from_md5(digest);
    let mtime = UnixNanos(1_700_000_000_123_456_789 + number.cast_signed());
    let meta = Meta {
        mtime: Some(mtime),
        mode: Some(Mode::from_st_mode(0o644)),
        owner: Some(Owner { uid: 1000, gid: 1000 }),
        ..Meta::default()
    };
    let node = Node { kind: Kind::File, content, size: number, meta };
    BaseEntry {
        key: ObjectKey::parse(key).unwrap(),
        agreed: Agreed { local: node, remote: node },
        stamp: Stamp { size: number, mtime, ctime: UnixNanos(mtime.0 + 5), inode: number + 100 },
        version: RemoteVersion {
            etag: ETag::new(&content.to_string()),
            modified: Some(UnixNanos(mtime.0 + 9)),
        },
    }
}
