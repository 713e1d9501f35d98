//! Where only one side is written, it follows the other one, whatever happens to it.

use crate::fake::FakeBucket;
use crate::machine::{Machine, options};
use plan::sync::{Direction, Halt, Side};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use sync::{Options, Outcome, Resume};

fn machine(direction: Direction, bucket: &FakeBucket) -> Machine {
    let mut machine = Machine::new("one", bucket);
    machine.route.direction = direction;
    for n in 0..4 {
        machine.write(&format!("f{n}"), format!("first {n}"));
    }
    machine
}

fn held(bucket: &FakeBucket) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    bucket.objects().iter().map(|(key, stored)| (key.to_string(), text(&stored.bytes))).collect()
}

#[tokio::test]
async fn what_is_gone_at_the_destination_is_sent_again() {
    for bucket in [FakeBucket::default(), FakeBucket::with_feed()] {
        let one = machine(Direction::Push, &bucket);
        one.sync().await;
        let before = held(&bucket);
        bucket.remove("f1");
        assert_eq!(one.sync().await.uploaded, 1);
        assert_eq!(held(&bucket), before);
        assert!(!one.sync().await.did_something());

        // Even all of it: nothing is at stake here.
        bucket.clear();
        assert_eq!(one.sync().await.uploaded, 4);
        assert_eq!(held(&bucket), before);
        assert_eq!(one.names().len(), 4);
    }
}

#[tokio::test]
async fn what_another_one_wrote_at_the_destination_moves_aside() {
    let bucket = FakeBucket::with_feed();
    let one = machine(Direction::Push, &bucket);
    one.sync().await;
    bucket.store("f1", b"edited there");
    bucket.store("own", b"not of this folder");
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.conflicts.len()), (1, 1));
    let held = held(&bucket);
    let content = |key: &str| held.iter().find(|(held, _)| held == key).map(|(_, content)| content.as_str());
    assert_eq!(content("f1"), Some("first 1"));
    assert_eq!(content("f1.sync-conflict-20261120-101500-cloud"), Some("edited there"));
    assert_eq!(content("own"), Some("not of this folder"));
    assert_eq!(one.names(), ["f0", "f1", "f2", "f3"]);
    assert!(!one.sync().await.did_something());
}

/// Each would put its own version in the other's place, and the other's aside, without end.
#[tokio::test]
async fn two_machines_that_both_lead_come_to_rest_and_are_told() {
    let bucket = FakeBucket::with_feed();
    let machines = ["one", "other"].map(|name| {
        let mut machine = Machine::new(name, &bucket);
        machine.route.direction = Direction::Push;
        machine.write("settings", format!("of {name}"));
        machine
    });
    for _ in 0..3 {
        for machine in &machines {
            machine.report().await;
        }
    }
    let (before, writes) = (held(&bucket), bucket.writes());
    let contents: Vec<&str> = before.iter().map(|(_, content)| content.as_str()).collect();
    assert_eq!(contents.len(), 3, "{before:?}");
    assert!(contents.contains(&"of one") && contents.contains(&"of other"), "{before:?}");
    let mut problems = Vec::new();
    for machine in &machines {
        problems.extend(machine.report().await.problems);
    }
    assert_eq!((problems.len(), bucket.writes()), (1, writes), "{problems:?}");
    assert!(problems[0].message.contains("again and again"), "{problems:?}");

    // Who leaves room has the other one's version there.
    bucket.remove("settings");
    for machine in &machines {
        machine.report().await;
    }
    assert_eq!(machines[0].read("settings").as_deref(), Some("of one"));
}

#[tokio::test]
async fn what_is_deleted_here_is_deleted_there_unless_it_is_another_ones_by_now() {
    let bucket = FakeBucket::with_feed();
    let one = machine(Direction::Push, &bucket);
    one.sync().await;
    bucket.store("f1", b"edited there");
    for name in ["f0", "f1"] {
        fs::remove_file(one.path(name)).unwrap();
    }
    one.sync().await;
    let keys: Vec<String> = held(&bucket).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["f1", "f2", "f3"]);
    // It comes back here, and that is another file.
    one.write("f1", "first 1");
    one.sync().await;
    let keys: Vec<String> = held(&bucket).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["f1", "f1.sync-conflict-20261120-101500-cloud", "f2", "f3"]);
    assert!(!one.sync().await.did_something());
}

/// What a restored server lacks is the mirror's own from then on, and not deleted once the matter is settled.
#[tokio::test]
async fn what_a_restored_server_lacks_stays_where_it_was_received() {
    let bucket = FakeBucket::with_feed();
    let origin = machine(Direction::TwoWay, &bucket);
    origin.sync().await;
    let backup = bucket.back_up();
    origin.write("new", "written after the backup");
    origin.sync().await;
    let mut mirror = Machine::new("mirror", &bucket);
    mirror.route.direction = Direction::Pull;
    mirror.sync().await;
    bucket.put_back(backup);
    let halted = mirror.run().await;
    let expected = Halt::Replaced { side: Side::Remote, deleted: 1, replaced: 0 };
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "{halted:?}");
    let resumed = Options { resume: Resume::Anything, ..options() };
    assert!(matches!(mirror.run_with(resumed).await, Ok(Outcome::Done(_))));
    for _ in 0..2 {
        bucket.store("more", b"so that there is something to plan");
        mirror.sync().await;
        assert_eq!(mirror.read("new").as_deref(), Some("written after the backup"));
    }
}

#[tokio::test]
async fn a_directory_of_its_own_that_is_in_the_way_is_told_every_time_and_left() {
    let bucket = FakeBucket::with_feed();
    machine(Direction::TwoWay, &bucket).sync().await;
    let mut mirror = Machine::new("mirror", &bucket);
    mirror.route.direction = Direction::Pull;
    mirror.write("f1/own", "not of the bucket");
    for _ in 0..2 {
        let report = mirror.report().await;
        assert_eq!((report.conflicts.len(), report.overtaken.count()), (0, 0));
        assert_eq!(report.problems.len(), 1, "{report:?}");
        assert!(report.problems[0].message.starts_with("f1 could not be brought over"), "{report:?}");
    }
    assert_eq!(mirror.read("f1/own").as_deref(), Some("not of the bucket"));
    assert_eq!(mirror.read("f2").as_deref(), Some("first 2"));
}

#[tokio::test]
async fn a_folder_that_only_receives_is_put_right_and_loses_nothing() {
    let bucket = FakeBucket::with_feed();
    let origin = machine(Direction::TwoWay, &bucket);
    origin.write("script", "#!/bin/sh");
    origin.sync().await;
    let mut mirror = Machine::new("mirror", &bucket);
    mirror.route.direction = Direction::Pull;
    mirror.sync().await;

    let before = held(&bucket);
    fs::remove_file(mirror.path("f0")).unwrap();
    mirror.write("f1", "edited by mistake");
    mirror.write("own", "not of the bucket");
    fs::set_permissions(mirror.path("script"), fs::Permissions::from_mode(0o700)).unwrap();
    let report = mirror.sync().await;
    assert_eq!((report.downloaded, report.touched, report.conflicts.len()), (2, 1, 1));
    assert_eq!(held(&bucket), before);
    assert_eq!(mirror.read("f0").as_deref(), Some("first 0"));
    assert_eq!(mirror.read("f1").as_deref(), Some("first 1"));
    assert_eq!(mirror.read("f1.sync-conflict-20261120-101500-mirror").as_deref(), Some("edited by mistake"));
    assert_eq!(mirror.read("own").as_deref(), Some("not of the bucket"));
    assert!(!mirror.sync().await.did_something());

    // What the bucket deletes goes here, too, and a folder that is emptied is filled again.
    fs::remove_file(origin.path("f2")).unwrap();
    origin.sync().await;
    mirror.sync().await;
    assert_eq!(mirror.read("f2"), None);
    for name in mirror.names() {
        fs::remove_file(mirror.path(&name)).unwrap();
    }
    assert_eq!(mirror.sync().await.downloaded, 4);
    assert_eq!(testkit::list(mirror.folder()), testkit::list(origin.folder()));
}

/// The disk is not mounted: nothing is received into the directory on which it should be.
#[tokio::test]
async fn another_directory_in_the_folders_place_is_not_filled_unasked() {
    let bucket = FakeBucket::with_feed();
    let origin = machine(Direction::TwoWay, &bucket);
    origin.sync().await;
    let mut mirror = Machine::new("mirror", &bucket);
    mirror.route.direction = Direction::Pull;
    mirror.sync().await;
    let aside = mirror.folder().with_extension("aside");
    fs::rename(mirror.folder(), &aside).unwrap();
    fs::create_dir(mirror.folder()).unwrap();
    for stray in [false, true] {
        if stray {
            mirror.write("lost+found", "of the mount point");
        }
        let halted = mirror.run().await;
        let expected = Halt::Vacant { missing: 4 };
        assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "{halted:?}");
        assert_eq!(mirror.read("f0"), None);
    }
    // Unless a person says so; or the right one is back.
    let elsewhere = mirror.folder().with_extension("elsewhere");
    fs::rename(mirror.folder(), &elsewhere).unwrap();
    fs::rename(&aside, mirror.folder()).unwrap();
    assert!(!mirror.sync().await.did_something());
    fs::rename(mirror.folder(), &aside).unwrap();
    fs::rename(&elsewhere, mirror.folder()).unwrap();
    let resumed = Options { resume: Resume::Anything, ..options() };
    assert!(matches!(mirror.run_with(resumed).await, Ok(Outcome::Done(_))));
    assert_eq!(mirror.read("f0").as_deref(), Some("first 0"));
    assert_eq!(mirror.read("lost+found").as_deref(), Some("of the mount point"));
    assert!(!mirror.sync().await.did_something());
}

#[tokio::test]
async fn a_file_of_its_own_makes_way_for_a_directory_that_is_received() {
    let bucket = FakeBucket::with_feed();
    let origin = machine(Direction::TwoWay, &bucket);
    let mut mirror = Machine::new("mirror", &bucket);
    mirror.route.direction = Direction::Pull;
    origin.write("d/file", "of the bucket");
    origin.sync().await;
    mirror.write("d", "a file here");
    mirror.sync().await;
    assert_eq!(mirror.read("d/file").as_deref(), Some("of the bucket"));
    assert_eq!(mirror.read("d.sync-conflict-20261120-101500-mirror").as_deref(), Some("a file here"));
    assert!(!mirror.sync().await.did_something());
}

#[tokio::test]
async fn an_emptied_side_that_leads_halts() {
    let bucket = FakeBucket::with_feed();
    let one = machine(Direction::Push, &bucket);
    one.sync().await;
    for name in one.names() {
        fs::remove_file(one.path(&name)).unwrap();
    }
    let halted = one.run().await;
    let expected = Halt::Emptied { side: Side::Local, held: 4 };
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "{halted:?}");
    assert_eq!(held(&bucket).len(), 4);
}
