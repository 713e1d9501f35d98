use super::*;

fn rules(patterns: &[&str]) -> IgnoreRules {
    IgnoreRules::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
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
fn a_broken_pattern_is_named() {
    let error = IgnoreRules::new(&["ok".into(), "a{b".into()]).unwrap_err();
    assert_eq!(error.pattern, "a{b");
}

#[test]
fn no_rules_ignore_nothing() {
    assert!(!rules(&[]).ignores(&RelPath::from_key("x").unwrap(), Shape::Leaf));
}
