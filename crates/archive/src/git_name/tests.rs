use super::{NameOf, escape, unescape};
use proptest::prelude::*;

#[track_caller]
fn escapes_to(name: &[u8], expected: &[u8]) {
    let escaped = escape(name, NameOf::Other);
    assert_eq!(escaped.escape_ascii().to_string(), expected.escape_ascii().to_string());
    assert_eq!(unescape(&escaped).escape_ascii().to_string(), name.escape_ascii().to_string());
}

#[test]
fn special_names_get_a_suffix() {
    for name in [
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        "GIT~1",
        ".git.",
        ".git ",
        ".git . .",
        ".g\u{200c}it",
        "\u{feff}.git",
        ".gitmodules",
        ".GitModules",
        "gitmod~1",
        "GITMOD~4",
        "gi7eba~1",
        "g~123456",
        "gi7eb~10",
        "~1234567",
        ".gitmodules ",
        ".gitattributes",
        "gitatt~2",
        "gi7d29~9",
        ".gitattributes..",
        ".gitattri\u{206f}butes",
        "entries.heirloom",
        ".git.heirloom",
        ".git.heirloom.heirloom",
        ".gitignore.heirloom",
        "entries.heirloom.heirloom",
    ] {
        escapes_to(name.as_bytes(), format!("{name}.heirloom").as_bytes());
    }
}

#[test]
fn other_names_are_themselves() {
    for name in [
        ".gitignore",
        ".mailmap",
        ".github",
        ".gitx",
        "git",
        "git~2",
        "git~10",
        ".heirloom",
        "a.heirloom",
        ".gitkeep",
        ".git-credentials",
        "gitmod~5",
        "gi7eba~0",
        "\u{200c}git",
        "",
        ".",
        "g~12345",
        "gi7ebaa1",
        ".ḡit",
        "git.heirloom",
        "%2Egit",
        "back\\slash",
        "a:b",
        "C:\\x",
    ] {
        escapes_to(name.as_bytes(), name.as_bytes());
    }
    escapes_to(b".git\xff", b".git\xff");
    escapes_to(b"\xff.git", b"\xff.git");
}

#[test]
fn names_that_a_suffix_cannot_disarm_are_encoded() {
    escapes_to(b".git:stream", b"%2Egit%3Astream.heirloom");
    escapes_to(b".git::$INDEX_ALLOCATION", b"%2Egit%3A%3A$INDEX_ALLOCATION.heirloom");
    escapes_to(b"a\\.git", b"a%5C%2Egit.heirloom");
    escapes_to(b".git\\x", b"%2Egit%5Cx.heirloom");
    escapes_to(b".git:.heirloom", b"%2Egit%3A%2Eheirloom.heirloom");
    escapes_to(b"%2Egit%3Ax.heirloom", b"%2Egit%3Ax.heirloom.heirloom");
    escapes_to(b".gitmodules:100%", b"%2Egitmodules%3A100%25.heirloom");
}

#[test]
fn symlinks_have_special_names_of_their_own() {
    assert_eq!(&*escape(b".gitignore", NameOf::Symlink), b".gitignore.heirloom");
    assert_eq!(&*escape(b".MAILMAP", NameOf::Symlink), b".MAILMAP.heirloom");
    assert_eq!(&*unescape(b".gitignore.heirloom"), b".gitignore");
}

#[test]
fn a_name_too_long_to_grow_is_shortened_and_kept_apart() {
    let long = [b".git:".as_slice(), &[b'x'; 250]].concat();
    let escaped = escape(&long, NameOf::Other).into_owned();
    assert!(escaped.len() <= 255 && escaped.ends_with(b".heirloom"), "{}", escaped.escape_ascii());
    assert_eq!(*unescape(&escaped), escaped, "only the metadata knows");
    // A file that really has the shortened name does not meet it.
    escapes_to(&escaped, &[&escaped[..], b".heirloom"].concat());
    let other = [b".git:".as_slice(), &[b'x'; 249], b"y"].concat();
    assert_ne!(escaped, &*escape(&other, NameOf::Other));
    // Nor does a name whose escaped form would be the shortened one.
    let encoded = escaped.strip_suffix(b".heirloom").unwrap();
    let forged = super::percent_decode(encoded).unwrap();
    assert_ne!(escaped, &*escape(&forged, NameOf::Other));
}

fn tricky_names() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        ".git",
        "git~1",
        ".gitmodules",
        "gi7eba~1",
        ".heirloom",
        "entries",
        "%2E",
        "%3A",
        ":",
        "\\",
        ".",
        " ",
        "x",
        "\u{200c}",
        ".gitignore",
        "%25",
        "~",
        "GIT",
        "\u{fffd}",
        "~0123456789abcdef0123456789abcdef01234567",
    ]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn escaping_is_reversible_and_disarms(name in tricky_names(), symlink: bool) {
        let of = if symlink { NameOf::Symlink } else { NameOf::Other };
        let escaped = escape(&name, of).into_owned();
        if super::is_shortened(&escaped) {
            prop_assert!(escaped != name && *unescape(&escaped) == escaped);
        } else {
            prop_assert_eq!(&*unescape(&escaped), &name[..]);
        }
        prop_assert!(!super::special::is_special(&escaped));
        prop_assert!(of == NameOf::Other || !super::special::is_special_for_symlink(&escaped));
        prop_assert!(!escaped.eq_ignore_ascii_case(super::METADATA_FILE));
    }

    #[test]
    fn any_bytes_survive(name in prop::collection::vec(any::<u8>(), 1..40)) {
        let escaped = escape(&name, NameOf::Other);
        prop_assert_eq!(&*unescape(&escaped), &name[..]);
    }
}
