use super::*;
use crate::testing::{Scratch, entry, route_to};
use crate::{Change, LocalSeen, Sighting};

fn object(key: &str, seal: &str, etag: Option<&str>) -> SealedObject {
    let inside = Inside { content: ContentId::from_md5([seal.as_bytes()[0]; 16]), size: 7 };
    SealedObject { key: ObjectKey::parse(key).unwrap(), seal: seal.into(), etag: etag.map(ETag::new), inside }
}

#[test]
fn a_sealed_object_is_known_by_seal_and_by_tag() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    assert!(!journal.has_sealed(route, None).unwrap());
    let begun = object("a", "one", None);
    journal.put_sealed(route, &begun).unwrap();
    assert_eq!(journal.sealed_as(route, "one").unwrap(), Some(begun.clone()));
    assert_eq!(journal.sealed_at(route, &begun.key, &ETag::new("t")).unwrap(), None, "not there yet");
    let there = object("a", "one", Some("t"));
    journal.put_sealed(route, &there).unwrap();
    assert_eq!(journal.sealed_at(route, &there.key, &ETag::new("t")).unwrap(), Some(there.clone()));
    assert_eq!(journal.sealed_with_tag(route, &ETag::new("t")).unwrap(), Some(there.clone()));
    assert!(journal.has_sealed(route, None).unwrap() && journal.has_sealed(route, Some(&there.key)).unwrap());
    let other = route_to(&journal, "attic");
    assert_eq!(journal.sealed_as(other, "one").unwrap(), None, "a route knows its own");
}

#[test]
fn what_was_agreed_on_drops_other_versions_and_what_is_forgotten_drops_all() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let agreed = entry("a", 1);
    let now = agreed.version.etag.as_str();
    for object in [object("a", "one", Some("old")), object("a", "two", Some(now)), object("a", "three", None)]
    {
        journal.put_sealed(route, &object).unwrap();
    }
    journal.put_sealed(route, &object("b", "four", Some("b"))).unwrap();
    journal.record(route, &[Change::Agree(agreed.clone())]).unwrap();
    let known = ["one", "two", "three", "four"].map(|seal| journal.sealed_as(route, seal).unwrap().is_some());
    assert_eq!(known, [false, true, false, true]);
    journal.record(route, &[Change::Forget(agreed.key.clone())]).unwrap();
    assert!(!journal.has_sealed(route, Some(&agreed.key)).unwrap());
}

#[test]
fn what_is_in_clear_is_found_unless_there_are_news() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let entries = ["a", "b", "c", "d"].map(|key| entry(key, 5));
    journal.record(route, &entries.clone().map(Change::Agree)).unwrap();
    journal.put_sealed(route, &object("b", "b", Some(entries[1].version.etag.as_str()))).unwrap();
    journal.put_sealed(route, &object("c", "c", None)).unwrap();
    let seen = LocalSeen { node: entries[3].agreed.local, stamp: entries[3].stamp };
    journal.record(route, &[Change::See(Sighting::Local(entries[3].key.clone(), Some(seen)))]).unwrap();
    let keys = |after: &str| {
        let page = journal.in_clear(route, after).unwrap();
        page.into_iter().map(|entry| entry.key.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(""), ["a", "c"], "an upload that was begun leaves its object in clear");
    assert_eq!(keys("a"), ["c"]);
}
