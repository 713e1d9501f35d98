use super::*;
use crate::Change;
use crate::testing::{Scratch, entry, route_to};

#[test]
fn what_was_recorded_is_there_when_it_is_opened_again() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    assert!(journal.opened_fresh() && journal.recovered().is_none());
    let route = route_to(&journal, "cloud");
    journal.record(route, &[Change::Agree(entry("a", 1))]).unwrap();
    drop(journal);
    let journal = scratch.open();
    assert!(!journal.opened_fresh() && journal.recovered().is_none());
    assert_eq!(route_to(&journal, "cloud"), route);
    assert_eq!(journal.base(route).unwrap(), [entry("a", 1)]);
}

#[test]
fn one_in_memory_is_like_any_other_and_leaves_no_file() {
    let journal = Journal::open_in_memory().unwrap();
    let route = route_to(&journal, "cloud");
    journal.record(route, &[Change::Agree(entry("a", 1))]).unwrap();
    assert_eq!(journal.base(route).unwrap(), [entry("a", 1)]);
    assert!(journal.opened_fresh() && Journal::open_in_memory().unwrap().routes().unwrap().is_empty());
    suspect(Path::new(IN_MEMORY));
    assert!(!beside(Path::new(IN_MEMORY), ".suspect").exists());
}

#[test]
fn a_process_that_died_loses_nothing() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    journal.record(route, &[Change::Agree(entry("a", 1))]).unwrap();
    // As after `kill -9`: the files as they stand, log and all.
    let copy = scratch.directory.path().join("copy.db");
    for part in ["", "-wal"] {
        fs::copy(beside(&scratch.path, part), beside(&copy, part)).unwrap();
    }
    let opened = Journal::open(&copy).unwrap();
    assert!(!opened.opened_fresh());
    assert_eq!(opened.base(route).unwrap(), [entry("a", 1)]);
}

#[test]
fn an_older_journal_takes_the_steps_it_lacks() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path.parent().unwrap()).unwrap();
    let old = Connection::open(&scratch.path).unwrap();
    old.execute_batch(STEPS[0]).unwrap();
    old.execute_batch(
        "PRAGMA user_version = 1;
        INSERT INTO route (id, destination, prefix, folder, halt) VALUES (4, 'cloud', 'documents/', x'2f64617461', 'why');",
    )
    .unwrap();
    drop(old);
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    assert_eq!((route, journal.halt(route).unwrap().as_deref()), (crate::RouteId(4), Some("why")));
    journal.start_run(route, model::UnixNanos(1)).unwrap();
    drop(journal);
    assert!(!scratch.open().opened_fresh());
}

/// Its disk may be away when the next version is started.
#[test]
fn an_older_journal_keeps_its_mount_points() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path.parent().unwrap()).unwrap();
    let old = Connection::open(&scratch.path).unwrap();
    old.execute_batch(&STEPS[..12].concat()).unwrap();
    old.execute_batch(
        "PRAGMA user_version = 12;
        INSERT INTO route (id, destination, prefix, folder) VALUES (4, 'cloud', 'documents/', x'2f64617461');
        INSERT INTO mount VALUES (4, 'photos/', 'is away');",
    )
    .unwrap();
    drop(old);
    let journal = scratch.open();
    let mounts = journal.mounts(route_to(&journal, "cloud")).unwrap();
    assert_eq!(
        mounts,
        crate::Mounts::from([(model::ObjectKey::parse("photos/").unwrap(), crate::Mount::default())])
    );
}

#[test]
fn a_newer_journal_is_left_alone() {
    let scratch = Scratch::new();
    drop(scratch.open());
    Connection::open(&scratch.path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let opened = Journal::open(&scratch.path);
    assert!(matches!(opened, Err(Error::TooNew { found: 99, .. })));
    assert_eq!(scratch.names(), ["journal.db"]);
}

#[test]
fn something_else_is_moved_aside() {
    let scratch = Scratch::new();
    for round in 1..=2 {
        fs::create_dir_all(scratch.path.parent().unwrap()).unwrap();
        fs::write(&scratch.path, "this is no database, and long enough to be looked at twice".repeat(20))
            .unwrap();
        let journal = scratch.open();
        let aside = beside(&scratch.path, &format!(".damaged-{round}"));
        assert_eq!(journal.recovered(), Some(aside.as_path()));
        assert!(journal.opened_fresh() && fs::read_to_string(aside).unwrap().starts_with("this is no"));
        route_to(&journal, "cloud");
    }
}

/// A journal whose pages, but for the first two, were overwritten.
fn damage(scratch: &Scratch) {
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let entries: Vec<_> = (0..2_000).map(|n| Change::Agree(entry(&format!("{n}"), n))).collect();
    journal.record(route, &entries).unwrap();
    drop(journal);
    let mut bytes = fs::read(&scratch.path).unwrap();
    for byte in &mut bytes[40_000..] {
        *byte = 0x5a;
    }
    fs::write(&scratch.path, bytes).unwrap();
}

#[test]
fn damage_met_in_use_is_mended_by_opening_again() {
    let scratch = Scratch::new();
    damage(&scratch);
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let error = journal.base(route).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    drop(journal);
    let journal = scratch.open();
    assert!(journal.recovered().is_some());
    assert!(journal.base(route_to(&journal, "cloud")).unwrap().is_empty());
    drop(journal);
    assert_eq!(scratch.names(), ["journal.db", "journal.db.damaged-1"]);
    assert!(scratch.open().recovered().is_none());
}

#[test]
fn a_log_left_by_a_crash_is_cause_to_look() {
    let scratch = Scratch::new();
    damage(&scratch);
    fs::write(beside(&scratch.path, "-wal"), "half a header").unwrap();
    assert!(scratch.open().recovered().is_some());
}

#[test]
fn a_suspicion_that_proves_unfounded_is_forgotten() {
    let scratch = Scratch::new();
    let route = route_to(&scratch.open(), "cloud");
    suspect(&scratch.path);
    let journal = scratch.open();
    assert_eq!((journal.recovered(), route_to(&journal, "cloud")), (None, route));
    drop(journal);
    assert_eq!(scratch.names(), ["journal.db"]);
}

#[test]
fn a_place_that_cannot_be_is_said_so() {
    let scratch = Scratch::new();
    fs::write(scratch.directory.path().join("state"), "a file").unwrap();
    assert!(matches!(Journal::open(&scratch.path), Err(Error::Unreachable { .. })));
}

#[test]
fn many_that_begin_one_at_once_all_succeed() {
    for _ in 0..100 {
        let scratch = Scratch::new();
        let ready = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    ready.wait();
                    Journal::open(&scratch.path).unwrap();
                });
            }
        });
    }
}
