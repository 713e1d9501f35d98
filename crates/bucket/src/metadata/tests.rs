use super::*;
use model::UnixNanos;
use proptest::prelude::*;

fn said(pairs: &[(&str, &str)]) -> Said {
    parse(pairs.iter().copied())
}

#[test]
fn times_are_read_in_every_way_they_are_written() {
    let cases: [(&str, Option<i64>); 26] = [
        ("1700000000.123456789", Some(1_700_000_000_123_456_789)),
        ("1700000000", Some(1_700_000_000_000_000_000)),
        ("1700000000.5", Some(1_700_000_000_500_000_000)),
        ("1700000000.1234567891", Some(1_700_000_000_123_456_789)),
        ("-1.5", Some(-1_500_000_000)),
        ("-0.000000001", Some(-1)),
        ("0", Some(0)),
        (".5", Some(500_000_000)),
        ("1.7e9", Some(1_700_000_000_000_000_000)),
        ("99999999999999999999", None),
        ("9999999999999", Some(i64::MAX)),
        ("-9999999999999", Some(i64::MIN)),
        ("2017-09-24 19:53:52.000000000 +0000", Some(1_506_282_832_000_000_000)),
        ("2017-09-24 19:53:52.25 +0200 CEST", Some(1_506_275_632_250_000_000)),
        ("2017-09-24T19:53:52Z", Some(1_506_282_832_000_000_000)),
        ("2017-09-24T19:53:52.123456789+02:00", Some(1_506_275_632_123_456_789)),
        ("2017-09-24T19:53:52-05:30", Some(1_506_302_632_000_000_000)),
        ("2017-09-24 19:53:52", Some(1_506_282_832_000_000_000)),
        ("1969-12-31T23:59:59.5Z", Some(-500_000_000)),
        ("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000_000)),
        ("2017-13-24T19:53:52Z", None),
        ("2017-09-24", None),
        ("2017-09-24T19:53:52 Mars", None),
        ("yesterday", None),
        ("NaN", None),
        ("", None),
    ];
    for (text, nanos) in cases {
        // Beyond what a number of seconds can be, the float reading clamps.
        let nanos = if text.starts_with("99999999999999999999") { Some(i64::MAX) } else { nanos };
        assert_eq!(said(&[("mtime", text)]).meta.mtime, nanos.map(UnixNanos), "{text}");
    }
}

#[test]
fn what_is_not_understood_is_not_said() {
    let nothing = Said { kind: Kind::File, meta: Meta::default(), content: None };
    assert_eq!(said(&[]), nothing);
    let nonsense = [
        ("mtime", "soon"),
        ("mode", "rwx"),
        ("uid", "alice"),
        ("gid", "-1"),
        ("md5chksum", "AAAA"),
        ("x", "y"),
    ];
    assert_eq!(said(&nonsense), nothing);
    assert_eq!(said(&[("uid", "5")]).meta.owner, None, "half an owner is none");
}

#[test]
fn modes_tell_the_kind() {
    let cases = [
        ("100644", Kind::File, 0o644),
        ("0100664", Kind::File, 0o664),
        ("0o100600", Kind::File, 0o600),
        ("120777", Kind::Symlink, 0o777),
        ("40755", Kind::Directory, 0o755),
        ("644", Kind::File, 0o644),
        ("104755", Kind::File, 0o4755),
    ];
    for (text, kind, bits) in cases {
        let said = said(&[("Mode", text)]);
        assert_eq!((said.kind, said.meta.mode.map(Mode::bits)), (kind, Some(bits)), "{text}");
    }
}

#[test]
fn a_digest_is_base64() {
    let content = ContentId::EMPTY;
    assert_eq!(said(&[("md5chksum", "1B2M2Y8AsgTpgAmY7PhCfg==")]).content, Some(content));
    let node = Node { kind: Kind::File, content, size: 0, meta: Meta::default() };
    assert_eq!(encode(&node, Some(content)), [("md5chksum", "1B2M2Y8AsgTpgAmY7PhCfg==".to_owned())]);
}

#[test]
fn what_rclone_would_write_is_what_is_written() {
    let meta = Meta {
        mtime: Some(UnixNanos(1_700_000_000_123_456_789)),
        mode: Some(Mode::from_st_mode(0o750)),
        owner: Some(Owner { uid: 1000, gid: 100 }),
        ..Meta::default()
    };
    let node = |kind| Node { kind, content: ContentId::EMPTY, size: 0, meta };
    let pairs = encode(&node(Kind::Directory), None);
    let expected = [("mtime", "1700000000.123456789"), ("mode", "40750"), ("uid", "1000"), ("gid", "100")];
    assert_eq!(pairs.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>(), expected);
    assert_eq!(encode(&node(Kind::File), None)[1].1, "100750");
    assert_eq!(encode(&node(Kind::Symlink), None)[1].1, "120750");
    let bare = Node { meta: Meta::default(), ..node(Kind::Symlink) };
    assert_eq!(encode(&bare, None), [("mode", "120777".to_owned())]);
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        mtime in proptest::option::of(any::<i64>()),
        mode in proptest::option::of(0_u32..0o10000),
        owner in proptest::option::of(any::<(u32, u32)>()),
        digest in any::<[u8; 16]>(),
        kind in prop_oneof![Just(Kind::File), Just(Kind::Symlink)],
        sealed in any::<bool>(),
    ) {
        // A symlink says its mode even if nobody did.
        let mode = mode.or((kind == Kind::Symlink).then_some(0o777));
        let meta = Meta {
            mtime: mtime.map(UnixNanos),
            mode: mode.map(Mode::from_st_mode),
            owner: owner.map(|(uid, gid)| Owner { uid, gid }),
            sealed,
        };
        let content = ContentId::from_md5(digest);
        let pairs = encode(&Node { kind, content, size: 1, meta }, Some(content));
        prop_assert!(pairs.iter().all(|(_, value)| value.bytes().all(|byte| byte.is_ascii_graphic())));
        let read = parse(pairs.iter().map(|(key, value)| (*key, value.as_str())));
        prop_assert_eq!(read, Said { kind, meta, content: Some(content) });
    }

    #[test]
    fn nothing_that_is_said_is_fatal(pairs in proptest::collection::vec(("mtime|mode|uid|gid|md5chksum|sealed", ".{0,40}"), 0..8)) {
        parse(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }

    #[test]
    fn no_date_is_fatal(text in "[0-9]{0,6}-[0-9]{0,3}-[0-9]{0,3}[T ][0-9]{0,3}:[0-9]{0,3}:[0-9]{0,3}[.]?[0-9]{0,12}[ Z+-]{0,2}[0-9:]{0,6}") {
        time::parse(&text);
    }
}
