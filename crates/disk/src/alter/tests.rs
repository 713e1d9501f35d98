use super::*;
use crate::testing::{Scratch, is_changed, meta, rel};
use model::{Mode, UnixNanos};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

const NONE: &dyn Fn(&RelPath) -> bool = &|_| false;

fn mode(scratch: &Scratch, path: &str) -> u32 {
    fs::metadata(scratch.path(path)).unwrap().mode() & 0o7777
}

#[test]
fn a_removal_takes_the_directories_that_it_empties() {
    let scratch = Scratch::new();
    let stamp = scratch.write("a/b/c/f", "");
    scratch.write("a/g", "");
    scratch.root.remove(&rel("a/b/c/f"), &stamp, NONE).unwrap();
    assert_eq!(scratch.keys(), ["a/g"]);
    let stamp = scratch.stamp("a/g");
    scratch.root.remove(&rel("a/g"), &stamp, NONE).unwrap();
    assert!(scratch.root.path().exists() && scratch.names(".").is_empty());
}

#[test]
fn it_stops_at_what_is_to_be_kept() {
    let scratch = Scratch::new();
    let stamp = scratch.write("a/b/c/f", "");
    scratch.root.remove(&rel("a/b/c/f"), &stamp, &|path| path.as_str() == "a/b").unwrap();
    assert_eq!(scratch.keys(), ["a/b/"]);
}

#[test]
fn only_what_was_seen_is_removed() {
    let scratch = Scratch::new();
    let seen = scratch.write("f", "seen");
    scratch.write("f", "edited");
    assert!(is_changed(scratch.root.remove(&rel("f"), &seen, NONE)));
    assert_eq!(scratch.read("f"), "edited");
    fs::remove_file(scratch.path("f")).unwrap();
    fs::create_dir(scratch.path("f")).unwrap();
    assert!(is_changed(scratch.root.remove(&rel("f"), &scratch.stamp("f"), NONE)));
    assert!(is_changed(scratch.root.remove(&rel("missing"), &seen, NONE)));
    symlink("f", scratch.path("link")).unwrap();
    scratch.root.remove(&rel("link"), &scratch.stamp("link"), NONE).unwrap();
    assert_eq!(scratch.keys(), ["f/"]);
}

#[test]
fn a_directory_goes_when_it_is_empty_and_else_becomes_a_usual_one() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("a/empty")).unwrap();
    scratch.root.remove_directory(&rel("a/empty"), NONE).unwrap();
    assert!(scratch.names(".").is_empty());
    scratch.root.remove_directory(&rel("a/empty"), NONE).unwrap();
    scratch.write("full/f", "");
    fs::set_permissions(scratch.path("full"), Permissions::from_mode(0o700)).unwrap();
    scratch.root.remove_directory(&rel("full"), NONE).unwrap();
    assert_eq!((mode(&scratch, "full"), scratch.keys()), (0o755, vec!["full/f".into()]));
    assert!(is_changed(scratch.root.remove_directory(&rel("full/f"), NONE)));
}

#[test]
fn our_own_leftovers_do_not_keep_a_directory() {
    let scratch = Scratch::new();
    scratch.write(&format!("d/{}", crate::temporary::making(7).to_str().unwrap()), "left by a crash");
    scratch.root.remove_directory(&rel("d"), NONE).unwrap();
    assert!(!scratch.exists("d"));
    let staged = scratch.root.stage(&rel("d/f")).unwrap();
    scratch.root.remove_directory(&rel("d"), NONE).unwrap();
    staged.place(&Meta::default(), crate::Expect::Absent).unwrap();
    assert_eq!(scratch.keys(), ["d/f"]);
}

#[test]
fn a_rename_never_replaces() {
    let scratch = Scratch::new();
    let stamp = scratch.write("f", "mine");
    scratch.write("taken", "theirs");
    assert!(is_changed(scratch.root.rename(&rel("f"), &rel("taken"), &stamp)));
    let found = scratch.root.rename(&rel("f"), &rel("new/place"), &stamp).unwrap();
    assert_eq!(found, scratch.found("new/place"));
    assert_eq!((scratch.read("taken"), scratch.read("new/place")), ("theirs".into(), "mine".into()));
    assert!(is_changed(scratch.root.rename(&rel("new/place"), &rel("g"), &stamp)), "its ctime has moved on");
    assert!(is_changed(scratch.root.rename(&rel("gone"), &rel("other/g"), &stamp)));
    assert_eq!(scratch.names("."), ["new", "taken"]);
}

#[test]
fn time_and_permissions_are_set_without_touching_the_bytes() {
    let scratch = Scratch::new();
    let stamp = scratch.write("f", "x");
    let found = scratch.root.set_meta(&rel("f"), &meta(77, 0o4600), &stamp).unwrap();
    assert_eq!(found, scratch.found("f"));
    assert_eq!((found.meta.mtime, found.meta.mode), (meta(77, 0).mtime, Some(Mode::from_st_mode(0o600))));
    assert!(is_changed(scratch.root.set_meta(&rel("f"), &meta(78, 0o644), &stamp)));
    assert_eq!(mode(&scratch, "f"), 0o600);
    let nothing = scratch.root.set_meta(&rel("f"), &Meta::default(), &found.stamp).unwrap();
    assert_eq!(nothing, found);
    // A file that not even its owner may open.
    let shut = scratch.root.set_meta(&rel("f"), &meta(79, 0), &found.stamp).unwrap();
    let opened = scratch.root.set_meta(&rel("f"), &meta(-1, 0o644), &shut.stamp).unwrap();
    assert_eq!(opened.meta.mtime, Some(UnixNanos::from_seconds_and_nanos(-1, 123_456_789)));
}

#[test]
fn a_link_s_time_is_its_own() {
    let scratch = Scratch::new();
    let target = scratch.write("f", "");
    symlink("f", scratch.path("l")).unwrap();
    let found = scratch.root.set_meta(&rel("l"), &meta(5, 0o600), &scratch.stamp("l")).unwrap();
    assert_eq!((found.kind, found.meta.mtime), (Kind::Symlink, meta(5, 0).mtime));
    assert_eq!(scratch.stamp("f"), target);
}

#[test]
fn a_directory_takes_permissions_but_no_time() {
    let scratch = Scratch::new();
    let found = scratch.root.make_directory(&rel("a/b"), &meta(5, 0o1750)).unwrap();
    assert_eq!((found.key.as_str(), found.kind), ("a/b/", Kind::Directory));
    assert_eq!((mode(&scratch, "a/b"), mode(&scratch, "a")), (0o750, 0o755));
    assert_ne!(found.meta.mtime, meta(5, 0).mtime);
    scratch.write("a/b/f", "");
    let found = scratch.root.set_meta(&rel("a/b"), &meta(5, 0o700), &found.stamp).unwrap();
    assert_eq!((mode(&scratch, "a/b"), found.kind), (0o700, Kind::Directory));
    scratch.root.make_directory(&rel("a/b"), &Meta::default()).unwrap();
    assert_eq!(mode(&scratch, "a/b"), 0o700);
}

#[test]
fn no_directory_is_made_of_something_else() {
    let scratch = Scratch::new();
    scratch.write("f", "");
    symlink(scratch.outside(), scratch.path("l")).unwrap();
    for path in ["f", "l"] {
        assert!(is_changed(scratch.root.make_directory(&rel(path), &meta(0, 0o700))));
    }
    assert!(scratch.root.make_directory(&rel("l/new/dir"), &Meta::default()).is_err());
    assert!(fs::read_dir(scratch.outside()).unwrap().next().is_none());
    assert_ne!(fs::metadata(scratch.outside()).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn nothing_outside_is_changed_through_a_planted_symlink() {
    let scratch = Scratch::new();
    let stamp = scratch.write("d/f", "x");
    fs::rename(scratch.path("d"), scratch.path("moved")).unwrap();
    fs::write(scratch.outside().join("f"), "precious").unwrap();
    fs::create_dir(scratch.outside().join("empty")).unwrap();
    let before = fs::metadata(scratch.outside().join("f")).unwrap();
    symlink(scratch.outside(), scratch.path("d")).unwrap();
    let root = &scratch.root;
    assert!(root.remove(&rel("d/f"), &stamp, NONE).is_err());
    assert!(root.remove_directory(&rel("d/empty"), NONE).is_err());
    assert!(root.remove_directory(&rel("d"), NONE).is_err());
    assert!(root.rename(&rel("d/f"), &rel("g"), &stamp).is_err());
    assert!(root.rename(&rel("moved/f"), &rel("d/g"), &scratch.stamp("moved/f")).is_err());
    assert!(root.set_meta(&rel("d/f"), &meta(1, 0o777), &stamp).is_err());
    assert!(root.make_directory(&rel("d/new"), &Meta::default()).is_err());
    let after = fs::metadata(scratch.outside().join("f")).unwrap();
    assert_eq!((after.ctime_nsec(), after.ino()), (before.ctime_nsec(), before.ino()));
    assert_eq!(fs::read_dir(scratch.outside()).unwrap().count(), 2);
}
