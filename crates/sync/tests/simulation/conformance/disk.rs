//! The folder in memory beside a real one.

use super::{kind_named, meta, name_of};
use crate::folder::SimFolder;
use crate::machine::quiet_world;
use crate::random::Random;
use crate::tree::{Tree, join, parent};
use crate::world::World;
use bytes::Bytes;
use disk::{Expect, Found};
use model::{Kind, ObjectKey, RelPath, Stamp};
use plan::ignore::IgnoreRules;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use sync::sides::{Keep, LeaveOut, Reading as _, Staging as _};
use sync::{Folder, Local};

const STORIES: u64 = 60;
const STEPS: usize = 60;
const PATHS: [&str; 8] = ["a", "a/b", "a/b/c", "a/d", "a.d", "b", "b/c", "x"];

/// What a person does to a folder.
#[derive(Clone, Debug)]
enum Deed {
    Write(String, Bytes),
    Save(String, Bytes),
    Link(String),
    MakeDirectory(String),
    Chmod(String, u32),
    Delete(String),
    Rename(String, String),
}

/// What the engine asks of a folder. Paths stand for what the last scan showed there.
#[derive(Clone, Debug)]
enum Request {
    Scan,
    Digest(String),
    Read(String),
    ReadParts(String),
    Write(String, Kind, Seen),
    Stage(String, Seen),
    SetMeta(String),
    Remove(String, Option<String>),
    Rename(String, String),
    Prune(String),
}

/// What is expected at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    AsScanned,
}

/// One of the two, and what it showed when it was scanned last.
struct Subject<L> {
    local: L,
    scanned: BTreeMap<String, Found>,
}

impl<L: Local> Subject<L> {
    fn new(local: L) -> Self {
        Self { local, scanned: BTreeMap::new() }
    }

    /// What was scanned at a path, or something that never was there.
    fn at(&self, path: &str) -> Found {
        let nowhere = || {
            let stamp = Stamp { size: 1, mtime: model::UnixNanos(1), ctime: model::UnixNanos(1), inode: 1 };
            let key = ObjectKey::parse(path).unwrap();
            Found { key, kind: Kind::File, size: 1, meta: meta(0o644, 0), stamp }
        };
        self.scanned.get(path).cloned().unwrap_or_else(nowhere)
    }

    fn expect(&self, path: &str, seen: Seen) -> Expect {
        match seen {
            Seen::Nothing => Expect::Absent,
            Seen::AsScanned => Expect::Unchanged(self.at(path).stamp),
        }
    }

    async fn ask(&mut self, request: &Request, step: usize) -> String {
        let number = i64::try_from(step).unwrap();
        let bytes = Bytes::from(format!("engine {step}"));
        let outcome = match request {
            Request::Scan => Ok(self.scan()),
            Request::Digest(path) => {
                self.local.digest(&self.at(path)).await.map(|content| content.to_string())
            }
            Request::Read(path) => self.local.read(&self.at(path)).await.map(|bytes| format!("{bytes:?}")),
            Request::ReadParts(path) => self.read_parts(path).await,
            Request::Write(path, kind, seen) => {
                let (rel, meta) = (RelPath::from_key(path).unwrap(), meta(0o640, number));
                let bytes = if *kind == Kind::Directory { Bytes::new() } else { bytes };
                let meta = if *kind == Kind::Directory {
                    model::Meta { mode: super::meta(0o755, 0).mode, ..meta }
                } else {
                    meta
                };
                let expect = self.expect(path, *seen);
                self.local.write(&rel, *kind, &meta, bytes, expect).await.map(|found| show(&found))
            }
            Request::Stage(path, seen) => self.stage(path, *seen, bytes, number).await,
            Request::SetMeta(path) => {
                let found = self.at(path);
                let meta = meta(if found.kind == Kind::Directory { 0o755 } else { 0o600 }, number);
                self.local.set_meta(&found.key, &meta, &found.stamp).await.map(|found| show(&found))
            }
            Request::Remove(path, kept) => {
                let (found, kept) = (self.at(path), kept.clone());
                let keep: Keep = Arc::new(move |path: &RelPath| kept.as_deref() == Some(path.as_str()));
                self.local.remove(&found.key, &found.stamp, keep).await.map(|()| String::new())
            }
            Request::Rename(from, to) => {
                let (old, new) = (RelPath::from_key(from).unwrap(), RelPath::from_key(to).unwrap());
                self.local.rename(&old, &new, &self.at(from).stamp).await.map(|found| show(&found))
            }
            Request::Prune(path) => {
                let path = RelPath::from_key(path).unwrap();
                self.local.prune(&path, Arc::new(|_: &RelPath| false)).await.map(|()| String::new())
            }
        };
        outcome.unwrap_or_else(|error| name_of(&error))
    }

    fn scan(&mut self) -> String {
        let found: Result<Vec<Found>, _> =
            self.local.scan(LeaveOut::new(IgnoreRules::new(&[]).unwrap())).unwrap().collect();
        let found = found.unwrap();
        let shown: Vec<String> = found.iter().map(show).collect();
        let path = |found: &Found| found.key.path().as_str().to_owned();
        self.scanned = found.into_iter().map(|found| (path(&found), found)).collect();
        shown.join("\n")
    }

    async fn read_parts(&self, path: &str) -> Result<String, disk::Error> {
        let found = self.at(path);
        if found.kind != Kind::File {
            return Ok(String::new());
        }
        let reading = self.local.open(&found).await?;
        let half = found.size / 2;
        let first = reading.read_at(0, usize::try_from(half).unwrap()).await?;
        let second = reading.read_at(half, usize::try_from(found.size - half).unwrap()).await?;
        Ok(format!("{first:?} {second:?}"))
    }

    async fn stage(&self, path: &str, seen: Seen, bytes: Bytes, number: i64) -> Result<String, disk::Error> {
        let token = if number % 3 == 0 { "one version" } else { "another version" };
        let staging = self.local.stage(&RelPath::from_key(path).unwrap(), token, 0).await?;
        let (mut staging, survey, length) = staging.begun().await?;
        let begun = format!("{length} {}", survey.finish().content);
        staging.write(bytes.slice(..3)).await?;
        staging.write(bytes.slice(3..)).await?;
        if number % 4 == 0 {
            // Left, to be gone on with.
            return Ok(begun);
        }
        if number % 5 == 0 {
            staging.discard().await;
            return Ok(begun);
        }
        let placed = staging.place(&meta(0o644, number), self.expect(path, seen)).await;
        placed.map(|found| format!("{begun} {}", show(&found)))
    }
}

/// All that does not depend on which file system it is.
fn show(found: &Found) -> String {
    let mode = found.meta.mode.filter(|_| found.kind != Kind::Symlink);
    let mtime = found.meta.mtime.filter(|_| found.kind != Kind::Directory);
    format!("{} {} {} {mode:?} {mtime:?}", found.key, kind_named(found.kind), found.size)
}

fn any(random: &mut Random) -> String {
    (*random.pick(&PATHS)).to_owned()
}

fn deed(random: &mut Random, step: usize) -> Deed {
    let bytes = Bytes::from(format!("person {step}"));
    match random.below(9) {
        0 | 1 => Deed::Write(any(random), bytes),
        2 | 3 => Deed::Save(any(random), bytes),
        4 => Deed::Link(any(random)),
        5 => Deed::MakeDirectory(any(random)),
        6 => Deed::Chmod(any(random), *random.pick(&[0o700, 0o755])),
        7 => Deed::Delete(any(random)),
        _ => Deed::Rename(any(random), any(random)),
    }
}

fn request(random: &mut Random) -> Request {
    let seen = if random.chance(500) { Seen::Nothing } else { Seen::AsScanned };
    match random.below(24) {
        0..=6 => Request::Scan,
        7 => Request::Digest(any(random)),
        8 => Request::Read(any(random)),
        9 => Request::ReadParts(any(random)),
        10..=12 => Request::Write(any(random), Kind::File, seen),
        13 => Request::Write(any(random), Kind::Symlink, seen),
        14 => Request::Write(any(random), Kind::Directory, seen),
        15 | 16 => Request::Stage(any(random), seen),
        17 | 18 => Request::SetMeta(any(random)),
        19 | 20 => {
            let keeps = random.chance(300);
            Request::Remove(any(random), keeps.then(|| any(random)))
        }
        21 | 22 => Request::Rename(any(random), any(random)),
        _ => Request::Prune(any(random)),
    }
}

/// A person at a tree in memory. What cannot be done is not done.
fn do_in_memory(tree: &mut Tree, deed: &Deed, now: i64, mtime: i64) {
    let stands = |tree: &Tree, path: &str| tree.get(path).map(|entry| entry.kind);
    let reachable = |tree: &Tree, path: &str| tree.is_directory(parent(path));
    match deed {
        Deed::Write(path, bytes) if stands(tree, path) == Some(Kind::File) => {
            tree.overwrite(path, bytes, now);
            tree.touch(path, mtime, now);
        }
        Deed::Write(path, bytes) | Deed::Save(path, bytes)
            if reachable(tree, path) && stands(tree, path) != Some(Kind::Directory) =>
        {
            if matches!(deed, Deed::Write(..)) && stands(tree, path).is_some() {
                return;
            }
            tree.place(path, Kind::File, bytes, 0o644, now).unwrap();
            tree.touch(path, mtime, now);
        }
        Deed::Link(path) if reachable(tree, path) && stands(tree, path).is_none() => {
            tree.place(path, Kind::Symlink, &Bytes::from_static(b"elsewhere"), 0o777, now).unwrap();
            tree.touch(path, mtime, now);
        }
        Deed::MakeDirectory(path) if reachable(tree, path) && stands(tree, path).is_none() => {
            tree.make_directory(path, now).unwrap();
        }
        Deed::Chmod(path, mode) if !matches!(stands(tree, path), None | Some(Kind::Symlink)) => {
            tree.chmod(path, *mode, now);
        }
        Deed::Delete(path) if stands(tree, path).is_some() => tree.remove(path),
        Deed::Rename(from, to)
            if stands(tree, from).is_some()
                && stands(tree, to).is_none()
                && reachable(tree, to)
                && !to.starts_with(&join(from, "")) =>
        {
            tree.rename(from, to, now).unwrap();
        }
        _ => {}
    }
}

/// The same person at a real folder, with ordinary calls.
fn do_really(top: &Path, deed: &Deed, mtime: SystemTime) {
    let kind = |path: &PathBuf| fs::symlink_metadata(path).ok().map(|data| data.file_type());
    let is_file = |path: &PathBuf| kind(path).is_some_and(|kind| kind.is_file());
    let is_directory = |path: &PathBuf| kind(path).is_some_and(|kind| kind.is_dir());
    let reachable = |path: &PathBuf| is_directory(&path.parent().unwrap().to_owned());
    let set_time = |path: &PathBuf| fs::File::open(path).unwrap().set_modified(mtime).unwrap();
    let at = |path: &String| top.join(path);
    match deed {
        Deed::Write(path, bytes)
            if is_file(&at(path)) || (kind(&at(path)).is_none() && reachable(&at(path))) =>
        {
            fs::write(at(path), bytes).unwrap();
            set_time(&at(path));
        }
        Deed::Save(path, bytes) if reachable(&at(path)) && !is_directory(&at(path)) => {
            let beside = top.with_extension("beside");
            fs::write(&beside, bytes).unwrap();
            set_time(&beside);
            fs::rename(&beside, at(path)).unwrap();
        }
        Deed::Link(path) if reachable(&at(path)) && kind(&at(path)).is_none() => {
            symlink("elsewhere", at(path)).unwrap();
        }
        Deed::MakeDirectory(path) if reachable(&at(path)) && kind(&at(path)).is_none() => {
            fs::create_dir(at(path)).unwrap();
        }
        Deed::Chmod(path, mode) if is_file(&at(path)) || is_directory(&at(path)) => {
            fs::set_permissions(at(path), fs::Permissions::from_mode(*mode)).unwrap();
        }
        Deed::Delete(path) if is_directory(&at(path)) => fs::remove_dir_all(at(path)).unwrap(),
        Deed::Delete(path) if kind(&at(path)).is_some() => fs::remove_file(at(path)).unwrap(),
        Deed::Rename(from, to)
            if kind(&at(from)).is_some()
                && kind(&at(to)).is_none()
                && reachable(&at(to))
                && !to.starts_with(&join(from, "")) =>
        {
            fs::rename(at(from), at(to)).unwrap();
        }
        _ => {}
    }
}

fn shown_in_memory(tree: &Tree) -> Vec<String> {
    tree.entries()
        .map(|(path, entry)| {
            format!(
                "{path} {} {:o} {:?}",
                kind_named(entry.kind),
                mode(entry.kind, entry.mode),
                text(entry.kind, &entry.bytes)
            )
        })
        .collect()
}

fn mode(kind: Kind, mode: u32) -> u32 {
    if kind == Kind::Symlink { 0 } else { mode & 0o7777 }
}

fn text(kind: Kind, bytes: &[u8]) -> String {
    if kind == Kind::Directory { String::new() } else { String::from_utf8_lossy(bytes).into_owned() }
}

fn shown_really(top: &Path, below: &str, shown: &mut Vec<String>) {
    for entry in fs::read_dir(top.join(below)).unwrap() {
        let path = join(below, entry.unwrap().file_name().to_str().unwrap());
        let full = top.join(&path);
        if path.contains(disk::TEMPORARY_PREFIX) {
            continue;
        }
        let data = fs::symlink_metadata(&full).unwrap();
        let (kind, bytes) = if data.is_dir() {
            (Kind::Directory, Vec::new())
        } else if data.is_symlink() {
            (Kind::Symlink, fs::read_link(&full).unwrap().to_str().unwrap().as_bytes().to_vec())
        } else {
            (Kind::File, fs::read(&full).unwrap())
        };
        shown.push(format!(
            "{path} {} {:o} {:?}",
            kind_named(kind),
            mode(kind, data.mode()),
            text(kind, &bytes)
        ));
        if data.is_dir() {
            shown_really(top, &path, shown);
        }
    }
    shown.sort();
}

/// Lets the file system's clock tick, so that a change of permissions or of a name alone shows.
fn tick(probe: &Path) {
    let ctime = || {
        fs::write(probe, "").unwrap();
        let data = fs::metadata(probe).unwrap();
        (data.ctime(), data.ctime_nsec())
    };
    let before = ctime();
    while ctime() == before {
        std::thread::sleep(Duration::from_micros(200));
    }
}

async fn tell(seed: u64) {
    let mut random = Random::new(seed);
    let place = tempfile::tempdir().unwrap();
    let top = place.path().join("folder");
    fs::create_dir(&top).unwrap();
    let mut real = Subject::new(Folder::open(&top).unwrap());
    let (world, who): (World, _) = quiet_world();
    let mut fake = Subject::new(SimFolder::open(&world, who).unwrap());
    let mut story = Vec::new();
    for step in 0..STEPS {
        if random.chance(400) {
            let deed = deed(&mut random, step);
            story.push(format!("{deed:?}"));
            let seconds = 1_500_000_000 + i64::try_from(step).unwrap();
            let mtime = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.cast_unsigned());
            tick(&place.path().join("probe"));
            do_really(&top, &deed, mtime);
            let mut state = world.lock();
            let now = state.clock(0);
            do_in_memory(&mut state.machines[0].folder, &deed, now, seconds * 1_000_000_000);
        } else {
            let request = request(&mut random);
            story.push(format!("{request:?}"));
            let (told, known) = (fake.ask(&request, step).await, real.ask(&request, step).await);
            // A symlink's own time cannot be set by ordinary calls.
            let comparable = |text: &str| {
                text.lines().filter(|line| !line.contains(" symlink ")).collect::<Vec<_>>().join("\n")
            };
            assert_eq!(
                comparable(&told),
                comparable(&known),
                "seed {seed}, the fake (left) and the real folder:\n{}",
                story.join("\n")
            );
        }
        let mut really = Vec::new();
        shown_really(&top, "", &mut really);
        let mut in_memory = shown_in_memory(&world.lock().machines[0].folder);
        in_memory.sort();
        assert_eq!(
            in_memory,
            really,
            "seed {seed}, the fake (left) and the real folder:\n{}",
            story.join("\n")
        );
    }
}

#[test]
fn the_folder_in_memory_answers_as_a_real_one_does() {
    // Reading a file that changed only just now takes a moment: many wait side by side.
    std::thread::scope(|scope| {
        for seed in 0..STORIES {
            scope.spawn(move || {
                sync::threads::run_inline();
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
                runtime.unwrap().block_on(tell(seed));
            });
        }
    });
}
