use super::*;
use crate::config::schedule;

fn daily() -> Schedule {
    let (cron, expression) = schedule::cron("0 3 * * *").unwrap();
    Schedule { cron, expression, timezone: Tz::Europe__Berlin }
}

fn at(text: &str) -> UnixNanos {
    let time = DateTime::parse_from_rfc3339(text).unwrap();
    UnixNanos::from_seconds_and_nanos(time.timestamp(), 0)
}

fn last_run(place: &tempfile::TempDir, text: &str) -> Snapshots {
    fs::write(place.path().join("last-snapshots"), at(text).seconds_and_nanos().0.to_string()).unwrap();
    Snapshots::new(place.path(), &MachineName::new("cloud").unwrap(), Tz::Europe__Berlin)
}

#[test]
fn a_missed_run_is_due_once() {
    let place = tempfile::tempdir().unwrap();
    let table = [
        ("2026-11-19T03:00:05+01:00", "2026-11-19T12:00:00+01:00", false, "ran this morning"),
        ("2026-11-19T03:00:05+01:00", "2026-11-20T02:59:59+01:00", false, "not yet time"),
        ("2026-11-19T03:00:05+01:00", "2026-11-20T03:00:00+01:00", true, "on the dot"),
        ("2026-11-15T03:00:05+01:00", "2026-11-20T08:00:00+01:00", true, "slept for days"),
        ("2026-11-20T08:00:10+01:00", "2026-11-20T09:00:00+01:00", false, "made up for"),
        // The night the clocks go forward has no half past two; three o'clock comes as always.
        ("2026-03-28T03:00:05+01:00", "2026-03-29T03:00:00+02:00", true, "spring"),
    ];
    for (last, now, due, name) in table {
        assert_eq!(last_run(&place, last).is_due(&daily(), at(now)), due, "{name}");
    }
}

#[test]
fn the_first_start_is_due() {
    let place = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::new(place.path(), &MachineName::new("cloud").unwrap(), Tz::UTC);
    assert!(snapshots.is_due(&daily(), at("2026-11-20T12:00:00Z")));
    snapshots.remember().unwrap();
    assert!(!snapshots.is_due(&daily(), now()));
}

#[tokio::test]
async fn the_scheduler_takes_every_expression_that_the_profile_takes() {
    for expression in ["0 3 * * *", "*/5 * * * 1-5", "@daily", "30 2 1,15 * *"] {
        assert!(schedule::cron(expression).is_ok(), "{expression}");
        let job = Job::new_async_tz(with_seconds(expression), Tz::Europe__Berlin, |_, _| Box::pin(async {}));
        assert!(job.is_ok(), "{expression}: {:?}", job.err());
    }
}
