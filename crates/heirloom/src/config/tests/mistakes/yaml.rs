use super::{cloud, destination, mistakes, state};

#[test]
fn duplicate_keys() {
    insta::assert_snapshot!(state("folders: [/d]\ninterval: 5m\ninterval: 6m"), @r"
    laptop.yml:9:5: states.documents.interval: appears twice; the first is on line 8
        9 |     interval: 6m
          |     ^^^^^^^^
    ");
    insta::assert_snapshot!(cloud("users:\n  one: {name: alice}\n  alice: {}"), @r"
    laptop.yml:6:3: users.alice.name: there is another user of this name
        6 |   alice: {}
          |   ^^^^^
    ");
}

#[test]
fn what_yaml_makes_of_stars_and_bangs() {
    insta::assert_snapshot!(state("folders: [/d]\nignore: [*.tmp, !keep.tmp]"), @r"
    laptop.yml has 2 problems

    laptop.yml:8:14: states.documents.ignore[0]: a value that starts with `*` needs quotes (aliases have no use here)
        8 |     ignore: [*.tmp, !keep.tmp]
          |              ^^^^^

    laptop.yml:8:30: states.documents.ignore[1]: a value that starts with `!` needs quotes (tags have no use here)
        8 |     ignore: [*.tmp, !keep.tmp]
          |                              ^
    ");
}

#[test]
fn what_is_not_yaml() {
    insta::assert_snapshot!(mistakes(""), @"laptop.yml:1:1: the file is empty");
    insta::assert_snapshot!(mistakes("# nothing yet\n"), @"laptop.yml:1:1: the file is empty");
    insta::assert_snapshot!(mistakes("just words\n"), @r"
    laptop.yml:1:1: expected `key: value` lines
        1 | just words
          | ^^^^^^^^^^
    ");
    insta::assert_snapshot!(mistakes("profile: laptop\n  machine: desk\n"), @r"
    laptop.yml:2:10: this is not YAML: mapping values are not allowed in this context
        2 |   machine: desk
          |          ^
    ");
    insta::assert_snapshot!(mistakes("profile: laptop\nstates: [\n"), @r"
    laptop.yml:2:9: this is not YAML: unclosed bracket '['
        2 | states: [
          |         ^
    ");
    insta::assert_snapshot!(mistakes("profile: pi\n---\nprofile: cloud\n"), @r"
    laptop.yml:2:1: a second document starts here; a configuration is one document
        2 | ---
          | ^^^
    ");
    insta::assert_snapshot!(destination("{join: ${NAME}}"), @r"
    laptop.yml:5:18: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'; within {…} and […], a value with ${NAME} needs quotes
        5 |   cloud: {join: ${NAME}}
          |                  ^
    ");
    insta::assert_snapshot!(mistakes("? [a, b]\n: c\n"), @r"
    laptop.yml:1:3: a key must be a plain word
        1 | ? [a, b]
          |   ^
    ");
    insta::assert_snapshot!(mistakes("profile: laptop\nmachine:\n\t- x\n"), @r"
    laptop.yml:3:2: this is not YAML: tabs disallowed within this context (block indentation)
        3 | 	- x
          | 	^
    ");
}

#[test]
fn no_text_makes_it_panic() {
    for yaml in [
        "\0",
        "\u{feff}",
        "a: &x [*x]",
        "- - -",
        "{{}}",
        "a: !!binary x",
        "%YAML 9.9\n---\n",
        "'",
        "|",
        "a: |\n\tb",
    ] {
        mistakes(yaml);
    }
    mistakes(&"[".repeat(100_000));
}
