use super::{EntryMode, Tree, TreeEntry, pairs};
use gix::ObjectId;

fn entry(name: &str, mode: EntryMode) -> TreeEntry {
    TreeEntry { name: name.into(), mode, id: ObjectId::null(gix::hash::Kind::Sha1) }
}

#[test]
fn a_directory_sorts_as_if_it_ended_in_a_slash() {
    let tree = Tree::new(vec![
        entry("a", EntryMode::Directory),
        entry("a.b", EntryMode::File),
        entry("a0", EntryMode::File),
        entry("ab", EntryMode::Symlink),
    ]);
    let encoded = tree.encode();
    let names: Vec<usize> = ["a.b\0", "a\0", "a0\0", "ab\0"]
        .iter()
        .map(|name| {
            let name = [b" ", name.as_bytes()].concat();
            encoded.windows(name.len()).position(|window| window == name).expect("every name is there")
        })
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(Tree::decode(&encoded), Some(tree));
}

#[test]
fn damaged_trees_are_refused() {
    let encoded = Tree::new(vec![entry("a", EntryMode::Executable)]).encode();
    for end in 1..encoded.len() {
        assert_eq!(Tree::decode(&encoded[..end]), None, "cut at {end}");
    }
}

#[test]
fn pairs_meet_by_name_even_when_the_kind_differs() {
    let old = Tree::new(vec![entry("a", EntryMode::File), entry("b", EntryMode::File)]);
    let new = Tree::new(vec![entry("a", EntryMode::Directory), entry("a.b", EntryMode::File)]);
    let seen: Vec<_> = pairs(&old, &new)
        .map(|(old, new)| (old.map(|e| e.name.clone()), new.map(|e| e.name.clone())))
        .collect();
    let name = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(seen, [(name("a"), name("a")), (None, name("a.b")), (name("b"), None)]);
}
