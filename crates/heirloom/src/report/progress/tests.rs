use super::super::tests::report;
use super::super::{Format, Verbosity};
use super::{Action, Counts, Shown, plain};
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn counts(bytes_done: u64) -> Counts {
    Counts { files_done: 3, files: 12, bytes_done, bytes: 100 << 20 }
}

#[test]
fn a_line_has_rate_and_time_left() {
    let ten_seconds = Duration::from_secs(10);
    insta::assert_snapshot!(plain(Action::Syncing, counts(20 << 20), ten_seconds), @"syncing: 20.0 MiB of 100 MiB (3 of 12 files), 2.0 MiB/s, about 40 s left");
    insta::assert_snapshot!(plain(Action::Syncing, counts(0), Duration::ZERO), @"syncing: 0 B of 100 MiB (3 of 12 files), 0 B/s");
}

#[test]
fn what_has_no_bytes_is_measured_in_files() {
    let deletions = Counts { files_done: 3, files: 12, bytes_done: 0, bytes: 0 };
    let status = super::status(Action::Syncing, deletions, Duration::ZERO);
    assert!((status.percent_done - 0.25).abs() < f64::EPSILON);
    let bar = super::bar(Action::Syncing);
    let mut measure = super::Measure::Nothing;
    super::draw(&bar, &mut measure, deletions);
    assert_eq!((measure, bar.position(), bar.length()), (super::Measure::Files, 3, Some(12)));
    super::draw(&bar, &mut measure, counts(7));
    assert_eq!((measure, bar.position(), bar.length()), (super::Measure::Bytes, 7, Some(100 << 20)));
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
