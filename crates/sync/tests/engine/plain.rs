//! The engine between real folders and a plain tree on a real directory, which may be a disk that comes and goes.

use crate::machine::{Machine, options};
use bucket::plain::{At, Options as PlainOptions, PlaceId};
use bucket::{Plain, Prefix};
use model::{MachineName, RelPath};
use plan::sync::{Halt, Side};
use std::fs;
use std::path::{Path, PathBuf};
use sync::{Error, Options, Outcome, Place, Resume};
use tempfile::TempDir;
use testkit::Tricky;

/// A directory at which a disk is mounted.
struct Disk {
    place: TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self { place: tempfile::tempdir().unwrap() };
        fs::create_dir(disk.path()).unwrap();
        disk
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("mnt")
    }

    fn files(&self) -> PathBuf {
        self.path().join("documents")
    }

    /// Takes the disk away; the mount point stays.
    fn unplug(&self, name: &str) {
        fs::rename(self.path(), self.place.path().join(name)).unwrap();
        fs::create_dir(self.path()).unwrap();
    }

    fn plug(&self, name: &str) {
        fs::remove_dir(self.path()).expect("nothing was written into the mount point");
        fs::rename(self.place.path().join(name), self.path()).unwrap();
    }

    fn place(&self, machine: &str) -> Place {
        let options = PlainOptions {
            name: "cloud".to_owned(),
            at: At::Disk { root: self.path() },
            machine: MachineName::new(machine).unwrap(),
            concurrency: 8,
            limits: bucket::Limits::default(),
        };
        let prefix = Prefix::below(&RelPath::from_key("documents").unwrap());
        Place::new(Plain::connect(&options).unwrap(), prefix)
    }

    fn machine(&self, name: &str) -> Machine<Place> {
        Machine::new(name, &self.place(name))
    }

    async fn filled(&self) -> Machine<Place> {
        let machine = self.machine("one");
        for n in 0..8 {
            machine.write(&format!("f{n}"), format!("first {n}"));
        }
        machine.sync().await;
        machine
    }
}

/// What a person says who was told `said`.
fn after(said: &impl ToString) -> Options {
    Options { resume: Resume::From(said.to_string()), ..options() }
}

/// What is told of a disk that is not there.
async fn told_absent(machine: &Machine<Place>) -> bucket::Error {
    match machine.run().await {
        Err(Error::Remote(error @ bucket::Error::Absent { .. })) => error,
        other => panic!("{other:?}"),
    }
}

fn is_absent(outcome: &Result<Outcome, Error>) -> bool {
    matches!(outcome, Err(Error::Remote(bucket::Error::Absent { .. })))
}

fn count(directory: &Path) -> usize {
    fs::read_dir(directory).unwrap().count()
}

#[tokio::test]
async fn everything_a_file_can_be_arrives_unchanged() {
    let disk = Disk::new();
    let (one, other) = (disk.machine("one"), disk.machine("other"));
    testkit::plant(one.folder(), Tricky::All);
    one.sync().await;
    other.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    let again = one.sync().await;
    assert!(!again.did_something(), "{again:?}");
}

#[tokio::test]
async fn edits_moves_deletions_and_conflicts_travel_both_ways() {
    let disk = Disk::new();
    let (one, other) = (disk.machine("one"), disk.machine("other"));
    for name in ["a", "b", "c", "dir/d", "letter.txt"] {
        one.write(name, format!("this is {name}"));
    }
    one.sync().await;
    other.sync().await;
    one.write("a", "edited here");
    one.write("letter.txt", "dear Alice");
    fs::remove_file(one.path("b")).unwrap();
    fs::rename(one.path("c"), one.path("moved")).unwrap();
    other.write("letter.txt", "dear Bob!");
    fs::remove_dir_all(other.path("dir")).unwrap();
    let report = one.sync().await;
    assert_eq!(
        (report.moved.remote, report.deleted_remote),
        (1, 1),
        "a move sends nothing and loses nothing"
    );
    assert_eq!(other.sync().await.conflicts.len(), 1);
    one.sync().await;
    let copy = "letter.sync-conflict-20261120-101500-other.txt";
    for machine in [&one, &other] {
        assert_eq!(machine.names(), ["a", copy, "letter.txt", "moved"]);
        assert_eq!(machine.read("a").as_deref(), Some("edited here"));
        assert_eq!(machine.read("letter.txt").as_deref(), Some("dear Alice"));
        assert_eq!(machine.read(copy).as_deref(), Some("dear Bob!"));
    }
}

#[tokio::test]
async fn what_a_person_does_on_the_disk_is_synced() {
    let disk = Disk::new();
    let one = disk.filled().await;
    fs::write(disk.files().join("f0"), "edited on the disk").unwrap();
    fs::write(disk.files().join("new"), "put there").unwrap();
    fs::remove_file(disk.files().join("f1")).unwrap();
    one.sync().await;
    assert_eq!(one.read("f0").as_deref(), Some("edited on the disk"));
    assert_eq!(one.read("new").as_deref(), Some("put there"));
    assert!(!one.path("f1").exists());
}

#[tokio::test]
async fn a_large_file_goes_and_comes_and_its_edit_too() {
    let disk = Disk::new();
    let (one, other) = (disk.machine("one"), disk.machine("other"));
    let mut film: Vec<u8> =
        (0..5_000_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    one.write("film", &film);
    one.sync().await;
    other.sync().await;
    film[7_000_000] ^= 1;
    other.write("film", &film);
    other.sync().await;
    one.sync().await;
    assert!(fs::read(one.path("film")).unwrap() == film);
    assert_eq!(count(&disk.path().join(".heirloom/incoming")), 0);
}

#[tokio::test]
async fn a_disk_that_is_not_there_is_waited_for() {
    let disk = Disk::new();
    let one = disk.filled().await;
    one.write("f0", "edited while the disk was away");
    disk.unplug("away");
    let outcome = one.run().await;
    assert!(is_absent(&outcome), "{outcome:?}");
    assert_eq!(count(&disk.path()), 0, "the mount point stays empty");
    fs::remove_dir(disk.path()).unwrap();
    assert!(is_absent(&one.run().await));
    assert!(!disk.path().exists(), "no directory is made up");
    fs::create_dir(disk.path()).unwrap();
    disk.plug("away");
    assert_eq!(one.sync().await.uploaded, 1);
    assert_eq!(one.names().len(), 8);
}

#[tokio::test]
async fn a_new_disk_is_begun_anew_once_a_person_says_so() {
    let disk = Disk::new();
    let one = disk.filled().await;
    disk.unplug("old");
    let said = told_absent(&one).await;
    let look = Options { dry_run: true, ..after(&said) };
    assert!(matches!(one.run_with(look).await, Ok(Outcome::Planned(plan, _)) if !plan.is_empty()));
    assert_eq!(count(&disk.path()), 0, "a dry run marks nothing");
    let done = one.run_with(after(&said)).await;
    assert!(matches!(&done, Ok(Outcome::Done(report)) if report.uploaded == 8), "{done:?}");
    assert!(!one.sync().await.did_something());
    assert_eq!(testkit::list(one.folder()), testkit::list(&disk.files()));
}

#[tokio::test]
async fn a_word_to_another_matter_begins_no_disk_anew() {
    let disk = Disk::new();
    let one = disk.filled().await;
    for n in 0..5 {
        fs::remove_file(one.path(&format!("f{n}"))).unwrap();
    }
    let Ok(Outcome::Halted(halt)) = one.run().await else { panic!("most files are gone") };
    fs::remove_dir_all(one.folder()).unwrap();
    fs::create_dir(one.folder()).unwrap();
    disk.unplug("away");
    // Nor is the mount point begun anew by a word that was given when there was none.
    fs::remove_dir(disk.path()).unwrap();
    let no_directory = told_absent(&one).await;
    fs::create_dir(disk.path()).unwrap();
    for word in [after(&halt), after(&no_directory)] {
        assert!(is_absent(&one.run_with(word).await));
        assert_eq!(count(&disk.path()), 0, "the mount point stays empty");
    }
    disk.plug("away");
    assert_eq!(count(&disk.files()), 8);
}

#[tokio::test]
async fn a_disk_that_was_begun_anew_for_one_folder_was_so_for_all() {
    let disk = Disk::new();
    let one = disk.filled().await;
    let other = disk.machine("other");
    other.sync().await;
    disk.unplug("old");
    let said = told_absent(&one).await;
    assert!(matches!(one.run_with(after(&said)).await, Ok(Outcome::Done(_))));
    fs::remove_file(disk.files().join("f0")).unwrap();
    fs::write(disk.files().join("f1"), "edited").unwrap();
    let halted = other.run().await;
    assert!(matches!(&halted, Ok(Outcome::Halted(Halt::Replaced { .. }))), "{halted:?}");
    let at = |id: &str| Options { resume: Resume::At(PlaceId::new(id)), ..options() };
    let halted = other.run_with(at("another one")).await;
    assert!(matches!(&halted, Ok(Outcome::Halted(_))), "{halted:?}");
    let marker = fs::read_to_string(disk.path().join(".heirloom/place")).unwrap();
    let id = marker.lines().nth(1).unwrap().to_owned();
    assert!(matches!(other.run_with(at(&id)).await, Ok(Outcome::Done(_))));
    assert_eq!(other.names().len(), 9, "every file of either: {:?}", other.names());
    // From then on it is the place that is known, at which the word means nothing.
    one.sync().await;
    fs::remove_dir_all(disk.files()).unwrap();
    let halted = other.run_with(at(&id)).await;
    assert!(matches!(&halted, Ok(Outcome::Halted(Halt::Emptied { .. }))), "{halted:?}");
}

#[tokio::test]
async fn another_marked_disk_takes_nothing_away() {
    let disk = Disk::new();
    let one = disk.filled().await;
    disk.unplug("first");
    // Another state, perhaps another machine, has used the second disk before.
    let stranger = disk.machine("stranger");
    stranger.write("f0", "an old version");
    stranger.sync().await;
    let halted = one.run().await;
    let expected = Halt::Replaced { side: Side::Remote, deleted: 7, replaced: 1 };
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "{halted:?}");
    let halted = one.run().await;
    assert!(matches!(&halted, Ok(Outcome::Halted(halt)) if *halt == expected), "it stays so: {halted:?}");
    assert_eq!(one.names().len(), 8);
    // A person says to go on: every file of either is kept.
    let resume = Resume::From(expected.to_string());
    let done = one.run_with(Options { resume, ..options() }).await;
    assert!(matches!(done, Ok(Outcome::Done(_))), "{done:?}");
    one.sync().await;
    let contents: Vec<String> = one.names().iter().filter_map(|name| one.read(name)).collect();
    for kept in ["an old version", "first 0", "first 7"] {
        assert!(contents.iter().any(|content| content == kept), "`{kept}` among {contents:?}");
    }
}

#[tokio::test]
async fn a_disk_whose_files_are_gone_halts_and_one_that_lost_many_too() {
    let disk = Disk::new();
    let one = disk.filled().await;
    for n in 0..5 {
        fs::remove_file(disk.files().join(format!("f{n}"))).unwrap();
    }
    let halted = one.run().await;
    assert!(
        matches!(&halted, Ok(Outcome::Halted(Halt::MassDeletion { side: Side::Local, .. }))),
        "{halted:?}"
    );
    fs::remove_dir_all(disk.files()).unwrap();
    let halted = one.run().await;
    assert!(matches!(&halted, Ok(Outcome::Halted(Halt::Emptied { side: Side::Remote, .. }))), "{halted:?}");
    assert_eq!(one.names().len(), 8);
}

#[tokio::test]
async fn two_full_trees_that_never_met_halt() {
    let disk = Disk::new();
    fs::create_dir(disk.files()).unwrap();
    let one = disk.machine("one");
    for n in 0..40 {
        fs::write(disk.files().join(format!("theirs {n}")), format!("their {n}")).unwrap();
        one.write(&format!("ours {n}"), format!("our {n}"));
    }
    let halted = one.run().await;
    assert!(matches!(&halted, Ok(Outcome::Halted(Halt::Strangers { .. }))), "{halted:?}");
}
