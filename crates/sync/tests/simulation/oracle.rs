//! What must be true once the faults have stopped and the machines have had their time.

use crate::tree::Entry;
use crate::world::{Machine, State};
use model::{Kind, Mode, ObjectKey, UnixNanos};
use plan::sync::Direction;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A tree as it is compared: files with everything that travels, directories that say something of their own.
type Shown = BTreeMap<String, String>;

/// Everything that is wrong.
pub(crate) fn judge(state: &State) -> Vec<String> {
    let mut wrong = state.ledger.violations().to_vec();
    nothing_is_lost(state, &mut wrong);
    nothing_is_made_up(state, &mut wrong);
    all_sides_are_equal(state, &mut wrong);
    sides_that_follow_have_all(state, &mut wrong);
    nothing_comes_back(state, &mut wrong);
    wrong
}

fn nothing_is_lost(state: &State, wrong: &mut Vec<String>) {
    for (content, text) in state.ledger.at_stake() {
        let is_on_a_machine = state.machines.iter().any(|machine| machine.holds(content));
        if !is_on_a_machine && !state.bucket.iter().any(|(_, stored)| stored.content == content) {
            wrong.push(format!("`{text}` is lost: it was written, and nobody who had it did away with it"));
        }
    }
}

fn nothing_is_made_up(state: &State, wrong: &mut Vec<String>) {
    for (index, machine) in state.machines.iter().enumerate() {
        for (path, entry) in machine.folder.files() {
            if !state.ledger.is_known(entry.content) {
                wrong.push(format!("machine {index} holds {:?} at {path}, which nobody wrote", entry.bytes));
            }
        }
    }
}

fn all_sides_are_equal(state: &State, wrong: &mut Vec<String>) {
    let bucket = bucket(state);
    let two_way = |machine: &Machine| machine.route.direction == Direction::TwoWay;
    let Some(first) = state.machines.iter().position(two_way) else { return };
    for (index, machine) in state.machines.iter().enumerate().filter(|(_, machine)| two_way(machine)) {
        let shown = as_far_as_told(state, &folder(machine.folder.entries()), &bucket);
        let equal = as_far_as_told(state, &folder(state.machines[first].folder.entries()), &bucket);
        if let Some(difference) = difference(&shown, &equal) {
            wrong.push(format!("machine {index} and machine {first} differ: {difference}"));
        }
        let files = |shown: &Shown| {
            shown
                .iter()
                .filter(|(path, _)| !path.ends_with('/'))
                .map(|(path, what)| (path.clone(), what.clone()))
                .collect()
        };
        let (files, in_bucket): (Shown, Shown) =
            (files(&shown), files(&as_far_as_told(state, &bucket, &bucket)));
        if let Some(difference) = difference(&files, &in_bucket) {
            wrong.push(format!("machine {index} and the bucket differ: {difference}"));
        }
        for directory in shown.keys().filter(|path| path.ends_with('/') && !bucket.contains_key(*path)) {
            wrong.push(format!("the bucket lacks the directory {directory} of machine {index}"));
        }
    }
}

/// A side that follows has all of the other one, but for what was told; what it has beyond is its own.
fn sides_that_follow_have_all(state: &State, wrong: &mut Vec<String>) {
    let bucket = bucket(state);
    for (index, machine) in state.machines.iter().enumerate() {
        let pushes = machine.route.direction == Direction::Push;
        let words = |what: &str| what.split(" at ").next().map(str::to_owned);
        let told = |shown: &Shown| as_far_as_told(state, shown, &bucket);
        let (here, there) = (told(&folder(machine.folder.entries())), told(&bucket));
        let (leads, follows) = match machine.route.direction {
            Direction::TwoWay => continue,
            Direction::Push => (here, there),
            Direction::Pull => (there, here),
        };
        for (path, what) in leads.iter().filter(|(path, _)| !machine.left.contains(*path)) {
            let is_below = |key: &String| path.ends_with('/') && key.starts_with(path);
            let there = follows.get(path);
            // Several machines may lead to the bucket: time and permissions are those of one of them.
            let is_meant = |there: &String| there == what || pushes && words(there) == words(what);
            let holds = follows.keys().any(is_below) || there.is_some_and(is_meant);
            if !holds {
                wrong.push(format!("machine {index} does not follow: {path}: {what}, and {there:?}"));
            }
        }
    }
}

/// A foreign client says nothing about permissions, and then they are not compared; nor is what a listing could not tell.
fn as_far_as_told(state: &State, shown: &Shown, in_bucket: &Shown) -> Shown {
    let told = |(path, what): (&String, &String)| {
        let has_mode =
            in_bucket.get(path).is_none_or(|there| there.contains(" mode ") || path.ends_with('/'));
        let end = match (state.ledger.is_blind(path), has_mode) {
            (true, _) => {
                let bytes = what.split(" at ").next().unwrap();
                return (
                    path.clone(),
                    bytes.trim_start_matches("symlink ").trim_start_matches("file ").to_owned(),
                );
            }
            (false, false) => " mode ",
            (false, true) => return (path.clone(), what.clone()),
        };
        (path.clone(), what.split(end).next().unwrap().to_owned())
    };
    shown.iter().map(told).collect()
}

fn folder<'a>(entries: impl Iterator<Item = (&'a str, &'a Entry)>) -> Shown {
    let entries: BTreeMap<&str, &Entry> = entries.collect();
    let is_empty = |path: &str| {
        let below = format!("{path}/");
        !entries.keys().any(|other| other.starts_with(&below))
    };
    let mut shown = Shown::new();
    for (path, entry) in &entries {
        match entry.kind {
            Kind::Directory => {
                let mode = Mode::from_st_mode(entry.mode);
                if is_empty(path) || !mode.is_usual_for_directory() {
                    shown.insert(format!("{path}/"), format!("directory {:o}", entry.mode));
                }
            }
            Kind::File => {
                let mode = Some(entry.mode);
                shown.insert((*path).to_owned(), describe("file", &entry.bytes, entry.mtime, mode));
            }
            Kind::Symlink => {
                shown.insert((*path).to_owned(), describe("symlink", &entry.bytes, entry.mtime, None));
            }
        }
    }
    shown
}

fn bucket(state: &State) -> Shown {
    let mut shown = Shown::new();
    for (key, stored) in state.bucket.iter() {
        let object = stored.object();
        let mtime = object.meta.mtime.map_or(0, |UnixNanos(nanos)| nanos);
        let mode = object.meta.mode.map(|mode| mode.without_special().bits());
        let what = match object.kind {
            Kind::Directory => "directory".to_owned(),
            Kind::File => describe("file", &stored.bytes, mtime, mode),
            Kind::Symlink => describe("symlink", &stored.bytes, mtime, None),
        };
        shown.insert(key.as_str().to_owned(), what);
    }
    shown
}

fn describe(kind: &str, bytes: &[u8], mtime: i64, mode: Option<u32>) -> String {
    let mut text = format!("{kind} {:?} at {mtime}", String::from_utf8_lossy(bytes));
    if let Some(mode) = mode {
        write!(text, " mode {mode:o}").unwrap();
    }
    text
}

fn difference(one: &Shown, other: &Shown) -> Option<String> {
    let keys = one.keys().chain(other.keys());
    let mut differing = keys.filter(|key| one.get(*key) != other.get(*key));
    differing.next().map(|key| format!("{key}: {:?} and {:?}", one.get(key), other.get(key)))
}

fn nothing_comes_back(state: &State, wrong: &mut Vec<String>) {
    for (path, content, who) in state.ledger.buried() {
        let is_it = |entry: &Entry| entry.kind != Kind::Directory && entry.content == content;
        let stands = |entry: Option<&Entry>| entry.is_some_and(is_it);
        let on_a_machine = state.machines.iter().any(|machine| stands(machine.folder.get(path)));
        let in_bucket = state.bucket.get(&ObjectKey::parse(path).unwrap());
        if on_a_machine || in_bucket.is_some_and(|stored| stored.content == content) {
            wrong.push(format!(
                "{path} was deleted on machine {who}, nobody changed it elsewhere, and it came back"
            ));
        }
    }
}
