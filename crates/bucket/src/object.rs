//! What a store says about an object, and what a change expects of it.

use crate::Error;
use crate::metadata::{self, Said};
use bytes::Bytes;
use futures::stream::BoxStream;
use model::{ContentId, ETag, Kind, Meta, Node, ObjectKey, RemoteVersion, UnixNanos};
use opendal::Metadata;

/// What must stand at a key for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing: the write creates the object.
    Absent,
    /// This version: the write replaces it.
    Version(RemoteVersion),
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The key, relative to the listed prefix.
    pub key: ObjectKey,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// The version, with the time at the precision the store lists it with.
    pub version: RemoteVersion,
}

impl Listed {
    /// The content, if the store's tag tells it: a plain MD5, as S3 gives to everything that was written in one piece.
    #[must_use]
    pub fn content(&self) -> Option<ContentId> {
        content_of_tag(&self.version.etag)
    }

    /// Whether this is still what was observed as `seen`, so that nothing needs to be asked about it.
    ///
    /// A time that was not observed agrees with any. One from [`Bucket::head`](crate::Bucket::head) (whole seconds: HTTP knows no finer) does not
    /// agree with a finer one: the object is asked about once more, because it may have been changed twice within a second.
    #[must_use]
    pub fn is_still(&self, seen: &RemoteVersion) -> bool {
        let (listed, then) = (self.version.modified, seen.modified);
        self.version.etag == seen.etag && (listed == then || listed.is_none() || then.is_none())
    }
}

/// An object as its own headers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The sort of thing.
    pub kind: Kind,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// Time, permissions and owner. An object that says nothing about its time has that of its last change.
    pub meta: Meta,
    /// What it holds. `None`: it was written in parts by a client that left no digest; only reading it tells.
    pub content: Option<ContentId>,
    /// The version, with the time in whole seconds.
    pub version: RemoteVersion,
}

impl Object {
    /// The object as a node, if its content is known.
    #[must_use]
    pub fn node(&self) -> Option<Node> {
        self.content.map(|content| self.node_holding(content))
    }

    /// The object as a node, once reading it has told its content.
    #[must_use]
    pub fn node_holding(&self, content: ContentId) -> Node {
        Node { kind: self.kind, content, size: self.size, meta: self.meta }
    }

    /// Whether this is what a write of `node` leaves behind.
    pub(crate) fn is_written(&self, node: &Node) -> bool {
        self.node().is_some_and(|held| held.same_content(node) && held.same_meta(node))
    }

    pub(crate) fn from_headers(key: &ObjectKey, headers: &Metadata) -> Option<Self> {
        let said = metadata::parse(headers.user_metadata().into_iter().flatten());
        let modified = headers.last_modified().map(nanos_of);
        Some(Self::described(key, ETag::new(headers.etag()?), modified, headers.content_length(), said))
    }

    /// The object that tag, time, size and metadata describe.
    pub(crate) fn described(
        key: &ObjectKey,
        etag: ETag,
        modified: Option<UnixNanos>,
        size: u64,
        said: Said,
    ) -> Self {
        let kind = if key.is_directory() { Kind::Directory } else { said.kind };
        let (size, content) = match kind {
            Kind::Directory => (0, Some(ContentId::EMPTY)),
            Kind::File | Kind::Symlink => (size, said.content.or_else(|| content_of_tag(&etag))),
        };
        let mut meta = said.meta;
        meta.mtime = meta.mtime.or(modified);
        Self { kind, size, meta, content, version: RemoteVersion { etag, modified } }
    }
}

/// An object being read.
pub struct Get {
    /// What the answer's headers say.
    pub object: Object,
    /// The bytes, in order. A break in the connection is mended on the way; an error ends the stream, and what came
    /// before it is then worthless.
    pub body: BoxStream<'static, Result<Bytes, Error>>,
}

/// The digest in a tag. A tag of several parts (`…-3`) is none.
pub(crate) fn content_of_tag(etag: &ETag) -> Option<ContentId> {
    ContentId::from_hex(etag.as_str())
}

pub(crate) fn nanos_of(time: opendal::raw::Timestamp) -> UnixNanos {
    let nanos = time.into_inner().as_nanosecond();
    UnixNanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}
