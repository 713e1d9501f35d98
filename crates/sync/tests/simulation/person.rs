//! What persons do to their folders, and to the bucket with other programs, whenever they like.
//!
//! A person who overwrites or deletes a file had seen it where they did so: that content is not at stake any more. Renaming, touching
//! and copying destroy nothing. The universe of names is small and full of names that sort around a slash, so that persons and
//! machines get into each other's way all the time.

use crate::ledger::{Aspect, Site};
use crate::mounts::POINT;
use crate::store::foreign;
use crate::tree::{self, Tree, join};
use crate::world::{Mount, State};
use bytes::Bytes;
use journal::Known;
use model::{ContentId, Kind, ObjectKey};
use plan::sync::Direction;

const DIRECTORIES: &[&str] = &["", "", "a", "a/b", "d", "a.d"];
const NAMES: &[&str] = &["a", "a.d", "b", "b-", "d", "x"];
const TEN_YEARS_NANOS: i64 = 315_360_000_000_000_000;

/// What a person may feel like doing, the more usual more often.
const MOODS: [fn(&mut Person<'_>); 32] = [
    |person| person.create(),
    |person| person.create(),
    |person| person.create(),
    |person| person.create(),
    |person| person.overwrite(),
    |person| person.overwrite(),
    |person| person.overwrite(),
    |person| person.save_anew(),
    |person| person.save_anew(),
    |person| person.overwrite_secretly(),
    |person| person.append(),
    |person| person.truncate(),
    |person| person.touch(),
    |person| person.touch(),
    |person| person.change_permissions(),
    |person| person.rename_file(),
    |person| person.rename_file(),
    |person| person.rename_over(),
    |person| person.rename_directory(),
    |person| person.rename_directory(),
    |person| person.delete(),
    |person| person.delete(),
    |person| person.delete(),
    |person| person.delete_directory(),
    |person| person.make_directory(),
    |person| person.close_directory(),
    |person| person.file_becomes_directory(),
    |person| person.directory_becomes_file(),
    |person| person.swap(),
    |person| person.copy(),
    |person| person.link(),
    |person| person.take_the_name_of_a_copy(),
];

/// A person at a machine.
struct Person<'a> {
    state: &'a mut State,
    machine: usize,
}

/// Does something at a machine, if its folder is there.
pub(crate) fn edit(state: &mut State, machine: usize) {
    if state.machines[machine].mount != Mount::There {
        return;
    }
    if state.random.chance(40) {
        write_the_same(state, machine);
    } else {
        let mood = *state.random.pick(&MOODS);
        state.count("edits");
        mood(&mut Person { state, machine });
    }
    if !state.random.chance(state.weather.unnoticed) {
        state.machines[machine].wake.notify_one();
    }
}

/// One of the files that are there before the story begins.
pub(crate) fn begin(state: &mut State) {
    Person { state, machine: 0 }.create();
}

/// Two persons come to write the same bytes at the same path.
fn write_the_same(state: &mut State, machine: usize) {
    let other = state.random.index(state.machines.len());
    let files: Vec<(String, Bytes)> = state.machines[other]
        .folder
        .files()
        .map(|(path, entry)| (path.to_owned(), entry.bytes.clone()))
        .collect();
    if files.is_empty() {
        return;
    }
    let (path, bytes) = state.random.pick(&files).clone();
    Person { state, machine }.put(&path, Kind::File, &bytes);
}

/// A new content, never seen before; one in five is of a large file.
fn compose(state: &mut State) -> Bytes {
    state.contents += 1;
    let number = state.contents;
    Bytes::from(if state.random.chance(200) {
        format!("{number:03} and more")
    } else {
        format!("{number:03}")
    })
}

fn any_path(state: &mut State) -> String {
    let is_on_a_disk = state.has_disks() && state.random.chance(300);
    let (directory, name) = (*state.random.pick(DIRECTORIES), *state.random.pick(NAMES));
    let path = join(directory, name);
    if is_on_a_disk { join(POINT, &path) } else { path }
}

impl Person<'_> {
    fn tree(&mut self) -> &mut Tree {
        &mut self.state.machines[self.machine].folder
    }

    fn now(&mut self) -> i64 {
        self.state.clock(self.machine)
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let machine = self.machine;
        self.state.note(format_args!("{machine} person {what}"));
    }

    fn any_file(&mut self) -> Option<String> {
        let files: Vec<String> = self.tree().files().map(|(path, _)| path.to_owned()).collect();
        (!files.is_empty()).then(|| self.state.random.pick(&files).clone())
    }

    fn any_directory(&mut self) -> Option<String> {
        // Nobody does anything to a directory on which a disk is mounted somewhere.
        let all =
            self.tree().entries().filter(|(path, entry)| entry.kind == Kind::Directory && *path != POINT);
        let all: Vec<String> = all.map(|(path, _)| path.to_owned()).collect();
        (!all.is_empty()).then(|| self.state.random.pick(&all).clone())
    }

    /// A path under which nothing stands, and could.
    fn free_path(&mut self) -> Option<String> {
        let path = any_path(self.state);
        let tree = self.tree();
        let is_free = tree.get(&path).is_none() && can_stand(tree, &path);
        is_free.then_some(path)
    }

    fn content(&mut self, path: &str) -> ContentId {
        self.tree().get(path).map_or(ContentId::EMPTY, |entry| entry.content)
    }

    fn wrote(&mut self, bytes: &Bytes) {
        self.state.ledger.wrote(disk::digest_of(bytes), &String::from_utf8_lossy(bytes));
    }

    /// The ledger's side of a file that is there no more.
    fn lose(&mut self, path: &str) {
        self.state.forget_crossed(Site::Machine(self.machine), path);
        let content = self.content(path);
        self.state.ledger.destroyed(content);
        self.changed(path, Aspect::Content);
    }

    fn changed(&mut self, path: &str, aspect: Aspect) {
        let site = Site::Machine(self.machine);
        self.state.ledger.changed(site, path, aspect);
        if let Some(content) = self.state.machines[self.machine].removed_aside.remove(path) {
            // A new version, from where both agreed.
            self.state.ledger.destroyed(content);
        }
        if aspect == Aspect::Content {
            self.state.ledger.revive(path);
        }
    }

    /// Whether a rule has had the machine leave a path alone since it and the bucket agreed on what it holds.
    fn rests(&self, path: &str) -> bool {
        let State { machines, bucket, .. } = &*self.state;
        let (machine, key) = (&machines[self.machine], ObjectKey::parse(path).unwrap());
        let known = machine.journal.known_at(machine.route.id, &key).unwrap();
        let here = machine.folder.get(path).map(|entry| entry.content);
        let there = bucket.get(&key).map(|stored| stored.content);
        let agreed = |known: Known| known.base.filter(|_| known.rests).map(|base| base.agreed.local.content);
        machine.leaves_alone.is_some() && here == there && known.and_then(agreed) == here
    }

    /// Puts a new file under a name, over another if need be.
    fn put(&mut self, path: &str, kind: Kind, bytes: &Bytes) {
        let is_directory = self.tree().is_directory(path);
        if is_directory || !can_stand(self.tree(), path) {
            return;
        }
        let now = self.now();
        self.note(format_args!("puts {kind:?} {path}: {bytes:?}"));
        if self.tree().get(path).is_some() {
            self.lose(path);
        }
        let mode = if kind == Kind::Symlink { 0o777 } else { 0o644 };
        self.tree().place(path, kind, bytes, mode, now).expect("it was looked at");
        self.wrote(bytes);
        self.changed(path, Aspect::Content);
    }

    fn write_into(&mut self, path: &str, bytes: &Bytes) {
        let now = self.now();
        self.note(format_args!("writes {path}: {bytes:?}"));
        self.lose(path);
        self.tree().overwrite(path, bytes, now);
        self.wrote(bytes);
        self.changed(path, Aspect::Content);
    }

    fn move_file(&mut self, from: &str, to: &str) {
        let now = self.now();
        self.state.forget_crossed(Site::Machine(self.machine), from);
        self.tree().rename(from, to, now).expect("it was looked at");
        self.changed(from, Aspect::Content);
        self.changed(to, Aspect::Content);
    }

    fn delete_file(&mut self, path: &str) {
        self.note(format_args!("deletes {path}"));
        let (content, is_last) = (self.content(path), self.is_held_alike(path));
        if self.rests(path) {
            // Only on this side, whatever comes of the rule.
            self.changed(path, Aspect::Content);
            self.state.machines[self.machine].removed_aside.insert(path.to_owned(), content);
        } else {
            self.lose(path);
        }
        self.tree().remove(path);
        if is_last {
            self.state.ledger.bury(path, content, self.machine);
        }
    }

    /// Whether this machine and the bucket hold the same at a path, have written that down, and every other machine has either the
    /// same or nothing, and none of them leads.
    fn is_held_alike(&mut self, path: &str) -> bool {
        let State { ledger, machines, bucket, .. } = &*self.state;
        let key = ObjectKey::parse(path).unwrap();
        let content = machines[self.machine].folder.get(path).map(|entry| entry.content);
        let in_bucket = bucket.get(&key).map(|stored| stored.content);
        in_bucket == content
            && machines.iter().enumerate().all(|(index, machine)| {
                let is_recorded =
                    ledger.agreement(index, path).is_some_and(|agreement| agreement.is_recorded);
                let as_agreed = |site| ledger.is_as_agreed(index, site, path, Aspect::Content);
                let agrees = is_recorded && as_agreed(Site::Machine(index)) && as_agreed(Site::Bucket);
                let is_there = machine.mount == Mount::There && !machine.has_doubts();
                let is_equal = machine.route.direction == Direction::TwoWay && machine.leaves_alone.is_none();
                let is_there = is_there && !machine.is_resyncing;
                is_there && is_equal && (machine.folder.get(path).is_none() || agrees)
            })
    }

    fn create(&mut self) {
        if let Some(path) = self.free_path() {
            let bytes = compose(self.state);
            self.put(&path, Kind::File, &bytes);
        }
    }

    /// The name under which the machine would set a version aside, just now.
    fn take_the_name_of_a_copy(&mut self) {
        let Some(path) = self.any_file() else { return };
        let label = self.state.conflict_label(self.machine);
        let copy = label.copy_of(&ObjectKey::parse(&path).unwrap()).path();
        if self.tree().get(copy.as_str()).is_none() {
            let bytes = compose(self.state);
            self.put(copy.as_str(), Kind::File, &bytes);
        }
    }

    /// Into the file as it is.
    fn overwrite(&mut self) {
        if let Some(path) = self.any_file() {
            let bytes = compose(self.state);
            self.write_into(&path, &bytes);
        }
    }

    /// As editors do: a new file takes the name.
    fn save_anew(&mut self) {
        if let Some(path) = self.any_file() {
            let bytes = compose(self.state);
            self.put(&path, Kind::File, &bytes);
        }
    }

    /// Same size, same time.
    fn overwrite_secretly(&mut self) {
        let Some(path) = self.any_file() else { return };
        let bytes = compose(self.state);
        let mtime = self.tree().get(&path).map_or(0, |entry| entry.mtime);
        self.write_into(&path, &bytes);
        let now = self.now();
        self.tree().touch(&path, mtime, now);
    }

    fn append(&mut self) {
        let Some(path) = self.any_file() else { return };
        let more = compose(self.state);
        let before = self.tree().get(&path).map_or_else(Bytes::new, |entry| entry.bytes.clone());
        self.write_into(&path, &Bytes::from([before, more].concat()));
    }

    fn truncate(&mut self) {
        if let Some(path) = self.any_file() {
            self.write_into(&path, &Bytes::new());
        }
    }

    fn touch(&mut self) {
        let Some(path) = self.any_file() else { return };
        let (now, years) = (self.now(), self.state.random.below(3));
        let mtime = now + (i64::try_from(years).unwrap() - 1) * TEN_YEARS_NANOS;
        self.note(format_args!("touches {path}"));
        self.tree().touch(&path, mtime, now);
        self.changed(&path, Aspect::Meta);
    }

    fn change_permissions(&mut self) {
        let Some(path) = self.any_file() else { return };
        if self.tree().get(&path).is_some_and(|entry| entry.kind == Kind::Symlink) {
            return;
        }
        let (mode, now) = (*self.state.random.pick(&[0o600, 0o644, 0o755]), self.now());
        self.note(format_args!("chmods {path} {mode:o}"));
        self.tree().chmod(&path, mode, now);
        self.changed(&path, Aspect::Meta);
    }

    fn rename_file(&mut self) {
        let (Some(from), Some(to)) = (self.any_file(), self.free_path()) else { return };
        if to.starts_with(&format!("{from}/")) {
            return;
        }
        self.note(format_args!("renames {from} to {to}"));
        self.move_file(&from, &to);
    }

    fn rename_over(&mut self) {
        let (Some(from), Some(to)) = (self.any_file(), self.any_file()) else { return };
        if from != to {
            self.note(format_args!("renames {from} over {to}"));
            self.lose(&to);
            self.tree().remove(&to);
            self.move_file(&from, &to);
        }
    }

    fn rename_directory(&mut self) {
        let (Some(from), Some(to)) = (self.any_directory(), self.free_path()) else { return };
        if to.starts_with(&format!("{from}/")) {
            return;
        }
        self.note(format_args!("renames directory {from} to {to}"));
        let (files, now) = (files_below(self.tree(), &from), self.now());
        for file in &files {
            self.state.forget_crossed(Site::Machine(self.machine), file);
        }
        self.tree().rename(&from, &to, now).expect("it was looked at");
        for file in files {
            self.changed(&file, Aspect::Content);
            self.changed(&format!("{to}{}", &file[from.len()..]), Aspect::Content);
        }
    }

    fn delete(&mut self) {
        if let Some(path) = self.any_file() {
            self.delete_file(&path);
        }
    }

    fn delete_directory(&mut self) {
        let Some(directory) = self.any_directory() else { return };
        for file in files_below(self.tree(), &directory) {
            self.delete_file(&file);
        }
        self.note(format_args!("deletes directory {directory}"));
        self.tree().remove(&directory);
    }

    fn make_directory(&mut self) {
        let Some(path) = self.free_path() else { return };
        self.note(format_args!("makes directory {path}"));
        let now = self.now();
        self.tree().make_directory(&path, now).expect("it was looked at");
    }

    /// Or opens it again.
    fn close_directory(&mut self) {
        let Some(path) = self.any_directory() else { return };
        let (mode, now) = (*self.state.random.pick(&[0o700, 0o755, 0o775]), self.now());
        self.note(format_args!("chmods directory {path} {mode:o}"));
        self.tree().chmod(&path, mode, now);
    }

    fn file_becomes_directory(&mut self) {
        let Some(path) = self.any_file() else { return };
        self.delete_file(&path);
        let bytes = compose(self.state);
        self.put(&join(&path, "x"), Kind::File, &bytes);
    }

    fn directory_becomes_file(&mut self) {
        let Some(path) = self.any_directory() else { return };
        for file in files_below(self.tree(), &path) {
            self.delete_file(&file);
        }
        self.tree().remove(&path);
        let bytes = compose(self.state);
        self.put(&path, Kind::File, &bytes);
    }

    fn swap(&mut self) {
        let (Some(one), Some(other)) = (self.any_file(), self.any_file()) else { return };
        if one == other {
            return;
        }
        self.note(format_args!("swaps {one} and {other}"));
        self.move_file(&one, "between");
        self.move_file(&other, &one);
        self.move_file("between", &other);
    }

    fn copy(&mut self) {
        let (Some(from), Some(to)) = (self.any_file(), self.free_path()) else { return };
        let entry = self.tree().get(&from).expect("it was listed").clone();
        self.put(&to, entry.kind, &entry.bytes);
    }

    fn link(&mut self) {
        if let Some(path) = self.free_path() {
            let target = compose(self.state);
            self.put(&path, Kind::Symlink, &target);
        }
    }
}

fn files_below(tree: &Tree, directory: &str) -> Vec<String> {
    let files = tree.below(directory).filter(|(_, entry)| entry.kind != Kind::Directory);
    files.map(|(path, _)| path.to_owned()).collect()
}

/// Whether everything above a path is a directory or could be one.
fn can_stand(tree: &Tree, path: &str) -> bool {
    tree::above(path).all(|above| tree.get(above).is_none() || tree.is_directory(above))
}

/// Somebody changes the bucket with another program.
pub(crate) fn edit_bucket(state: &mut State) {
    let keys: Vec<ObjectKey> =
        state.bucket.iter().map(|(key, _)| key.clone()).filter(|key| !key.is_directory()).collect();
    let exists = !keys.is_empty() && state.random.chance(600);
    let key =
        if exists { state.random.pick(&keys).clone() } else { ObjectKey::parse(&any_path(state)).unwrap() };
    if state.bucket.is_blocked(&key) {
        return;
    }
    state.forget_crossed(Site::Bucket, key.path().as_str());
    if let Some(stored) = state.bucket.get(&key) {
        let content = stored.content;
        state.ledger.destroyed(content);
    }
    let deletes = exists && state.random.chance(300);
    let now = state.now();
    if deletes {
        state.note(format_args!("somebody deletes {key} in the bucket"));
        state.bucket.remove(&key, now);
    } else {
        let bytes = compose(state);
        state.note(format_args!("somebody puts {key} into the bucket: {bytes:?}"));
        state.ledger.wrote(disk::digest_of(&bytes), &String::from_utf8_lossy(&bytes));
        state.bucket.write(&key, &foreign(&bytes), bytes, now);
    }
    let path = key.path();
    state.ledger.changed(Site::Bucket, path.as_str(), Aspect::Content);
    state.ledger.revive(path.as_str());
}

/// Another program writes an object about which it says nothing.
pub(crate) fn put_into_bucket(state: &mut State, key: &str, text: &str) {
    let (bytes, now) = (Bytes::copy_from_slice(text.as_bytes()), state.now());
    state.bucket.write(&ObjectKey::parse(key).unwrap(), &foreign(&bytes), bytes, now);
    state.ledger.changed(Site::Bucket, key, Aspect::Content);
}

/// Another program deletes an object.
pub(crate) fn delete_in_bucket(state: &mut State, key: &str) {
    let now = state.now();
    state.bucket.remove(&ObjectKey::parse(key).unwrap(), now);
    state.ledger.changed(Site::Bucket, key, Aspect::Content);
}
