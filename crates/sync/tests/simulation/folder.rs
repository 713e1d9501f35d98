//! A machine's folder as the engine sees it: the promises of `disk`, kept in memory.
//!
//! A handle belongs to the directory that was opened, as a file descriptor does: what is mounted over it meanwhile is not seen.

use crate::aside::is_copy_of;
use crate::ledger::{Agreement, Aspect, Site};
use crate::plant::Plant;
use crate::tree::{Begun, Entry, Obstacle, Tree, USUAL_DIRECTORY, above};
use crate::world::{Machine, Mount, Port, State, Twist, Who, World};
use bytes::Bytes;
use disk::{Error, Expect, Extent, Filter as _, Found, Identity, Problem, Reason, Survey, Surveyed};
use model::{ContentId, Kind, Meta, Mode, ObjectKey, RelPath, Stamp};
use std::io;
use std::path::PathBuf;
use sync::Local;
use sync::sides::{Keep, LeaveOut, Reading, Staging};

#[derive(Clone)]
pub(crate) struct SimFolder {
    world: World,
    who: Who,
    opened: Mount,
}

impl SimFolder {
    /// Opens what the folder's path leads to now.
    pub(crate) fn open(world: &World, who: Who) -> Result<Self, Error> {
        let opened = world.lock().machines[who.machine].mount;
        match opened {
            Mount::Gone => Err(Error::Missing { path: "folder".into() }),
            Mount::There | Mount::Beneath => Ok(Self { world: world.clone(), who, opened }),
        }
    }

    /// An operation: its way, its effect in one piece, its way back.
    async fn operate<T>(
        &self,
        what: &'static str,
        key: &str,
        effect: impl FnOnce(&mut Work<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let twist = self.world.go(self.who, Port::Disk, what, key).await;
        let outcome = {
            let mut state = self.world.lock();
            let outcome = match twist {
                Twist::None => effect(&mut Work { state: &mut state, folder: self }),
                _ => Err(trouble(what, key)),
            };
            let word = outcome.as_ref().err().map_or_else(|| "done".to_owned(), ToString::to_string);
            state.note(format_args!("{} disk {what} {key}: {word}", self.who.machine));
            outcome
        };
        self.world.come(self.who).await;
        outcome
    }
}

fn trouble(doing: &'static str, path: &str) -> Error {
    Error::Io { doing, path: path.into(), source: io::Error::from_raw_os_error(5) }
}

fn changed(path: &str) -> Error {
    Error::Changed { path: PathBuf::from(path) }
}

fn blocked(path: &str) -> impl FnOnce(Obstacle) -> Error {
    move |Obstacle::NotADirectory| Error::NotADirectory { path: PathBuf::from(path) }
}

impl Machine {
    pub(crate) fn tree(&self, mount: Mount) -> &Tree {
        if mount == Mount::There { &self.folder } else { &self.beneath }
    }

    fn tree_mut(&mut self, mount: Mount) -> &mut Tree {
        if mount == Mount::There { &mut self.folder } else { &mut self.beneath }
    }

    fn may_be_read(&self, path: &str) -> bool {
        !self.unreadable.contains(path) && above(path).all(|above| !self.unreadable.contains(above))
    }
}

/// An effect at work: the world, held.
struct Work<'a> {
    state: &'a mut State,
    folder: &'a SimFolder,
}

impl Work<'_> {
    fn index(&self) -> usize {
        self.folder.who.machine
    }

    fn machine(&self) -> &Machine {
        &self.state.machines[self.index()]
    }

    fn tree(&self) -> &Tree {
        self.machine().tree(self.folder.opened)
    }

    fn tree_mut(&mut self) -> &mut Tree {
        let index = self.index();
        self.state.machines[index].tree_mut(self.folder.opened)
    }

    fn now(&mut self) -> i64 {
        self.state.clock(self.index())
    }

    fn is_folder(&self) -> bool {
        self.folder.opened == Mount::There
    }

    /// The file or symlink at a path, if it is as expected.
    fn expected(&self, path: &str, expect: &Stamp) -> Result<Entry, Error> {
        let entry = self.tree().get(path).filter(|entry| entry.kind != Kind::Directory);
        entry.filter(|entry| entry.stamp() == *expect).cloned().ok_or_else(|| changed(path))
    }

    fn found(&self, path: &RelPath) -> Result<Found, Error> {
        let entry = self.tree().get(path.as_str()).ok_or_else(|| changed(path.as_str()))?;
        Ok(found(path, entry))
    }

    fn room(&self, doing: &'static str, path: &str) -> Result<(), Error> {
        if self.machine().is_full {
            let source = io::Error::from_raw_os_error(28);
            return Err(Error::NoSpace { doing, path: path.into(), source });
        }
        Ok(())
    }

    /// Before a path is changed.
    fn judge(&mut self, path: &str, aspect: Aspect) {
        let (index, is_folder) = (self.index(), self.is_folder());
        if is_folder {
            self.state.judge(index, Site::Machine(index), path, aspect);
        } else {
            self.state.machines[index].cycle_wrote += 1;
        }
    }

    /// After it was.
    fn changed(&mut self, path: &str, aspect: Aspect) {
        if !self.is_folder() {
            return;
        }
        let index = self.index();
        self.state.ledger.changed(Site::Machine(index), path, aspect);
    }

    /// A file arrived: if the bucket holds the same, they agree.
    fn arrived(&mut self, path: &RelPath) {
        if !self.is_folder() {
            return;
        }
        let index = self.index();
        self.state.ledger.arrived(index, path.as_str());
        let Some(what) = self.tree().get(path.as_str()).map(Entry::node) else { return };
        let ledger = &mut self.state.ledger;
        let Some(there) = self.state.bucket.get(&ObjectKey::file(path)) else {
            ledger.nothing_left(index, path.as_str());
            return;
        };
        let there = ledger.version(Site::Bucket, path.as_str()).as_far_as(&what, &there.node());
        let here = ledger.version(Site::Machine(index), path.as_str());
        ledger.agreed(index, path.as_str(), Agreement { here, there, is_recorded: false });
    }

    fn write(
        &mut self,
        path: &RelPath,
        kind: Kind,
        meta: &Meta,
        bytes: &Bytes,
        expect: Expect,
    ) -> Result<Found, Error> {
        let text = path.as_str();
        self.room("writing", text)?;
        let now = self.now();
        // Missing directories come first, and go again if nothing comes of it.
        let created = self.tree_mut().make_parents(text, now).map_err(blocked(text))?;
        let replaced = match (expect, self.tree().get(text)) {
            (Expect::Absent, None) => Ok(None),
            (Expect::Unchanged(_), Some(_)) if self.state.plants(Plant::FolderReplacesUnseen) => {
                let entry = self.tree().get(text).filter(|entry| entry.kind != Kind::Directory);
                entry.cloned().map(Some).ok_or_else(|| changed(text))
            }
            (Expect::Unchanged(stamp), Some(_)) => self.expected(text, &stamp).map(Some),
            (Expect::Absent, Some(_)) | (Expect::Unchanged(_), None) => Err(changed(text)),
        };
        let replaced = match replaced {
            Ok(replaced) => replaced,
            Err(error) => {
                created.iter().rev().for_each(|directory| self.tree_mut().remove(directory));
                return Err(error);
            }
        };
        self.judge(text, Aspect::Content);
        let kept = replaced.filter(|replaced| replaced.kind == Kind::File).map(|replaced| replaced.mode);
        let mode = match kind {
            Kind::Symlink => 0o777,
            _ => meta.mode.map(|mode| mode.without_special().bits()).or(kept).unwrap_or(0o644),
        };
        self.tree_mut().place(text, kind, bytes, mode, now).map_err(blocked(text))?;
        if let Some(mtime) = meta.mtime {
            self.tree_mut().touch(text, mtime.0, now);
        }
        self.changed(text, Aspect::Content);
        self.arrived(path);
        self.found(path)
    }

    fn make_directory(&mut self, path: &RelPath, meta: &Meta) -> Result<Found, Error> {
        let text = path.as_str();
        let now = self.now();
        self.tree_mut().make_parents(text, now).map_err(blocked(text))?;
        match self.tree().get(text).map(|entry| entry.kind) {
            None => self.tree_mut().make_directory(text, now).map_err(blocked(text))?,
            Some(Kind::Directory) => {}
            Some(Kind::File | Kind::Symlink) => return Err(changed(text)),
        }
        if let Some(mode) = meta.mode {
            self.tree_mut().chmod(text, mode.without_special().bits(), now);
        }
        self.found(path)
    }

    fn set_meta(&mut self, key: &ObjectKey, meta: &Meta, expect: &Stamp) -> Result<Found, Error> {
        let path = key.path();
        let text = path.as_str();
        let now = self.now();
        let entry = self.tree().get(text).cloned().ok_or_else(|| changed(text))?;
        if entry.kind == Kind::Directory {
            if entry.inode() != expect.inode {
                return Err(changed(text));
            }
        } else {
            self.expected(text, expect)?;
            self.judge(text, Aspect::Meta);
        }
        if let (Some(mode), Kind::File | Kind::Directory) = (meta.mode, entry.kind) {
            self.tree_mut().chmod(text, mode.without_special().bits(), now);
        }
        if let (Some(mtime), Kind::File | Kind::Symlink) = (meta.mtime, entry.kind) {
            self.tree_mut().touch(text, mtime.0, now);
        }
        if entry.kind != Kind::Directory {
            self.changed(text, Aspect::Meta);
            self.arrived(&path);
        }
        self.found(&path)
    }

    fn remove(&mut self, path: &RelPath, expect: &Stamp, keep: &Keep) -> Result<(), Error> {
        let text = path.as_str();
        if !self.state.plants(Plant::FolderRemovesUnseen) {
            self.expected(text, expect)?;
        } else if self.tree().get(text).is_none_or(|entry| entry.kind == Kind::Directory) {
            return Err(changed(text));
        }
        self.judge(text, Aspect::Content);
        let index = self.index();
        self.state.judge_resync(index, text);
        self.tree_mut().remove(text);
        self.changed(text, Aspect::Content);
        if self.state.bucket.get(&ObjectKey::file(path)).is_none() {
            self.state.ledger.nothing_left(index, text);
        }
        self.prune(path, keep);
        Ok(())
    }

    fn remove_directory(&mut self, path: &RelPath, keep: &Keep) -> Result<(), Error> {
        let text = path.as_str();
        let now = self.now();
        match self.tree().get(text).map(|entry| entry.kind) {
            None => {}
            Some(Kind::File | Kind::Symlink) => return Err(changed(text)),
            Some(Kind::Directory) => {
                self.tree_mut().sweep(Some(text));
                if self.is_folder() && self.machine().has_mounted(text) {
                    return Ok(());
                }
                if !self.tree().is_removable(text) {
                    self.tree_mut().chmod(text, USUAL_DIRECTORY, now);
                    return Ok(());
                }
                self.tree_mut().remove(text);
            }
        }
        self.prune(path, keep);
        Ok(())
    }

    fn prune(&mut self, path: &RelPath, keep: &Keep) {
        let mut directory = path.parent();
        while let Some(path) = directory.take_if(|path| !keep(path)) {
            let text = path.as_str();
            let is_mounted = self.is_folder() && self.machine().has_mounted(text);
            if self.tree().is_directory(text) && (is_mounted || !self.tree().is_removable(text)) {
                return;
            }
            if self.tree().get(text).is_some_and(|entry| entry.kind != Kind::Directory) {
                return;
            }
            self.tree_mut().remove(text);
            directory = path.parent();
        }
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath, expect: &Stamp) -> Result<Found, Error> {
        let (old, new) = (from.as_str(), to.as_str());
        let entry = self.expected(old, expect)?;
        let now = self.now();
        let created = self.tree_mut().make_parents(new, now).map_err(blocked(new))?;
        let is_taken = self.tree().get(new).is_some();
        let replaces = self.state.plants(Plant::RenameReplaces) && !self.tree().is_directory(new);
        if self.is_folder() && self.machine().are_on_two_disks(old, new) {
            created.iter().rev().for_each(|directory| self.tree_mut().remove(directory));
            let source = io::Error::from_raw_os_error(18);
            return Err(Error::Io { doing: "renaming", path: old.into(), source });
        }
        if is_taken && !replaces {
            created.iter().rev().for_each(|directory| self.tree_mut().remove(directory));
            return Err(changed(new));
        }
        let index = self.index();
        if is_copy_of(from, to) {
            self.judge_aside(from, &entry);
        } else {
            self.judge(old, Aspect::Content);
        }
        self.state.count("local renames");
        self.judge(new, Aspect::Content);
        self.tree_mut().remove(new);
        self.tree_mut().rename(old, new, now).map_err(blocked(new))?;
        self.changed(old, Aspect::Content);
        self.changed(new, Aspect::Content);
        self.state.ledger.nothing_left(index, old);
        self.arrived(to);
        let there = self.state.bucket.get(&ObjectKey::file(to));
        if there.is_none_or(|there| there.content != entry.content) {
            self.state.ledger.nothing_left(index, new);
        }
        self.found(to)
    }

    /// A conflict copy is right only if there was a conflict.
    fn judge_aside(&mut self, from: &RelPath, entry: &Entry) {
        let (index, text) = (self.index(), from.as_str());
        self.state.count("conflict copies");
        let there = self.state.bucket.get(&ObjectKey::file(from)).map(|there| (there.kind, there.content));
        let began = self.machine().cycle_began;
        let ledger = &self.state.ledger;
        // A tangle that the plan was made for may have come apart since.
        let came_apart = ledger.changed_around(began, text);
        let moved = came_apart
            || self.state.is_tangled(index, text)
            || ledger.changed_since(began, Site::Bucket, text)
            || ledger.changed_since(began, Site::Machine(index), text);
        if there == Some((entry.kind, entry.content)) && !moved {
            self.state
                .violate(format_args!("machine {index} set {text} aside, though both sides held the same"));
        }
        if !came_apart {
            self.judge(text, Aspect::Content);
        }
    }
}

fn found(path: &RelPath, entry: &Entry) -> Found {
    let is_directory = entry.kind == Kind::Directory;
    let key = if is_directory { ObjectKey::directory(path) } else { ObjectKey::file(path) };
    let size = if is_directory { 0 } else { entry.size() };
    Found { key, kind: entry.kind, size, meta: entry.meta(), stamp: entry.stamp() }
}

impl Local for SimFolder {
    type Reading = SimReading;
    type Staging = SimStaging;

    fn scan(
        &self,
        leave_out: LeaveOut,
    ) -> Result<impl Iterator<Item = Result<Found, Problem>> + Send + 'static + use<>, Error> {
        let mut state = self.world.lock();
        let rate = state.weather.disk_trouble;
        if state.random.chance(rate) {
            return Err(trouble("listing", ""));
        }
        state.note(format_args!("{} disk scan", self.who.machine));
        let mut scan = Scan { folder: self.clone(), leave_out, levels: Vec::new() };
        let top = scan.list(&state, "");
        scan.levels.push(top);
        Ok(scan)
    }

    fn identity(&self) -> Result<Identity, Error> {
        let mut state = self.world.lock();
        let moment = state.ledger.moment();
        if state.machines[self.who.machine].life == self.who.life {
            state.ledger.record(self.who.machine);
        }
        let blind = state.plants(Plant::GuardsAreOff);
        let machine = &mut state.machines[self.who.machine];
        (machine.cycle_began, machine.cycle_wrote, machine.cycle_sees) = (moment, 0, self.opened);
        let identified = if blind { Mount::There } else { self.opened };
        Ok(machine.tree(identified).identity)
    }

    fn mounts(&self) -> Result<disk::Mounts, disk::Error> {
        let state = self.world.lock();
        let is_looked_for = self.opened == Mount::There && !state.plants(Plant::DisksLookLikeDirectories);
        let machine = &state.machines[self.who.machine];
        Ok(if is_looked_for { machine.mounts() } else { disk::Mounts::default() })
    }

    async fn digest(&self, found: &Found) -> Result<ContentId, Error> {
        let path = found.key.path();
        self.operate("digest", path.as_str(), |work| work.read(&path, found).map(|entry| entry.content)).await
    }

    async fn survey(&self, found: &Found, _before: Option<Surveyed>) -> Result<Surveyed, Error> {
        let path = found.key.path();
        let entry = self.operate("survey", path.as_str(), |work| work.read(&path, found)).await?;
        let mut survey = Survey::new();
        survey.update(&entry.bytes);
        Ok(survey.finish())
    }

    async fn read(&self, found: &Found) -> Result<Bytes, Error> {
        let path = found.key.path();
        self.operate("read", path.as_str(), |work| work.read_to_send(&path, found).map(|entry| entry.bytes))
            .await
    }

    async fn open(&self, found: &Found) -> Result<SimReading, Error> {
        let path = found.key.path();
        self.operate("open", path.as_str(), |work| work.read_to_send(&path, found)).await?;
        Ok(SimReading { folder: self.clone(), found: found.clone() })
    }

    async fn write(
        &self,
        path: &RelPath,
        kind: Kind,
        meta: &Meta,
        bytes: Bytes,
        expect: Expect,
    ) -> Result<Found, Error> {
        self.operate("write", path.as_str(), |work| match kind {
            Kind::Directory => work.make_directory(path, meta),
            Kind::File | Kind::Symlink => work.write(path, kind, meta, &bytes, expect),
        })
        .await
    }

    async fn stage(&self, path: &RelPath, token: &str, _size: u64) -> Result<SimStaging, Error> {
        let text = path.as_str();
        let attempt = |work: &mut Work<'_>| work.tree_mut().begin(text, token).map_err(blocked(text));
        let begun = self.operate("stage", text, attempt).await?;
        Ok(SimStaging { folder: self.clone(), path: path.clone(), begun })
    }

    async fn set_meta(&self, key: &ObjectKey, meta: &Meta, expect: &Stamp) -> Result<Found, Error> {
        let outcome = self.operate("set meta", key.as_str(), |work| work.set_meta(key, meta, expect)).await;
        if outcome.is_err() {
            // The rest of a rename: without it, nothing is agreed upon yet.
            self.world.lock().ledger.nothing_left(self.who.machine, key.path().as_str());
        }
        outcome
    }

    async fn remove(&self, key: &ObjectKey, expect: &Stamp, keep: Keep) -> Result<(), Error> {
        self.operate("remove", key.as_str(), |work| {
            if key.is_directory() {
                work.remove_directory(&key.path(), &keep)
            } else {
                work.remove(&key.path(), expect, &keep)
            }
        })
        .await
    }

    async fn rename(&self, from: &RelPath, to: &RelPath, expect: &Stamp) -> Result<Found, Error> {
        let words = format!("{from} to {to}");
        self.operate("rename", &words, |work| work.rename(from, to, expect)).await
    }

    async fn prune(&self, path: &RelPath, keep: Keep) -> Result<(), Error> {
        self.operate("prune", path.as_str(), |work| {
            work.prune(path, &keep);
            Ok(())
        })
        .await
    }

    async fn make_durable(&self, paths: Vec<RelPath>) -> Result<(), Error> {
        let count = paths.len().to_string();
        self.operate("make durable", &count, |_| Ok(())).await
    }
}

impl Work<'_> {
    fn read_to_send(&mut self, path: &RelPath, found: &Found) -> Result<Entry, Error> {
        let machine = self.index();
        self.state.judge_reading(machine, Site::Machine(machine), path.as_str());
        self.read(path, found)
    }

    fn read(&self, path: &RelPath, found: &Found) -> Result<Entry, Error> {
        let text = path.as_str();
        if !self.machine().may_be_read(text) {
            let source = io::Error::from_raw_os_error(13);
            return Err(Error::Denied { doing: "opening", path: text.into(), source });
        }
        match found.kind {
            Kind::Directory => Ok(Entry::directory()),
            Kind::File => self
                .expected(text, &found.stamp)
                .and_then(|entry| if entry.kind == Kind::File { Ok(entry) } else { Err(changed(text)) }),
            // A symlink's target is read in one piece, whichever it is by now.
            Kind::Symlink => {
                let entry = self.tree().get(text).filter(|entry| entry.kind == Kind::Symlink);
                entry.cloned().ok_or_else(|| changed(text))
            }
        }
    }
}

/// A scan on its way, one directory per level; between two finds a person may change anything.
struct Scan {
    folder: SimFolder,
    leave_out: LeaveOut,
    levels: Vec<std::vec::IntoIter<(ObjectKey, Kind)>>,
}

impl Scan {
    fn list(&self, state: &State, directory: &str) -> std::vec::IntoIter<(ObjectKey, Kind)> {
        let tree = state.machines[self.folder.who.machine].tree(self.folder.opened);
        let mut entries: Vec<(ObjectKey, Kind)> = Vec::new();
        for (path, kind) in tree.list(directory) {
            let path = RelPath::from_key(&path).unwrap();
            if !self.leave_out.ignores(&path, kind) {
                let is_directory = kind == Kind::Directory;
                let key = if is_directory { ObjectKey::directory(&path) } else { ObjectKey::file(&path) };
                entries.push((key, kind));
            }
        }
        entries.sort();
        entries.into_iter()
    }

    fn look(&mut self, state: &State, key: &ObjectKey, kind: Kind) -> Option<Result<Found, Problem>> {
        let path = key.path();
        let machine = &state.machines[self.folder.who.machine];
        let tree = machine.tree(self.folder.opened);
        let problem = |extent| Some(Err(Problem { path: path.clone(), extent, reason: unreadable() }));
        let entry = tree.get(path.as_str())?;
        if kind != Kind::Directory {
            // Another sort belongs elsewhere in the order.
            return match entry.kind {
                Kind::Directory => problem(Extent::Subtree),
                Kind::File | Kind::Symlink => Some(Ok(found(&path, entry))),
            };
        }
        let plant = state.plants(Plant::UnreadableLooksEmpty);
        if entry.kind != Kind::Directory || (!plant && machine.unreadable.contains(path.as_str())) {
            return problem(Extent::Subtree);
        }
        let mut entries = self.list(state, path.as_str());
        if machine.unreadable.contains(path.as_str()) {
            entries = Vec::new().into_iter();
        }
        let is_usual = Mode::from_st_mode(entry.mode).is_usual_for_directory();
        let is_entry = entries.len() == 0 || !is_usual;
        let found = found(&path, entry);
        self.levels.push(entries);
        is_entry.then_some(Ok(found))
    }
}

fn unreadable() -> Reason {
    Reason::Unreadable(io::Error::from_raw_os_error(13))
}

impl Iterator for Scan {
    type Item = Result<Found, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let world = self.folder.world.clone();
        let mut state = world.lock();
        loop {
            let Some((key, kind)) = self.levels.last_mut()?.next() else {
                self.levels.pop();
                continue;
            };
            state.meddle(self.folder.who.machine);
            let outcome = self.look(&state, &key, kind);
            if outcome.is_some() {
                return outcome;
            }
        }
    }
}

pub(crate) struct SimReading {
    folder: SimFolder,
    found: Found,
}

impl Reading for SimReading {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        let path = self.found.key.path();
        let start = usize::try_from(offset).unwrap();
        let read = |work: &mut Work<'_>| {
            let entry = work.read(&path, &self.found)?;
            let end = start + length;
            if end > entry.bytes.len() {
                Err(changed(path.as_str()))
            } else {
                Ok(entry.bytes.slice(start..end))
            }
        };
        self.folder.operate("read part", path.as_str(), read).await
    }
}

/// A large file in the making. What was written stays when it is dropped, for whoever wants the same version.
pub(crate) struct SimStaging {
    folder: SimFolder,
    path: RelPath,
    begun: Begun,
}

impl SimStaging {
    async fn operate<T>(
        &self,
        what: &'static str,
        effect: impl FnOnce(&mut Work<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.folder.operate(what, self.path.as_str(), effect).await
    }
}

impl Staging for SimStaging {
    async fn begun(self) -> Result<(Self, Survey, u64), Error> {
        let bytes = self.operate("read begun", |work| Ok(work.tree().begun(self.begun).unwrap_or_default()));
        let bytes = bytes.await?;
        let mut survey = Survey::new();
        survey.update(&bytes);
        if !bytes.is_empty() {
            self.folder.world.lock().count("large downloads gone on with");
        }
        Ok((self, survey, bytes.len() as u64))
    }

    async fn discard(self) {
        let discarded = self.operate("discard", |work| {
            work.tree_mut().end(self.begun);
            Ok(())
        });
        drop(discarded.await);
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.operate("write part", |work| {
            work.room("writing", self.path.as_str())?;
            work.tree_mut().go_on(self.begun, &bytes);
            Ok(())
        })
        .await
    }

    async fn place(self, meta: &Meta, expect: Expect) -> Result<Found, Error> {
        self.operate("place", |work| {
            work.state.count("large downloads");
            let begun = work.tree().begun(self.begun);
            let bytes = begun.ok_or_else(|| trouble("putting in place", self.path.as_str()))?;
            let found = work.write(&self.path, Kind::File, meta, &bytes, expect)?;
            work.tree_mut().end(self.begun);
            Ok(found)
        })
        .await
    }
}

impl Drop for SimStaging {
    fn drop(&mut self) {
        let machine = &mut self.folder.world.lock().machines[self.folder.who.machine];
        machine.tree_mut(self.folder.opened).let_go(self.begun);
    }
}
