use super::super::tests::report;
use super::super::{Format, Verbosity};
use super::{Action, Shown, Status, plain, span};
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn status(bytes_done: u64) -> Status {
    Status {
        action: Action::Syncing,
        percent_done: 0.5,
        files_done: 3,
        total_files: 12,
        bytes_done,
        total_bytes: 100 << 20,
        seconds_elapsed: 10,
    }
}

#[test]
fn a_line_has_rate_and_time_left() {
    insta::assert_snapshot!(plain(&status(20 << 20), Duration::from_secs(10)), @"syncing: 20.0 MiB of 100 MiB (3 of 12 files), 2.0 MiB/s, about 40 s left");
    insta::assert_snapshot!(plain(&status(0), Duration::ZERO), @"syncing: 0 B of 100 MiB (3 of 12 files), 0 B/s");
}

#[test]
fn spans_are_rounded_up() {
    assert_eq!(
        [0, 59, 60, 61, 3600, 5400].map(span),
        ["0 s", "59 s", "1 min", "2 min", "1 h 0 min", "1 h 30 min"]
    );
}

#[test]
fn programs_hear_of_it_at_intervals() {
    let (port, results, notes) = report(Format::Json, Verbosity::Normal);
    let mut progress = port.progress(Action::Syncing);
    progress.expect(2, 100);
    progress.bytes(25);
    assert_eq!(results.text(), "", "too early");
    let overdue = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
    progress.shown = Shown::Lines { every: Duration::from_secs(1), last: Mutex::new(overdue) };
    progress.file();
    progress.bytes(25);
    insta::assert_snapshot!(results.text().trim(), @r#"{"message_type":"status","action":"syncing","percent_done":0.25,"files_done":1,"total_files":2,"bytes_done":25,"total_bytes":100,"seconds_elapsed":0}"#);
    assert_eq!(notes.text(), "");
}

#[test]
fn quiet_is_quiet() {
    let (port, ..) = report(Format::Json, Verbosity::Quiet);
    assert!(matches!(port.progress(Action::Scanning).shown, Shown::Not));
}
