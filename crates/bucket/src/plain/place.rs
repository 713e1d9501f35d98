//! Bringing a file of a plain tree from transit to its place, with its sidecar.
//!
//! A file comes to its name whole, by a rename. When one is replaced, its sidecar comes first and describes both versions. When one is
//! created, the sidecar follows, so that of two machines that create the same file, the one that comes too late leaves no trace. On a
//! disk, which never puts one over another by mistake, it comes first here too: nobody sees the file without it. So does a symlink's
//! everywhere, since until it is there, the target's text would be a file.
//!
//! Both are written and flushed before either is moved, so that two waits for the medium are all that a new file takes. A power cut may
//! leave one name without the other: a sidecar of nothing, which is ignored, or a file that seems to be a person's, until it is compared.

use super::incoming::Draft;
use super::sidecar::{self, Described, Sidecar};
use super::store::{Entry, EntryKind, Failure, Move, Onto};
use super::{Plain, Seen, version};
use crate::{Cause, Error, Expect, Honoured};
use model::{Kind, Node, ObjectKey, RemoteVersion};

/// One file to be changed.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) place: &'a str,
    pub(super) node: &'a Node,
}

impl Plain {
    /// Whether a file's sidecar is written before it is known that there is room for it: only creating it is decided by the store.
    pub(super) fn is_described_ahead(&self, task: Task<'_>, expect: &Expect) -> bool {
        let is_new = *expect == Expect::Absent && task.node.kind != Kind::Symlink;
        is_new && self.inner.store.moves_keep_tags()
    }

    /// Moves what was written to its place, with its sidecar, which may be written already if it is described ahead.
    pub(super) async fn place(
        &self,
        task: Task<'_>,
        draft: Draft,
        sidecar: Option<Draft>,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        let path = draft.path.clone();
        let placed = self.try_place(task, draft, sidecar, expect).await;
        if let Ok(Some(version)) = placed {
            return Ok(version);
        }
        self.give_up(&path).await;
        placed?;
        self.settle(task).await
    }

    /// `None`: something else than expected stands there.
    async fn try_place(
        &self,
        task: Task<'_>,
        mut draft: Draft,
        sidecar: Option<Draft>,
        expect: &Expect,
    ) -> Result<Option<RemoteVersion>, Error> {
        if draft.entry.size != task.node.size {
            if let Some(sidecar) = sidecar {
                self.give_up(&sidecar.path).await;
            }
            let source = Cause::new(format!("{} of {} bytes arrived", draft.entry.size, task.node.size));
            return Err(self.failed("write", Some(task.key), Failure::Other(source)));
        }
        if self.is_described_ahead(task, expect) {
            return self.place_new(task, draft, sidecar).await;
        }
        let Some(seen) = self.find_room(task, expect).await? else { return Ok(None) };
        let entry = draft.entry.clone();
        let is_new = *expect == Expect::Absent && task.node.kind != Kind::Symlink;
        let label =
            if is_new { None } else { Some(self.describe_ahead(task, &mut draft, seen.described()).await?) };
        let onto = if *expect == Expect::Absent { Onto::Nothing } else { Onto::File };
        let placed = match self.inner.store.flush(draft.dirty).await {
            Ok(()) => self.place_all(&[Move { from: &draft.path, to: task.place, onto }]).await,
            failed => failed,
        };
        match placed {
            Ok(()) => self.describe_placed(task, entry, label).await.map(Some),
            Err(Failure::Exists) => Ok(None),
            Err(failure) => Err(self.failed("write", Some(task.key), failure)),
        }
    }

    /// A new file on a store where its sidecar can be written before it has its name.
    async fn place_new(
        &self,
        task: Task<'_>,
        draft: Draft,
        sidecar: Option<Draft>,
    ) -> Result<Option<RemoteVersion>, Error> {
        let failed = |failure| self.failed("write", Some(task.key), failure);
        let sidecar = if let Some(sidecar) = sidecar {
            sidecar
        } else {
            let described = vec![describe(task.node, &draft.entry)];
            self.draft_sidecar(task.place, described).await.map_err(failed)?
        };
        let placed = match self.inner.store.flush(draft.dirty.and(sidecar.dirty)).await {
            Ok(()) => self.place_both(task, &draft.path, &sidecar.path).await,
            Err(failure) => Err(failed(failure)),
        };
        if matches!(placed, Ok(true)) {
            return version_of(task, &draft.entry, &sidecar.entry.tag).map(Some);
        }
        if self.has_left(&sidecar.path).await && !self.has_left(&draft.path).await {
            self.remove_sidecar(task.place).await.map_err(failed)?;
        }
        self.give_up(&sidecar.path).await;
        placed.map(|_| None)
    }

    /// Whether nothing stood there.
    async fn place_both(&self, task: Task<'_>, path: &str, sidecar: &str) -> Result<bool, Error> {
        let target = sidecar::path(task.place);
        let content = Move { from: path, to: task.place, onto: Onto::Nothing };
        let ahead = Move { from: sidecar, to: &target, onto: Onto::Nothing };
        // Where the store itself tells, there is no need to look before it does.
        let is_told = self.inner.store.creates_exclusively() == Honoured::Yes;
        let mut placed = if is_told { self.place_all(&[ahead, content]).await } else { Err(Failure::Exists) };
        if matches!(placed, Err(Failure::Exists)) {
            // A file of somebody's, an empty directory, or a sidecar of nothing.
            if self.find_room(task, &Expect::Absent).await?.is_none() {
                return Ok(false);
            }
            // To its own name if it is there already, so that its directory is flushed.
            let is_ahead = is_told && self.has_left(sidecar).await;
            let from = if is_ahead { &target } else { sidecar };
            placed = self.place_all(&[content, Move { from, to: &target, onto: Onto::File }]).await;
        }
        match placed {
            Ok(()) => Ok(true),
            Err(Failure::Exists) => Ok(false),
            Err(failure) => Err(self.failed("write", Some(task.key), failure)),
        }
    }

    /// Whether something in transit has got its name. Its tag would not tell: what is written at the same moment has the same one.
    async fn has_left(&self, path: &str) -> bool {
        matches!(self.inner.store.stat(path).await, Err(Failure::NotFound))
    }

    /// Puts a sidecar in place that describes a file before it has its name, beside what it replaces. Returns the sidecar's tag.
    async fn describe_ahead(
        &self,
        task: Task<'_>,
        draft: &mut Draft,
        replaced: Option<&Described>,
    ) -> Result<String, Error> {
        let described = [describe(task.node, &draft.entry)].into_iter().chain(replaced.cloned()).collect();
        let written = async {
            let mut sidecar = self.draft_sidecar(task.place, described).await?;
            sidecar.dirty = sidecar.dirty.and(std::mem::take(&mut draft.dirty));
            self.place_sidecar(task.place, sidecar).await
        };
        written.await.map_err(|failure| self.failed("write", Some(task.key), failure))
    }

    /// Writes the sidecar of what was just moved to its place, unless the one labelled `label` holds.
    pub(super) async fn describe_placed(
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
            self.write_sidecar(task.place, vec![describe(task.node, &placed)]).await.map_err(failed)?
        };
        version_of(task, &placed, &label)
    }

    /// Looks whether what stands there is as expected, and takes an empty directory out of the way. `None`: it is not.
    async fn find_room(&self, task: Task<'_>, expect: &Expect) -> Result<Option<Seen>, Error> {
        let seen = self.look(task.place, task.key).await?;
        if !seen.is(expect, task.key) {
            return Ok(None);
        }
        if seen.entry.as_ref().is_some_and(|entry| entry.kind == EntryKind::Directory) {
            let cleared = self.clear_way(task.place).await;
            cleared.map_err(|failure| self.failed("write", Some(task.key), failure))?;
        }
        Ok(Some(seen))
    }

    /// Something else than expected stands there: either someone else was faster, or we were, and did not hear of it.
    pub(super) async fn settle(&self, task: Task<'_>) -> Result<RemoteVersion, Error> {
        let changed = |what| Err(Error::Changed { key: task.key.clone(), what });
        match self.look(task.place, task.key).await?.object(task.key) {
            Some(found) if found.is_written(task.node) => Ok(found.version),
            Some(_) => changed("another version stands there"),
            None => changed("it is gone"),
        }
    }

    /// Writes a sidecar and returns its tag.
    pub(super) async fn write_sidecar(
        &self,
        place: &str,
        described: Vec<Described>,
    ) -> Result<String, Failure> {
        let sidecar = self.draft_sidecar(place, described).await?;
        self.place_sidecar(place, sidecar).await
    }

    async fn draft_sidecar(&self, place: &str, described: Vec<Described>) -> Result<Draft, Failure> {
        self.draft(Sidecar::new(described).encode(place).into(), None).await
    }

    async fn place_sidecar(&self, place: &str, draft: Draft) -> Result<String, Failure> {
        let path = sidecar::path(place);
        let placed = async {
            self.inner.store.flush(draft.dirty).await?;
            self.place_all(&[Move { from: &draft.path, to: &path, onto: Onto::File }]).await?;
            if self.inner.store.moves_keep_tags() {
                return Ok(draft.entry.tag);
            }
            Ok(self.inner.store.stat(&path).await?.tag)
        };
        let tag = placed.await;
        if tag.is_err() {
            self.give_up(&draft.path).await;
        }
        tag
    }

    /// Gives files their names, for good.
    pub(super) async fn place_all(&self, moves: &[Move<'_>]) -> Result<(), Failure> {
        let dirty = self.inner.store.place(moves).await?;
        self.inner.store.flush(dirty).await
    }

    /// Takes away empty directories that stand where a file belongs: what WebDAV leaves of a directory whose files were deleted.
    async fn clear_way(&self, path: &str) -> Result<(), Failure> {
        let blocked = || Failure::Blocked(Cause::new("a directory stands there"));
        if self.inner.store.prunes_safely() {
            return self.inner.store.remove_directory(path).await.map_err(|_| blocked());
        }
        // Out of everybody's way first, so that nothing can be put into it between the look and its end.
        let aside = self.incoming();
        self.place_all(&[Move { from: path, to: &aside, onto: Onto::Nothing }]).await?;
        if self.is_hollow(&aside).await? {
            return self.inner.store.remove(&aside).await.map(drop);
        }
        self.place_all(&[Move { from: &aside, to: path, onto: Onto::Nothing }]).await?;
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
}

impl Seen {
    pub(super) fn is(&self, expect: &Expect, key: &ObjectKey) -> bool {
        match (self.version(key), expect) {
            (None, Expect::Absent) => true,
            (Some(_), Expect::Absent) if self.is_bare(key) => true,
            (Some(now), Expect::Version(version)) => now.etag == version.etag,
            (None, Expect::Version(_)) | (Some(_), Expect::Absent) => false,
        }
    }
}

pub(super) fn version_of(task: Task<'_>, entry: &Entry, label: &str) -> Result<RemoteVersion, Error> {
    version(task.key, entry, Some(label))
        .ok_or_else(|| Error::Changed { key: task.key.clone(), what: "another thing stands there" })
}

pub(super) fn describe(node: &Node, entry: &Entry) -> Described {
    let tag = if entry.kind == EntryKind::Directory { String::new() } else { entry.tag.clone() };
    Described { tag, node: *node }
}
