use super::*;

fn rules(patterns: &[&str]) -> IgnoreTree {
    IgnoreTree::new(IgnoreRules::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap())
}

fn path(text: &str) -> RelPath {
    RelPath::from_key(text).unwrap()
}

#[test]
fn gitignore_syntax_decides() {
    let rules = rules(&["*.tmp", "!keep.tmp", "/build/", "cache/**", "sp\\ ace"]);
    let table = [
        ("a.tmp", Shape::Leaf, true),
        ("deep/a.tmp", Shape::Leaf, true),
        ("keep.tmp", Shape::Leaf, false),
        ("build", Shape::Directory, true),
        ("build", Shape::Leaf, false),
        ("build/out.o", Shape::Leaf, true),
        ("deep/build/out.o", Shape::Leaf, false),
        ("cache/x/y", Shape::Leaf, true),
        ("sp ace", Shape::Leaf, true),
        ("a.txt", Shape::Leaf, false),
    ];
    for (path, shape, ignored) in table {
        assert_eq!(rules.ignores(&RelPath::from_key(path).unwrap(), shape), ignored, "{path}");
    }
}

#[test]
fn what_lies_in_an_ignored_directory_cannot_be_taken_back() {
    let rules = rules(&["sub/", "!sub/kept", "!sub/deep/", "other/*", "!other/kept"]);
    let table = [
        ("sub/kept", Shape::Leaf, true),
        ("sub/deep/file", Shape::Leaf, true),
        // The directory itself is not ignored here, only what it holds.
        ("other/kept", Shape::Leaf, false),
        ("other/file", Shape::Leaf, true),
    ];
    for (path, shape, ignored) in table {
        let path = RelPath::from_key(path).unwrap();
        assert_eq!(
            (rules.ignores(&path, shape), rules.why(&path, shape).is_some()),
            (ignored, ignored),
            "{path}"
        );
    }
}

#[test]
fn a_broken_pattern_is_named() {
    let error = IgnoreRules::new(&["ok".into(), "a{b".into()]).unwrap_err();
    assert_eq!(error.pattern, "a{b");
}

#[test]
fn a_lone_mark_takes_nothing_back() {
    for lone in ["!", "! ", "!\t "] {
        assert_eq!(IgnoreRules::new(&["*.key".into(), lone.into()]).unwrap_err().pattern, lone);
        let mut tree = rules(&[]);
        let bad = tree.add_rules(None, format!("*.key\n{lone}\n").as_bytes());
        assert_eq!(bad.iter().map(|bad| bad.number).collect::<Vec<_>>(), [2], "{lone:?}");
        assert!(tree.ignores(&path("my.key"), Shape::Leaf), "{lone:?}");
    }
}

#[test]
fn no_rules_ignore_nothing() {
    assert!(!rules(&[]).ignores(&RelPath::from_key("x").unwrap(), Shape::Leaf));
}

#[test]
fn the_nearest_rule_decides_and_an_ignored_directory_is_closed() {
    let mut tree = rules(&["*.log", "/private/"]);
    assert!(tree.add_rules(None, b"*.bak\n!important.bak\n").is_empty());
    assert!(tree.add_rules(Some(&path("work")), b"!*.log\n/out/\n# a comment\n\n").is_empty());
    assert!(tree.add_rules(Some(&path("work/deep")), b"*.log\n").is_empty());
    assert!(tree.add_rules(Some(&path("private")), b"!*\n").is_empty());
    tree.add_cache(&path("thumbs"));
    let table = [
        ("a.log", Shape::Leaf, Some("the pattern `*.log` of the profile matches a.log")),
        ("work/a.log", Shape::Leaf, None),
        (
            "work/deep/a.log",
            Shape::Leaf,
            Some("the pattern `*.log` in work/deep/.heirloomignore matches work/deep/a.log"),
        ),
        ("work/out/x", Shape::Leaf, Some("the pattern `/out/` in work/.heirloomignore matches work/out")),
        ("work/deep/out", Shape::Directory, None),
        ("x.bak", Shape::Leaf, Some("the pattern `*.bak` in .heirloomignore matches x.bak")),
        ("work/important.bak", Shape::Leaf, None),
        ("private/letter", Shape::Leaf, Some("the pattern `/private/` of the profile matches private")),
        ("thumbs", Shape::Directory, Some("thumbs/CACHEDIR.TAG marks a cache")),
        ("thumbs/1.png", Shape::Leaf, Some("thumbs/CACHEDIR.TAG marks a cache")),
        ("thumbs2", Shape::Directory, None),
        ("work", Shape::Directory, None),
    ];
    for (name, shape, expected) in table {
        let why = tree.why(&path(name), shape).map(|cause| cause.to_string());
        assert_eq!(why.as_deref(), expected, "{name}");
        assert_eq!(tree.ignores(&path(name), shape), expected.is_some(), "{name}");
    }
}

#[test]
fn a_line_that_does_not_parse_is_told_and_the_others_hold() {
    let mut tree = rules(&[]);
    let bad = tree.add_rules(None, b"*.tmp\na{b\n\xff\xfe\n");
    assert_eq!(bad.len(), 1);
    let said = bad[0].said_of("work/.heirloomignore");
    assert!(said.starts_with("work/.heirloomignore:2: ignore pattern `a{b` does not parse: "), "{said}");
    assert!(tree.ignores(&path("x.tmp"), Shape::Leaf));
}

#[test]
fn sizes_are_limited_by_the_profile() {
    let tree = IgnoreTree::new(IgnoreRules::new(&[]).unwrap().and_larger_than(Some(1 << 20)));
    assert_eq!(tree.why_size(1 << 20), None);
    let why = tree.why_size((1 << 20) + 1).unwrap().to_string();
    assert_eq!(why, "it is larger than `exclude_larger_than` (1.0 MiB)");
}

#[test]
fn other_rules_have_another_fingerprint() {
    let plain = rules(&["*.tmp"]);
    let mut more = plain.clone();
    more.add_rules(Some(&path("d")), b"x");
    let mut other = plain.clone();
    other.add_cache(&path("d"));
    assert_ne!(plain.fingerprint(), more.fingerprint());
    assert_ne!(more.fingerprint(), other.fingerprint());
}
