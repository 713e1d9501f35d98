use super::*;
use crate::testing::{Scratch, rel};
use std::os::unix::fs::symlink;

#[test]
fn only_a_directory_is_opened_and_none_is_created() {
    let scratch = Scratch::new();
    scratch.write("file", "");
    let missing = scratch.path("missing");
    assert!(matches!(Root::open(&missing), Err(Error::Missing { path }) if path == missing));
    assert!(!missing.exists());
    assert!(matches!(Root::open(&scratch.path("file")), Err(Error::NotADirectory { .. })));
}

#[test]
fn the_root_itself_may_be_reached_through_a_symlink() {
    let scratch = Scratch::new();
    scratch.write("a/b", "x");
    let link = scratch.top.path().join("link");
    symlink(scratch.root.path(), &link).unwrap();
    let root = Root::open(&link).unwrap();
    assert_eq!(root.identity().unwrap(), scratch.root.identity().unwrap());
    assert_eq!(root.observe(&rel("a/b")).unwrap(), Some(scratch.found("a/b")));
    assert_ne!(Root::open(&scratch.outside()).unwrap().identity().unwrap(), root.identity().unwrap());
}

#[test]
fn a_directory_that_was_made_anew_is_another_one() {
    let scratch = Scratch::new();
    let path = scratch.outside().join("made");
    // The number of the deleted one is free, and often the next to be given.
    let identities: std::collections::HashSet<Identity> = (0..20)
        .map(|_| {
            std::fs::create_dir(&path).unwrap();
            let identity = Root::open(&path).unwrap().identity().unwrap();
            std::fs::remove_dir(&path).unwrap();
            // File systems keep time by the kernel's ticks.
            std::thread::sleep(std::time::Duration::from_millis(11));
            identity
        })
        .collect();
    assert_eq!(identities.len(), 20);
}

#[test]
fn a_deleted_root_is_missing_not_empty() {
    let scratch = Scratch::new();
    std::fs::remove_dir(scratch.root.path()).unwrap();
    assert!(matches!(scratch.root.scan(|_: &_, _| false).map(drop), Err(Error::Missing { .. })));
    for path in ["a", "a/b"] {
        assert!(matches!(scratch.root.stage(&rel(path)), Err(Error::Missing { .. })));
    }
}

#[test]
fn free_space_is_plausible() {
    let free = Scratch::new().root.free_space().unwrap();
    assert!(free > 1 << 20, "{free}");
}

#[test]
fn directories_are_flushed_and_those_that_are_gone_passed_over() {
    let scratch = Scratch::new();
    scratch.write("a/b/c", "");
    scratch.write("a/d", "");
    symlink(scratch.outside(), scratch.path("swapped")).unwrap();
    let paths = ["a/b/c", "a/d", "gone/x", "a/d/below-a-file", "swapped/x", "top"].map(rel);
    scratch.root.sync_directories(&paths).unwrap();
    scratch.root.sync_directories(&[]).unwrap();
}
