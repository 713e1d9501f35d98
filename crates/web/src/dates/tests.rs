use super::*;

const NOW: i64 = 1_795_172_400; // Fri 20 Nov 2026, 12:00 in Berlin
const HOUR: i64 = 3600;

fn seen(seconds: i64) -> When {
    let nanos = |seconds: i64| UnixNanos(seconds * 1_000_000_000);
    describe(nanos(seconds), nanos(NOW), chrono_tz::Europe::Berlin)
}

#[test]
fn words_depend_on_the_distance() {
    assert_eq!(seen(NOW).full, "Fri 20 Nov 2026, 12:00");
    assert_eq!(seen(NOW).iso, "2026-11-20T12:00:00+01:00");
    assert_eq!(seen(NOW - 9 * HOUR).relative, "today 03:00");
    assert_eq!(seen(NOW - 13 * HOUR).relative, "yesterday 23:00");
    assert_eq!(seen(NOW - 72 * HOUR).relative, "Tuesday 12:00");
    assert_eq!(seen(NOW - 30 * 24 * HOUR).relative, "Wed 21 Oct 2026, 13:00", "summer time");
    assert_eq!(seen(NOW + 24 * HOUR).relative, "Sat 21 Nov 2026, 12:00", "a clock that runs ahead");
}

#[test]
fn the_ends_of_time_are_dates_too() {
    for time in [i64::MIN, -1, 0, i64::MAX] {
        let when = describe(UnixNanos(time), UnixNanos(0), chrono_tz::UTC);
        assert!(!when.full.is_empty());
        assert!(!http(UnixNanos(time)).is_empty());
    }
}
