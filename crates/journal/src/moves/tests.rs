//! Which pairs are found.

use super::*;
use crate::testing::{Scratch, entry, route_to};
use crate::{Change, LocalSeen, Sighting};

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
    assert_eq!(journal.find_moves(route, MovedOn::Local).unwrap(), 1);
    assert_eq!(journal.find_moves(route, MovedOn::Remote).unwrap(), 0);
    let from = |target| journal.moved_from(route, MovedOn::Local, &key(target)).unwrap();
    assert_eq!(from("new"), Some(key("old")));
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
    assert_eq!(journal.find_moves(route, MovedOn::Local).unwrap(), 2);
    let from = |target| journal.moved_from(route, MovedOn::Local, &key(target)).unwrap();
    let origins: Vec<ObjectKey> = ["b/two", "b/three", "b/four"].into_iter().filter_map(from).collect();
    assert_eq!(origins.len(), 2);
    assert_ne!(origins[0], origins[1]);
}
