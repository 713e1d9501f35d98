use super::{Line, Text, parse, parse_time, push_time};
use model::{Mode, UnixNanos};
use proptest::prelude::*;

fn line(mode: u32, nanos: i64) -> Line {
    Line { mode: Some(Mode::from_st_mode(mode)), mtime: Some(UnixNanos(nanos)), ..Line::default() }
}

#[test]
fn the_file_reads_as_documented_and_back() {
    let own = line(0o755, 1_764_547_200_000_000_000);
    let owned = Line { owner: Some("alice:users".into()), ..line(0o600, 1_500_000_000) };
    let escaped = Line { git_name: Some(b".git.heirloom".to_vec()), ..Line::default() };
    let mut text = Text::default();
    text.push(".git", &escaped);
    text.push("a b%0A", &line(0o4755, -1));
    text.push("z", &owned);
    let bytes = text.file(&own);
    let expected = "# Heirloom 1: mode, time of change, name, and where it applies owner= and git=\n\
        0755\t1764547200\t.\n\
        -\t-\t.git\tgit=.git.heirloom\n\
        4755\t-0.000000001\ta b%0A\n\
        0600\t1.5\tz\towner=alice:users\n";
    assert_eq!(String::from_utf8_lossy(&bytes), expected);

    let parsed = parse(&bytes);
    assert_eq!(parsed.own, own);
    assert_eq!(parsed.entries[".git"], escaped);
    assert_eq!(parsed.entries["a b%0A"], line(0o4755, -1));
    assert_eq!(parsed.entries["z"], owned);
}

#[test]
fn what_is_not_understood_is_passed_over() {
    let parsed = parse(b"# Heirloom 9\nnonsense\n0644\t5\ta\tcolour=red\tdir\nx\tx\tb\n\xff\xfe\n");
    assert_eq!(parsed.entries["a"], line(0o644, 5_000_000_000));
    assert_eq!(parsed.entries["b"], Line::default());
    assert_eq!(parsed.entries.len(), 2);
}

proptest! {
    #[test]
    fn times_survive(nanos in (i64::MIN + 1)..i64::MAX) {
        let mut text = String::new();
        push_time(&mut text, UnixNanos(nanos));
        prop_assert_eq!(parse_time(&text), Some(UnixNanos(nanos)));
    }
}
