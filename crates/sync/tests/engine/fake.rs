//! A bucket in memory that keeps S3's promises about conditions, and can break any request before or after its effect.

use bucket::plain::PlaceId;
use bucket::{Cause, Error, Expect, Found, Get, Listed, Object, Parts};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{BucketName, ContentId, ETag, Kind, Meta, Node, ObjectKey, RemoteVersion, UnixNanos, UploadId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use sync::sides::{Changed, Changes, Held, Reading, Standing, Told};
use sync::{Progress, Remote};

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    pub(crate) kind: Kind,
    pub(crate) meta: Meta,
    modified: i64,
    /// Written in parts by somebody who left no digest.
    in_parts: bool,
}

/// When a request breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// The server never saw it.
    Before,
    /// It was carried out, and the answer got lost.
    After,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<ObjectKey, Stored>,
    clock: i64,
    requests: u64,
    writes: u64,
    copies: u64,
    uploads: u64,
    bytes_read: u64,
    /// Large reads break after so many bytes.
    cut: Option<usize>,
    broken: Option<(u64, Break)>,
    /// What listings lack, though it is there.
    unlisted: Option<ObjectKey>,
    /// The feed: which key changed when. `None`: this store has none.
    feed: Option<Feed>,
}

#[derive(Clone, Debug, Default)]
struct Feed {
    /// Another one since the store was put back.
    epoch: u64,
    changes: Vec<ObjectKey>,
}

#[derive(Clone, Default)]
pub(crate) struct FakeBucket(Arc<Mutex<State>>);

impl FakeBucket {
    /// A store that can tell what changed.
    pub(crate) fn with_feed() -> Self {
        let bucket = Self::default();
        bucket.0.lock().unwrap().feed = Some(Feed::default());
        bucket
    }

    /// What a backup of the server would hold.
    pub(crate) fn back_up(&self) -> BTreeMap<ObjectKey, Stored> {
        self.objects()
    }

    /// As after the server was lost and restored from that backup.
    pub(crate) fn put_back(&self, backup: BTreeMap<ObjectKey, Stored>) {
        let mut state = self.0.lock().unwrap();
        state.objects = backup;
        if let Some(feed) = &mut state.feed {
            feed.epoch += 1;
        }
    }

    pub(crate) fn objects(&self) -> BTreeMap<ObjectKey, Stored> {
        self.0.lock().unwrap().objects.clone()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.0.lock().unwrap().requests
    }

    pub(crate) fn writes(&self) -> u64 {
        self.0.lock().unwrap().writes
    }

    pub(crate) fn uploads(&self) -> u64 {
        self.0.lock().unwrap().uploads
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.0.lock().unwrap().bytes_read
    }

    /// Every read of a large object breaks after this many bytes.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.0.lock().unwrap().cut = Some(bytes);
    }

    pub(crate) fn copies(&self) -> u64 {
        self.0.lock().unwrap().copies
    }

    /// The `number`th request from now, and all after it, break.
    pub(crate) fn break_at(&self, number: u64, when: Break) {
        let mut state = self.0.lock().unwrap();
        state.broken = Some((state.requests + number, when));
    }

    pub(crate) fn mend(&self) {
        let mut state = self.0.lock().unwrap();
        (state.broken, state.cut, state.unlisted) = (None, None, None);
    }

    /// From now on listings lack an object that is there.
    pub(crate) fn list_without(&self, key: &str) {
        self.0.lock().unwrap().unlisted = Some(ObjectKey::parse(key).unwrap());
    }

    /// As another client would.
    pub(crate) fn store(&self, key: &str, bytes: &[u8]) {
        let mut state = self.0.lock().unwrap();
        state.clock += 1;
        let modified = state.clock;
        let stored = Stored {
            bytes: Bytes::copy_from_slice(bytes),
            kind: Kind::File,
            meta: Meta::default(),
            modified,
            in_parts: false,
        };
        let key = ObjectKey::parse(key).unwrap();
        state.note(&key);
        state.objects.insert(key, stored);
    }

    /// As another client would.
    pub(crate) fn remove(&self, key: &str) {
        let key = ObjectKey::parse(key).unwrap();
        let mut state = self.0.lock().unwrap();
        state.note(&key);
        state.objects.remove(&key);
    }

    pub(crate) fn clear(&self) {
        let mut state = self.0.lock().unwrap();
        let keys: Vec<ObjectKey> = state.objects.keys().cloned().collect();
        for key in &keys {
            state.note(key);
        }
        state.objects.clear();
    }

    fn request<T>(&self, effect: impl FnOnce(&mut State) -> Result<T, Error>) -> Result<T, Error> {
        let mut state = self.0.lock().unwrap();
        state.requests += 1;
        match state.broken {
            Some((number, when)) if state.requests >= number => {
                if when == Break::After && state.requests == number {
                    let _lost_answer = effect(&mut state);
                }
                Err(unreachable())
            }
            _ => effect(&mut state),
        }
    }
}

fn unreachable() -> Error {
    Error::Unreachable {
        endpoint: "memory".into(),
        at: BucketName::new("fake").unwrap().into(),
        source: Cause::new("the line was cut"),
    }
}

impl Stored {
    fn etag(&self) -> ETag {
        let digest = disk::digest_of(&self.bytes);
        ETag::new(&if self.in_parts { format!("{digest}-2") } else { digest.to_string() })
    }

    fn version(&self) -> RemoteVersion {
        RemoteVersion { etag: self.etag(), modified: Some(UnixNanos(self.modified)) }
    }

    fn object(&self) -> Object {
        let size = if self.kind == Kind::Directory { 0 } else { self.bytes.len() as u64 };
        let content = (!self.in_parts).then(|| disk::digest_of(&self.bytes));
        let mut meta = self.meta;
        meta.mtime = meta.mtime.or(Some(UnixNanos(self.modified)));
        Object { kind: self.kind, size, meta, content, version: self.version() }
    }
}

impl State {
    fn check(&self, key: &ObjectKey, expect: &Expect) -> Result<(), Error> {
        let holds = match (expect, self.objects.get(key)) {
            (Expect::Absent, None) => true,
            (Expect::Version(version), Some(stored)) => stored.etag() == version.etag,
            _ => false,
        };
        if holds {
            Ok(())
        } else {
            Err(Error::Changed { key: key.clone(), what: "another version stands there" })
        }
    }

    fn note(&mut self, key: &ObjectKey) {
        if let Some(feed) = &mut self.feed {
            feed.changes.push(key.clone());
        }
    }

    fn changes(&self, feed: &Feed, since: Option<&str>) -> Changes {
        let put =
            |(key, stored): (&ObjectKey, &Stored)| Changed::Put { key: key.clone(), object: stored.object() };
        let told: Vec<Changed> = match since {
            None => self.objects.iter().map(put).collect(),
            Some(cursor) => {
                let (epoch, number) = cursor.split_once('.').unwrap();
                if epoch != feed.epoch.to_string() {
                    return Changes::Unknown;
                }
                let number: usize = number.parse().unwrap();
                let keys: BTreeSet<&ObjectKey> = feed.changes[number..].iter().collect();
                let tell = |key: &ObjectKey| {
                    self.objects
                        .get(key)
                        .map_or_else(|| Changed::Gone(key.clone()), |stored| put((key, stored)))
                };
                keys.into_iter().map(tell).collect()
            }
        };
        let cursor = format!("{}.{}", feed.epoch, feed.changes.len());
        let told = Told { cursor, changes: stream::iter(told.into_iter().map(Ok)).boxed() };
        if since.is_some() { Changes::Since(told) } else { Changes::Everything(told) }
    }

    fn write(&mut self, key: &ObjectKey, node: &Node, bytes: Bytes) -> RemoteVersion {
        self.note(key);
        self.clock += 1;
        self.writes += 1;
        let in_parts = node.content == ContentId::UNKNOWN;
        let stored = Stored { bytes, kind: node.kind, meta: node.meta, modified: self.clock, in_parts };
        let etag = stored.etag();
        self.objects.insert(key.clone(), stored);
        RemoteVersion { etag, modified: None }
    }
}

impl Remote for FakeBucket {
    type Upload = UploadId;

    async fn hold(&self) -> Result<Held<Self>, Error> {
        Ok(Held { remote: self.clone(), standing: Standing::Named })
    }

    async fn mark(&self) -> Result<PlaceId, Error> {
        unreachable!("because it is known by its name")
    }

    async fn changes(&self, since: Option<&str>, _wait: Duration) -> Result<Changes, Error> {
        if self.0.lock().unwrap().feed.is_none() {
            return Ok(Changes::Unsupported);
        }
        self.request(|state| {
            let feed = state.feed.clone().unwrap();
            Ok(state.changes(&feed, since))
        })
    }

    fn list(&self) -> BoxStream<'static, Result<Found, Error>> {
        let listed = self.request(|state| {
            let listed = state.objects.iter().filter(|(key, _)| state.unlisted.as_ref() != Some(*key));
            let objects = listed.map(|(key, stored)| Listed {
                key: key.clone(),
                size: stored.bytes.len() as u64,
                version: stored.version(),
            });
            Ok(objects.map(Found::Object).collect::<Vec<_>>())
        });
        match listed {
            Ok(found) => stream::iter(found.into_iter().map(Ok)).boxed(),
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.request(|state| Ok(state.objects.get(key).map(Stored::object)))
    }

    async fn get(&self, key: &ObjectKey, version: &RemoteVersion, _: u64) -> Result<Get, Error> {
        self.request(|state| {
            state.check(key, &Expect::Version(version.clone()))?;
            state.bytes_read += state.objects[key].bytes.len() as u64;
            let stored = &state.objects[key];
            let chunks: Vec<_> =
                stored.bytes.chunks(100_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            Ok(Get { object: stored.object(), body: stream::iter(chunks).boxed() })
        })
    }

    async fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        self.request(|state| {
            state.check(key, expect)?;
            Ok(state.write(key, node, bytes))
        })
    }

    fn get_from(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        _size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        let read = self.request(|state| {
            state.check(key, &Expect::Version(version.clone()))?;
            let bytes = state.objects[key].bytes.slice(usize::try_from(from).unwrap()..);
            let end = state.cut.map_or(bytes.len(), |cut| cut.min(bytes.len()));
            state.bytes_read += end as u64;
            Ok((bytes.slice(..end), end < bytes.len()))
        });
        match read {
            Ok((bytes, cut)) => {
                let chunks = bytes.chunks(1_000_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk)));
                let chunks: Vec<_> = chunks.chain(cut.then(|| Err(unreachable()))).collect();
                stream::iter(chunks).boxed()
            }
            Err(error) => stream::iter([Err(error)]).boxed(),
        }
    }

    async fn begin_upload(&self, _key: &ObjectKey, _node: &Node) -> Result<UploadId, Error> {
        self.request(|state| {
            state.uploads += 1;
            Ok(UploadId::new(&state.uploads.to_string()))
        })
    }

    async fn resume_upload(&self, _key: &ObjectKey, id: &UploadId) -> Result<Option<UploadId>, Error> {
        self.request(|_| Ok(Some(id.clone())))
    }

    fn upload_id(upload: &UploadId) -> UploadId {
        upload.clone()
    }

    async fn upload<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &Expect,
        _upload: &UploadId,
        parts: &Parts,
        source: Arc<R>,
        _progress: &Progress,
    ) -> Result<RemoteVersion, Error> {
        assert_eq!(parts.size(), node.size);
        let length = usize::try_from(node.size).unwrap();
        let mut bytes = Vec::with_capacity(length);
        for offset in (0..length).step_by(8 << 20) {
            let part = source.read_at(offset as u64, (length - offset).min(8 << 20)).await;
            let part = part.map_err(|_| Error::Changed { key: key.clone(), what: "source" })?;
            bytes.extend_from_slice(&part);
        }
        let bytes = Bytes::from(bytes);
        if node.content != ContentId::UNKNOWN && disk::digest_of(&bytes) != node.content {
            return Err(Error::Changed {
                key: key.clone(),
                what: "the bytes to send are not the announced ones",
            });
        }
        self.put(key, node, bytes, expect).await
    }

    async fn abort_upload(&self, _key: &ObjectKey, _id: &UploadId) -> Result<(), Error> {
        self.request(|_| Ok(()))
    }

    async fn set_meta(
        &self,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        self.request(|state| {
            state.check(key, &Expect::Version(version.clone()))?;
            let bytes = state.objects[key].bytes.clone();
            Ok(state.write(key, node, bytes))
        })
    }

    async fn delete(&self, key: &ObjectKey, version: &RemoteVersion) -> Result<(), Error> {
        self.request(|state| {
            if state.objects.contains_key(key) {
                state.check(key, &Expect::Version(version.clone()))?;
                state.writes += 1;
                state.note(key);
                state.objects.remove(key);
            }
            Ok(())
        })
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        self.request(|state| {
            state.check(from, &Expect::Version(version.clone()))?;
            state.check(to, &Expect::Absent)?;
            let bytes = state.objects[from].bytes.clone();
            state.copies += 1;
            Ok(state.write(to, node, bytes))
        })
    }
}
