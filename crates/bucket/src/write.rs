//! Writing small objects, in one request each.
//!
//! Three things can be wrong with a write that looks fine, and each is dealt with here:
//!
//! - **The bytes are not the file that was announced**, because the file changed between hashing and reading. They are hashed
//!   before they are sent, so that no torn file ever reaches the store.
//! - **The store holds other bytes than were sent.** Its tag is compared with their MD5.
//! - **The condition failed because our own, repeated request had already succeeded** and only its answer was lost. What the store
//!   holds now settles it.

use crate::conditions::{Honoured, Lesson, Refused};
use crate::error::code_of;
use crate::object::content_of_tag;
use crate::parts::PUT_SIZE_MAX;
use crate::{Bucket, Cause, Conditions, Error, Expect, Prefix, Retry, metadata};
use bytes::Bytes;
use futures::TryStreamExt as _;
use md5::{Digest as _, Md5};
use model::{ContentId, ETag, Node, ObjectKey, RemoteVersion};
use opendal::Buffer;
use opendal::options::WriteOptions;
use opendal::raw::oio::Write as _;
use opendal::raw::{OpWrite, Service as _};
use std::sync::atomic::Ordering;

/// What a request for a write says about what must stand there.
#[derive(Clone, Copy)]
pub(crate) enum Demand<'a> {
    Nothing,
    Absent,
    Version(&'a RemoteVersion),
}

impl Expect {
    pub(crate) fn demand(&self) -> Demand<'_> {
        match self {
            Self::Absent => Demand::Absent,
            Self::Version(version) => Demand::Version(version),
        }
    }
}

/// One object to be written.
pub(crate) struct Task<'a> {
    pub(crate) key: &'a ObjectKey,
    pub(crate) place: String,
    pub(crate) prefix: &'a Prefix,
    pub(crate) node: &'a Node,
}

impl Bucket {
    /// Writes an object of at most [`PUT_SIZE_MAX`] bytes, if what stands there is as expected; else [`Error::Changed`].
    ///
    /// `body` must be the bytes that `node` says: else [`Error::Changed`] as well, and nothing was sent.
    pub async fn put(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        body: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        assert!(body.len() as u64 <= PUT_SIZE_MAX, "a larger object is written in parts");
        if body.len() as u64 != node.size || md5(&body) != node.content {
            return Err(Error::Changed {
                key: key.clone(),
                what: "the bytes to send are not the announced ones",
            });
        }
        self.learn_of_directories(key, node).await?;
        let task = Task { key, place: self.place(prefix, key), prefix, node };
        let written = match self.put_in_batch(&task, &body, expect).await {
            Some(written) => written,
            None => self.put_alone(&task, &body, expect).await,
        };
        match written {
            Ok(etag) => self.verify(&task, expect, etag).await,
            Err(Refused::Condition) => self.settle(&task).await,
            Err(Refused::Unsupported) => Err(self
                .attempt("write", Some(key))
                .other(Retry::Never, Cause::new("the store knows no conditions"))),
            Err(Refused::Failed(error)) => Err(error),
        }
    }

    async fn put_alone(&self, task: &Task<'_>, body: &Bytes, expect: &Expect) -> Result<ETag, Refused> {
        let Expect::Version(version) = expect else { return self.create(task, body).await };
        let look = || self.look(task.prefix, task.key, expect);
        let write = |version: Option<RemoteVersion>| async move {
            self.put_once(task, body, version.as_ref().map_or(Demand::Nothing, Demand::Version)).await
        };
        self.inner.learned.replace.change(version, look, write).await
    }

    /// What is known so far about the store's conditions: what was not tried yet is unknown.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        self.inner.learned.conditions()
    }

    pub(crate) fn lesson(&self, expect: &Expect) -> (&Lesson, Honoured) {
        let lesson = match expect {
            Expect::Absent => &self.inner.learned.create,
            Expect::Version(_) => &self.inner.learned.replace,
        };
        (lesson, lesson.get())
    }

    /// Writes where nothing stands.
    async fn create(&self, task: &Task<'_>, body: &Bytes) -> Result<ETag, Refused> {
        let lesson = &self.inner.learned.create;
        let turn = match lesson.get() {
            Honoured::Unknown => Some(lesson.turn.lock().await),
            Honoured::Yes | Honoured::No => None,
        };
        match lesson.get() {
            Honoured::Yes => {
                drop(turn);
                self.put_once(task, body, Demand::Absent).await
            }
            Honoured::No => {
                drop(turn);
                self.look(task.prefix, task.key, &Expect::Absent).await?;
                self.put_once(task, body, Demand::Nothing).await
            }
            Honoured::Unknown => {
                self.look(task.prefix, task.key, &Expect::Absent).await?;
                match self.put_once(task, body, Demand::Absent).await {
                    Ok(etag) => self.create_again(task, body, etag).await,
                    Err(Refused::Unsupported) => {
                        lesson.set(Honoured::No);
                        self.put_once(task, body, Demand::Nothing).await
                    }
                    Err(refused) => Err(refused),
                }
            }
        }
    }

    /// Finds out whether the store honours `If-None-Match` (see `conditions`). There is no impossible condition for that; but once
    /// something stands there, the same condition cannot hold, and a careless store writes the same once more.
    async fn create_again(&self, task: &Task<'_>, body: &Bytes, etag: ETag) -> Result<ETag, Refused> {
        match self.put_once(task, body, Demand::Absent).await {
            Err(Refused::Condition) => {
                self.inner.learned.create.set(Honoured::Yes);
                Ok(etag)
            }
            Ok(etag) => {
                self.inner.learned.create.set(Honoured::No);
                Ok(etag)
            }
            // The write itself is done.
            Err(Refused::Unsupported | Refused::Failed(_)) => Ok(etag),
        }
    }

    /// Confirms by looking that what is expected stands there.
    pub(crate) async fn look(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        expect: &Expect,
    ) -> Result<(), Refused> {
        let found = self.head(prefix, key).await.map_err(Refused::Failed)?;
        let as_expected = match (found, expect) {
            (None, Expect::Absent) => true,
            (Some(found), Expect::Version(version)) => found.version.etag == version.etag,
            (Some(_), Expect::Absent) | (None, Expect::Version(_)) => false,
        };
        if as_expected { Ok(()) } else { Err(Refused::Condition) }
    }

    pub(crate) async fn put_once(
        &self,
        task: &Task<'_>,
        body: &Bytes,
        demand: Demand<'_>,
    ) -> Result<ETag, Refused> {
        let digest = self.inner.opaque_tags.load(Ordering::Relaxed).then_some(task.node.content);
        let options = self.write_options(task.node, digest, demand, 1);
        let written = async {
            let mut writer = self.inner.service.write(&self.inner.context, &task.place, options?)?;
            if !body.is_empty() {
                writer.write(Buffer::from(body.clone())).await?;
            }
            writer.close().await
        };
        match written.await {
            // An empty tag is told apart from a wrong one by looking.
            Ok(written) => Ok(ETag::new(written.etag().unwrap_or_default())),
            Err(error) => Err(self.refusal("write", task.key, &error)),
        }
    }

    pub(crate) fn write_options(
        &self,
        node: &Node,
        digest: Option<ContentId>,
        demand: Demand<'_>,
        concurrent: usize,
    ) -> opendal::Result<OpWrite> {
        let pairs = metadata::encode(node, digest);
        let options = WriteOptions {
            user_metadata: Some(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            if_not_exists: matches!(demand, Demand::Absent),
            if_match: match demand {
                Demand::Version(version) => Some(version.etag.quoted()),
                Demand::Nothing | Demand::Absent => None,
            },
            concurrent,
            ..WriteOptions::default()
        };
        OpWrite::from_options(&self.inner.service.capability(), options).map(|(options, _)| options)
    }

    pub(crate) fn refusal(&self, verb: &'static str, key: &ObjectKey, error: &opendal::Error) -> Refused {
        if code_of(error).as_deref() == Some("NotImplemented") {
            return Refused::Unsupported;
        }
        match self.attempt(verb, Some(key)).failed(error) {
            Error::Changed { .. } => Refused::Condition,
            error => Refused::Failed(error),
        }
    }

    /// A condition failed: either someone else was faster, or we were, and did not hear of it.
    pub(crate) async fn settle(&self, task: &Task<'_>) -> Result<RemoteVersion, Error> {
        match self.head(task.prefix, task.key).await? {
            Some(found) if found.is_written(task.node) => Ok(found.version),
            Some(_) => Err(Error::Changed { key: task.key.clone(), what: "another version stands there" }),
            None => Err(Error::Changed { key: task.key.clone(), what: "it is gone" }),
        }
    }

    /// Compares the tag of what was written with what was sent.
    async fn verify(&self, task: &Task<'_>, expect: &Expect, etag: ETag) -> Result<RemoteVersion, Error> {
        let version = RemoteVersion { etag, modified: None };
        match content_of_tag(&version.etag) {
            Some(content) if content == task.node.content => Ok(version),
            // Under encryption by the store, tags are anything.
            _ if self.inner.opaque_tags.load(Ordering::Relaxed) && !version.etag.as_str().is_empty() => {
                Ok(version)
            }
            _ => self.read_back(task, expect).await,
        }
    }

    /// The tag does not tell what the store holds, so the object itself must.
    pub(crate) async fn read_back(&self, task: &Task<'_>, expect: &Expect) -> Result<RemoteVersion, Error> {
        let changed = |what| Error::Changed { key: task.key.clone(), what };
        let found = self.head(task.prefix, task.key).await?.ok_or_else(|| changed("it is gone"))?;
        let mut body = self.get(task.prefix, task.key, &found.version).await?.body;
        let mut hasher = Md5::new();
        while let Some(chunk) = body.try_next().await? {
            hasher.update(&chunk);
        }
        if ContentId::from_md5(hasher.finalize().into()) == task.node.content {
            if content_of_tag(&found.version.etag) != Some(task.node.content) {
                self.inner.opaque_tags.store(true, Ordering::Relaxed);
            }
            return Ok(found.version);
        }
        // What was new is taken back; what replaced another version stays, and meets the changed local file as a conflict.
        if *expect == Expect::Absent {
            self.delete(task.prefix, task.key, &found.version).await?;
        }
        let source = Cause::new("the store holds other bytes than it was sent");
        Err(self.attempt("write", Some(task.key)).other(Retry::Later, source))
    }
}

pub(crate) fn md5(bytes: &[u8]) -> ContentId {
    ContentId::from_md5(Md5::digest(bytes).into())
}
