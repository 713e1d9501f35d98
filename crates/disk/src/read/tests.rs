use super::*;
use crate::testing::{Scratch, is_changed, os, rel};
use rustix::fs::{Mode, mkfifoat};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::symlink;

#[test]
fn digests_are_md5() {
    let scratch = Scratch::new();
    let stamp = scratch.write("abc", "abc");
    let digest = scratch.root.digest(&rel("abc"), &stamp).unwrap();
    assert_eq!(digest.to_string(), "900150983cd24fb0d6963f7d28e17f72");
    assert_eq!(scratch.root.digest(&rel("e"), &scratch.write("e", "")).unwrap(), ContentId::EMPTY);
    let long = "0123456789".repeat(40_000);
    let stamp = scratch.write("long", &long);
    assert_eq!(scratch.root.digest(&rel("long"), &stamp).unwrap(), digest_of(long.as_bytes()));
    symlink("abc", scratch.path("link")).unwrap();
    assert_eq!(scratch.root.digest(&rel("link"), &scratch.stamp("link")).unwrap(), digest);
}

#[test]
fn another_stamp_means_another_version() {
    let scratch = Scratch::new();
    let old = scratch.write("d/f", "one");
    scratch.write("d/f", "two");
    assert!(is_changed(scratch.root.digest(&rel("d/f"), &old)));
    assert!(is_changed(scratch.root.read_small(&rel("d/f"), &old)));
    assert!(is_changed(scratch.root.open_file(&rel("d/f"), &old)));
    assert_eq!(scratch.root.read_small(&rel("d/f"), &scratch.stamp("d/f")).unwrap(), b"two");
    let now = scratch.stamp("d/f");
    fs::remove_file(scratch.path("d/f")).unwrap();
    assert!(is_changed(scratch.root.digest(&rel("d/f"), &now)));
    assert!(is_changed(scratch.root.digest(&rel("d/f/below"), &now)));
}

#[test]
fn an_edit_between_two_parts_is_noticed() {
    let scratch = Scratch::new();
    let stamp = scratch.write("f", "0123456789");
    let open = scratch.root.open_file(&rel("f"), &stamp).unwrap();
    assert_eq!((open.size(), open.read_at(2, 3).unwrap()), (10, b"234".to_vec()));
    assert!(is_changed(open.read_at(8, 3)));
    open.check().unwrap();
    // Same length, same inode.
    fs::write(scratch.path("f"), "9876543210").unwrap();
    assert!(is_changed(open.read_at(5, 5)));
    assert!(is_changed(open.check()));
}

#[test]
fn an_edit_right_after_the_scan_is_noticed_however_coarse_the_clock() {
    let scratch = Scratch::new();
    for round in 0..5 {
        let stamp = scratch.write("f", "aaaa");
        let open = scratch.root.open_file(&rel("f"), &stamp).unwrap();
        OpenOptions::new().write(true).open(scratch.path("f")).unwrap().write_all(b"bbbb").unwrap();
        assert!(is_changed(open.check()), "round {round}");
    }
}

#[test]
fn a_pipe_in_a_file_s_place_does_not_hang_the_reader() {
    let scratch = Scratch::new();
    let stamp = scratch.write("f", "");
    fs::remove_file(scratch.path("f")).unwrap();
    mkfifoat(&scratch.root, "f", Mode::RUSR | Mode::WUSR).unwrap();
    assert!(is_changed(scratch.root.digest(&rel("f"), &stamp)));
    assert!(matches!(scratch.root.observe(&rel("f")), Err(Error::Unsupported { .. })));
}

#[test]
fn a_planted_symlink_opens_nothing_outside() {
    let scratch = Scratch::new();
    let stamp = scratch.write("d/f", "inside");
    fs::write(scratch.outside().join("f"), "secret").unwrap();
    fs::rename(scratch.path("d"), scratch.path("moved")).unwrap();
    symlink(scratch.outside(), scratch.path("d")).unwrap();
    assert!(is_changed(scratch.root.read_small(&rel("d/f"), &stamp)));
    assert!(is_changed(scratch.root.digest(&rel("d/f"), &stamp)));
    assert!(is_changed(scratch.root.read_link(&rel("d/f"))));
    assert_eq!(scratch.root.observe(&rel("d/f")).unwrap(), None);
    symlink(scratch.outside().join("f"), scratch.path("moved/link")).unwrap();
    assert!(is_changed(scratch.root.read_small(&rel("moved/link"), &scratch.stamp("moved/link"))));
}

#[test]
fn a_link_s_target_is_bytes() {
    let scratch = Scratch::new();
    symlink(os(b"../\xff \n"), scratch.path("link")).unwrap();
    assert_eq!(scratch.root.read_link(&rel("link")).unwrap(), b"../\xff \n");
    scratch.write("file", "");
    assert!(is_changed(scratch.root.read_link(&rel("file"))));
    assert!(is_changed(scratch.root.read_link(&rel("missing"))));
}

#[test]
fn observing_nothing_is_no_error() {
    let scratch = Scratch::new();
    scratch.write("file", "");
    for path in ["missing", "missing/below", "file/below"] {
        assert_eq!(scratch.root.observe(&rel(path)).unwrap(), None);
    }
}
