//! What each side holds now, reading as little as possible.
//!
//! The base holds a witness for every path: a file whose stamp is the same is not opened, an object whose version is the
//! same is not asked about. So an idle cycle costs one scan and one listing.

use crate::progress::{Progress, Stage};
use crate::report::Problem;
use crate::route::Route;
use crate::sides::{LeaveOut, Local, Remote};
use bucket::Listed;
use disk::{Extent, Found};
use futures::stream::{self, StreamExt as _};
use md5::{Digest as _, Md5};
use model::{BaseEntry, ContentId, ETag, Kind, Mode, Node, ObjectKey, RelPath, RemoteVersion};
use plan::ignore::Shape;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files that are read at the same time to see whether they changed: enough to keep two cores and a disk busy.
const DIGESTS_AT_ONCE: usize = 4;

/// Objects that are asked about at the same time.
const HEADS_AT_ONCE: usize = 64;

/// The local side.
#[derive(Default)]
pub(crate) struct LocalView {
    /// Sorted by key.
    pub(crate) seen: Vec<(ObjectKey, LocalNode)>,
    /// Paths about which nothing is known.
    pub(crate) hidden: Hidden,
    pub(crate) problems: Vec<Problem>,
    /// Files that were being written while they were looked at.
    pub(crate) overtaken: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct LocalNode {
    pub(crate) node: Node,
    pub(crate) found: Found,
}

/// The remote side.
#[derive(Default)]
pub(crate) struct RemoteView {
    /// Sorted by key.
    pub(crate) seen: Vec<(ObjectKey, RemoteNode)>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) hidden: Hidden,
}

#[derive(Clone, Debug)]
pub(crate) struct RemoteNode {
    pub(crate) node: Node,
    pub(crate) version: RemoteVersion,
    /// Whether `node.content` is the digest of the bytes, or stands in for a digest that the store does not give.
    pub(crate) digest: DigestKnown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DigestKnown {
    Yes,
    No,
}

/// Paths that one side could not show: neither there nor gone.
#[derive(Default)]
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

/// Looks up a key in a sorted view.
pub(crate) fn at<'a, T>(seen: &'a [(ObjectKey, T)], key: &ObjectKey) -> Option<&'a T> {
    let index = seen.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
    seen.get(index).map(|(_, value)| value)
}

pub(crate) async fn local<L: Local>(
    route: &Route,
    side: &L,
    base: &[BaseEntry],
    progress: &Progress,
) -> Result<LocalView, disk::Error> {
    let ignore = route.ignore.clone();
    let leave_out: LeaveOut = Arc::new(move |path, kind| ignore.ignores(path, shape(kind)));
    let scanned = side.scan(leave_out).await?;
    let mut view = LocalView::default();
    for problem in scanned.problems {
        let key = Some(ObjectKey::file(&problem.path));
        view.problems.push(Problem { key, message: problem.to_string() });
        view.hidden.add(problem.path, problem.extent);
    }
    let mut unread = Vec::new();
    for (found, then) in beside(scanned.found, |found| &found.key, base) {
        match content_without_reading(&found, then) {
            Some(content) => {
                let node = node_of(&found, content);
                view.seen.push((found.key.clone(), LocalNode { node, found }));
            }
            None => unread.push(found),
        }
    }
    if !unread.is_empty() {
        read_changed(side, unread, &mut view, progress).await?;
        view.seen.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    Ok(view)
}

fn content_without_reading(found: &Found, then: Option<&BaseEntry>) -> Option<ContentId> {
    match found.kind {
        Kind::Directory => Some(ContentId::EMPTY),
        Kind::File | Kind::Symlink => {
            let then =
                then.filter(|then| then.stamp == found.stamp && then.agreed.local.kind == found.kind)?;
            Some(then.agreed.local.content)
        }
    }
}

async fn read_changed<L: Local>(
    side: &L,
    unread: Vec<Found>,
    view: &mut LocalView,
    progress: &Progress,
) -> Result<(), disk::Error> {
    let bytes = unread.iter().map(|found| found.size).sum();
    progress.enter(Stage::Digesting, unread.len() as u64, bytes);
    let mut digests = stream::iter(unread)
        .map(|found| async move { (side.digest(&found).await, found) })
        .buffer_unordered(DIGESTS_AT_ONCE);
    while let Some((digest, found)) = digests.next().await {
        progress.file_done();
        progress.bytes_done(found.size);
        match digest {
            Ok(content) => {
                let node = node_of(&found, content);
                view.seen.push((found.key.clone(), LocalNode { node, found }));
            }
            Err(disk::Error::Changed { .. } | disk::Error::Missing { .. }) => {
                view.overtaken += 1;
                view.hidden.add(found.key.path(), Extent::Entry);
            }
            Err(error) => {
                view.problems.push(Problem::failed(&found.key, "read", &error));
                view.hidden.add(found.key.path(), Extent::Entry);
            }
        }
    }
    Ok(())
}

pub(crate) fn node_of(found: &Found, content: ContentId) -> Node {
    Node { kind: found.kind, content, size: found.size, meta: found.meta }
}

fn shape(kind: Kind) -> Shape {
    match kind {
        Kind::Directory => Shape::Directory,
        Kind::File | Kind::Symlink => Shape::Leaf,
    }
}

pub(crate) async fn remote<R: Remote>(side: &R, base: &[BaseEntry]) -> Result<RemoteView, bucket::Error> {
    let listing = side.list().await?;
    let mut view = RemoteView::default();
    for unusable in listing.unusable {
        let message = format!(
            "the object `{}` has a key that cannot be a path, and is left alone",
            unusable.escape_debug()
        );
        view.problems.push(Problem { key: None, message });
    }
    let mut unknown = Vec::new();
    for (listed, then) in beside(listing.objects, |listed| &listed.key, base) {
        match then {
            Some(then) if listed.is_still(&then.version) => {
                let digest = digest_known(&then.agreed.remote, &listed);
                let seen = RemoteNode { node: then.agreed.remote, version: listed.version, digest };
                view.seen.push((listed.key, seen));
            }
            _ => unknown.push(listed),
        }
    }
    ask(side, unknown, &mut view).await?;
    drop_idle_markers(&mut view.seen);
    Ok(view)
}

fn digest_known(node: &Node, listed: &Listed) -> DigestKnown {
    if node.content == stand_in(&listed.version.etag) { DigestKnown::No } else { DigestKnown::Yes }
}

async fn ask<R: Remote>(side: &R, unknown: Vec<Listed>, view: &mut RemoteView) -> Result<(), bucket::Error> {
    if unknown.is_empty() {
        return Ok(());
    }
    let mut heads = stream::iter(unknown)
        .map(|listed| async move { (side.head(&listed.key).await, listed) })
        .buffer_unordered(HEADS_AT_ONCE);
    while let Some((head, listed)) = heads.next().await {
        match head {
            Ok(Some(object)) => {
                let digest = if object.content.is_some() { DigestKnown::Yes } else { DigestKnown::No };
                let content = object.content.unwrap_or_else(|| stand_in(&object.version.etag));
                let node = object.node_holding(content);
                // The listing's time is the finer one, but it may be of another version by now.
                let same = object.version.etag == listed.version.etag;
                let version = if same { listed.version } else { object.version };
                view.seen.push((listed.key, RemoteNode { node, version, digest }));
            }
            Ok(None) => {}
            Err(error @ bucket::Error::Rejected { .. }) => {
                view.problems.push(Problem::failed(&listed.key, "looked at", &error));
                view.hidden.add(listed.key.path(), Extent::Entry);
            }
            Err(error) => return Err(error),
        }
    }
    view.seen.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(())
}

/// Stands for content whose digest the store does not tell: different from every digest, the same as long as the tag is.
pub(crate) fn stand_in(etag: &ETag) -> ContentId {
    ContentId::from_md5(Md5::digest(format!("etag:{etag}")).into())
}

/// Other clients keep an object for every directory. One that holds something, with usual permissions, says nothing.
fn drop_idle_markers(seen: &mut Vec<(ObjectKey, RemoteNode)>) {
    let holds: Vec<bool> = seen
        .iter()
        .zip(seen.iter().skip(1).map(|(key, _)| Some(key)).chain([None]))
        .map(|((key, seen), next)| {
            let usual = seen.node.meta.mode.is_none_or(Mode::is_usual_for_directory);
            key.is_directory() && usual && next.is_some_and(|next| next.as_str().starts_with(key.as_str()))
        })
        .collect();
    let mut holds = holds.into_iter();
    seen.retain(|_| !holds.next().unwrap_or(false));
}

/// Each item of a sequence sorted by key, with the base entry of the same key.
fn beside<'a, T>(
    items: Vec<T>,
    key: impl Fn(&T) -> &ObjectKey + 'a,
    base: &'a [BaseEntry],
) -> impl Iterator<Item = (T, Option<&'a BaseEntry>)> {
    let mut rest = base.iter().peekable();
    items.into_iter().map(move |item| {
        while rest.next_if(|entry| entry.key < *key(&item)).is_some() {}
        let same = rest.next_if(|entry| entry.key == *key(&item));
        (item, same)
    })
}
