use super::*;

fn at(stage: Stage, bytes_done: u64) -> Snapshot {
    Snapshot { stage, files: 10, files_done: 1, bytes: 1 << 30, bytes_done }
}

/// The rates seen at the given seconds.
fn rates(samples: &[(u64, Snapshot)]) -> Vec<Option<u64>> {
    let (begun, mut pace) = (Instant::now(), Pace::default());
    let rate =
        |(second, snapshot): &(u64, Snapshot)| pace.rate(begun + Duration::from_secs(*second), *snapshot);
    samples.iter().map(rate).collect()
}

#[test]
fn a_rate_is_that_of_the_last_moments() {
    let applying = |bytes| at(Stage::Applying, bytes);
    let samples = [
        (0, applying(0)),
        (10, applying(1000)),
        (20, applying(2000)),
        // The line has become ten times as fast.
        (30, applying(12_000)),
        (40, applying(22_000)),
        (50, applying(32_000)),
    ];
    assert_eq!(rates(&samples), [None, Some(100), Some(100), Some(1000), Some(1000), Some(1000)]);
}

#[test]
fn another_stage_begins_anew() {
    let samples = [
        (0, at(Stage::Digesting, 0)),
        (5, at(Stage::Digesting, 500)),
        (9, at(Stage::Applying, 0)),
        (11, at(Stage::Applying, 80)),
    ];
    assert_eq!(rates(&samples), [None, Some(100), None, Some(40)]);
    let again = [(0, at(Stage::Applying, 900)), (5, at(Stage::Applying, 0)), (6, at(Stage::Applying, 7))];
    assert_eq!(rates(&again), [None, None, Some(7)]);
}

#[test]
fn nothing_at_work_has_no_rate() {
    assert_eq!(rates(&[(0, Snapshot::default()), (9, Snapshot::default())]), [None, None]);
}

#[test]
fn failures_in_a_row_are_counted_from_the_first() {
    let first = Failing::again(None, &Error::Stopped, "one", None);
    let second = Failing::again(Some(first.clone()), &Error::Stopped, "other", None);
    assert_eq!((second.attempts, second.since, second.why.as_str()), (2, first.since, "other"));
}
