//! What a snapshot notices, and what it costs.

use crate::world::{World, noise, path, settle};
use archive::{Archive, Change, ChangeKind, Error, Outcome};
use model::UnixNanos;
use std::fs;
use std::time::{Duration, SystemTime};

fn change(name: &str, kind: ChangeKind) -> Change {
    Change { path: path(name), kind }
}

fn counts(outcome: &archive::Created) -> (u64, u64, u64) {
    (outcome.added, outcome.modified, outcome.deleted)
}

#[test]
fn an_unchanged_bucket_is_not_read() {
    let world = World::new();
    for number in 0..200 {
        world.write(format!("docs/{}/{number}", number % 7), format!("file {number}"));
    }
    world.link("docs/link", "0/0");
    settle();
    let first = world.created();
    assert_eq!((first.files, first.work.files_read), (201, 201));
    let packs = fs::read_dir(world.archive.path().join("objects/pack")).unwrap().count();
    for _ in 0..2 {
        assert_eq!(world.unchanged(), archive::Work::default());
    }
    assert_eq!(fs::read_dir(world.archive.path().join("objects/pack")).unwrap().count(), packs);
    assert_eq!(world.git(&["rev-list", "--count", "main"]), "1\n");
}

#[test]
fn only_what_changed_is_read_and_written() {
    let world = World::new();
    for number in 0..100 {
        world.write(format!("docs/{}/{number}", number % 5), format!("file {number}"));
    }
    settle();
    world.created();
    world.write("docs/3/3", "another");
    world.write("docs/new/deep/er", "new");
    world.remove("docs/4/4");
    settle();
    let second = world.created();
    assert_eq!(counts(&second), (1, 1, 1));
    assert_eq!(second.work.files_read, 2);
    assert_eq!(
        world.history().changes(&second.id).unwrap(),
        [
            change("docs/3/3", ChangeKind::Modified),
            change("docs/4/4", ChangeKind::Deleted),
            change("docs/new/deep/er", ChangeKind::Added),
        ]
    );
    assert_eq!(world.git(&["log", "-1", "--format=%s"]), "1 added, 1 changed, 1 deleted\n");
    world.check();
    // 2 blobs; trees docs, 3, 4, new, deep and root; the same for metadata with its files; .heirloom; the commit.
    let written = world.git(&["rev-list", "--count", "--objects", "main~1..main"]);
    assert!(written.trim().parse::<u32>().unwrap() <= 20, "{written}");
}

#[test]
fn changes_of_sort_and_whole_directories_are_counted() {
    let world = World::new();
    world.write("a/file-to-directory", "1");
    world.write("a/directory-to-file/one", "2");
    world.write("a/directory-to-file/sub/two", "3");
    world.write("a/file-to-link", "4");
    world.write("a/program", "5");
    world.write("gone/x/y", "6");
    world.write("gone/z", "7");
    world.write("emptied/z", "8");
    settle();
    world.created();

    world.remove("a/file-to-directory");
    world.write("a/file-to-directory/inside", "1");
    world.remove("a/directory-to-file");
    world.write("a/directory-to-file", "now a file");
    world.remove("a/file-to-link");
    world.link("a/file-to-link", "4");
    world.mode("a/program", 0o755);
    world.remove("gone");
    world.remove("emptied/z");
    let second = world.created();
    // added: inside, directory-to-file; deleted: file-to-directory, one, two, y, z, z; modified: link, program
    assert_eq!(counts(&second), (2, 2, 6));
    assert_eq!(world.history().changes(&second.id).unwrap().len(), 10);
    world.check();

    // The same is counted without a cache.
    world.write("a/program", "6");
    world.remove("a/file-to-directory");
    fs::remove_file(world.archive.path().join("heirloom/stat-cache")).unwrap();
    assert_eq!(counts(&world.created()), (0, 1, 1));
}

#[test]
fn a_lost_or_damaged_cache_costs_time_only() {
    let world = World::new();
    world.write("docs/a", "1");
    world.write("docs/sub/b", noise(9 << 20, 5));
    fs::create_dir(world.path("docs/empty")).unwrap();
    settle();
    world.created();
    let cache = world.archive.path().join("heirloom/stat-cache");
    let whole = fs::read(&cache).unwrap();

    fs::remove_file(&cache).unwrap();
    assert_eq!(world.unchanged().files_read, 2);
    assert_eq!(world.unchanged().files_read, 0, "it was written again");
    for damaged in [&b"nonsense"[..], &whole[..whole.len() / 2], &[0; 500]] {
        fs::write(&cache, damaged).unwrap();
        assert_eq!(world.unchanged().files_read, 2);
        assert_eq!(world.unchanged().files_read, 0);
    }
    world.check();
}

#[test]
fn a_change_within_a_tick_of_the_clock_is_seen() {
    let world = World::new();
    world.write("docs/a", "1");
    let mut expected = 0;
    // No pause: size and mostly the times of the file are the same before and after.
    for round in 0..30 {
        world.write("docs/a", if round % 2 == 0 { "2" } else { "1" });
        let outcome = world.snapshot();
        expected += 1;
        let Outcome::Created(created) = outcome else { panic!("the change of round {round} was missed") };
        assert_eq!(created.added + created.modified, 1);
    }
    assert_eq!(world.history().count().unwrap(), expected);
}

#[test]
fn a_modification_time_set_back_does_not_hide_a_change() {
    let world = World::new();
    world.write("docs/a", "1");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let set =
        || fs::File::options().write(true).open(world.path("docs/a")).unwrap().set_modified(time).unwrap();
    set();
    settle();
    world.created();
    world.write("docs/a", "2");
    set();
    assert_eq!(counts(&world.created()), (0, 1, 0));
}

#[test]
fn metadata_alone_is_a_snapshot_but_a_directorys_time_is_not() {
    let world = World::new();
    world.write("docs/a", "1");
    world.write("docs/b/c", "1");
    settle();
    world.created();

    world.write("docs/b/passing", "x");
    world.remove("docs/b/passing");
    world.unchanged();
    fs::remove_file(world.archive.path().join("heirloom/stat-cache")).unwrap();
    world.unchanged();

    fs::create_dir(world.path("docs/new-folder")).unwrap();
    let created = world.created();
    assert_eq!(counts(&created), (0, 0, 0));
    assert!(world.history().entry(&created.id, &path("docs/new-folder")).unwrap().is_some());

    world.mode("docs/a", 0o600);
    let created = world.created();
    assert_eq!(counts(&created), (0, 0, 0));
    let entry = world.history().entry(&created.id, &path("docs/a")).unwrap().unwrap();
    assert_eq!(entry.mode.map(model::Mode::bits), Some(0o600));

    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    fs::File::options().write(true).open(world.path("docs/a")).unwrap().set_modified(time).unwrap();
    let created = world.created();
    let entry = world.history().entry(&created.id, &path("docs/a")).unwrap().unwrap();
    assert_eq!(entry.mtime, Some(UnixNanos(5_000_000_000)));
    world.check();
}

#[test]
fn the_first_snapshot_of_nothing_is_a_commit() {
    let world = World::new();
    assert!(world.archive.latest().unwrap().is_none());
    let created = world.created();
    assert_eq!((created.files, created.bytes), (0, 0));
    world.unchanged();
    world.check();
    assert_eq!(world.git(&["log", "--format=%s"]), "First snapshot: 0 files, 0 bytes\n");
    let clone = world.clone_with("clone", &[]);
    assert!(clone.join(".heirloom/README.md").exists());
}

#[test]
fn a_commit_says_who_when_and_what() {
    let world = World::new();
    world.write("documents/a", "1");
    world.write("photos/b", "1");
    world.write("not a state/b", "1");
    let mut context = world.context();
    context.author = "Zoë <z>".into();
    context.incomplete = vec!["the hook before_backup of documents failed\nwith 1".into()];
    let outcome = world.archive.snapshot(&world.live, &context, &|_| {}).unwrap();
    let expected = "Zoë z|alice@example.org|1764547201 +0100\n\
        Heirloom|heirloom@cloud|1764547201 +0100\n\
        First snapshot: 3 files, 3 bytes\n\n\
        Heirloom-Machine: cloud\n\
        Heirloom-States: documents, photos\n\
        Heirloom-Incomplete: the hook before_backup of documents failed with 1\n\n";
    assert_eq!(world.git(&["log", "-1", "--date=raw", "--format=%an|%ae|%ad%n%cn|%ce|%cd%n%B"]), expected);
    assert!(world.git(&["log", "--format=%(trailers:key=Heirloom-Machine,valueonly)"]).starts_with("cloud"));
    let info = world.history().info(&outcome.id()).unwrap();
    assert_eq!(info.author, "Zoë z");
    assert_eq!(info.machine.as_deref(), Some("cloud"));
    assert_eq!(info.states, ["documents", "photos"]);
    assert_eq!(info.incomplete, ["the hook before_backup of documents failed with 1"]);
    assert_eq!((info.time.0, info.utc_offset_seconds), (1_764_547_201_000_000_000, 3600));
    let log = fs::read_to_string(world.archive.path().join("logs/refs/heads/main")).unwrap();
    assert!(log.ends_with("1764547201 +0100\tsnapshot: First snapshot: 3 files, 3 bytes\n"), "{log}");
}

#[test]
fn what_is_neither_file_nor_folder_nor_link_is_a_problem() {
    let world = World::new();
    world.write("docs/a", "1");
    let _listener = std::os::unix::net::UnixListener::bind(world.path("docs/socket")).unwrap();
    rustix_mkfifo(&world.path("docs/pipe"));
    let created = world.created();
    let named: Vec<_> = created.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(named, ["docs/pipe", "docs/socket"]);
    let info = world.history().info(&created.id).unwrap();
    assert_eq!(info.incomplete, ["2 paths could not be recorded"]);
    assert!(matches!(world.snapshot(), Outcome::Unchanged { problems, .. } if problems.len() == 2));
}

fn rustix_mkfifo(path: &std::path::Path) {
    let done = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(done.success());
}

/// A file that grows all the time is never recorded torn; what was known of it is kept.
#[test]
fn a_file_that_does_not_stop_changing_keeps_its_previous_version() {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    let world = World::new();
    world.write("docs/quiet", "1");
    world.write("docs/log", noise(9 << 20, 1));
    settle();
    let first = world.created();
    let log_at = |id: &archive::SnapshotId| world.history().entry(id, &path("docs/log")).unwrap().unwrap();
    let mut before = log_at(&first.id);

    let stop = AtomicBool::new(false);
    let mut log = fs::File::options().append(true).open(world.path("docs/log")).unwrap();
    let second = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                log.write_all(b"x").unwrap();
            }
        });
        // On a busy machine the writer may not get its turn while the file is read: then nothing was torn.
        let mut second = None;
        for number in 2..100 {
            world.write("docs/quiet", number.to_string());
            let snapshot = world.created();
            if !snapshot.problems.is_empty() {
                second = Some(snapshot);
                break;
            }
            before = log_at(&snapshot.id);
        }
        stop.store(true, Ordering::Relaxed);
        second.expect("one of so many reads meets a write")
    });
    assert_eq!(counts(&second), (0, 1, 0));
    assert_eq!(second.problems.len(), 1, "{:?}", second.problems);
    assert_eq!(log_at(&second.id), before);
    world.check();

    settle();
    assert_eq!(counts(&world.created()), (0, 1, 0));
    world.check();
}

#[test]
fn what_cannot_be_read_is_kept_as_it_was() {
    let world = World::new();
    world.write("docs/a", "1");
    world.write("docs/locked/b", "2");
    world.write("docs/locked/deep/c", "3");
    world.write("docs/secret", "4");
    settle();
    world.created();
    world.write("docs/a", "changed");
    world.write("docs/secret", "changed");
    world.write("docs/locked/b", "changed");
    world.mode("docs/locked", 0o000);
    world.mode("docs/secret", 0o000);
    if fs::read(world.path("docs/secret")).is_ok() {
        // root reads everything: nothing to see here.
        world.mode("docs/locked", 0o755);
        return;
    }
    let created = world.created();
    world.mode("docs/locked", 0o755);
    assert_eq!(counts(&created), (0, 1, 0));
    let named: Vec<_> = created.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(named, ["docs/locked", "docs/secret"]);
    let history = world.history();
    for (name, content) in [("docs/locked/b", "2"), ("docs/locked/deep/c", "3"), ("docs/secret", "4")] {
        let entry = history.entry(&created.id, &path(name)).unwrap().unwrap();
        assert_eq!(history.read(&entry, 10).unwrap(), content.as_bytes());
    }
    world.check();
}

#[test]
fn a_missing_bucket_is_not_an_empty_one() {
    let world = World::new();
    world.write("docs/a", "1");
    world.created();
    fs::rename(&world.live, world.root.path().join("unmounted")).unwrap();
    let outcome = world.archive.snapshot(&world.live, &world.context(), &|_| {});
    assert!(matches!(outcome, Err(Error::Io { .. })), "{outcome:?}");
    assert_eq!(world.history().count().unwrap(), 1);
}

#[test]
fn one_writer_at_a_time() {
    let world = World::new();
    world.write("docs/a", "1");
    let seen = std::cell::Cell::new(false);
    let nested = |_| {
        // From within a snapshot: another one is refused, reading is not.
        let second = world.archive.snapshot(&world.live, &world.context(), &|_| {});
        assert!(matches!(second, Err(Error::Busy { .. })), "{second:?}");
        assert!(world.archive.history().is_ok());
        seen.set(true);
    };
    world.archive.snapshot(&world.live, &world.context(), &nested).unwrap();
    assert!(seen.get());
    world.unchanged();
}

#[test]
fn a_very_deep_tree_neither_exhausts_descriptors_nor_the_stack() {
    let world = World::new();
    let deep = "d/".repeat(600);
    world.write(format!("{deep}file"), "deep");
    world.write("d/file", "shallow");
    settle();
    assert_eq!(world.created().files, 2);
    assert_eq!(world.unchanged().files_read, 0);
    let name = format!("{deep}file");
    world.write(&name, "deeper");
    let created = world.created();
    assert_eq!(counts(&created), (0, 1, 0));
    let entry = world.history().entry(&created.id, &path(&name)).unwrap().unwrap();
    assert_eq!(world.history().read(&entry, 100).unwrap(), b"deeper");
    world.check();
}

#[test]
fn there_is_no_archive_where_there_is_none() {
    let world = World::new();
    let nowhere = world.root.path().join("nowhere.git");
    assert!(matches!(Archive::open(&nowhere), Err(Error::Missing { path }) if path == nowhere));
    let again = Archive::init(world.archive.path()).unwrap();
    assert_eq!(again, world.archive);
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/main\n");
    assert_eq!(world.git(&["rev-parse", "--is-bare-repository"]), "true\n");
}
