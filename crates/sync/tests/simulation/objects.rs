//! A bucket in memory: objects, S3's conditions, a feed of changes, and what a backup of the server holds.
//!
//! Only what a store does to itself; the way of a request to it and back is in `store`.

use bucket::{Error, Expect, Object};
use bytes::Bytes;
use model::{ContentId, ETag, Kind, Meta, Node, ObjectKey, RelPath, RemoteVersion, UnixNanos, UploadId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Notify;

/// What stands at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    pub(crate) content: ContentId,
    pub(crate) kind: Kind,
    pub(crate) meta: Meta,
    modified: i64,
}

/// A change that can be taken back, to know what stood there a moment ago.
#[derive(Debug)]
struct Undo {
    at: Now,
    key: ObjectKey,
    before: Option<Stored>,
}

/// The feed: which key changed when.
#[derive(Debug, Default)]
struct Feed {
    /// Another one since the store was put back.
    epoch: u64,
    changes: Vec<ObjectKey>,
}

/// An upload in parts on its way: what it is for, and the parts by their offsets.
#[derive(Clone, Debug)]
struct Upload {
    key: ObjectKey,
    parts: BTreeMap<u64, Bytes>,
}

/// How far back a listing may lag.
const MOMENT_MS: u64 = 2_000;

#[derive(Debug, Default)]
pub(crate) struct Objects {
    map: BTreeMap<ObjectKey, Stored>,
    feed: Option<Feed>,
    log: Vec<Undo>,
    backup: Option<BTreeMap<ObjectKey, Stored>>,
    uploads: BTreeMap<UploadId, Upload>,
    uploads_begun: u64,
    /// Told of every change.
    pub(crate) changed: Arc<Notify>,
    pub(crate) requests: u64,
    pub(crate) writes: u64,
    pub(crate) is_full: bool,
}

/// The store's clock, its only one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) ms: u64,
    pub(crate) nanos: i64,
    /// As the ledger counts.
    pub(crate) moment: u64,
}

/// What a store answers about a cursor.
pub(crate) enum News {
    Unsupported,
    Unknown,
    /// The next cursor, and the keys that changed; `None`: all of them are wanted.
    Since(String, Option<Vec<ObjectKey>>),
}

impl News {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Since(_, Some(keys)) if keys.is_empty())
    }
}

impl Objects {
    /// Our own: it can tell what changed, and its objects are files.
    pub(crate) fn with_feed() -> Self {
        Self { feed: Some(Feed::default()), ..Self::default() }
    }

    /// Whether a cursor was given since the store was last put back.
    pub(crate) fn is_of_this_server(&self, cursor: &str) -> bool {
        let epoch = self.feed.as_ref().map(|feed| feed.epoch.to_string());
        epoch.as_deref() == cursor.split_once('.').map(|(epoch, _)| epoch)
    }

    pub(crate) fn has_feed(&self) -> bool {
        self.feed.is_some()
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Stored> {
        self.map.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ObjectKey, &Stored)> {
        self.map.iter()
    }

    /// Up to `count` objects behind a key, as they stood before the last `lag` changes.
    pub(crate) fn page(&self, after: Option<&ObjectKey>, count: usize, lag: Lag) -> Vec<(ObjectKey, Stored)> {
        let mut then: BTreeMap<&ObjectKey, Option<&Stored>> = BTreeMap::new();
        for undo in self.log.iter().skip(lag.0) {
            then.entry(&undo.key).or_insert(undo.before.as_ref());
        }
        let now = self.map.iter().map(|(key, stored)| (key, Some(stored)));
        let mut all: BTreeMap<&ObjectKey, Option<&Stored>> = now.collect();
        all.extend(then);
        all.into_iter()
            .filter(|(key, _)| after.is_none_or(|after| *key > after))
            .filter_map(|(key, stored)| Some((key.clone(), stored?.clone())))
            .take(count)
            .collect()
    }

    /// The state before some of the changes of the last moment.
    pub(crate) fn lag(&self, now: Now, changes: usize) -> Lag {
        let recent = self.log.iter().rev().take_while(|undo| undo.at.ms + MOMENT_MS >= now.ms).count();
        Lag(self.log.len() - recent.min(changes))
    }

    /// When the first change happened that a lagging listing does not show.
    pub(crate) fn shown_until(&self, lag: Lag) -> Option<u64> {
        self.log.get(lag.0).map(|undo| undo.at.moment)
    }

    /// No lag at all.
    pub(crate) fn no_lag(&self) -> Lag {
        Lag(self.log.len())
    }

    pub(crate) fn news(&self, since: Option<&str>) -> News {
        let Some(feed) = &self.feed else { return News::Unsupported };
        let cursor = format!("{}.{}", feed.epoch, feed.changes.len());
        let Some(since) = since else { return News::Since(cursor, None) };
        let (epoch, number) = since.split_once('.').unwrap();
        if epoch != feed.epoch.to_string() {
            return News::Unknown;
        }
        let keys: BTreeSet<&ObjectKey> = feed.changes[number.parse().unwrap()..].iter().collect();
        News::Since(cursor, Some(keys.into_iter().cloned().collect()))
    }

    /// Whether a file stands where a directory would have to be, or the reverse. Objects are files in our store, and only there.
    pub(crate) fn is_blocked(&self, key: &ObjectKey) -> bool {
        if self.feed.is_none() {
            return false;
        }
        let path = key.path();
        let is_file = |path: &RelPath| self.map.contains_key(&ObjectKey::file(path));
        let below = ObjectKey::directory(&path);
        let holds = |found: Option<(&ObjectKey, &Stored)>| {
            found.is_some_and(|(found, _)| found.as_str().starts_with(below.as_str()))
        };
        std::iter::successors(path.parent(), RelPath::parent).any(|above| is_file(&above))
            || if key.is_directory() { is_file(&path) } else { holds(self.map.range(below.clone()..).next()) }
    }

    pub(crate) fn holds(&self, key: &ObjectKey, expect: &Expect) -> bool {
        match (expect, self.map.get(key)) {
            (Expect::Absent, None) => true,
            (Expect::Version(version), Some(stored)) => stored.etag() == version.etag,
            (Expect::Absent, Some(_)) | (Expect::Version(_), None) => false,
        }
    }

    fn changed(&mut self, key: &ObjectKey, now: Now, before: Option<Stored>) {
        self.changed.notify_waiters();
        self.log.push(Undo { at: now, key: key.clone(), before });
        if let Some(feed) = &mut self.feed {
            feed.changes.push(key.clone());
        }
    }

    /// Writes, whatever stands there.
    pub(crate) fn write(&mut self, key: &ObjectKey, node: &Node, bytes: Bytes, now: Now) -> RemoteVersion {
        self.writes += 1;
        let content = if node.kind == Kind::Directory { ContentId::EMPTY } else { disk::digest_of(&bytes) };
        let stored = Stored { bytes, content, kind: node.kind, meta: node.meta, modified: now.nanos };
        let etag = stored.etag();
        let before = self.map.insert(key.clone(), stored);
        self.changed(key, now, before);
        RemoteVersion { etag, modified: None }
    }

    /// Removes, whatever stands there.
    pub(crate) fn remove(&mut self, key: &ObjectKey, now: Now) {
        self.writes += 1;
        let before = self.map.remove(key);
        self.changed(key, now, before);
    }

    pub(crate) fn begin_upload(&mut self, key: &ObjectKey) -> UploadId {
        self.uploads_begun += 1;
        let id = UploadId::new(&format!("upload-{}", self.uploads_begun));
        self.uploads.insert(id.clone(), Upload { key: key.clone(), parts: BTreeMap::new() });
        id
    }

    pub(crate) fn knows_upload(&self, id: &UploadId, key: &ObjectKey) -> bool {
        self.uploads.get(id).is_some_and(|upload| upload.key == *key)
    }

    pub(crate) fn has_part(&self, id: &UploadId, offset: u64) -> bool {
        self.uploads.get(id).is_some_and(|upload| upload.parts.contains_key(&offset))
    }

    /// Whether the store still knew the upload.
    pub(crate) fn keep_part(&mut self, id: &UploadId, offset: u64, bytes: Bytes) -> bool {
        let upload = self.uploads.get_mut(id);
        upload.is_some_and(|upload| {
            upload.parts.insert(offset, bytes);
            true
        })
    }

    /// All parts, one behind the other.
    pub(crate) fn assembled(&self, id: &UploadId) -> Option<Bytes> {
        let parts: Vec<&[u8]> = self.uploads.get(id)?.parts.values().map(AsRef::as_ref).collect();
        Some(Bytes::from(parts.concat()))
    }

    pub(crate) fn drop_upload(&mut self, id: &UploadId) {
        self.uploads.remove(id);
    }

    pub(crate) fn back_up(&mut self) {
        self.backup = Some(self.map.clone());
    }

    /// As after the server was lost and restored from its backup, if there is one; which keys are other than before.
    pub(crate) fn put_back(&mut self) -> Option<Vec<ObjectKey>> {
        let backup = self.backup.clone()?;
        let keys: BTreeSet<ObjectKey> = self.map.keys().chain(backup.keys()).cloned().collect();
        let changed = keys.into_iter().filter(|key| self.map.get(key) != backup.get(key)).collect();
        self.map = backup;
        self.log.clear();
        self.uploads.clear();
        self.changed.notify_waiters();
        if let Some(feed) = &mut self.feed {
            feed.epoch += 1;
        }
        Some(changed)
    }
}

/// Up to which change a listing is true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lag(usize);

impl Stored {
    pub(crate) fn etag(&self) -> ETag {
        ETag::new(&self.content.to_string())
    }

    /// As a listing names it, with the finest time.
    pub(crate) fn listed_version(&self) -> RemoteVersion {
        RemoteVersion { etag: self.etag(), modified: Some(UnixNanos(self.modified)) }
    }

    /// As its headers describe it, with times in whole seconds.
    pub(crate) fn object(&self) -> Object {
        let (seconds, _) = UnixNanos(self.modified).seconds_and_nanos();
        let modified = UnixNanos::from_seconds_and_nanos(seconds, 0);
        let mut meta = self.meta;
        meta.mtime = meta.mtime.or(Some(modified));
        let version = RemoteVersion { etag: self.etag(), modified: Some(modified) };
        Object { kind: self.kind, size: self.size(), meta, content: Some(self.content), version }
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn node(&self) -> Node {
        self.object().node().expect("every object here tells its digest")
    }

    /// Whether this is what a write of `node` leaves behind.
    pub(crate) fn is_written(&self, node: &Node) -> bool {
        let held = self.node();
        held.same_content(node) && held.same_meta(node)
    }
}

pub(crate) fn changed(key: &ObjectKey) -> Error {
    Error::Changed { key: key.clone(), what: "another version stands there" }
}
