use super::*;
use crate::testing::{Scratch, entry, route_to};
use crate::{LocalSeen, RemoteSeen, Sighting};
use std::sync::Arc;

fn key(key: &str) -> ObjectKey {
    ObjectKey::parse(key).unwrap()
}

fn agree(journal: &Journal, route: RouteId, keys: &[&str]) {
    let agreed = keys.iter().zip(1..).map(|(key, n)| Change::Agree(entry(key, n)));
    journal.record(route, &agreed.collect::<Vec<_>>()).unwrap();
}

fn see(journal: &Journal, route: RouteId, sighting: Sighting) {
    journal.record(route, &[Change::See(sighting)]).unwrap();
}

/// Something else under this name.
fn other(name: &str) -> (Sighting, Sighting) {
    let entry = entry(name, 9);
    let here = LocalSeen { node: entry.agreed.local, stamp: entry.stamp };
    let there = RemoteSeen { node: entry.agreed.remote, version: entry.version };
    (Sighting::Local(key(name), Some(here)), Sighting::Remote(key(name), Some(there)))
}

#[test]
fn what_is_below_a_mount_is_counted() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    agree(&journal, route, &["a", "a-b", "a/gone", "a/other", "a/same", "a/y/rests", "a/y/wakes", "b"]);
    see(&journal, route, Sighting::Local(key("a/gone"), None));
    see(&journal, route, other("a/other").0);
    for rests in ["a/y/rests", "a/y/wakes"] {
        see(&journal, route, Sighting::Rests(key(rests)));
    }
    // The rule is over: it was looked at, and is not there.
    see(&journal, route, Sighting::Local(key("a/y/wakes"), None));
    see(&journal, route, other("a/new").1);
    see(&journal, route, other("a/on-both").0);
    see(&journal, route, other("a/on-both").1);
    let below = |point: &str| journal.below(route, &key(point)).unwrap();
    assert_eq!(
        below("a/"),
        Below { intact: 2, changed: 1, gone: 2, resting: 1, waiting: 1, is_covered: false }
    );
    assert_eq!(below("a/y/"), Below { gone: 1, resting: 1, ..Below::default() });
    assert_eq!(below("b/"), Below { intact: 1, ..Below::default() }, "what was mounted may be a file");
    assert_eq!(below("c/"), Below::default());
}

#[test]
fn what_was_agreed_below_a_mount_counts_for_nothing_any_more() {
    let scratch = Scratch::new();
    let journal = Arc::new(scratch.open());
    let route = route_to(&journal, "cloud");
    agree(&journal, route, &["a", "a-b", "a/x", "a/y/z", "a/y-z", "b"]);
    see(&journal, route, Sighting::Local(key("a/x"), None));
    journal.part_below(route, &key("a/"), &[&key("a/y/")]).unwrap();
    let agreed = journal.base(route).unwrap().into_iter().map(|entry| entry.key);
    assert_eq!(agreed.collect::<Vec<_>>(), ["a-b", "a/y/z", "b"].map(key));
    let sides = |name: &str| {
        let known = journal.known_at(route, &key(name)).unwrap().unwrap();
        (known.local().is_some(), known.remote().is_some())
    };
    assert_eq!([sides("a/x"), sides("a/y-z")], [(false, true), (true, true)]);
}

#[test]
fn mounts_and_what_is_the_matter_with_them_are_remembered() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let mount = |disk: Option<&str>, doubt| Mount { disk: disk.map(DiskId::new), doubt };
    let (away, another) = (Doubt::Away { lost: 2 }, Doubt::Another);
    let mounts = Mounts::from([
        (key("a/"), mount(Some("uuid 1 /"), Some(away))),
        (key("a/inner/"), mount(None, Some(another))),
        (key("b/c/"), mount(Some("uuid 2 /"), None)),
        (key("b/d/"), mount(None, Some(Doubt::Unagreed { waiting: 3 }))),
        (key("d/"), mount(None, Some(another))),
    ]);
    journal.set_mounts(route, &mounts).unwrap();
    assert_eq!(journal.mounts(route).unwrap(), mounts);
    let waiting = (key("b/d/"), Doubt::Unagreed { waiting: 3 });
    let told = Doubts::from([(key("a/"), away), waiting, (key("d/"), another)]);
    assert_eq!(journal.mount_doubts(route).unwrap(), told);
    let doubt = |path: &str| journal.mount_doubt_at(route, &RelPath::from_key(path).unwrap()).unwrap();
    let at_a = Some((key("a/"), away));
    assert_eq!(
        ["a", "a/inner/y", "ab", "b/c/x", "d/e"].map(doubt),
        [at_a.clone(), at_a, None, None, Some((key("d/"), another))]
    );
    journal.set_mounts(route, &Mounts::new()).unwrap();
    assert_eq!(journal.mounts(route).unwrap(), Mounts::new());
}

#[test]
fn what_is_below_a_mount_in_doubt_is_not_about_to_go() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    agree(&journal, route, &["a/x", "a-b", "b/x"]);
    for gone in ["a/x", "a-b", "b/x"] {
        see(&journal, route, Sighting::Local(key(gone), None));
    }
    assert_eq!(journal.pending(route).unwrap().local_gone, 3);
    let away = Mount { disk: None, doubt: Some(Doubt::Away { lost: 1 }) };
    journal.set_mounts(route, &Mounts::from([(key("a/"), away), (key("b/"), Mount::default())])).unwrap();
    assert_eq!(journal.pending(route).unwrap().local_gone, 2);
}
