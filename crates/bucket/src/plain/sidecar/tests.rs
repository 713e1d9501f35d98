use super::*;
use model::{ContentId, Meta, Mode, Owner, UnixNanos};
use proptest::prelude::*;

fn node(byte: u8) -> Node {
    Node {
        kind: Kind::File,
        content: crate::write::md5(&[byte]),
        size: 5,
        meta: Meta {
            mtime: Some(UnixNanos(1_700_000_000_123_456_789)),
            mode: Some(Mode::from_st_mode(0o640)),
            owner: Some(Owner { uid: 1000, gid: 100 }),
            sealed: true,
        },
    }
}

fn described(tag: &str, byte: u8) -> Described {
    Described { tag: tag.to_owned(), node: node(byte) }
}

fn entry(tag: &str) -> Entry {
    Entry { kind: EntryKind::File, size: 5, modified: None, tag: tag.to_owned() }
}

#[test]
fn what_is_written_is_read() {
    let sidecar = Sidecar::new(vec![described("5.abc", 1), described("W/with spaces", 2)]);
    let content = sidecar.encode("a/b c");
    assert_eq!(Sidecar::parse("a/b c", &content), Some(sidecar.clone()));
    assert_eq!(Sidecar::parse("a/other", &content), None, "it is of something else");
    assert!(content.len() as u64 <= SIZE_MAX);
    let text = String::from_utf8(content).unwrap();
    assert!(text.starts_with("heirloom-metadata 1\nkey a/b c\nof 5.abc\nmd5chksum "), "{text}");
    assert_eq!(sidecar.of(&entry("5.abc")).map(|described| described.node), Some(node(1)));
    assert_eq!(sidecar.of(&entry("W/with spaces")).map(|described| described.node), Some(node(2)));
    assert_eq!(sidecar.of(&entry("5.abd")), None);
    assert_eq!(sidecar.of(&Entry { size: 6, ..entry("5.abc") }), None);
}

#[test]
fn symlinks_and_directories_are_told() {
    let link = Node { kind: Kind::Symlink, meta: Meta::default(), ..node(1) };
    let content = Sidecar::new(vec![Described { tag: "t".to_owned(), node: link }]).encode("a");
    let parsed = Sidecar::parse("a", &content).unwrap();
    assert_eq!(parsed.of(&entry("t")).unwrap().node.kind, Kind::Symlink);
    let directory = Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, ..node(1) };
    let content = Sidecar::new(vec![Described { tag: String::new(), node: directory }]).encode("a/");
    let parsed = Sidecar::parse("a/", &content).unwrap();
    let standing = Entry { kind: EntryKind::Directory, size: 4096, modified: None, tag: "any".to_owned() };
    assert_eq!(parsed.of(&standing).unwrap().node, directory);
}

#[test]
fn descriptions_that_contradict_each_other_say_nothing() {
    let same = Sidecar::new(vec![described("t", 1), described("t", 1)]);
    assert!(same.of(&entry("t")).is_some());
    let other = Sidecar::new(vec![described("t", 1), described("t", 2)]);
    assert_eq!(other.of(&entry("t")), None);
}

#[test]
fn a_torn_sidecar_says_nothing() {
    let content = Sidecar::new(vec![described("t", 1)]).encode("a");
    let whole = content.windows(5).position(|window| window == b"\nend\n").unwrap() + 5;
    for length in 0..whole {
        assert_eq!(Sidecar::parse("a", &content[..length]), None, "{length} bytes");
    }
    assert!(Sidecar::parse("a", &content[..whole]).is_some());
}

#[test]
fn each_name_has_its_own_place_out_of_the_way() {
    let places = ["a", "a/", "a/b", "b/a", "b", ".heirloom-metadata"];
    let mut paths: Vec<String> = places.iter().map(|place| path(place)).collect();
    assert!(paths.iter().all(|path| path.starts_with(".heirloom/metadata/")));
    assert_eq!(path("a/b"), format!("{}/{}", directory("a"), name("b", EntryKind::File)));
    assert_eq!(path("a/b/"), format!("{}/{}", directory("a"), name("b", EntryKind::Directory)));
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), places.len());
}

proptest! {
    #[test]
    fn nothing_that_is_read_is_fatal(content in proptest::collection::vec(any::<u8>(), 0..300), lines in "([a-z]{0,5} [ -~]{0,20}\n){0,9}") {
        Sidecar::parse("a", &content);
        Sidecar::parse("a", format!("{FIRST_LINE}\nkey a\n{lines}end\n").as_bytes());
    }
}
