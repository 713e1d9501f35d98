//! Which pairs are found.

use super::*;
use crate::testing::{Scratch, entry, route_to};
use crate::{Change, LocalSeen, RemoteSeen, Sighting};
use model::{BaseEntry, UnixNanos};

fn here(key: &str, number: u64) -> Change {
    let entry = entry(key, number);
    Change::See(Sighting::Local(entry.key, Some(LocalSeen { node: entry.agreed.local, stamp: entry.stamp })))
}

fn gone(key: &str) -> Change {
    Change::See(Sighting::Local(ObjectKey::parse(key).unwrap(), None))
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

#[test]
fn a_renamed_file_is_found_by_its_content() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let changes = [
        Change::Agree(entry("old", 1)),
        Change::Agree(entry("stays", 2)),
        gone("old"),
        here("new", 1),
        here("other", 3),
        here("copy", 2),
        // As after a cycle that could not delete it.
        Change::LocalOver(key("old")),
    ];
    journal.record(route, &changes).unwrap();
    assert_eq!(journal.find_moves(route, MovedOn::Local).unwrap().moved, 1);
    assert_eq!(journal.find_moves(route, MovedOn::Remote).unwrap(), Moves::default());
    let from = |target| journal.origin(route, MovedOn::Local, &key(target)).unwrap();
    assert_eq!(from("new"), Some(Origin::Left(key("old"))));
    assert_eq!(from("other"), None);
    assert_eq!(from("copy"), None, "a copy of what stays is no move");
}

#[test]
fn of_equal_files_each_keeps_its_name_and_none_is_taken_twice() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let changes = [
        Change::Agree(entry("a/one", 1)),
        Change::Agree(entry("a/two", 1)),
        gone("a/one"),
        gone("a/two"),
        here("b/two", 1),
        here("b/three", 1),
        here("b/four", 1),
    ];
    journal.record(route, &changes).unwrap();
    assert_eq!(journal.find_moves(route, MovedOn::Local).unwrap().moved, 2);
    let from = |target| journal.origin(route, MovedOn::Local, &key(target)).unwrap();
    let origins: Vec<Origin> = ["b/two", "b/three", "b/four"].into_iter().filter_map(from).collect();
    assert_eq!(origins.len(), 2);
    assert_ne!(origins[0], origins[1]);
}

/// A store tells of the new names of a directory before it tells that the old ones are gone.
#[test]
fn a_move_that_comes_in_two_halves_is_told_by_what_is_kept() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let there = |name: &str, number| {
        let entry = entry(name, number);
        let seen = RemoteSeen { node: entry.agreed.remote, version: entry.version };
        Change::See(Sighting::Remote(entry.key, Some(seen)))
    };
    let first = [
        Change::Agree(entry("old/a", 1)),
        Change::Agree(entry("old/b", 2)),
        there("new/a", 1),
        there("x", 3),
    ];
    journal.record(route, &first).unwrap();
    assert_eq!(journal.find_moves(route, MovedOn::Remote).unwrap(), Moves { copied: 1, ..Moves::default() });
    let origin = |target| journal.origin(route, MovedOn::Remote, &key(target)).unwrap();
    assert_eq!(origin("new/a"), Some(Origin::Stays(key("old/a"))));
    assert_eq!(origin("x"), None);

    let gone = |name: &str| Change::See(Sighting::Remote(key(name), None));
    let second = [Change::Agree(entry("new/a", 1)), gone("old/a"), gone("old/b")];
    journal.record(route, &second).unwrap();
    assert_eq!(journal.find_moves(route, MovedOn::Remote).unwrap(), Moves::default());
    let gone = [key("old/a"), key("old/b")];
    assert_eq!(journal.count_kept(route, MovedOn::Remote, &gone).unwrap(), 1, "and `old/b` is lost");

    journal.record(route, &[Change::See(Sighting::Remote(key("new/a"), None))]).unwrap();
    journal.find_moves(route, MovedOn::Remote).unwrap();
    assert_eq!(
        journal.count_kept(route, MovedOn::Remote, &gone).unwrap(),
        0,
        "what goes as well keeps nothing"
    );
}

/// `a` and `b` held the same; `a` is gone from one side, and `b` has other content on the other. What was moved from one to the other has its inode here, and there its time.
#[test]
fn a_content_that_would_be_left_nowhere_is_told() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let of = |name: &str, inode, mtime| {
        let mut entry = entry(name, 1);
        entry.stamp.inode = inode;
        entry.agreed.local.meta.mtime = Some(UnixNanos(mtime));
        entry.agreed.remote.meta.mtime = Some(UnixNanos(mtime));
        entry
    };
    let moved = of("b", 11, 1);
    let seen_here = |entry: BaseEntry| LocalSeen { node: entry.agreed.local, stamp: entry.stamp };
    let here = |entry: BaseEntry| Change::See(Sighting::Local(entry.key.clone(), Some(seen_here(entry))));
    let came_by_inode = [here(moved.clone()), Change::Stamped(moved.key.clone(), moved.stamp)];
    let seen = RemoteSeen { node: moved.agreed.remote, version: moved.version };
    let came_with_time = Change::See(Sighting::Remote(moved.key, Some(seen)));
    let lacks = |name| Change::See(Sighting::Remote(key(name), None));
    let none = Change::Forget(key("c"));
    let edited = entry("b", 7);
    let here_other = here(edited.clone());
    let seen = RemoteSeen { node: edited.agreed.remote, version: edited.version };
    let other_there = Change::See(Sighting::Remote(key("b"), Some(seen)));
    let table = [
        (MovedOn::Local, [&none, &gone("a"), &other_there], vec![]),
        (MovedOn::Local, [&came_by_inode[0], &gone("a"), &other_there], vec!["a b"]),
        (MovedOn::Local, [&came_by_inode[1], &gone("a"), &other_there], vec!["a b"]),
        (MovedOn::Local, [&here(of("b", 22, 33)), &gone("a"), &other_there], vec![]),
        (MovedOn::Local, [&came_by_inode[1], &gone("a"), &none], vec![]),
        (MovedOn::Local, [&gone("b"), &gone("a"), &other_there], vec![]),
        (MovedOn::Remote, [&none, &lacks("a"), &here_other], vec![]),
        (MovedOn::Remote, [&came_with_time, &lacks("a"), &here_other], vec!["a b"]),
    ];
    for (on, changes, expected) in table {
        let before = [of("a", 11, 1), of("b", 22, 2)].map(Change::Agree);
        let changes: Vec<Change> = changes.into_iter().cloned().collect();
        let crossed = |also: Change| {
            journal.record(route, &[&before[..], &[also], &changes].concat()).unwrap();
            let crossed = journal.find_moves(route, on).unwrap().crossed;
            crossed.iter().map(|one| format!("{} {}", one.left, one.key)).collect::<Vec<_>>()
        };
        assert_eq!(
            crossed(Change::Agree(entry("c", 1))),
            [""; 0],
            "a third name keeps it: {on:?} {changes:?}"
        );
        assert_eq!(crossed(none.clone()), expected, "{on:?} {changes:?}");
    }
}

/// Two people delete one of two twins each.
#[test]
fn a_content_that_each_side_has_given_up_under_one_name_is_told() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let lacks = |name| Change::See(Sighting::Remote(key(name), None));
    let touched = |name| {
        let mut entry = entry(name, 1);
        entry.agreed.local.meta.mtime = Some(UnixNanos(99));
        let seen = LocalSeen { node: entry.agreed.local, stamp: entry.stamp };
        Change::See(Sighting::Local(entry.key, Some(seen)))
    };
    let none = || Change::Forget(key("c"));
    let third = || Change::Agree(entry("c", 1));
    let arrives = || {
        let seen = LocalSeen { node: entry("c", 1).agreed.local, stamp: entry("c", 1).stamp };
        Change::See(Sighting::Local(key("c"), Some(seen)))
    };
    let table = [
        ([gone("a"), lacks("b"), none()], vec!["a b"]),
        ([lacks("a"), gone("b"), none()], vec!["b a"]),
        ([gone("a"), touched("b"), lacks("b")], vec!["a b"]),
        ([gone("a"), none(), none()], vec![]),
        ([lacks("a"), lacks("b"), none()], vec![]),
        ([gone("a"), lacks("b"), third()], vec![]),
        ([gone("a"), lacks("b"), arrives()], vec![]),
        ([gone("a"), gone("b"), lacks("b")], vec![]),
    ];
    for (changes, expected) in table {
        let before = [Change::Forget(key("c")), Change::Agree(entry("a", 1)), Change::Agree(entry("b", 1))];
        journal.record(route, &[&before[..], &changes].concat()).unwrap();
        let crossed = journal.given_up(route).unwrap();
        let told: Vec<_> = crossed.iter().map(|one| format!("{} {}", one.left, one.key)).collect();
        assert_eq!(told, expected, "{changes:?}");
    }
}
