use super::*;
use crate::Change;
use crate::testing::{Scratch, entry, route_to};
use model::UnixNanos;

#[test]
fn a_route_is_its_destination_prefix_and_folder() {
    let journal = Scratch::new();
    let journal = journal.open();
    let key = |destination: &str, prefix: &str, folder: &[u8]| RouteKey {
        destination: destination.into(),
        prefix: prefix.into(),
        folder: PathBuf::from(OsString::from_vec(folder.to_vec())),
    };
    let keys = [
        key("a", "", b"/x"),
        key("b", "", b"/x"),
        key("a", "p/", b"/x"),
        key("a", "", b"/y"),
        key("a", "", b"/\xff"),
    ];
    let routes = keys.clone().map(|key| journal.route(&key).unwrap());
    let distinct: std::collections::BTreeSet<_> = routes.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    assert_eq!(keys.clone().map(|key| journal.route(&key).unwrap()), routes);
    assert_eq!(journal.routes().unwrap(), routes.into_iter().zip(keys).collect::<Vec<_>>());
}

#[test]
fn a_halt_stands_until_it_is_taken_off() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "cloud"), route_to(&journal, "attic"));
    assert_eq!(journal.halt(route).unwrap(), None);
    journal.set_halt(route, Some(("the folder is empty", "deletions"))).unwrap();
    drop(journal);
    let journal = scratch.open();
    assert_eq!(journal.halt(route).unwrap().as_deref(), Some("the folder is empty"));
    assert_eq!(journal.halt_leads_to(route).unwrap().as_deref(), Some("deletions"));
    assert_eq!(journal.halt(other).unwrap(), None);
    journal.set_halt(route, None).unwrap();
    assert_eq!(journal.halt(route).unwrap(), None);
    assert_eq!(journal.halt(RouteId(99)).unwrap(), None);
}

#[test]
fn a_missing_destination_is_remembered_until_it_is_there() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "usb"), route_to(&journal, "cloud"));
    journal.set_missing(route, Some("there is no such directory")).unwrap();
    assert_eq!(journal.missing(route).unwrap().as_deref(), Some("there is no such directory"));
    assert_eq!((journal.missing(other).unwrap(), journal.halt(route).unwrap()), (None, None));
    journal.set_missing(route, None).unwrap();
    assert_eq!(journal.missing(route).unwrap(), None);
}

#[test]
fn a_folder_s_identity_is_remembered() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    assert_eq!(journal.root_identity(route).unwrap(), None);
    let born = Some(UnixNanos(-7));
    for identity in [
        RootIdentity { device: u64::MAX, inode: 2, born },
        RootIdentity { device: 0, inode: u64::MAX, born: None },
    ] {
        journal.set_root_identity(route, identity).unwrap();
        assert_eq!(journal.root_identity(route).unwrap(), Some(identity));
    }
}

#[test]
fn another_place_under_a_destination_s_name_is_a_rewind() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, cloud) = (route_to(&journal, "attic"), route_to(&journal, "cloud"));
    assert!(!journal.has_met("attic").unwrap());
    journal.set_place(route, "one").unwrap();
    journal.set_place(route, "one").unwrap();
    assert_eq!(journal.place(route).unwrap().as_deref(), Some("one"));
    assert_eq!(journal.place(cloud).unwrap(), None);
    assert_eq!(["attic", "cloud"].map(|name| journal.has_met(name).unwrap()), [true, false]);
    assert!(!journal.is_rewound(route).unwrap());
    journal.set_place(route, "other").unwrap();
    assert!(journal.is_rewound(route).unwrap());
    // Back again, it is still not known what was agreed on with which.
    journal.set_place(route, "one").unwrap();
    assert!(journal.is_rewound(route).unwrap());
}

#[test]
fn a_forgotten_route_takes_everything_with_it() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "cloud"), route_to(&journal, "attic"));
    for route in [route, other] {
        journal.record(route, &[Change::Agree(entry("a", 1))]).unwrap();
        journal.start_run(route, UnixNanos(1)).unwrap();
    }
    journal.forget_route(route).unwrap();
    assert_eq!((journal.base(route).unwrap().len(), journal.base(other).unwrap().len()), (0, 1));
    assert_eq!(
        (journal.last_runs(route, 9).unwrap().len(), journal.last_runs(other, 9).unwrap().len()),
        (0, 1)
    );
    assert!(journal.base(route_to(&journal, "cloud")).unwrap().is_empty());
}
