//! A place in a bucket in which everything is an age file.
//!
//! It stands between the engine and any other [`Remote`]: what goes up is sealed on the way, what comes down is opened. The engine sees plain
//! content on both sides, so it decides as it always does. Three things differ:
//!
//! - **What an object holds is not told by the store.** It is known of the versions that this machine wrote or opened (the journal keeps that, see
//!   [`journal::SealedObject`]); of others it is unknown, until the engine needs to know ([`Remote::look_into`]) or brings them over.
//! - **The same content is never the same bytes.** So nothing is sent in parts that the store copies from an older version, and an upload that was cut
//!   is begun anew: its parts cannot be made a second time. Time, permissions and names are changed without sealing anything again.
//! - **An object may as well be in clear**, from before the state was encrypted. It is told by its first bytes, is read as it is, and the engine
//!   sends it anew, sealed, as soon as both sides agree on it.
//!
//! A machine without any keys takes nothing for a file that was sealed here: it was forgotten when the state was encrypted, or its person forgot the keys.
//! What came down would replace what it has, and be sealed a second time once the keys are there. What was sealed here says so in its metadata
//! ([`model::Meta::sealed`]). What Heirloom wrote and does not say so is a file that somebody encrypted by hand. What says nothing at all was put there
//! by another client, which may have copied a whole bucket and lost the metadata: what looks sealed is taken for sealed, unless its name ends in
//! `.age`.

mod content;
mod lock;
mod source;

use crate::progress::Progress;
use crate::sides::{Changes, Held, Reading, Remote, inside_of};
use crate::threads::blocking;
use bucket::plain::PlaceId;
use bucket::{Error, Expect, Found, Get, Object, PUT_SIZE_MAX, Parts};
use bytes::Bytes;
use content::{Content, begin, guarded, is_ours};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use journal::{Inside, Journal, RouteId, SealedObject};
use lock::{Lock, forgotten};
use model::{ContentId, Kind, Meta, Node, ObjectKey, RemoteVersion, UploadId};
use source::{InMemory, Sealing};
use std::sync::Arc;
use std::time::Duration;
use vault::{Identities, Recipients, Sealer};

/// For whom a state is sealed, and who opens it.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Whatever is written is sealed for them. `None`: it is written as it is.
    pub recipients: Option<Recipients>,
    /// Whatever is read is opened with these. Without any, only what this machine sealed itself is known.
    pub identities: Identities,
}

/// A [`Remote`] whose objects are sealed.
#[derive(Clone)]
pub struct Sealed<R> {
    inner: R,
    /// `None`: nothing is sealed and nothing ever was; everything goes through as it is, unless it `guards` against what was sealed elsewhere.
    lock: Option<Arc<Lock>>,
    guards: bool,
}

impl<R: Remote> Sealed<R> {
    /// A place that goes through as it is, for who keeps what is sealed and has no business inside.
    pub fn closed(inner: R) -> Self {
        Self { inner, lock: None, guards: false }
    }

    /// Lays `keys` over a place. Without any, and with nothing known to be sealed there, it is the place itself, but for what is sealed.
    pub fn new(inner: R, keys: Keys, journal: &Arc<Journal>, route: RouteId) -> Result<Self, journal::Error> {
        let needs_none = keys.recipients.is_none() && keys.identities.is_empty();
        let lock = if needs_none && !journal.has_sealed(route, None)? {
            None
        } else {
            Some(Arc::new(Lock { keys, journal: Arc::clone(journal), route }))
        };
        Ok(Self { inner, lock, guards: true })
    }

    /// The lock that whatever is written goes through.
    fn sealing(&self) -> Option<(&Arc<Lock>, &Recipients)> {
        let lock = self.lock.as_ref()?;
        lock.keys.recipients.as_ref().map(|recipients| (lock, recipients))
    }

    fn sight(&self) -> Sight {
        match &self.lock {
            Some(lock) => Sight::Opened(Arc::clone(lock)),
            None if self.guards => Sight::Plain,
            None => Sight::Closed,
        }
    }

    /// What stands at a key, if it still is `version`; described by what the store holds of it.
    async fn stored(&self, key: &ObjectKey, version: &RemoteVersion) -> Result<Object, Error> {
        let found = self.inner.head(key).await?.ok_or_else(|| Error::NotFound { key: key.clone() })?;
        if found.version.etag == version.etag {
            Ok(found)
        } else {
            Err(Error::Changed { key: key.clone(), what: "another version stands there" })
        }
    }

    async fn put_sealed(
        &self,
        (lock, recipients): (&Arc<Lock>, &Recipients),
        key: &ObjectKey,
        node: &Node,
        plain: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        if plain.len() as u64 != node.size {
            return Err(torn(key));
        }
        let (recipients, announced) = (recipients.clone(), node.content);
        let work = move || {
            let is_announced = disk::digest_of(&plain) == announced;
            let mut sealer = Sealer::new(&recipients);
            let seal = sealer.seal().clone();
            let bytes = Bytes::from([sealer.push(&plain), sealer.finish()].concat());
            is_announced.then(|| (seal, disk::digest_of(&bytes), bytes))
        };
        let Some((seal, content, sealed)) = blocking(work).await else {
            return Err(torn(key));
        };
        let object = lock.remember(key, &seal, None, node)?;
        let stored = Node { content, size: sealed.len() as u64, ..*node }.sealed();
        let version = if stored.size <= PUT_SIZE_MAX {
            self.inner.put(key, &stored, sealed, expect).await?
        } else {
            self.put_in_parts(key, &stored, sealed, expect).await?
        };
        lock.put(&SealedObject { etag: Some(version.etag.clone()), ..object }, key)?;
        Ok(version)
    }

    /// What has become too large for one request by being sealed.
    async fn put_in_parts(
        &self,
        key: &ObjectKey,
        stored: &Node,
        sealed: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        let upload = self.inner.begin_upload(key, stored).await?;
        let (parts, source) = (Parts::plain(stored.size), Arc::new(InMemory(sealed)));
        let progress = Progress::default();
        let sent = self.inner.upload(key, stored, expect, &upload, &parts, source, &progress).await;
        if sent.as_ref().is_err_and(Error::leaves_upload) {
            // Nobody will go on with it; if even that fails, it is one of those that a store is told to forget in time.
            drop(self.inner.abort_upload(key, &R::upload_id(&upload)).await);
        }
        sent
    }

    /// What is known of the content of `version` goes along to where it was copied.
    fn follow(
        &self,
        from: (&ObjectKey, &RemoteVersion),
        to: (&ObjectKey, &RemoteVersion),
    ) -> Result<(), Error> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let found = lock.journal.sealed_at(lock.route, from.0, &from.1.etag);
        match found.map_err(|error| forgotten(from.0, &error))? {
            Some(object) => {
                let etag = Some(to.1.etag.clone());
                lock.put(&SealedObject { key: to.0.clone(), etag, ..object }, to.0)
            }
            None => Ok(()),
        }
    }
}

fn torn(key: &ObjectKey) -> Error {
    Error::Changed { key: key.clone(), what: "the bytes to send are not the announced ones" }
}

impl<R: Remote> Remote for Sealed<R> {
    type Upload = R::Upload;

    fn may_be_sealed(&self) -> bool {
        self.lock.is_some()
    }

    fn seals(&self) -> bool {
        self.sealing().is_some()
    }

    fn may_forget(&self) -> bool {
        self.inner.may_forget()
    }

    fn looks_inside(&self) -> bool {
        self.lock.is_some() || self.guards
    }

    async fn hold(&self) -> Result<Held<Self>, Error> {
        let Held { remote, standing } = self.inner.hold().await?;
        Ok(Held { remote: Self { inner: remote, ..self.clone() }, standing })
    }

    async fn mark(&self) -> Result<PlaceId, Error> {
        self.inner.mark().await
    }

    async fn changes(&self, since: Option<&str>, wait: Duration) -> Result<Changes, Error> {
        let changes = self.inner.changes(since, wait).await?;
        let sight = self.sight();
        let see = move |key: &ObjectKey, object| sight.see(key, object);
        Ok(match changes {
            Changes::Since(told) => Changes::Since(told.map_objects(see)),
            Changes::Everything(told) => Changes::Everything(told.map_objects(see)),
            other @ (Changes::Unsupported | Changes::Unknown) => other,
        })
    }

    fn list(&self) -> BoxStream<'static, Result<Found, Error>> {
        self.inner.list()
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let found = self.inner.head(key).await?;
        Ok(found.map(|object| self.sight().see(key, object)))
    }

    async fn get(&self, key: &ObjectKey, version: &RemoteVersion, size: u64) -> Result<Get, Error> {
        // What is known to be sealed is larger than its content by a header and a few tags, which a batch can bear.
        let Get { object, body } = self.inner.get(key, version, size).await?;
        let Some(lock) = &self.lock else {
            let body = if self.guards { guarded(key, &object, body)? } else { body };
            return Ok(Get { object: self.sight().see(key, object), body });
        };
        let content = Content::of(Arc::clone(lock), key, version, object.content, begin(body, key).await?)?;
        Ok(Get { object, body: content.into_stream() })
    }

    fn get_from(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        let (place, key, version) = (self.clone(), key.clone(), version.clone());
        let Some(lock) = self.lock.clone() else {
            let body = self.inner.get_from(&key, &version, from, size);
            if !self.guards || from > 0 {
                // What was begun had come through here as well.
                return body;
            }
            let looked_at = async move { guarded(&key, &place.stored(&key, &version).await?, body) };
            return stream::once(looked_at).try_flatten().boxed();
        };
        let opened = async move {
            let stored = place.stored(&key, &version).await?;
            let body = place.inner.get_from(&key, &version, 0, stored.size);
            let begun = begin(body, &key).await?;
            let content = Content::of(lock, &key, &version, stored.content, begun)?;
            // There is no way into the middle of what is sealed: what is here already is opened once more.
            Ok(content.into_stream_behind(from))
        };
        stream::once(opened).try_flatten().boxed()
    }

    async fn look_into(&self, key: &ObjectKey, version: &RemoteVersion, size: u64) -> Result<Inside, Error> {
        if !self.looks_inside() {
            return self.inner.look_into(key, version, size).await;
        }
        let stored = self.stored(key, version).await?;
        let body = self.inner.get_from(key, version, 0, stored.size);
        let Some(lock) = &self.lock else {
            let mut body = guarded(key, &stored, body)?;
            let Some(content) = stored.content else { return inside_of(body).await };
            if !is_ours(&stored) {
                body.try_next().await?;
            }
            return Ok(Inside { content, size: stored.size });
        };
        let begun = begin(body, key).await?;
        match (&begun.seal, stored.content) {
            (Some(seal), _) => {
                if let Some(inside) = lock.recognize(key, version, seal, stored.size)? {
                    return Ok(inside);
                }
            }
            (None, Some(content)) => return Ok(Inside { content, size: stored.size }),
            (None, None) => {}
        }
        let content = Content::of(Arc::clone(lock), key, version, stored.content, begun)?;
        content.read_through().await
    }

    async fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        match self.sealing() {
            Some(lock) if node.kind != Kind::Directory => {
                self.put_sealed(lock, key, node, bytes, expect).await
            }
            _ => self.inner.put(key, node, bytes, expect).await,
        }
    }

    async fn begin_upload(&self, key: &ObjectKey, node: &Node) -> Result<R::Upload, Error> {
        let sealed = || Node { content: ContentId::UNKNOWN, ..*node }.sealed();
        self.inner.begin_upload(key, &if self.seals() { sealed() } else { *node }).await
    }

    async fn resume_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<Option<R::Upload>, Error> {
        if self.seals() {
            self.inner.abort_upload(key, id).await?;
            return Ok(None);
        }
        self.inner.resume_upload(key, id).await
    }

    fn upload_id(upload: &R::Upload) -> UploadId {
        R::upload_id(upload)
    }

    async fn upload<S: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &Expect,
        upload: &R::Upload,
        parts: &Parts,
        source: Arc<S>,
        progress: &Progress,
    ) -> Result<RemoteVersion, Error> {
        let Some((lock, recipients)) = self.sealing() else {
            return self.inner.upload(key, node, expect, upload, parts, source, progress).await;
        };
        let recipients = recipients.clone();
        let sealer = blocking(move || Sealer::new(&recipients)).await;
        let object = lock.remember(key, sealer.seal(), None, node)?;
        let size = sealer.sealed_size(node.size);
        let stored = Node { content: ContentId::UNKNOWN, size, ..*node }.sealed();
        let source = Arc::new(Sealing::new(sealer, source, key, node));
        let parts = Parts::plain(size);
        let version = self.inner.upload(key, &stored, expect, upload, &parts, source, progress).await?;
        lock.put(&SealedObject { etag: Some(version.etag.clone()), ..object }, key)?;
        Ok(version)
    }

    async fn abort_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<(), Error> {
        self.inner.abort_upload(key, id).await
    }

    async fn set_meta(
        &self,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        let Some(lock) = self.lock.as_ref().filter(|_| node.kind != Kind::Directory) else {
            return self.inner.set_meta(key, node, version).await;
        };
        let mut stored = self.stored(key, version).await?;
        let known = lock.journal.sealed_at(lock.route, key, &version.etag);
        // An object that says nothing any more does not say that it is sealed.
        stored.meta.sealed |= known.map_err(|error| forgotten(key, &error))?.is_some();
        let told = as_stored(&stored, node);
        let after = self.inner.set_meta(key, &told, version).await?;
        self.follow((key, version), (key, &after))?;
        Ok(after)
    }

    async fn delete(&self, key: &ObjectKey, version: &RemoteVersion) -> Result<(), Error> {
        self.inner.delete(key, version).await
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        if self.lock.is_none() || node.kind == Kind::Directory {
            return self.inner.copy(from, version, to, node).await;
        }
        let told = as_stored(&self.stored(from, version).await?, node);
        let copied = self.inner.copy(from, version, to, &told).await?;
        self.follow((from, version), (to, &copied))?;
        Ok(copied)
    }
}

/// How objects are seen that a store describes.
enum Sight {
    /// As what is inside of them.
    Opened(Arc<Lock>),
    /// As they are described.
    Plain,
    /// As bytes. A sealed link is a file.
    Closed,
}

impl Sight {
    fn see(&self, key: &ObjectKey, object: Object) -> Object {
        match self {
            Self::Opened(lock) => lock.disclose(key, object),
            // A link's permissions mean nothing.
            Self::Closed if object.meta.sealed && object.kind == Kind::Symlink => {
                Object { kind: Kind::File, meta: Meta { mode: None, ..object.meta }, ..object }
            }
            Self::Plain | Self::Closed => object,
        }
    }
}

/// The bytes that the store holds, described as `node` says. Their digest is that of sealed bytes, if there is one.
fn as_stored(object: &Object, node: &Node) -> Node {
    let content = object.content.unwrap_or(ContentId::UNKNOWN);
    let meta = Meta { sealed: object.meta.sealed, ..node.meta };
    Node { content, size: object.size, kind: node.kind, meta }
}
