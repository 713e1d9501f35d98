use super::*;
use crate::testing::{Scratch, rel};
use model::Meta;
use std::os::unix::fs::symlink;

#[test]
fn neither_way_follows_a_symlink() {
    let scratch = Scratch::new();
    scratch.write("real/file", "inside");
    std::fs::write(scratch.outside().join("file"), "outside").unwrap();
    symlink(scratch.outside(), scratch.path("planted")).unwrap();
    symlink("real/file", scratch.path("final")).unwrap();
    let top = scratch.root.as_fd();
    for open in [open, walk] {
        assert!(open(top, b"real/file", READING).is_ok());
        assert!(matches!(open(top, b"planted/file", READING), Err(Errno::LOOP | Errno::NOTDIR)));
        assert!(matches!(open(top, b"planted", HANDLE), Err(Errno::LOOP | Errno::NOTDIR)));
        assert_eq!(open(top, b"final", READING).map(drop), Err(Errno::LOOP));
        assert_eq!(open(top, b"real/missing", READING).map(drop), Err(Errno::NOENT));
    }
}

#[test]
fn a_path_longer_than_the_kernel_takes_is_reached_all_the_same() {
    let scratch = Scratch::new();
    let deep = vec!["n".repeat(200); 25].join("/");
    assert!(deep.len() > PATH_LENGTH_MAX);
    scratch.root.make_directory(&rel(&deep), &Meta::default()).unwrap();
    let file = rel(&format!("{deep}/file"));
    let mut staged = scratch.root.stage(&file).unwrap();
    staged.write(b"deep").unwrap();
    let found = staged.place(&Meta::default(), crate::Expect::Absent).unwrap();
    assert_eq!(scratch.root.read_small(&file, &found.stamp).unwrap(), b"deep");
    let (scanned, problems) = scratch.scan();
    assert_eq!((scanned, problems.len()), (vec![found], 0));
}
