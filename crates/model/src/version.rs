//! Observations that tell whether a side has changed since it was last looked at.
//!
//! A [`Node`] says *what* stands at a path; a [`Stamp`] or a [`RemoteVersion`] is the cheap witness that it
//! still does. Nothing here is a clock to decide by: versions are only ever compared for equality.

use crate::{Meta, Node, ObjectKey, UnixNanos};
use std::fmt;

/// What a file system says about a path without opening it; equal stamps mean an unchanged file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// Bytes of content.
    pub size: u64,
    /// Last modification.
    pub mtime: UnixNanos,
    /// Last change of the inode, which no program can set back.
    pub ctime: UnixNanos,
    /// Inode number.
    pub inode: u64,
}

/// The version of an object as its store names it, without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(String);

impl ETag {
    /// Takes an `ETag` header or listing field, quoted or not.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim_matches('"').to_owned())
    }

    /// The tag without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag as HTTP writes it.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One version of a remote object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RemoteVersion {
    /// The store's tag for the content.
    pub etag: ETag,
    /// When the store says it was written; `None` if that was not observed yet.
    pub modified: Option<UnixNanos>,
}

/// What both sides held when they last agreed, each as it was observed there.
///
/// The two nodes have the same content but may differ in what a side cannot keep: a drive without
/// permission bits or with coarse times is compared with what *it* said, not with what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Agreed {
    /// As the local side showed it.
    pub local: Node,
    /// As the remote side showed it.
    pub remote: Node,
}

impl Agreed {
    /// What news from the remote side are compared with. A side that says nothing about time or permissions agrees with whatever the local side
    /// shows; once it does say something, that is news unless it is just that.
    #[must_use]
    pub fn remote_as_known(&self) -> Node {
        let Meta { mtime, mode, owner, sealed } = self.remote.meta;
        let here = self.local.meta;
        let meta = Meta { mtime: mtime.or(here.mtime), mode: mode.or(here.mode), owner, sealed };
        Node { meta, ..self.remote }
    }
}

/// One path of the base, with the witnesses that let the next scan skip reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseEntry {
    /// The path, relative to the route.
    pub key: ObjectKey,
    /// What was agreed on.
    pub agreed: Agreed,
    /// The local witness.
    pub stamp: Stamp,
    /// The remote witness.
    pub version: RemoteVersion,
}
