use super::*;
use crate::testing::{Scratch, is_changed, meta, os, rel};
use model::Kind;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::sync::Barrier;
use std::time::{Duration, Instant};

fn put(scratch: &Scratch, path: &str, content: &str, expect: Expect) -> Result<Found, Error> {
    let mut staged = scratch.root.stage(&rel(path))?;
    staged.write(content.as_bytes())?;
    staged.place(&meta(1_000_000_000, 0o640), expect)
}

#[test]
fn a_new_file_has_its_bytes_time_and_permissions() {
    let scratch = Scratch::new();
    let found = put(&scratch, "a/b/new", "content", Expect::Absent).unwrap();
    assert_eq!(found, scratch.found("a/b/new"));
    assert_eq!((found.kind, found.size), (Kind::File, 7));
    assert_eq!((found.meta.mtime, found.meta.mode), {
        let meta = meta(1_000_000_000, 0o640);
        (meta.mtime, meta.mode)
    });
    assert_eq!((scratch.read("a/b/new"), scratch.names("a/b")), ("content".into(), vec!["new".into()]));
    assert_eq!(scratch.keys(), ["a/b/new"]);
}

#[test]
fn special_bits_are_not_restored() {
    let scratch = Scratch::new();
    let staged = scratch.root.stage(&rel("f")).unwrap();
    let found = staged.place(&meta(1, 0o6755), Expect::Absent).unwrap();
    assert_eq!(found.meta.mode, Some(Mode::from_st_mode(0o755)));
}

#[test]
fn a_file_in_the_making_is_private_hidden_and_gone_when_dropped() {
    let scratch = Scratch::new();
    scratch.write("kept/f", "");
    let mut staged = scratch.root.stage(&rel("kept/new/deep/f")).unwrap();
    staged.write(b"secret").unwrap();
    let names = scratch.names("kept/new/deep");
    assert!(names[0].starts_with(".heirloom-tmp-"));
    let mode = fs::metadata(scratch.path("kept/new/deep").join(&names[0])).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    drop(staged);
    assert_eq!(scratch.names("kept"), ["f"]);
}

#[test]
fn directories_that_others_use_by_now_stay() {
    let scratch = Scratch::new();
    let staged = scratch.root.stage(&rel("a/b/f")).unwrap();
    scratch.write("a/theirs", "");
    drop(staged);
    assert_eq!((scratch.names("."), scratch.names("a")), (vec!["a".into()], vec!["theirs".into()]));
}

#[test]
fn nothing_is_put_where_something_stands() {
    let scratch = Scratch::new();
    scratch.write("f", "theirs");
    fs::create_dir(scratch.path("d")).unwrap();
    symlink("nowhere", scratch.path("l")).unwrap();
    for path in ["f", "d", "l"] {
        assert!(is_changed(put(&scratch, path, "ours", Expect::Absent)));
    }
    // It may arrive at the last moment too.
    let staged = scratch.root.stage(&rel("late")).unwrap();
    scratch.write("late", "theirs");
    assert!(is_changed(staged.place(&Meta::default(), Expect::Absent)));
    assert_eq!((scratch.read("f"), scratch.read("late")), ("theirs".into(), "theirs".into()));
    assert_eq!(scratch.names("."), ["d", "f", "l", "late"]);
}

#[test]
fn only_the_version_that_was_seen_is_replaced() {
    let scratch = Scratch::new();
    let seen = scratch.write("f", "seen");
    let mut staged = scratch.root.stage(&rel("f")).unwrap();
    staged.write(b"ours").unwrap();
    scratch.write("f", "edited");
    assert!(is_changed(staged.place(&Meta::default(), Expect::Unchanged(seen))));
    assert_eq!(scratch.read("f"), "edited");
    let now = scratch.stamp("f");
    let found = put(&scratch, "f", "ours", Expect::Unchanged(now)).unwrap();
    assert_eq!((scratch.read("f"), found), ("ours".into(), scratch.found("f")));
    fs::remove_file(scratch.path("f")).unwrap();
    assert!(is_changed(put(&scratch, "f", "ours", Expect::Unchanged(now))));
    assert!(scratch.names(".").is_empty());
}

#[test]
fn what_meta_does_not_say_stays_as_it_was() {
    let scratch = Scratch::new();
    scratch.write("f", "old");
    fs::set_permissions(scratch.path("f"), Permissions::from_mode(0o604)).unwrap();
    let owner = if rustix::process::geteuid().is_root() {
        12_345
    } else {
        fs::metadata(scratch.path("f")).unwrap().uid()
    };
    std::os::unix::fs::chown(scratch.path("f"), Some(owner), Some(owner)).unwrap();
    let expect = Expect::Unchanged(scratch.stamp("f"));
    let found = scratch.root.stage(&rel("f")).unwrap().place(&Meta::default(), expect).unwrap();
    assert_eq!(found.meta.mode, Some(Mode::from_st_mode(0o604)));
    assert_eq!(found.meta.owner.map(|owner| owner.uid), Some(owner));
    let new = scratch.root.stage(&rel("new")).unwrap().place(&Meta::default(), Expect::Absent).unwrap();
    scratch.write("plain", "");
    assert_eq!(new.meta.mode, scratch.found("plain").meta.mode);
}

#[test]
fn parts_may_be_written_in_any_order_by_several_threads() {
    let scratch = Scratch::new();
    let staged = scratch.root.stage(&rel("f")).unwrap();
    std::thread::scope(|scope| {
        for part in (0_u8..4).rev() {
            let staged = &staged;
            scope
                .spawn(move || staged.write_at(u64::from(part) * 1_000_000, &vec![part; 1_000_000]).unwrap());
        }
    });
    let digest = staged.digest().unwrap();
    staged.place(&Meta::default(), Expect::Absent).unwrap();
    let bytes = fs::read(scratch.path("f")).unwrap();
    assert_eq!(bytes, [0, 1, 2, 3].map(|part| vec![part; 1_000_000]).concat());
    assert_eq!(digest, crate::digest_of(&bytes));
}

#[test]
fn nothing_is_staged_through_a_planted_symlink() {
    let scratch = Scratch::new();
    scratch.write("d/f", "");
    let staged = scratch.root.stage(&rel("d/late")).unwrap();
    fs::rename(scratch.path("d"), scratch.path("moved")).unwrap();
    symlink(scratch.outside(), scratch.path("d")).unwrap();
    assert!(matches!(scratch.root.stage(&rel("d/f")), Err(Error::NotADirectory { .. })));
    assert!(matches!(scratch.root.stage(&rel("d/new/f")), Err(Error::NotADirectory { .. })));
    assert!(scratch.root.place_symlink(&rel("d/l"), b"x", &Meta::default(), Expect::Absent).is_err());
    // What had begun ends in the directory where it began, wherever that is called now.
    staged.place(&Meta::default(), Expect::Absent).unwrap();
    assert!(scratch.exists("moved/late"));
    assert!(fs::read_dir(scratch.outside()).unwrap().next().is_none());
}

#[test]
fn a_file_on_the_way_is_not_taken_for_a_directory() {
    let scratch = Scratch::new();
    scratch.write("f", "file");
    assert!(matches!(scratch.root.stage(&rel("f/below")), Err(Error::NotADirectory { .. })));
    assert!(matches!(scratch.root.stage(&rel("f/below/deep")), Err(Error::NotADirectory { .. })));
}

#[test]
fn symlinks_are_placed_and_replaced_like_files() {
    let scratch = Scratch::new();
    let place = |target: &[u8], expect| scratch.root.place_symlink(&rel("a/l"), target, &meta(5, 0), expect);
    let found = place(b"../\xff", Expect::Absent).unwrap();
    assert_eq!((found.kind, found.size, found.meta.mtime), (Kind::Symlink, 4, meta(5, 0).mtime));
    assert_eq!(found, scratch.found("a/l"));
    assert_eq!(fs::read_link(scratch.path("a/l")).unwrap(), os(b"../\xff"));
    assert!(is_changed(place(b"x", Expect::Absent)));
    let found = place(b"x", Expect::Unchanged(found.stamp)).unwrap();
    assert_eq!(fs::read_link(scratch.path("a/l")).unwrap(), os(b"x"));
    // A file in a link's place, and a link in a file's.
    put(&scratch, "a/l", "file now", Expect::Unchanged(found.stamp)).unwrap();
    assert_eq!(scratch.read("a/l"), "file now");
    place(b"y", Expect::Unchanged(scratch.stamp("a/l"))).unwrap();
    assert_eq!(scratch.names("a"), ["l"]);
    for impossible in [&b""[..], b"nul\0"] {
        let placed = scratch.root.place_symlink(&rel("m"), impossible, &Meta::default(), Expect::Absent);
        assert!(matches!(placed, Err(Error::Unsupported { .. })));
    }
}

#[test]
fn odd_names_are_placed_as_they_are() {
    let scratch = Scratch::new();
    for name in [&b"\xff\n "[..], &[b'x'; 255], b"%41"] {
        let path = RelPath::from_os_bytes(name).unwrap();
        scratch.root.stage(&path).unwrap().place(&Meta::default(), Expect::Absent).unwrap();
        assert!(scratch.root.path().join(os(name)).exists());
    }
    let too_long = RelPath::from_os_bytes(&[b'x'; 256]).unwrap();
    let placed =
        scratch.root.stage(&too_long).and_then(|staged| staged.place(&Meta::default(), Expect::Absent));
    assert!(matches!(placed, Err(Error::Io { .. })));
    assert_eq!(fs::read_dir(scratch.root.path()).unwrap().count(), 3);
}

/// Whoever is first: an editor that saves by renaming always finds its save afterwards.
#[test]
fn racing_with_an_editor_never_loses_its_save() {
    let scratch = Scratch::new();
    let (mut placed, mut refused) = (0, 0);
    let mut usual = Duration::ZERO;
    for round in 0..200 {
        let seen = scratch.write("f", "seen");
        let save = format!("save {round}");
        scratch.write("save", &save);
        let mut staged = scratch.root.stage(&rel("f")).unwrap();
        staged.write(b"from afar").unwrap();
        let barrier = Barrier::new(2);
        let pause = usual * (round % 20) / 12;
        let (outcome, took) = std::thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                // Now before, now after, now in the middle of it.
                std::thread::sleep(pause);
                fs::rename(scratch.path("save"), scratch.path("f")).unwrap();
            });
            barrier.wait();
            let begun = Instant::now();
            let outcome = staged.place(&Meta::default(), Expect::Unchanged(seen));
            (outcome, begun.elapsed())
        });
        usual = took;
        match outcome {
            Ok(_) => placed += 1,
            Err(Error::Changed { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
        assert_eq!(scratch.read("f"), save);
        assert_eq!(scratch.names("."), ["f"]);
    }
    println!("placed {placed}, refused {refused}");
}

#[test]
fn two_that_create_and_remove_directories_do_not_trip_each_other() {
    let scratch = Scratch::new();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let scratch = &scratch;
            scope.spawn(move || {
                for round in 0..150 {
                    let path = format!("a/b/c/{thread}-{round}");
                    let found = put(scratch, &path, "x", Expect::Absent).unwrap();
                    scratch.root.remove(&rel(&path), &found.stamp, &|_| false).unwrap();
                }
            });
        }
    });
    assert!(scratch.names(".").is_empty());
}

#[test]
fn a_full_disk_is_said_so_and_leaves_nothing_behind() {
    let mount = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(mount.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: mounting a small file system needs the super-user");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        let root = Root::open(mount.path()).unwrap();
        let mut staged = root.stage(&rel("d/big")).unwrap();
        assert!(matches!(staged.check_room(1 << 20), Err(Error::NoSpace { .. })));
        assert!(matches!(staged.write(&vec![7; 1 << 20]), Err(Error::NoSpace { .. })));
        drop(staged);
        assert_eq!(root.scan(|_: &_, _| false).unwrap().count(), 0);
        let mut staged = root.stage(&rel("small")).unwrap();
        staged.write(&[7; 1000]).unwrap();
        staged.place(&Meta::default(), Expect::Absent).unwrap();
    });
    Command::new("umount").arg(mount.path()).status().unwrap();
    outcome.unwrap();
}
