use super::super::Environment;
use super::super::section::{Checked, Reader, Variables};
use super::super::{parse_file, tree::Node};
use super::{SECRET_ACCESS_KEY, SecretSource};
use std::path::Path;

fn source(yaml: &str) -> Result<SecretSource, String> {
    let read = |reader: &Reader<'_>, root: &Node| -> Checked<SecretSource> {
        let section = reader.root(root)?;
        let source = SecretSource::required(&section, SECRET_ACCESS_KEY);
        section.finish();
        source
    };
    let environment = Environment::default();
    parse_file(Path::new("x.yml"), yaml, Variables::From(&environment), read)
        .map_err(|error| error.to_string())
}

#[test]
fn is_given_in_one_of_three_ways() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, "from a file\n").unwrap();
    for (yaml, expected) in [
        ("secret_access_key: plain".to_owned(), "plain"),
        ("secret_access_key: pa$$word".to_owned(), "pa$word"),
        (format!("secret_access_key_file: {}", file.display()), "from a file"),
        ("secret_access_key_command: printf 'a\\r\\n'".to_owned(), "a"),
        ("secret_access_key_command: 'echo two; echo lines'".to_owned(), "two\nlines"),
    ] {
        assert_eq!(source(&yaml).unwrap().reveal().unwrap().reveal(), expected, "{yaml}");
    }
}

#[test]
fn is_never_shown() {
    let secret = source("secret_access_key: hunter2hunter2").unwrap();
    assert!(!format!("{secret:?} {:?}", secret.reveal().unwrap()).contains("hunter2"));
    let both = "secret_access_key: hunter2\nsecret_access_key_file: /x";
    assert!(!source(both).unwrap_err().contains("hunter2"));
    let twice = "{secret_access_key: hunter2, region: x}";
    assert!(!source(twice).unwrap_err().contains("hunter2"), "{}", source(twice).unwrap_err());
}

#[test]
fn is_given_exactly_once() {
    insta::assert_snapshot!(source("secret_access_key_file: /x\nsecret_access_key_command: y").unwrap_err(), @r"
    x.yml:2:1: secret_access_key_command: secret_access_key_file is given as well; give exactly one of the two
        2 | secret_access_key_command: y
          | ^^^^^^^^^^^^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(source("{}").unwrap_err(), @"x.yml:1:1: secret_access_key: this key is missing; give it, secret_access_key_file or secret_access_key_command");
}

#[test]
fn trouble_names_the_key_and_the_place() {
    let said = |yaml: &str| {
        let error = source(yaml).unwrap().reveal().unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error} / {}", cause.unwrap_or_default())
    };
    insta::assert_snapshot!(said("secret_access_key_file: /no/such/file"), @"could not read /no/such/file, which secret_access_key_file names / No such file or directory (os error 2)");
    insta::assert_snapshot!(said("secret_access_key_command: 'echo no such entry >&2; exit 3'"), @"the command of secret_access_key_command failed with exit status: 3: no such entry /");
    insta::assert_snapshot!(said("secret_access_key_command: 'exit 1'"), @"the command of secret_access_key_command failed with exit status: 1: it wrote no message /");
    insta::assert_snapshot!(said("secret_access_key_command: 'true'"), @"secret_access_key_command gives an empty secret /");
}
