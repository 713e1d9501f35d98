//! What people do, one story a test.

use crate::fake::FakeBucket;
use crate::machine::{Machine, options};
use plan::sync::{Direction, Halt, Side};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use sync::{Options, Outcome, Resume};
use testkit::Tricky;

fn pair() -> (FakeBucket, Machine, Machine) {
    pair_of(FakeBucket::with_feed())
}

fn pair_of(bucket: FakeBucket) -> (FakeBucket, Machine, Machine) {
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    (bucket, one, other)
}

#[tokio::test]
async fn everything_a_file_can_be_arrives_unchanged() {
    let (_, one, other) = pair();
    testkit::plant(one.folder(), Tricky::All);
    one.sync().await;
    other.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
}

#[tokio::test]
async fn an_idle_cycle_is_one_request_and_writes_nothing() {
    for bucket in [FakeBucket::with_feed(), FakeBucket::default()] {
        let (bucket, one, _) = pair_of(bucket);
        testkit::plant(one.folder(), Tricky::All);
        one.sync().await;
        let (requests, writes) = (bucket.requests(), bucket.writes());
        let report = one.sync().await;
        assert!(!report.did_something());
        assert_eq!((bucket.requests(), bucket.writes()), (requests + 1, writes));
    }
}

#[tokio::test]
async fn edits_and_deletions_travel_both_ways() {
    let (_, one, other) = pair();
    for name in ["a", "b", "c", "dir/d"] {
        one.write(name, name);
    }
    one.sync().await;
    other.sync().await;
    one.write("a", "a, edited here");
    fs::remove_file(one.path("b")).unwrap();
    other.write("c", "c, edited there");
    fs::remove_dir_all(other.path("dir")).unwrap();
    one.sync().await;
    other.sync().await;
    one.sync().await;
    for machine in [&one, &other] {
        assert_eq!(machine.names(), ["a", "c"]);
        assert_eq!(machine.read("a").as_deref(), Some("a, edited here"));
        assert_eq!(machine.read("c").as_deref(), Some("c, edited there"));
    }
}

#[tokio::test]
async fn both_versions_of_a_conflict_are_kept_everywhere() {
    let (_, one, other) = pair();
    one.write("letter.txt", "dear all");
    one.sync().await;
    other.sync().await;
    one.write("letter.txt", "dear Alice");
    other.write("letter.txt", "dear Bob!");
    one.sync().await;
    let report = other.sync().await;
    assert_eq!(report.conflicts.len(), 1);
    one.sync().await;
    let copy = "letter.sync-conflict-20261120-101500-other.txt";
    for machine in [&one, &other] {
        assert_eq!(machine.names(), [copy, "letter.txt"]);
        assert_eq!(machine.read("letter.txt").as_deref(), Some("dear Alice"));
        assert_eq!(machine.read(copy).as_deref(), Some("dear Bob!"));
    }
}

#[tokio::test]
async fn the_same_edit_on_both_is_no_conflict() {
    let (_, one, other) = pair();
    one.write("a", "same");
    other.write("a", "same");
    one.sync().await;
    assert!(other.sync().await.conflicts.is_empty());
    assert_eq!(other.names(), ["a"]);
}

#[tokio::test]
async fn a_lost_journal_costs_time_and_nothing_else() {
    let (bucket, mut one, _) = pair();
    testkit::plant(one.folder(), Tricky::All);
    one.sync().await;
    let before = (testkit::list(one.folder()), bucket.writes());
    one.lose_journal();
    let report = one.sync().await;
    assert!(report.conflicts.is_empty());
    assert_eq!((testkit::list(one.folder()), bucket.writes()), before);
}

#[tokio::test]
async fn a_file_and_a_directory_of_one_name_are_both_kept() {
    let (_, one, other) = pair();
    one.write("thing", "a file");
    other.write("thing/inside", "a directory");
    one.sync().await;
    other.sync().await;
    one.sync().await;
    other.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    assert_eq!(other.read("thing/inside").as_deref(), Some("a directory"));
    assert_eq!(other.read("thing.sync-conflict-20261120-101500-cloud").as_deref(), Some("a file"));
}

#[tokio::test]
async fn a_directory_becomes_a_file_and_back() {
    let (_, one, other) = pair();
    one.write("x/y/z", "deep");
    one.write("anchor", "stays");
    one.sync().await;
    other.sync().await;
    fs::remove_dir_all(one.path("x")).unwrap();
    one.write("x", "flat");
    one.sync().await;
    other.sync().await;
    assert_eq!(other.read("x").as_deref(), Some("flat"));
    fs::remove_file(other.path("x")).unwrap();
    other.write("x/again", "deep again");
    other.sync().await;
    one.sync().await;
    assert_eq!(one.read("x/again").as_deref(), Some("deep again"));
}

#[tokio::test]
async fn time_and_permissions_travel_alone() {
    let (_, one, other) = pair();
    one.write("run.sh", "#!/bin/sh\n");
    one.sync().await;
    other.sync().await;
    fs::set_permissions(one.path("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    one.sync().await;
    other.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
}

#[tokio::test]
async fn an_emptied_folder_halts_until_a_person_says_so() {
    let (bucket, one, _) = pair();
    one.write("a", "a");
    one.write("b", "b");
    one.sync().await;
    fs::remove_file(one.path("a")).unwrap();
    fs::remove_file(one.path("b")).unwrap();
    assert!(matches!(one.run().await, Ok(Outcome::Halted(Halt::Emptied { side: Side::Local, held: 2 }))));
    assert_eq!(bucket.objects().len(), 2);
    let resumed = Options { resume: Resume::Anything, ..options() };
    assert!(matches!(one.run_with(resumed).await, Ok(Outcome::Done(_))));
    assert!(bucket.objects().is_empty());
}

#[tokio::test]
async fn an_emptied_bucket_deletes_nothing_here() {
    let (bucket, one, _) = pair();
    one.write("a", "a");
    one.sync().await;
    bucket.clear();
    assert!(matches!(one.run().await, Ok(Outcome::Halted(Halt::Emptied { side: Side::Remote, .. }))));
    assert_eq!(one.names(), ["a"]);
}

#[tokio::test]
async fn mass_deletion_halts() {
    let (_, one, other) = pair();
    for n in 0..10 {
        one.write(&format!("f{n}"), format!("content {n}"));
    }
    one.sync().await;
    other.sync().await;
    for n in 0..6 {
        fs::remove_file(one.path(&format!("f{n}"))).unwrap();
    }
    let halted = one.run().await;
    assert!(
        matches!(halted, Ok(Outcome::Halted(Halt::MassDeletion { side: Side::Remote, deletions: 6, .. }))),
        "{halted:?}"
    );
}

#[tokio::test]
async fn a_missing_folder_is_not_made() {
    let (_, one, _) = pair();
    one.write("a", "a");
    one.sync().await;
    fs::remove_dir_all(one.folder()).unwrap();
    assert!(matches!(one.run().await, Err(sync::Error::Local(disk::Error::Missing { .. }))));
    assert!(!one.folder().exists());
}

#[tokio::test]
async fn ignored_files_stay_where_they_are() {
    let (bucket, mut one, _) = pair();
    one.write("keep.txt", "keep");
    one.write("old.tmp", "synced before the rule");
    one.sync().await;
    one.route.ignore = plan::ignore::IgnoreRules::new(&["*.tmp".to_owned()]).unwrap();
    one.write("new.tmp", "never synced");
    one.sync().await;
    assert_eq!(one.names(), ["keep.txt", "new.tmp", "old.tmp"]);
    assert_eq!(bucket.objects().len(), 2, "what was there stays, what is new does not come");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (bucket, one, _) = pair();
    one.write("a", "a");
    let dry = Options { dry_run: true, ..options() };
    let Ok(Outcome::Planned(plan, _)) = one.run_with(dry).await else { panic!("no plan") };
    assert_eq!(plan.to_string(), "upload a (1 B)\n");
    assert!(bucket.objects().is_empty());
}

#[tokio::test]
async fn push_never_changes_the_folder_and_pull_never_the_bucket() {
    let (bucket, mut one, mut other) = pair();
    one.route.direction = Direction::Push;
    other.route.direction = Direction::Pull;
    bucket.store("from elsewhere", b"x");
    one.write("mine", "m");
    one.sync().await;
    assert_eq!(one.names(), ["mine"]);
    other.write("local only", "l");
    other.sync().await;
    assert_eq!(other.names(), ["from elsewhere", "local only", "mine"]);
    assert_eq!(bucket.objects().len(), 2);
}

#[tokio::test]
async fn objects_of_other_clients_come_down() {
    let (bucket, one, _) = pair();
    bucket.store("photos/", b"");
    bucket.store("photos/cat.jpg", b"meow");
    one.sync().await;
    assert_eq!(one.read("photos/cat.jpg").as_deref(), Some("meow"));
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn a_big_file_goes_and_comes_by_parts() {
    let (_, one, other) = pair();
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    assert!(content.len() as u64 > bucket::PUT_SIZE_MAX);
    one.write("big", &content);
    one.sync().await;
    other.sync().await;
    assert!(fs::read(other.path("big")).unwrap() == content);
}
