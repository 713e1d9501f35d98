//! Writing, re-labelling, moving and deleting in a plain tree.
//!
//! What stands there is looked at right before each change, and a file comes to its name whole, by a rename. When a
//! file is replaced, its sidecar comes first and describes both versions; when one is created, the sidecar
//! follows, so that of two machines that create the same file, the one that comes too late leaves no trace. A symlink's comes
//! first even then: until it is there, the target's text would be a file.

use super::sidecar::{self, Described, Sidecar};
use super::store::{Entry, EntryKind, Failure, Onto, Writer};
use super::{INCOMING, Plain, Seen, version};
use crate::write::md5;
use crate::{Cause, Deleted, Error, Expect, PUT_SIZE_MAX, Prefix, Retry};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use md5::{Digest as _, Md5};
use model::{ContentId, Kind, Node, ObjectKey, RemoteVersion};
use std::io;

/// Bytes asked for at once while a large file is written.
const PART_SIZE: u64 = 4 << 20;

/// One file to be changed.
#[derive(Clone, Copy)]
struct Task<'a> {
    key: &'a ObjectKey,
    place: &'a str,
    node: &'a Node,
}

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
        let place = prefix.place(key);
        let task = Task { key, place: &place, node };
        if key.is_directory() {
            return self.put_directory(task, expect).await;
        }
        let written = self.write_incoming(&body, node).await;
        let (incoming, entry) = written.map_err(|failure| self.failed("write", Some(key), failure))?;
        self.place(task, &incoming, entry, expect).await
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
            Ok((content, writer.finish(node.meta.mtime).await.map_err(failed)?))
        };
        match sent.await {
            Ok((content, entry)) => {
                let task = Task { node: &Node { content, ..*node }, ..task };
                self.place(task, &incoming, entry, expect).await
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
        let place = prefix.place(key);
        let task = Task { key, place: &place, node };
        let failed = |failure| self.failed("set the metadata of", Some(key), failure);
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
        let label = self.write_sidecar(&place, Sidecar::new(described)).await.map_err(failed)?;
        let (Some(touched), Some(mtime)) = (touched, mtime) else {
            return version_of(task, entry, &label);
        };
        self.inner.store.touch(&place, mtime).await.map_err(failed)?;
        let now = self.inner.store.stat(&place).await.map_err(failed)?;
        if now.tag == touched || now.tag == entry.tag {
            return version_of(task, &now, &label);
        }
        // The store keeps times more coarsely than was thought.
        let label =
            self.write_sidecar(&place, Sidecar::new(vec![describe(node, &now)])).await.map_err(failed)?;
        version_of(task, &now, &label)
    }

    /// Deletes an object, if it still is `version`; else [`Error::Changed`]. An object that is gone already counts as deleted.
    pub async fn delete(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> Result<(), Error> {
        let place = prefix.place(key);
        let seen = self.look(&place, key).await?;
        match seen.version(key) {
            None => return Ok(()),
            Some(now) if now.etag != version.etag => {
                return Err(Error::Changed { key: key.clone(), what: "another version stands there" });
            }
            Some(_) => {}
        }
        let failed = |failure| self.failed("delete", Some(key), failure);
        if !key.is_directory() {
            self.inner.store.remove(&place).await.or_else(Failure::unless_gone).map_err(failed)?;
        }
        self.remove_sidecar(&place).await.map_err(failed)?;
        self.prune(prefix, &place).await;
        Ok(())
    }

    /// Deletes objects as [`Plain::delete`] does, many at once. The outcomes come in the order they are known.
    pub async fn delete_many(
        &self,
        prefix: &Prefix,
        objects: Vec<(ObjectKey, RemoteVersion)>,
    ) -> Vec<Deleted> {
        let deletions = objects.into_iter().map(|(key, version)| async move {
            let outcome = self.delete(prefix, &key, &version).await;
            Deleted { key, outcome }
        });
        stream::iter(deletions).buffer_unordered(self.inner.options.concurrency.max(1)).collect().await
    }

    /// Gives a file another key, never onto another object, if it still is `version`; else [`Error::Changed`]. Its content is not sent.
    pub async fn rename(
        &self,
        prefix: &Prefix,
        from: &ObjectKey,
        to: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        let (place, target) = (prefix.place(from), prefix.place(to));
        let seen = self.look(&place, from).await?;
        let Some(entry) = seen.entry.as_ref().filter(|entry| entry.kind == EntryKind::File) else {
            return Err(Error::NotFound { key: from.clone() });
        };
        if seen.version(from).is_none_or(|now| now.etag != version.etag) {
            return Err(Error::Changed { key: from.clone(), what: "another version stands there" });
        }
        let task = Task { key: to, place: &target, node };
        self.move_to(&place, &target, Onto::Nothing)
            .await
            .map_err(|failure| self.failed("rename something to", Some(to), failure))?;
        let renamed = self.describe_placed(task, entry.clone(), None).await?;
        self.remove_sidecar(&place).await.map_err(|failure| self.failed("rename", Some(from), failure))?;
        self.prune(prefix, &place).await;
        Ok(renamed)
    }

    /// Makes `to`, where nothing stands, hold the content of one version of `from`, as `node` describes it; else [`Error::Changed`]. The
    /// store copies by itself, if it can. [`Plain::rename`] is cheaper where `from` goes afterwards.
    pub async fn copy(
        &self,
        prefix: &Prefix,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        let (source, place) = (prefix.place(from), prefix.place(to));
        let task = Task { key: to, place: &place, node };
        let as_meant = async || {
            let seen = self.look(&source, from).await?;
            match seen.version(from) {
                None => Err(Error::NotFound { key: from.clone() }),
                Some(now) if now.etag == version.etag => Ok(()),
                Some(_) => Err(Error::Changed { key: from.clone(), what: "another version stands there" }),
            }
        };
        as_meant().await?;
        if to.is_directory() {
            return self.put_directory(task, &Expect::Absent).await;
        }
        let incoming = self.incoming();
        let copied = async {
            let failed = |failure| self.failed("copy something to", Some(to), failure);
            self.make_incoming().await.map_err(failed)?;
            let entry = self.inner.store.copy(&source, &incoming, node.meta.mtime).await.map_err(failed)?;
            // If it still stands there now, it is what was copied.
            as_meant().await?;
            Ok(entry)
        };
        match copied.await {
            Ok(entry) => self.place(task, &incoming, entry, &Expect::Absent).await,
            Err(error) => {
                self.give_up(&incoming).await;
                Err(error)
            }
        }
    }

    async fn put_directory(&self, task: Task<'_>, expect: &Expect) -> Result<RemoteVersion, Error> {
        let seen = self.look(task.place, task.key).await?;
        if !seen.is(expect, task.key) {
            return self.settle(task).await;
        }
        let failed = |failure| self.failed("write", Some(task.key), failure);
        let path = task.place.trim_end_matches('/');
        self.make_way(path).await.map_err(failed)?;
        self.inner.store.make_directories(path).await.map_err(failed)?;
        let described = Described { tag: String::new(), node: *task.node };
        let label = self.write_sidecar(task.place, Sidecar::new(vec![described])).await.map_err(failed)?;
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

    /// Moves what was written to its place, with its sidecar.
    async fn place(
        &self,
        task: Task<'_>,
        incoming: &str,
        entry: Entry,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        let placed = self.try_place(task, incoming, entry, expect).await;
        if placed.is_err() {
            self.give_up(incoming).await;
        }
        match placed {
            Ok(Some(version)) => Ok(version),
            Ok(None) => self.settle(task).await,
            Err(error) => Err(error),
        }
    }

    /// `None`: something else than expected stands there.
    async fn try_place(
        &self,
        task: Task<'_>,
        incoming: &str,
        entry: Entry,
        expect: &Expect,
    ) -> Result<Option<RemoteVersion>, Error> {
        let failed = |failure| self.failed("write", Some(task.key), failure);
        if entry.size != task.node.size {
            let source = Cause::new(format!("{} of {} bytes arrived", entry.size, task.node.size));
            return Err(failed(Failure::Other(source)));
        }
        let seen = self.look(task.place, task.key).await?;
        if !seen.is(expect, task.key) {
            self.give_up(incoming).await;
            return Ok(None);
        }
        let (onto, comes_first) = match expect {
            Expect::Absent => (Onto::Nothing, task.node.kind == Kind::Symlink),
            Expect::Version(_) => (Onto::File, true),
        };
        let mut label = None;
        if comes_first {
            let replaced = seen.described().cloned();
            let described = [describe(task.node, &entry)].into_iter().chain(replaced).collect();
            label = Some(self.write_sidecar(task.place, Sidecar::new(described)).await.map_err(failed)?);
        }
        if seen.entry.is_some_and(|entry| entry.kind == EntryKind::Directory) {
            self.clear_way(task.place).await.map_err(failed)?;
        }
        match self.move_to(incoming, task.place, onto).await {
            Ok(()) => {}
            Err(Failure::Exists) => {
                self.give_up(incoming).await;
                return Ok(None);
            }
            Err(failure) => return Err(failed(failure)),
        }
        self.describe_placed(task, entry, label).await.map(Some)
    }

    /// Writes the sidecar of what was just moved to its place, unless the one labelled `label` holds.
    async fn describe_placed(
        &self,
        task: Task<'_>,
        entry: Entry,
        label: Option<String>,
    ) -> Result<RemoteVersion, Error> {
        let failed = |failure| self.failed("write", Some(task.key), failure);
        let placed = if self.inner.store.moves_keep_tags() {
            entry.clone()
        } else {
            self.inner.store.stat(task.place).await.map_err(failed)?
        };
        let label = if let Some(label) = label.filter(|_| placed.tag == entry.tag) {
            label
        } else {
            let sidecar = Sidecar::new(vec![describe(task.node, &placed)]);
            self.write_sidecar(task.place, sidecar).await.map_err(failed)?
        };
        version_of(task, &placed, &label)
    }

    /// Something else than expected stands there: either someone else was faster, or we were, and did not hear of it.
    async fn settle(&self, task: Task<'_>) -> Result<RemoteVersion, Error> {
        let changed = |what| Err(Error::Changed { key: task.key.clone(), what });
        match self.look(task.place, task.key).await?.object(task.key) {
            Some(found) if found.is_written(task.node) => Ok(found.version),
            Some(_) => changed("another version stands there"),
            None => changed("it is gone"),
        }
    }

    /// Writes a sidecar and returns its tag.
    async fn write_sidecar(&self, place: &str, sidecar: Sidecar) -> Result<String, Failure> {
        let (path, content) = (sidecar::path(place), Bytes::from(sidecar.encode(place)));
        let incoming = self.incoming();
        let written = async {
            let mut writer = self.create(&incoming, content.len() as u64).await?;
            writer.write(content).await?;
            let entry = writer.finish(None).await?;
            self.move_to(&incoming, &path, Onto::File).await?;
            if self.inner.store.moves_keep_tags() {
                return Ok(entry.tag);
            }
            Ok(self.inner.store.stat(&path).await?.tag)
        };
        let tag = written.await;
        if tag.is_err() {
            self.give_up(&incoming).await;
        }
        tag
    }

    async fn remove_sidecar(&self, place: &str) -> Result<(), Failure> {
        let path = sidecar::path(place);
        self.inner.store.remove(&path).await.or_else(Failure::unless_gone)?;
        if let Some((directory, _)) = path.rsplit_once('/')
            && self.inner.store.prunes_safely()
        {
            // Fails while others are in it, which is how it should be.
            drop(self.inner.store.remove_directory(directory).await);
        }
        Ok(())
    }

    async fn write_incoming(&self, body: &Bytes, node: &Node) -> Result<(String, Entry), Failure> {
        let incoming = self.incoming();
        let written = async {
            let mut writer = self.create(&incoming, node.size).await?;
            if !body.is_empty() {
                writer.write(body.clone()).await?;
            }
            writer.finish(node.meta.mtime).await
        };
        match written.await {
            Ok(entry) => Ok((incoming, entry)),
            Err(failure) => {
                self.give_up(&incoming).await;
                Err(failure)
            }
        }
    }

    pub(super) async fn create(&self, incoming: &str, size: u64) -> Result<Writer, Failure> {
        self.make_incoming().await?;
        match self.inner.store.create(incoming, size).await {
            Err(Failure::NotFound) => {
                self.inner.store.make_directories(INCOMING).await?;
                self.inner.store.create(incoming, size).await
            }
            created => created,
        }
    }

    /// Once for all writes: a WebDAV server says only at the end of one that there is no such collection.
    async fn make_incoming(&self) -> Result<(), Failure> {
        let made = self.inner.incoming.get_or_try_init(|| self.inner.store.make_directories(INCOMING));
        made.await?;
        // Whoever writes nothing has no use for the space.
        let sweep = self.inner.session.swept.get_or_try_init(|| self.sweep());
        if let Err(error) = sweep.await {
            tracing::debug!(%error, "leftovers of an earlier run stay in transit");
        }
        Ok(())
    }

    /// Moves a file, and makes the directory it goes to if there is none.
    async fn move_to(&self, from: &str, to: &str, onto: Onto) -> Result<(), Failure> {
        match (self.inner.store.place(from, to, onto).await, to.rsplit_once('/')) {
            (Err(Failure::NotFound), Some((above, _))) => {
                self.inner.store.make_directories(above).await?;
                self.inner.store.place(from, to, onto).await
            }
            (moved, _) => moved,
        }
    }

    /// What stays behind in transit costs space and nothing else, so the first error is the one to tell.
    pub(super) async fn give_up(&self, incoming: &str) {
        if let Err(failure) = self.inner.store.remove(incoming).await.or_else(Failure::unless_gone) {
            tracing::debug!(incoming, ?failure, "something stays behind in transit");
        }
    }

    /// Removes the directories above `place` that were emptied, up to the prefix; not those that have a sidecar.
    async fn prune(&self, prefix: &Prefix, place: &str) {
        if !self.inner.store.prunes_safely() {
            return;
        }
        let mut path = place.trim_end_matches('/');
        // The key of a directory stands for that directory itself.
        let mut next =
            if place.ends_with('/') { Some(path) } else { path.rsplit_once('/').map(|(up, _)| up) };
        while let Some(directory) = next.filter(|directory| directory.len() > prefix.as_str().len()) {
            path = directory;
            let is_kept = self.inner.store.stat(&sidecar::path(&format!("{path}/"))).await.is_ok();
            if is_kept || self.inner.store.remove_directory(path).await.is_err() {
                return;
            }
            next = path.rsplit_once('/').map(|(up, _)| up);
        }
    }

    /// Takes away empty directories that stand where a file belongs: what WebDAV leaves of a directory whose files were deleted.
    async fn clear_way(&self, path: &str) -> Result<(), Failure> {
        let blocked = || Failure::Blocked(Cause::new("a directory stands there"));
        if self.inner.store.prunes_safely() {
            return self.inner.store.remove_directory(path).await.map_err(|_| blocked());
        }
        // Out of everybody's way first, so that nothing can be put into it between the look and its end.
        let aside = self.incoming();
        self.inner.store.place(path, &aside, Onto::Nothing).await?;
        if self.is_hollow(&aside).await? {
            return self.inner.store.remove(&aside).await;
        }
        self.inner.store.place(&aside, path, Onto::Nothing).await?;
        Err(blocked())
    }

    /// Whether there is no file below a directory.
    async fn is_hollow(&self, path: &str) -> Result<bool, Failure> {
        let mut waiting = vec![path.to_owned()];
        while let Some(directory) = waiting.pop() {
            for named in self.inner.store.list(&directory).await? {
                match (named.name, named.entry.kind) {
                    (Ok(name), EntryKind::Directory) => waiting.push(format!("{directory}/{name}")),
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
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

impl Seen {
    fn is(&self, expect: &Expect, key: &ObjectKey) -> bool {
        match (self.version(key), expect) {
            (None, Expect::Absent) => true,
            (Some(now), Expect::Version(version)) => now.etag == version.etag,
            (None, Expect::Version(_)) | (Some(_), Expect::Absent) => false,
        }
    }
}

fn version_of(task: Task<'_>, entry: &Entry, label: &str) -> Result<RemoteVersion, Error> {
    version(task.key, entry, Some(label))
        .ok_or_else(|| Error::Changed { key: task.key.clone(), what: "another thing stands there" })
}

fn describe(node: &Node, entry: &Entry) -> Described {
    let tag = if entry.kind == EntryKind::Directory { String::new() } else { entry.tag.clone() };
    Described { tag, node: *node }
}

fn torn(key: &ObjectKey) -> Error {
    Error::Changed { key: key.clone(), what: "the bytes to send are not the announced ones" }
}
