use super::day_and_time;
use model::UnixNanos;

#[test]
fn times_are_whole_seconds_in_utc() {
    assert_eq!(day_and_time(UnixNanos(1_795_170_900_987_654_321)), "2026-11-20T10:35:00Z");
    assert_eq!(day_and_time(UnixNanos(0)), "1970-01-01T00:00:00Z");
}
