//! A side that is not the one that was agreed with takes nothing from the other.

use crate::fake::FakeBucket;
use crate::machine::{Machine, options};
use plan::sync::{Halt, Side};
use std::fs;
use sync::{Options, Outcome, Resume};

fn resumed() -> Options {
    Options { resume: Resume::Anything, ..options() }
}

async fn pair() -> (FakeBucket, Machine, Machine) {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    for n in 0..8 {
        one.write(&format!("f{n}"), format!("first {n}"));
    }
    one.sync().await;
    other.sync().await;
    (bucket, one, other)
}

#[tokio::test]
async fn a_server_restored_from_a_backup_takes_nothing_away() {
    let (bucket, one, other) = pair().await;
    let backup = bucket.back_up();
    one.write("f0", "edited after the backup");
    one.write("new", "written after the backup");
    one.sync().await;
    other.sync().await;
    bucket.put_back(backup);

    let halted = one.run().await;
    let expected = Halt::Replaced { side: Side::Remote, deleted: 1, replaced: 1 };
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "{halted:?}");
    let again = one.run().await;
    assert!(matches!(&again, Ok(Outcome::Halted(halt)) if *halt == expected), "it stays halted: {again:?}");
    assert_eq!(one.read("f0").as_deref(), Some("edited after the backup"));
    assert_eq!(one.read("new").as_deref(), Some("written after the backup"));

    // A person says to go on: everything of either side is kept, here and everywhere.
    let done = one.run_with(resumed()).await;
    assert!(matches!(done, Ok(Outcome::Done(_))), "{done:?}");
    one.sync().await;
    let done = other.run_with(resumed()).await;
    assert!(matches!(done, Ok(Outcome::Done(_))), "{done:?}");
    other.sync().await;
    one.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    let contents: Vec<String> = one.names().iter().filter_map(|name| one.read(name)).collect();
    for kept in ["first 0", "edited after the backup", "written after the backup"] {
        assert!(contents.iter().any(|content| content == kept), "`{kept}` among {contents:?}");
    }
}

#[tokio::test]
async fn a_resync_brings_back_what_is_missing_and_is_over_with_that() {
    let resync = || Options { resume: Resume::Resync(None), ..options() };
    let (bucket, one, other) = pair().await;
    (0..8).for_each(|n| fs::remove_file(one.path(&format!("f{n}"))).unwrap());
    assert!(matches!(one.run().await, Ok(Outcome::Halted(Halt::Emptied { side: Side::Local, held: 8 }))));
    let done = one.run_with(resync()).await;
    assert!(matches!(&done, Ok(Outcome::Done(report)) if report.downloaded == 8), "{done:?}");
    assert_eq!(bucket.objects().len(), 8);
    assert!(!one.sync().await.did_something());

    // From the other side, in which an edit counts as a version of its own.
    bucket.put_back(FakeBucket::with_feed().back_up());
    one.write("f0", "edited");
    let done = one.run_with(resync()).await;
    assert!(matches!(&done, Ok(Outcome::Done(report)) if report.uploaded == 8), "{done:?}");
    let done = other.run_with(resync()).await;
    assert!(matches!(&done, Ok(Outcome::Done(report)) if report.conflicts.len() == 1), "{done:?}");

    // From here on a deletion is one again.
    one.sync().await;
    fs::remove_file(one.path("f1")).unwrap();
    assert_eq!(one.sync().await.deleted_remote, 1);
}

#[tokio::test]
async fn a_resync_of_what_is_pushed_only_leaves_it_there() {
    let (bucket, mut one, _) = pair().await;
    one.route.direction = plan::sync::Direction::Push;
    (0..8).for_each(|n| fs::remove_file(one.path(&format!("f{n}"))).unwrap());
    assert!(matches!(one.run().await, Ok(Outcome::Halted(Halt::Emptied { side: Side::Local, held: 8 }))));
    let done = one.run_with(Options { resume: Resume::Resync(None), ..options() }).await;
    assert!(matches!(&done, Ok(Outcome::Done(report)) if !report.did_something()), "{done:?}");
    // For good.
    assert!(!one.sync().await.did_something());
    assert_eq!((bucket.objects().len(), one.names().len()), (8, 0));
}

#[tokio::test]
async fn a_server_restored_from_a_backup_that_lacks_nothing_is_no_matter() {
    let (bucket, one, _) = pair().await;
    bucket.put_back(bucket.back_up());
    one.write("later", "written meanwhile");
    let report = one.sync().await;
    assert_eq!(report.uploaded, 1);
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn another_directory_in_the_folders_place_takes_nothing_away() {
    let (bucket, one, _) = pair().await;
    let aside = one.folder().with_extension("aside");
    fs::rename(one.folder(), &aside).unwrap();
    fs::create_dir(one.folder()).unwrap();
    one.write("f0", "first 0");
    one.write("f1", "an older version");
    let halted = one.run().await;
    let expected = Halt::Replaced { side: Side::Local, deleted: 6, replaced: 1 };
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "{halted:?}");
    assert_eq!(bucket.objects().len(), 8);

    // The right one comes back.
    fs::remove_dir_all(one.folder()).unwrap();
    fs::rename(&aside, one.folder()).unwrap();
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn a_folder_restored_elsewhere_goes_on_if_it_lacks_nothing() {
    let (_, one, _) = pair().await;
    let aside = one.folder().with_extension("aside");
    fs::rename(one.folder(), &aside).unwrap();
    fs::create_dir(one.folder()).unwrap();
    for n in 0..8 {
        one.write(&format!("f{n}"), format!("first {n}"));
    }
    one.write("new", "new");
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.conflicts.len()), (1, 0));
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn two_trees_that_have_nothing_in_common_are_not_put_together_unasked() {
    let bucket = FakeBucket::with_feed();
    let (one, stranger) = (Machine::new("one", &bucket), Machine::new("stranger", &bucket));
    for n in 0..12 {
        one.write(&format!("papers/{n}"), format!("paper {n}"));
        stranger.write(&format!("songs/{n}"), format!("song {n}"));
    }
    one.sync().await;
    let halted = stranger.run().await;
    assert!(
        matches!(&halted, Ok(Outcome::Halted(Halt::Strangers { local: 12, remote: 12, same: 0 }))),
        "{halted:?}"
    );
    assert_eq!((stranger.path("papers").exists(), bucket.objects().len()), (false, 12));
    let done = stranger.run_with(resumed()).await;
    assert!(matches!(done, Ok(Outcome::Done(_))), "{done:?}");
    assert_eq!(stranger.read("papers/7").as_deref(), Some("paper 7"));
    assert_eq!(bucket.objects().len(), 24);
}

#[tokio::test]
async fn a_word_answers_the_halt_it_was_given_to_and_no_other() {
    let (bucket, one, _) = pair().await;
    for n in 0..5 {
        fs::remove_file(one.path(&format!("f{n}"))).unwrap();
    }
    let Ok(Outcome::Halted(shown)) = one.run().await else { panic!("most files are gone") };
    // Meanwhile more is deleted, which the person who looked has not seen.
    fs::remove_file(one.path("f5")).unwrap();
    let word = |halt: &Halt| Options { resume: Resume::From(halt.to_string()), ..options() };
    let Ok(Outcome::Halted(new)) = one.run_with(word(&shown)).await else { panic!("it is another halt") };
    assert_ne!(shown, new);
    assert_eq!(bucket.objects().len(), 8);
    assert!(matches!(one.run_with(word(&new)).await, Ok(Outcome::Done(_))));
    assert_eq!(bucket.objects().len(), 2);
}

#[tokio::test]
async fn what_a_listing_lacks_is_deleted_only_if_it_is_gone() {
    let bucket = FakeBucket::default();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    for name in ["a", "b", "c", "d/paper"] {
        one.write(name, name);
    }
    one.sync().await;
    other.sync().await;
    bucket.list_without("d/paper");
    for machine in [&one, &other] {
        machine.run().await.unwrap();
        assert_eq!(machine.read("d/paper").as_deref(), Some("d/paper"));
    }
    // Not even where another object looks like the same file under a new name.
    bucket.store("paper", b"d/paper");
    other.run().await.unwrap();
    assert_eq!(other.read("d/paper").as_deref(), Some("d/paper"));
    bucket.mend();
    for machine in [&one, &other] {
        machine.sync().await;
        assert_eq!(machine.names(), ["a", "b", "c", "d", "d/paper", "paper"]);
    }
}
