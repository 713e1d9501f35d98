use super::*;
use crate::testing::{Scratch, route_to};

fn summary(outcome: Outcome) -> RunSummary {
    RunSummary {
        outcome,
        uploaded: 1,
        downloaded: 2,
        deleted: 3,
        conflicts: 4,
        problems: 5,
        overtaken: 6,
        hook_failed: true,
        bytes_up: u64::MAX,
        bytes_down: 7,
    }
}

#[test]
fn runs_are_told_newest_first() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "cloud"), route_to(&journal, "attic"));
    let mut runs = Vec::new();
    for (at, outcome) in (0..).step_by(10).zip(Outcome::ALL) {
        let id = journal.start_run(route, UnixNanos(at)).unwrap();
        journal.finish_run(id, UnixNanos(at + 5), &summary(outcome)).unwrap();
        runs.insert(
            0,
            Run { id, started: UnixNanos(at), finished: Some((UnixNanos(at + 5), summary(outcome))) },
        );
    }
    let id = journal.start_run(route, UnixNanos(99)).unwrap();
    runs.insert(0, Run { id, started: UnixNanos(99), finished: None });
    assert_eq!(journal.last_runs(route, 100).unwrap(), runs);
    assert_eq!(journal.last_runs(route, 2).unwrap(), runs[..2]);
    assert!(journal.last_runs(other, 100).unwrap().is_empty());
}

#[test]
fn only_a_whole_run_is_a_success() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    assert_eq!(journal.last_success(route).unwrap(), None);
    for (at, outcome) in [(1, Outcome::Ok), (2, Outcome::Ok), (3, Outcome::Incomplete), (4, Outcome::Failed)]
    {
        let id = journal.start_run(route, UnixNanos(at)).unwrap();
        journal.finish_run(id, UnixNanos(at * 10), &summary(outcome)).unwrap();
    }
    journal.start_run(route, UnixNanos(5)).unwrap();
    assert_eq!(journal.last_success(route).unwrap(), Some(UnixNanos(20)));
}

#[test]
fn a_word_of_a_later_version_is_no_success() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let id = journal.start_run(route, UnixNanos(1)).unwrap();
    journal.finish_run(id, UnixNanos(2), &summary(Outcome::Ok)).unwrap();
    journal.lock().execute("UPDATE run SET outcome = 'splendid'", []).unwrap();
    let runs = journal.last_runs(route, 1).unwrap();
    assert_eq!(runs[0].finished.map(|(_, summary)| summary.outcome), Some(Outcome::Failed));
}

#[test]
fn old_runs_are_forgotten_per_route() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "cloud"), route_to(&journal, "attic"));
    journal.start_run(other, UnixNanos(-1)).unwrap();
    for at in 0..KEPT + 5 {
        journal.start_run(route, UnixNanos(at)).unwrap();
    }
    let runs = journal.last_runs(route, usize::MAX).unwrap();
    assert_eq!((runs.len(), runs.last().map(|run| run.started)), (1000, Some(UnixNanos(5))));
    assert_eq!(journal.last_runs(other, 9).unwrap().len(), 1);
}
