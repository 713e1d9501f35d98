//! What each side holds now, reading as little as possible.
//!
//! The journal knows what both sides were last seen to hold ([`journal::Known`]), with a witness for every path: a file whose stamp is
//! the same is not opened, an object whose version is the same is not asked about. Only what differs is written down, as a
//! sighting, so an idle cycle costs one scan and one request, and memory for one directory and a page of the journal.

mod contested;
mod local;
mod mounts;
mod remote;
mod unsaid;

pub(crate) use contested::look_into;
pub(crate) use local::local;
pub(crate) use mounts::Mounts;
pub(crate) use remote::{Moment, remote};
pub(crate) use unsaid::{is_unsaid, recall};

use crate::error::Error;
use crate::report::{Overtaken, Problem};
use bucket::Object;
use disk::{Extent, Found};
use futures::stream::{self, Stream};
use journal::{Known, KnownEntries, RemoteSeen};
use md5::{Digest as _, Md5};
use model::{ContentId, ETag, Node, ObjectKey, RelPath, RemoteVersion};
use plan::ignore::IgnoreTree;
use std::collections::BTreeMap;
use std::iter::Peekable;
use tokio::sync::mpsc;

/// Changes that are recorded in one transaction, at most.
pub(crate) const BATCH: usize = 1_000;

/// What looking at one side came to, besides the sightings in the journal.
#[derive(Default)]
pub(crate) struct View {
    /// Everything seen, directories that say something included.
    pub(crate) seen: u64,
    /// Paths about which nothing is known.
    pub(crate) hidden: Hidden,
    /// What is the matter with paths.
    pub(crate) problems: Vec<Problem>,
    /// What a person should know of paths that are as they should be.
    pub(crate) remarks: Vec<Problem>,
    /// Files that were being written while they were looked at.
    pub(crate) overtaken: Overtaken,
    /// The rules by which paths were left out; of the local side only.
    pub(crate) rules: Option<IgnoreTree>,
}

/// Paths that one side could not show: neither there nor gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hidden {
    paths: BTreeMap<RelPath, Extent>,
}

impl Hidden {
    pub(crate) fn add(&mut self, path: RelPath, extent: Extent) {
        self.paths.insert(path, extent);
    }

    pub(crate) fn hides(&self, path: &RelPath) -> bool {
        if self.paths.is_empty() {
            return false;
        }
        if self.paths.contains_key(path) {
            return true;
        }
        std::iter::successors(path.parent(), RelPath::parent)
            .any(|ancestor| self.paths.get(&ancestor) == Some(&Extent::Subtree))
    }
}

pub(crate) fn node_of(found: &Found, content: ContentId) -> Node {
    Node { kind: found.kind, content, size: found.size, meta: found.meta }
}

/// Whether both say the same in everything that is compared.
pub(crate) fn same(one: &Node, other: &Node) -> bool {
    one.same_content(other) && one.same_meta(other)
}

/// Stands for content whose digest the store does not tell: different from every digest, the same as long as the tag is.
pub(crate) fn stand_in(etag: &ETag) -> ContentId {
    ContentId::from_md5(Md5::digest(format!("etag:{etag}")).into())
}

/// Whether the content of what was seen is not known: something stands in for it.
pub(crate) fn is_unknown(seen: &RemoteSeen) -> bool {
    seen.node.content == stand_in(&seen.version.etag)
}

/// What an object is, with the content that was found in this version before, if the store does not tell it.
pub(crate) fn seen(object: &Object, version: RemoteVersion, known: Option<&Known>) -> RemoteSeen {
    let then = known.and_then(Known::remote).filter(|then| then.version.etag == version.etag);
    let node = match (object.content, then) {
        (Some(content), _) => object.node_holding(content),
        (None, Some(then)) => {
            Node { content: then.node.content, size: then.node.size, kind: object.kind, meta: object.meta }
        }
        (None, None) => object.node_holding(stand_in(&version.etag)),
    };
    RemoteSeen { node, version }
}

/// The next key known, if it comes before `key`.
pub(crate) fn before(known: &mut Peekable<KnownEntries>, key: &ObjectKey) -> Result<Option<Known>, Error> {
    let is_before = |next: &Result<Known, journal::Error>| next.as_ref().map_or(true, |next| next.key < *key);
    known.next_if(is_before).transpose().map_err(Error::Journal)
}

/// What is known of `key`, once everything before it was taken.
pub(crate) fn at(known: &mut Peekable<KnownEntries>, key: &ObjectKey) -> Option<Known> {
    known.next_if(|next| next.as_ref().is_ok_and(|next| next.key == *key)).and_then(Result::ok)
}

/// What comes through a channel.
pub(crate) fn received<T>(mut channel: mpsc::Receiver<T>) -> impl Stream<Item = T> + Unpin {
    stream::poll_fn(move |context| channel.poll_recv(context))
}
