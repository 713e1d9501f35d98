//! Sightings lie over the base, key by key.

use super::*;
use crate::Change;
use crate::testing::{Scratch, entry, route_to};
use std::sync::Arc;

fn local(key: &str, number: u64) -> Sighting {
    let entry = entry(key, number);
    Sighting::Local(entry.key, Some(LocalSeen { node: entry.agreed.local, stamp: entry.stamp }))
}

fn remote(key: &str, number: u64) -> Sighting {
    let entry = entry(key, number);
    Sighting::Remote(entry.key, Some(RemoteSeen { node: entry.agreed.remote, version: entry.version }))
}

fn gone(key: &str) -> Sighting {
    Sighting::Remote(ObjectKey::parse(key).unwrap(), None)
}

fn known(journal: &Arc<Journal>, route: RouteId) -> Vec<Known> {
    journal.known(route).collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_side_holds_what_its_sighting_says_else_what_the_base_says() {
    let scratch = Scratch::new();
    let journal = Arc::new(scratch.open());
    let other = route_to(&journal, "other");
    let route = route_to(&journal, "cloud");
    let (both, ours) = (entry("both", 1), entry("ours", 2));
    journal.record(other, &[Change::See(local("ours", 9))]).unwrap();
    let changes = [
        Change::Agree(both.clone()),
        Change::Agree(ours.clone()),
        Change::See(local("ours", 3)),
        Change::See(gone("both")),
        Change::See(remote("theirs", 4)),
        Change::See(local("theirs", 5)),
    ];
    journal.record(route, &changes).unwrap();
    let known = known(&journal, route);
    let keys: Vec<&str> = known.iter().map(|known| known.key.as_str()).collect();
    assert_eq!(keys, ["both", "ours", "theirs"]);
    assert_eq!(known[0].local().unwrap().stamp, both.stamp);
    assert_eq!(known[0].remote(), None);
    assert_eq!(known[1].local().unwrap().node.size, 3);
    assert_eq!(known[1].remote().unwrap().version, ours.version);
    assert_eq!(known[2].local().unwrap().node.size, 5);
    assert_eq!(known[2].remote().unwrap().node.size, 4);
    assert_eq!(journal.known_at(route, &both.key).unwrap().as_ref(), Some(&known[0]));
    let pending =
        Pending { local: 2, local_bytes: 3 + 5, local_gone: 0, remote: 2, remote_bytes: 4, remote_gone: 1 };
    assert_eq!(journal.pending(route).unwrap(), pending);
}

#[test]
fn what_is_agreed_upon_is_no_news() {
    let scratch = Scratch::new();
    let journal = Arc::new(scratch.open());
    let route = route_to(&journal, "cloud");
    let entry = entry("a", 1);
    journal.record(route, &[Change::See(local("a", 2)), Change::See(remote("a", 3))]).unwrap();
    journal.record(route, &[Change::Agree(entry.clone())]).unwrap();
    let all = known(&journal, route);
    assert_eq!(
        all,
        [Known { key: entry.key.clone(), base: Some(entry), local: None, remote: None, rests: false }]
    );
}

#[test]
fn a_new_witness_leaves_the_other_sides_news() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let then = entry("a", 1);
    let stamp = Stamp { ctime: UnixNanos(77), ..then.stamp };
    let changes =
        [Change::Agree(then.clone()), Change::See(remote("a", 3)), Change::Stamped(then.key.clone(), stamp)];
    journal.record(route, &changes).unwrap();
    let now = journal.known_at(route, &then.key).unwrap().unwrap();
    assert_eq!(now.local().unwrap(), LocalSeen { node: then.agreed.local, stamp });
    assert_eq!(now.remote().unwrap().node.size, 3);
    let version = RemoteVersion { etag: ETag::new("x-1"), modified: None };
    let mut seen = RemoteSeen { node: then.agreed.remote, version };
    seen.node.meta = Meta { mode: Some(Mode::from_st_mode(0o640)), ..Meta::default() };
    journal.record(route, &[Change::Versioned(then.key.clone(), seen.clone())]).unwrap();
    let now = journal.known_at(route, &then.key).unwrap().unwrap();
    // What the side says nothing of is as it was.
    seen.node.meta = Meta { mode: seen.node.meta.mode, ..then.agreed.remote.meta };
    assert_eq!(now.remote().unwrap(), seen);
}

#[test]
fn a_page_never_ends_between_the_two_sides_of_a_key() {
    let scratch = Scratch::new();
    let journal = Arc::new(scratch.open());
    let route = route_to(&journal, "cloud");
    let keys: Vec<String> = (0..2_500).map(|number| format!("k{number:05}")).collect();
    let changes: Vec<Change> =
        keys.iter().flat_map(|key| [Change::See(local(key, 1)), Change::See(remote(key, 2))]).collect();
    journal.record(route, &changes).unwrap();
    let all = known(&journal, route);
    assert_eq!(all.len(), keys.len());
    assert!(all.iter().all(|known| known.local.is_some() && known.remote.is_some()));
}

#[test]
fn cursor_calm_and_doubt_are_kept() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    assert_eq!((journal.cursor(route).unwrap(), journal.calm(route).unwrap()), (None, None));
    journal.record(route, &[Change::Cursor(Some("c1".into())), Change::Rewound(true)]).unwrap();
    journal.set_calm(route, Some("rules")).unwrap();
    let journal = {
        drop(journal);
        scratch.open()
    };
    assert_eq!(journal.cursor(route).unwrap().as_deref(), Some("c1"));
    assert_eq!(journal.calm(route).unwrap().as_deref(), Some("rules"));
    assert!(journal.is_rewound(route).unwrap());
}

/// A side that holds what was agreed upon again is news, and a newer witness of the same is none.
#[test]
fn a_newer_witness_is_news_only_where_something_else_was_seen() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let agreed = entry("a", 1);
    journal.record(route, &[Change::Agree(agreed.clone())]).unwrap();
    let seen = RemoteSeen { node: agreed.agreed.remote, version: agreed.version };
    let witnesses = [
        (Sighting::Local(agreed.key.clone(), None), Change::Stamped(agreed.key.clone(), agreed.stamp)),
        (Sighting::Remote(agreed.key.clone(), None), Change::Versioned(agreed.key, seen)),
    ];
    for (gone, again) in witnesses {
        journal.set_calm(route, Some("rules")).unwrap();
        journal.record(route, std::slice::from_ref(&again)).unwrap();
        assert_eq!(journal.calm(route).unwrap().as_deref(), Some("rules"));
        journal.record(route, &[Change::See(gone)]).unwrap();
        journal.set_calm(route, Some("rules")).unwrap();
        journal.record(route, &[again]).unwrap();
        assert_eq!(journal.calm(route).unwrap(), None);
    }
}

#[test]
fn keys_are_counted_by_a_pattern() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "cloud"), route_to(&journal, "other"));
    let agree = |key: &str| Change::Agree(entry(key, 1));
    journal
        .record(route, &[agree("a"), agree("a.sync-conflict-1"), agree("d/b.sync-conflict-2.txt")])
        .unwrap();
    journal.record(other, &[agree("c.sync-conflict-3")]).unwrap();
    assert_eq!(journal.count_agreed(route, "*.sync-conflict-[0-9]*").unwrap(), 2);
    assert_eq!(journal.count_agreed(route, "*").unwrap(), 3);
    assert_eq!(journal.count_agreed(route, "%").unwrap(), 0);
}
