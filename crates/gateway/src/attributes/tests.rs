use super::*;

#[test]
fn times_are_read_as_rclone_writes_them() {
    for (text, nanos) in [
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000_000),
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("1700000000.1234567891", 1_700_000_000_123_456_789),
        ("-1.25", -1_250_000_000),
        ("0", 0),
    ] {
        assert_eq!(parse_mtime(text), Some(UnixNanos(nanos)), "{text}");
    }
    for text in ["", "-", ".5", "1e9", "2017-09-24 19:53:52", "1.-5", "99999999999999999999"] {
        assert_eq!(parse_mtime(text), None, "{text}");
    }
}

#[test]
fn times_survive_both_ways() {
    for nanos in [0, 1, -1, 1_700_000_000_123_456_789, -1_250_000_000, i64::MAX] {
        assert_eq!(parse_mtime(&format_mtime(UnixNanos(nanos))), Some(UnixNanos(nanos)), "{nanos}");
    }
}

#[test]
fn dangerous_and_useless_permissions_are_corrected() {
    let with = |mode| Attributes { mode: Some(mode), ..Attributes::default() };
    assert_eq!(with(0o106_755).permissions(Kind::File), Some(0o755));
    assert_eq!(with(0o100_000).permissions(Kind::File), Some(0o600));
    assert_eq!(with(0o041_055).permissions(Kind::Directory), Some(0o755));
    assert_eq!(Attributes::default().permissions(Kind::File), None);
    assert!(with(0o120_777).is_symlink());
    assert!(!with(0o100_644).is_symlink());
}

#[test]
fn foreign_values_are_left_alone() {
    let metadata = [("mtime", "yesterday"), ("mode", "rw-r--r--"), ("uid", "alice"), ("gid", "4294967295")];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(Attributes::parse(&metadata), Attributes::default());
}
