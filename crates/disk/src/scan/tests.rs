use super::*;
use crate::temporary::making;
use crate::testing::{Scratch, is_root, os, rel};
use model::{Mode, UnixNanos};
use proptest::prelude::*;
use rustix::fs::{Mode as Bits, mkfifoat};
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

#[test]
fn entries_come_in_the_order_in_which_a_bucket_lists_them() {
    let scratch = Scratch::new();
    for path in ["a/x", "a.txt", "a-b", "a0", "a/x.d/y", "B", "a/x0"] {
        scratch.write(path, path);
    }
    assert_eq!(scratch.keys(), ["B", "a-b", "a.txt", "a/x", "a/x.d/y", "a/x0", "a0"]);
}

#[test]
fn a_directory_is_an_entry_only_if_it_says_something() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.path("empty/below")).unwrap();
    scratch.write("usual/file", "");
    scratch.write("private/file", "");
    fs::set_permissions(scratch.path("private"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(scratch.keys(), ["empty/below/", "private/", "private/file", "usual/file"]);
    let private = &scratch.scan().0[1];
    assert_eq!((private.kind, private.size), (Kind::Directory, 0));
    assert_eq!(private.meta.mode, Some(Mode::from_st_mode(0o700)));
}

#[test]
fn what_is_ignored_or_ours_does_not_fill_a_directory() {
    let scratch = Scratch::new();
    scratch.write("ignored/big/tree", "");
    scratch.write(&format!("ours/{}", making(7).to_str().unwrap()), "");
    scratch.write("deep/.heirloom/kept", "");
    let (found, problems) =
        scratch.scan_but(&|path, kind| kind == Kind::Directory && path.file_name() == "big");
    let keys: Vec<_> = found.iter().map(|found| found.key.as_str()).collect();
    assert_eq!(keys, ["deep/.heirloom/kept", "ignored/", "ours/"]);
    assert!(problems.is_empty());
}

#[test]
fn what_a_person_gave_a_name_of_ours_is_told() {
    let scratch = Scratch::new();
    scratch.write(".heirloom/secret", "");
    scratch.write("d/.heirloom-tmp-0123456789abcdef", "");
    scratch.write("d/.heirloom-tmp-mine/file", "");
    let (found, problems) = scratch.scan();
    assert!(found.is_empty());
    let told: Vec<_> = problems.iter().map(|problem| (problem.to_string(), problem.extent)).collect();
    let is = |path: &str| format!("{path} is a name that Heirloom has for itself, which is not kept");
    assert_eq!(
        told,
        [
            (is(".heirloom"), Extent::Subtree),
            (is("d/.heirloom-tmp-0123456789abcdef"), Extent::Entry),
            (is("d/.heirloom-tmp-mine"), Extent::Subtree)
        ]
    );
    let (_, problems) = scratch.scan_but(&|path, _| path.file_name().starts_with(".heirloom"));
    assert!(problems.is_empty());
}

#[test]
fn what_is_found_is_what_the_system_says() {
    let scratch = Scratch::new();
    scratch.write("file", "four");
    symlink("target", scratch.path("link")).unwrap();
    fs::set_permissions(scratch.path("file"), Permissions::from_mode(0o4751)).unwrap();
    let (found, _) = scratch.scan();
    for (found, kind, size) in [(&found[0], Kind::File, 4), (&found[1], Kind::Symlink, 6)] {
        let truth = scratch.path(found.key.as_str()).symlink_metadata().unwrap();
        let time = |seconds, nanos: i64| UnixNanos(seconds * 1_000_000_000 + nanos);
        assert_eq!((found.kind, found.size), (kind, size));
        assert_eq!(found.stamp.inode, truth.ino());
        assert_eq!(found.stamp.mtime, time(truth.mtime(), truth.mtime_nsec()));
        assert_eq!(found.stamp.ctime, time(truth.ctime(), truth.ctime_nsec()));
        assert_eq!(found.meta.mode, Some(Mode::from_st_mode(truth.mode())));
        assert_eq!(found.meta.owner.map(|owner| (owner.uid, owner.gid)), Some((truth.uid(), truth.gid())));
    }
}

#[test]
fn sockets_and_pipes_are_problems_of_their_own() {
    let scratch = Scratch::new();
    scratch.write("d/file", "");
    let _listener = UnixListener::bind(scratch.path("d/socket")).unwrap();
    mkfifoat(&scratch.root, "pipe", Bits::RUSR).unwrap();
    let (found, problems) = scratch.scan();
    assert_eq!(found.len(), 1);
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["d/socket is a socket, which is not kept", "pipe is a named pipe, which is not kept"]);
    assert!(problems.iter().all(|problem| problem.extent == Extent::Entry));
    let (_, problems) =
        scratch.scan_but(&|path, _| path.file_name() == "socket" || path.file_name() == "pipe");
    assert!(problems.is_empty());
}

#[test]
fn an_unreadable_directory_is_one_problem_and_hides_its_subtree() {
    if is_root() {
        return;
    }
    let scratch = Scratch::new();
    scratch.write("a", "");
    scratch.write("locked/x/y", "");
    scratch.write("z", "");
    fs::set_permissions(scratch.path("locked"), Permissions::from_mode(0o000)).unwrap();
    let (found, problems) = scratch.scan();
    fs::set_permissions(scratch.path("locked"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(found.iter().map(|found| found.key.as_str()).collect::<Vec<_>>(), ["a", "z"]);
    assert_eq!(problems.len(), 1);
    assert_eq!((&problems[0].path, problems[0].extent), (&rel("locked"), Extent::Subtree));
}

#[test]
fn a_directory_swapped_for_a_symlink_is_not_entered() {
    let scratch = Scratch::new();
    scratch.write("a", "");
    scratch.write("d/file", "");
    fs::write(scratch.outside().join("secret"), "").unwrap();
    let mut scan = scratch.root.scan(|_: &_, _| false).unwrap();
    assert!(matches!(scan.next(), Some(Ok(_))));
    fs::rename(scratch.path("d"), scratch.path("moved")).unwrap();
    symlink(scratch.outside(), scratch.path("d")).unwrap();
    let problem = scan.next().unwrap().unwrap_err();
    assert_eq!((problem.path, problem.extent), (rel("d"), Extent::Subtree));
    assert!(scan.next().is_none());
}

#[test]
fn what_vanishes_during_a_scan_is_passed_over() {
    let scratch = Scratch::new();
    for path in ["a", "b", "c/d", "e"] {
        scratch.write(path, "");
    }
    let mut scan = scratch.root.scan(|_: &_, _| false).unwrap();
    assert!(matches!(scan.next(), Some(Ok(found)) if found.key.as_str() == "a"));
    fs::remove_file(scratch.path("b")).unwrap();
    fs::remove_dir_all(scratch.path("c")).unwrap();
    assert!(matches!(scan.next(), Some(Ok(found)) if found.key.as_str() == "e"));
    assert!(scan.next().is_none());
}

#[test]
fn a_file_that_became_a_directory_is_unknown_until_the_next_scan() {
    let scratch = Scratch::new();
    scratch.write("a", "");
    scratch.write("b", "");
    let mut scan = scratch.root.scan(|_: &_, _| false).unwrap();
    scan.next();
    fs::remove_file(scratch.path("b")).unwrap();
    scratch.write("b/c", "");
    let problem = scan.next().unwrap().unwrap_err();
    assert_eq!((problem.path, problem.extent), (rel("b"), Extent::Subtree));
}

#[test]
fn any_name_a_file_system_holds_is_found_under_the_same_name() {
    let scratch = Scratch::new();
    let long = [b'x'; 255];
    let names: [&[u8]; 9] = [
        b"new\nline",
        b"\xff\xfe",
        b"trailing ",
        b" leading",
        b"50% off",
        b"a%20b",
        b"tab\t",
        b"\x7f",
        &long,
    ];
    for name in names {
        fs::write(scratch.root.path().join(os(name)), name).unwrap();
    }
    let (found, problems) = scratch.scan();
    assert!(problems.is_empty());
    let mut spelled: Vec<_> = found.iter().map(|found| found.key.path().to_os_bytes()).collect();
    spelled.sort();
    let mut names = names.map(<[u8]>::to_vec);
    names.sort();
    assert_eq!(spelled, names);
    for found in found {
        let bytes = scratch.root.read_small(&found.key.path(), &found.stamp).unwrap();
        assert_eq!(bytes, found.key.path().to_os_bytes());
    }
}

/// What `scan` must yield for what lies at `directory`, found out in the plainest way.
fn expected(directory: &Path, path: Option<&RelPath>, into: &mut BTreeMap<ObjectKey, Kind>) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = child(path, std::os::unix::ffi::OsStrExt::as_bytes(entry.file_name().as_os_str()));
        count += 1;
        if entry.file_type().unwrap().is_dir() {
            if expected(&entry.path(), Some(&path), into) == 0 {
                into.insert(ObjectKey::directory(&path), Kind::Directory);
            }
        } else {
            into.insert(ObjectKey::file(&path), Kind::File);
        }
    }
    count
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let letter =
        prop::sample::select(vec![b'a', b'b', b'-', b'.', b'0', b'%', b'2', b' ', b'\n', 0xff, 0xc3, 0xa9]);
    prop::collection::vec(letter, 1..4).prop_filter("not a file name", |name| name != b"." && name != b"..")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_order_is_that_of_the_keys(
        paths in prop::collection::vec((prop::collection::vec(name(), 1..4), any::<bool>()), 0..40),
    ) {
        let scratch = Scratch::new();
        for (path, is_file) in &paths {
            let whole = path.iter().fold(scratch.root.path().to_owned(), |at, name| at.join(os(name)));
            // A path below what another made a file cannot be made; that is no loss.
            if *is_file {
                drop(fs::create_dir_all(whole.parent().unwrap()).and_then(|()| fs::write(&whole, b"x")));
            } else {
                drop(fs::create_dir_all(&whole));
            }
        }
        let mut want = BTreeMap::new();
        expected(scratch.root.path(), None, &mut want);
        let (found, problems) = scratch.scan();
        prop_assert!(problems.is_empty());
        let got: Vec<_> = found.into_iter().map(|found| (found.key, found.kind)).collect();
        prop_assert_eq!(got, want.into_iter().collect::<Vec<_>>());
    }
}
