use super::*;
use crate::testing::Scratch;

#[test]
fn names_say_what_they_were_made_for() {
    assert_eq!(Claim::parse(making(7).to_bytes()), Some(Claim::Making));
    let expected = Stamp { size: 5, mtime: UnixNanos(-3), ctime: UnixNanos(0), inode: u64::MAX };
    let name = displacing(u64::MAX, 9, &expected);
    assert_eq!(Claim::parse(name.to_bytes()), Some(Claim::Displacing { own: 9, expected }));
    let name = resumable(5, u64::MAX);
    assert_eq!(Claim::parse(name.to_bytes()), Some(Claim::Resumable { target: 5, token: u64::MAX }));
    let longest = displacing(u64::MAX, u64::MAX, &Stamp { size: u64::MAX, mtime: UnixNanos(-1), ..expected });
    assert!(longest.to_bytes().len() < 255);
}

#[test]
fn names_that_only_look_similar_are_not_ours() {
    for name in [
        "",
        ".heirloom-tmp-",
        ".heirloom-tmp-mine",
        ".heirloom-tmp-0123456789abcdef",
        ".heirloom-tmp-0123456789abcdef-1",
        ".heirloom-tmp-0123456789abcdef-0123456789abcdef",
        ".heirloom-tmp-0123456789abcdef-0123456789abcdef-0123456789abcdef",
        "heirloom-tmp-0123456789abcdef",
    ] {
        assert_eq!(Claim::parse(name.as_bytes()), None, "{name}");
    }
    assert_eq!(Claim::parse(b".heirloom-tmp-\xff123456789abcdef"), None);
}

#[test]
fn ids_differ() {
    let ids: std::collections::BTreeSet<u64> = (0..10_000).map(|_| new_id()).collect();
    assert_eq!(ids.len(), 10_000);
}

#[test]
fn only_what_it_made_goes_with_a_temporary() {
    let scratch = Scratch::new();
    let directory = scratch.root.place(&crate::testing::rel("f")).unwrap().directory;
    let (temporary, _file) = Temporary::create_file(directory).unwrap();
    let name = temporary.name.to_str().unwrap().to_owned();
    scratch.write("other", "not ours");
    std::fs::rename(scratch.path("other"), scratch.path(&name)).unwrap();
    drop(temporary);
    assert_eq!(scratch.read(&name), "not ours");
}
