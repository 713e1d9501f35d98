//! Writing and re-labelling in a plain tree. What stands there is looked at right before each change.

use super::Plain;
use super::incoming::Draft;
use super::place::{Task, describe, version_of};
use super::sidecar::Described;
use super::store::{EntryKind, Failure, Writer};
use crate::write::md5;
use crate::{Cause, Error, Expect, PUT_SIZE_MAX, Prefix, Retry};
use bytes::Bytes;
use futures::TryStreamExt as _;
use md5::{Digest as _, Md5};
use model::{ContentId, Node, ObjectKey, RemoteVersion};
use std::io;

/// Bytes asked for at once while a large file is written.
const PART_SIZE: u64 = 4 << 20;

impl Plain {
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
            return Err(torn(key));
        }
        let _turn = self.inner.store.turn().await;
        let place = prefix.place(key);
        let task = Task { key, place: &place, node };
        if key.is_directory() {
            return self.put_directory(task, expect).await;
        }
        let failed = |failure| self.failed("write", Some(key), failure);
        if self.is_described_ahead(task, expect) {
            let [draft, sidecar] = self.draft_described(task, body).await.map_err(failed)?;
            return self.place(task, draft, Some(sidecar), expect).await;
        }
        let draft = self.draft(body, node.meta.mtime).await.map_err(failed)?;
        self.place(task, draft, None, expect).await
    }

    /// Writes an object of any size, if what stands there is as expected; else [`Error::Changed`].
    ///
    /// `next_part` is called for one part after the other with its offset and length, and must return exactly that many bytes. Together
    /// they must be what `node` says, if its content is known: else [`Error::Changed`], and nothing is left behind.
    pub async fn put_parts<F, Fut>(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        next_part: F,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let _turn = self.inner.store.turn().await;
        let place = prefix.place(key);
        let task = Task { key, place: &place, node };
        // Once before all is sent, and once more right before it is put in its place.
        let seen = self.look(&place, key).await?;
        if !seen.is(expect, key) {
            return self.settle(task).await;
        }
        let incoming = self.incoming();
        let sent = async {
            let failed = |failure| self.failed("write", Some(key), failure);
            let mut writer = self.create(&incoming, node.size).await.map_err(failed)?;
            let content = self.send_parts(task, &mut writer, next_part).await?;
            let (entry, dirty) = writer.finish(node.meta.mtime).await.map_err(failed)?;
            Ok((content, Draft { path: incoming.clone(), entry, dirty }))
        };
        match sent.await {
            Ok((content, draft)) => {
                let task = Task { node: &Node { content, ..*node }, ..task };
                self.place(task, draft, None, expect).await
            }
            Err(error) => {
                self.give_up(&incoming).await;
                Err(error)
            }
        }
    }

    /// Gives an object the metadata of `node`, whose content it must already have, if it still is `version`; else
    /// [`Error::Changed`], or [`Error::NotFound`].
    pub async fn set_meta(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        let _turn = self.inner.store.turn().await;
        let place = prefix.place(key);
        let failed = |failure| self.failed("set the metadata of", Some(key), failure);
        let content =
            if node.content.is_known() { node.content } else { self.digest(&place).await.map_err(failed)? };
        let node = &Node { content, ..*node };
        let task = Task { key, place: &place, node };
        let seen = self.look(&place, key).await?;
        let (Some(entry), Some(now)) = (&seen.entry, seen.version(key)) else {
            return Err(Error::NotFound { key: key.clone() });
        };
        if now.etag != version.etag {
            return self.settle(task).await;
        }
        let mtime = node.meta.mtime.filter(|_| !key.is_directory());
        let touched = mtime.and_then(|time| self.inner.store.tag_when_touched(entry, time));
        let mut described = vec![describe(node, entry)];
        described.extend(touched.as_ref().map(|tag| Described { tag: tag.clone(), node: *node }));
        let label = self.write_sidecar(&place, described).await.map_err(failed)?;
        let (Some(touched), Some(mtime)) = (touched, mtime) else {
            return version_of(task, entry, &label);
        };
        let dirty = self.inner.store.touch(&place, mtime).await.map_err(failed)?;
        self.inner.store.flush(dirty).await.map_err(failed)?;
        let now = self.inner.store.stat(&place).await.map_err(failed)?;
        if now.tag == touched || now.tag == entry.tag {
            return version_of(task, &now, &label);
        }
        // The store keeps times more coarsely than was thought.
        let label = self.write_sidecar(&place, vec![describe(node, &now)]).await.map_err(failed)?;
        version_of(task, &now, &label)
    }

    /// What a file holds.
    async fn digest(&self, place: &str) -> Result<ContentId, Failure> {
        let (_, body) = self.inner.store.open(place, 0).await?;
        let hasher =
            body.try_fold(Md5::new(), |hasher, chunk| async move { Ok(hasher.chain_update(&chunk)) });
        Ok(ContentId::from_md5(hasher.await?.finalize().into()))
    }

    pub(super) async fn put_directory(
        &self,
        task: Task<'_>,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        let seen = self.look(task.place, task.key).await?;
        if !seen.is(expect, task.key) {
            return self.settle(task).await;
        }
        let failed = |failure| self.failed("write", Some(task.key), failure);
        let path = task.place.trim_end_matches('/');
        self.make_way(path).await.map_err(failed)?;
        self.inner.store.make_directories(path).await.map_err(failed)?;
        let described = Described { tag: String::new(), node: *task.node };
        let label = self.write_sidecar(task.place, vec![described]).await.map_err(failed)?;
        let entry = self.inner.store.stat(path).await.map_err(failed)?;
        version_of(task, &entry, &label)
    }

    /// What was sent.
    async fn send_parts<F, Fut>(
        &self,
        task: Task<'_>,
        writer: &mut Writer,
        mut next_part: F,
    ) -> Result<ContentId, Error>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let mut hasher = Md5::new();
        let mut offset = 0;
        while offset < task.node.size {
            let length = usize::try_from(PART_SIZE.min(task.node.size - offset))
                .expect("because a part fits in memory");
            let part = next_part(offset, length).await.map_err(|error| Error::Other {
                attempt: format!("write `{}`", task.key),
                retry: Retry::Replan,
                source: Cause::new(format!("reading its bytes: {error}")),
            })?;
            if part.len() != length {
                return Err(torn(task.key));
            }
            hasher.update(&part);
            offset += length as u64;
            let written = writer.write(part).await;
            written.map_err(|failure| self.failed("write", Some(task.key), failure))?;
        }
        let content = ContentId::from_md5(hasher.finalize().into());
        let is_announced = !task.node.content.is_known() || content == task.node.content;
        if is_announced { Ok(content) } else { Err(torn(task.key)) }
    }

    /// A file must not stand where a directory is to be made.
    async fn make_way(&self, path: &str) -> Result<(), Failure> {
        match self.inner.store.stat(path).await {
            Ok(entry) if entry.kind != EntryKind::Directory => {
                Err(Failure::Blocked(Cause::new("a file stands there")))
            }
            Ok(_) | Err(Failure::NotFound) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

fn torn(key: &ObjectKey) -> Error {
    Error::Changed { key: key.clone(), what: "the bytes to send are not the announced ones" }
}
