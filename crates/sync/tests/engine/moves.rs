//! What was moved on one side is moved on the other, not sent again.

use crate::fake::FakeBucket;
use crate::machine::Machine;
use plan::ignore::IgnoreRules;
use plan::sync::{Halt, MaxDelete, Side};
use std::fs;
use std::process::Command;
use sync::Outcome;

async fn moved(bucket: FakeBucket) {
    let (mut one, mut other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    for machine in [&mut one, &mut other] {
        machine.route.max_delete = MaxDelete::Count(0);
    }
    for n in 0..20 {
        one.write(&format!("photos/{n}.jpg"), format!("picture {n}"));
    }
    one.write("letter.txt", "dear all");
    one.sync().await;
    other.sync().await;

    fs::rename(one.path("photos"), one.path("pictures")).unwrap();
    fs::create_dir(one.path("old")).unwrap();
    fs::rename(one.path("letter.txt"), one.path("old/letter.txt")).unwrap();
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.moved.remote, report.deleted_remote), (0, 21, 0), "{report:?}");
    assert_eq!(bucket.copies(), 21);

    let inode = |machine: &Machine, name: &str| {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(machine.path(name)).unwrap().ino()
    };
    let before = inode(&other, "letter.txt");
    let report = other.sync().await;
    assert_eq!((report.downloaded, report.moved.local), (0, 21), "{report:?}");
    assert_eq!(inode(&other, "old/letter.txt"), before, "the same file under its new name");
    assert!(!other.path("photos").exists());
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    assert!(!other.sync().await.did_something());
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn a_renamed_directory_costs_no_upload_and_no_download() {
    moved(FakeBucket::with_feed()).await;
    moved(FakeBucket::default()).await;
}

/// Whoever asks the cloud while another machine renames a directory hears of the new names first, and of the old ones later.
#[tokio::test]
async fn a_move_that_comes_in_two_halves_costs_no_download_and_is_no_mass_deletion() {
    let bucket = FakeBucket::with_feed();
    let (mut one, mut other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    one.route.max_delete = MaxDelete::Count(100);
    other.route.max_delete = MaxDelete::Count(0);
    for n in 0..20 {
        one.write(&format!("photos/{n}.jpg"), format!("picture {n}"));
    }
    one.write("photos/film", vec![7; usize::try_from(bucket::PUT_SIZE_MAX).unwrap() + 1]);
    one.write("letter.txt", "dear all");
    one.sync().await;
    other.sync().await;

    let mut copy = Command::new("cp");
    assert!(copy.args(["-a", "photos", "pictures"]).current_dir(one.folder()).status().unwrap().success());
    one.sync().await;
    let report = other.sync().await;
    assert_eq!((report.downloaded, report.moved.local), (0, 21), "{report:?}");

    fs::remove_dir_all(one.path("photos")).unwrap();
    one.sync().await;
    assert_eq!(other.sync().await.deleted_local, 21);
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));

    fs::remove_dir_all(one.path("pictures")).unwrap();
    one.sync().await;
    assert!(
        matches!(other.run().await, Ok(sync::Outcome::Halted(_))),
        "what is gone under every name is lost"
    );
}

#[tokio::test]
async fn a_moved_and_edited_file_is_an_ordinary_one() {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    one.write("a", "content");
    one.write("anchor", "stays");
    one.sync().await;
    other.sync().await;
    fs::rename(one.path("a"), one.path("b")).unwrap();
    other.write("a", "edited meanwhile");
    one.sync().await;
    other.sync().await;
    one.sync().await;
    for machine in [&one, &other] {
        assert_eq!(machine.names(), ["a", "anchor", "b"]);
        assert_eq!(machine.read("a").as_deref(), Some("edited meanwhile"));
        assert_eq!(machine.read("b").as_deref(), Some("content"));
    }
}

#[tokio::test]
async fn names_that_are_swapped_end_up_swapped() {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    one.write("a", "first");
    one.write("b", "second");
    one.sync().await;
    other.sync().await;
    fs::rename(one.path("a"), one.path("c")).unwrap();
    fs::rename(one.path("b"), one.path("a")).unwrap();
    fs::rename(one.path("c"), one.path("b")).unwrap();
    one.sync().await;
    other.sync().await;
    assert_eq!(other.read("a").as_deref(), Some("second"));
    assert_eq!(other.read("b").as_deref(), Some("first"));
}

#[tokio::test]
async fn a_file_moved_below_its_own_name_arrives() {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    one.write("x", "content");
    one.write("anchor", "stays");
    one.sync().await;
    other.sync().await;
    fs::rename(one.path("x"), one.path("aside")).unwrap();
    fs::create_dir(one.path("x")).unwrap();
    fs::rename(one.path("aside"), one.path("x/x")).unwrap();
    one.sync().await;
    other.sync().await;
    assert_eq!(other.read("x/x").as_deref(), Some("content"));
}

/// What a rule leaves alone is not deleted, so a move out of there makes up for nothing.
#[tokio::test]
async fn a_move_out_of_what_is_left_alone_makes_up_for_no_deletion() {
    let bucket = FakeBucket::with_feed();
    let (one, mut other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    other.route.max_delete = MaxDelete::Count(2);
    for n in 0..4 {
        one.write(&format!("drafts/{n}"), format!("draft {n}"));
        one.write(&format!("letters/{n}"), format!("letter {n}"));
    }
    one.sync().await;
    other.sync().await;

    fs::rename(one.path("drafts"), one.path("done")).unwrap();
    (0..3).for_each(|n| fs::remove_file(one.path(&format!("letters/{n}"))).unwrap());
    one.sync().await;
    other.route.ignore = IgnoreRules::new(&["drafts/".to_owned()]).unwrap();
    let halted = other.run().await;
    let told = Halt::MassDeletion { side: Side::Local, deletions: 3, held: 4, limit: 2 };
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == told), "{halted:?}");
}
