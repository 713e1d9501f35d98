use super::*;

fn copy_of(name: &[u8]) -> Vec<u8> {
    let label = ConflictLabel::new("20261120-101500", &MachineName::new("alice-laptop").unwrap());
    let key = ObjectKey::file(&RelPath::from_os_bytes(name).unwrap());
    label.copy_of(&key).path().to_os_bytes()
}

#[test]
fn the_extension_stays_last() {
    let table = [
        ("letter.odt", "letter.sync-conflict-20261120-101500-alice-laptop.odt"),
        ("a/b.tar.gz", "a/b.tar.sync-conflict-20261120-101500-alice-laptop.gz"),
        ("Makefile", "Makefile.sync-conflict-20261120-101500-alice-laptop"),
        (".bashrc", ".bashrc.sync-conflict-20261120-101500-alice-laptop"),
        ("a.d/x", "a.d/x.sync-conflict-20261120-101500-alice-laptop"),
    ];
    for (name, copy) in table {
        assert_eq!(copy_of(name.as_bytes()), copy.as_bytes());
    }
    assert_eq!(copy_of(b"caf\xe9.txt"), b"caf\xe9.sync-conflict-20261120-101500-alice-laptop.txt");
}

#[test]
fn a_long_name_is_shortened_between_characters() {
    let copy = copy_of(format!("{}.txt", "é".repeat(125)).as_bytes());
    assert!(copy.len() <= 255 && copy.len() >= 253, "{}", copy.len());
    assert!(std::str::from_utf8(&copy).is_ok());
    assert!(copy.ends_with(b"-alice-laptop.txt"));
}
