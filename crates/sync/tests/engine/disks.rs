//! Disks below the folder that are away. Real ones are mounted in the tests of the whole.

use crate::fake::FakeBucket;
use crate::machine::{Machine, options};
use plan::mount::Doubt;
use std::fs;
use std::process::Command;
use sync::{DiskWord, Nature, Options, Outcome, Report, Resume};

const LOST: Doubt = Doubt::Away { lost: 3 };

fn tells(report: &Report, doubt: Doubt) -> bool {
    matches!(report.problems.as_slice(), [one] if one.nature == Nature::Disk(doubt))
}

/// A machine whose disk is away, and another one.
async fn pair() -> (FakeBucket, Machine, Machine) {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    for n in 0..8 {
        one.write(&format!("f{n}"), format!("first {n}"));
    }
    for n in 0..3 {
        one.write(&format!("photos/p{n}"), format!("photo {n}"));
    }
    one.sync().await;
    other.sync().await;
    one.had_mounted("photos");
    fs::remove_dir_all(one.path("photos")).unwrap();
    (bucket, one, other)
}

/// Another directory takes the folder's place, with the same in it.
fn replace_folder(one: &Machine) {
    let aside = one.folder().with_extension("aside");
    fs::rename(one.folder(), &aside).unwrap();
    assert!(Command::new("cp").arg("-a").args([&aside, one.folder()]).status().unwrap().success());
}

#[tokio::test]
async fn doubts_about_the_folder_are_over_though_a_disk_is_away() {
    let (bucket, one, other) = pair().await;
    replace_folder(&one);
    assert!(tells(&one.report().await, LOST));
    // What it takes from now on is taken by a person.
    fs::remove_file(one.path("f0")).unwrap();
    let report = one.report().await;
    let waits = |waiting| Doubt::Unagreed { waiting };
    assert!(tells(&report, waits(3)) && report.deleted_remote == 1, "{report:?}");
    // Nothing is agreed upon with that disk any more, and yet nothing comes where it is not.
    other.write("photos/p3", "photo 3");
    other.sync().await;
    let report = one.report().await;
    assert!(tells(&report, waits(4)) && !one.path("photos").exists(), "{report:?}");
    assert_eq!(bucket.objects().len(), 11);

    let told = [(model::ObjectKey::parse("photos/").unwrap(), waits(4))].into();
    // Whatever the word is, nobody can delete what was not agreed upon.
    let word = Options { resume: Resume::Disks(DiskWord::Deleted, told), ..options() };
    let done = one.run_with(word).await;
    assert!(matches!(&done, Ok(Outcome::Done(report)) if report.downloaded == 4), "{done:?}");
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn doubts_about_the_server_are_over_though_a_disk_is_away() {
    let (bucket, one, _) = pair().await;
    assert!(tells(&one.report().await, LOST));
    bucket.put_back(bucket.back_up());
    assert!(tells(&one.report().await, LOST));
    fs::remove_file(one.path("f0")).unwrap();
    let report = one.report().await;
    assert!(tells(&report, Doubt::Unagreed { waiting: 3 }) && report.deleted_remote == 1, "{report:?}");
}

#[tokio::test]
async fn a_word_on_a_disk_answers_what_was_told_and_nothing_else() {
    let (bucket, one, _) = pair().await;
    assert!(tells(&one.report().await, LOST));
    let word = |doubt| {
        let told = [(model::ObjectKey::parse("photos/").unwrap(), doubt)].into();
        Options { resume: Resume::Disks(DiskWord::Deleted, told), ..options() }
    };
    let Ok(Outcome::Done(report)) = one.run_with(word(Doubt::Away { lost: 2 })).await else { panic!() };
    assert!(tells(&report, LOST));
    // The guards are as they were.
    (0..8).for_each(|n| fs::remove_file(one.path(&format!("f{n}"))).unwrap());
    let halted = one.run_with(word(LOST)).await;
    assert!(matches!(halted, Ok(Outcome::Halted(_))), "{halted:?}");
    assert_eq!(bucket.objects().len(), 11);
}
