use super::super::tests::report;
use super::super::{Format, Verbosity};
use super::{Action, Counts, Line, Pace, Shown};
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn counts(bytes_done: u64) -> Counts {
    Counts { files_done: 3, files: 12, bytes_done, bytes: 100 << 20 }
}

/// What is shown `seconds` after `before` bytes were done.
fn line(before: u64, counts: Counts, seconds: u64) -> Line {
    let (mut pace, begun) = (Pace::default(), Instant::now());
    pace.at(begun, before);
    let rate = pace.at(begun + Duration::from_secs(seconds), counts.measured().0);
    Line { action: Action::Syncing, counts, rate }
}

#[test]
fn a_line_has_rate_and_time_left() {
    insta::assert_snapshot!(line(0, counts(20 << 20), 10).plain(), @"syncing: 20.0 MiB of 100 MiB (3 of 12 files), 2.0 MiB/s, 40 s left");
}

#[test]
fn nothing_is_promised_before_anything_moved() {
    insta::assert_snapshot!(line(0, counts(0), 60).plain(), @"syncing: 0 B of 100 MiB (3 of 12 files)");
    insta::assert_snapshot!(line(0, counts(0), 60).drawn(80), @"syncing [>                       ]   0% 0 B of 100 MiB (3 of 12 files)");
}

#[test]
fn a_rate_is_that_of_the_last_seconds() {
    let (mut pace, begun) = (Pace::default(), Instant::now());
    // First as good as nothing, then ten MiB a second.
    let slow = (0..60).map(|second| (second, second));
    let fast = (60..80).map(|second| (second, (second - 59) * (10 << 20)));
    let rates: Vec<_> =
        slow.chain(fast).map(|(second, done)| pace.at(begun + Duration::from_secs(second), done)).collect();
    let rate = rates.last().unwrap().unwrap();
    assert_eq!((rate.per_second(), rate.seconds_for(100 << 20)), (10 << 20, 10));
    let stalled: Vec<_> =
        (80..100).map(|second| pace.at(begun + Duration::from_secs(second), 20 * (10 << 20))).collect();
    assert_eq!(stalled.last(), Some(&None), "nothing moves any more");
    assert_eq!(pace.at(begun + Duration::from_secs(100), 5), None, "another run begins");
}

#[test]
fn a_drawn_line_fits() {
    let line = line(0, counts(20 << 20), 10);
    insta::assert_snapshot!([120, 100, 80, 70, 60, 40, 20, 5].map(|columns| line.drawn(columns)).join("\n"), @r"
    syncing [====>                   ]  20% 20.0 MiB of 100 MiB (3 of 12 files), 2.0 MiB/s, 40 s left
    syncing [====>                   ]  20% 20.0 MiB of 100 MiB (3 of 12 files), 2.0 MiB/s, 40 s left
    syncing  20% 20.0 MiB of 100 MiB (3 of 12 files), 2.0 MiB/s, 40 s left
    syncing [==>       ]  20% 20.0 MiB of 100 MiB (3 of 12 files)
    syncing [==>       ]  20% 20.0 MiB of 100 MiB
    syncing [==>       ]  20%
    syncing  20%
    20%
    ");
    let long = Counts { files_done: 99_999, files: 123_456, bytes_done: 999 << 30, bytes: 1000 << 30 };
    for columns in 5..200 {
        for counts in [long, counts(0), counts(100 << 20)] {
            let text = self::line(0, counts, 9).drawn(columns);
            assert!(text.len() < columns, "{columns}: {text}");
        }
    }
}

#[test]
fn all_is_done_when_the_files_are() {
    let sent = Counts { files_done: 0, files: 1, bytes_done: 100, bytes: 100 };
    insta::assert_snapshot!(line(0, sent, 10).drawn(80), @"syncing [=======================>]  99% 100 B of 100 B (0 of 1 file), 10 B/s");
    insta::assert_snapshot!(line(0, Counts { files_done: 1, ..sent }, 10).drawn(80), @"syncing [========================] 100% 100 B of 100 B (1 of 1 file), 10 B/s");
}

#[test]
fn what_has_no_bytes_is_measured_in_files() {
    let deletions = Counts { files_done: 3, files: 12, bytes_done: 0, bytes: 0 };
    let status = super::status(Action::Syncing, deletions, Duration::ZERO);
    assert!((status.percent_done - 0.25).abs() < f64::EPSILON);
    insta::assert_snapshot!(line(0, deletions, 10).drawn(80), @"syncing [======>                 ]  25% 3 of 12 files, 30 s left");
}

#[test]
fn programs_hear_of_it_at_intervals() {
    let (port, results, notes) = report(Format::Json, Verbosity::Normal);
    let mut progress = port.progress(Action::Syncing);
    progress.show(Counts { files_done: 0, files: 2, bytes_done: 25, bytes: 100 });
    assert_eq!(results.text(), "", "too early");
    let overdue = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
    progress.shown = Shown::Lines { every: Duration::from_secs(1), last: Mutex::new(overdue) };
    progress.show(Counts { files_done: 1, files: 2, bytes_done: 25, bytes: 100 });
    progress.show(Counts { files_done: 1, files: 2, bytes_done: 50, bytes: 100 });
    insta::assert_snapshot!(results.text().trim(), @r#"{"message_type":"status","action":"syncing","percent_done":0.25,"files_done":1,"total_files":2,"bytes_done":25,"total_bytes":100,"seconds_elapsed":0}"#);
    assert_eq!(notes.text(), "");
}

#[test]
fn quiet_is_quiet() {
    let (port, ..) = report(Format::Json, Verbosity::Quiet);
    assert!(matches!(port.progress(Action::Scanning).shown, Shown::Not));
}
