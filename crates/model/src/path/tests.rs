use super::*;

fn path(text: &str) -> RelPath {
    RelPath::from_key(text).unwrap()
}

#[test]
fn texts_that_are_no_paths() {
    for text in ["", "/", "/a", "a/", "a//b"] {
        assert_eq!(RelPath::from_key(text), Err(PathError::EmptyComponent), "{text:?}");
    }
    for text in [".", "..", "a/../b", "./a", "a/."] {
        assert_eq!(RelPath::from_key(text), Err(PathError::DotComponent), "{text:?}");
    }
    assert_eq!(RelPath::from_os_bytes(b"a\0b"), Err(PathError::Nul));
    assert!(RelPath::from_key("...").is_ok());
}

#[test]
fn bytes_come_back() {
    let bytes = b"photos/two\nlines/ caf\xe9 ";
    let path = RelPath::from_os_bytes(bytes).unwrap();
    assert_eq!(path.as_str(), "photos/two%0Alines/%20caf%E9%20");
    assert_eq!(path.to_os_bytes(), bytes);
}

#[test]
fn a_foreign_spelling_names_the_same_file() {
    assert_eq!(path("a\tb"), path("a%09b"));
    assert_eq!(path("trail "), path("trail%20"));
}

#[test]
fn relations() {
    assert!(path("a/b").is_below(&path("a")));
    assert!(!path("ab").is_below(&path("a")));
    assert!(!path("a").is_below(&path("a")));
    assert_eq!(path("a/b/c").strip_ancestor(&path("a")), Some(path("b/c")));
    assert_eq!(path("a/b").parent(), Some(path("a")));
    assert_eq!(path("a").parent(), None);
    assert_eq!(path("a/b").file_name(), "b");
}

#[test]
fn a_directory_sorts_right_before_what_it_holds() {
    let mut keys = ["a/x", "a", "a/", "a.txt", "a-b", "a0"].map(|text| ObjectKey::parse(text).unwrap());
    keys.sort();
    assert_eq!(keys.map(|key| key.0), ["a", "a-b", "a.txt", "a/", "a/x", "a0"]);
}
