//! The history of runs in the journal, and what was told last of a route.
//!
//! For people only: nothing is decided by it, so trouble with writing it is logged and the sync goes on.

use super::halted::LeadsTo;
use super::routes::Wired;
use super::telling::{is_folder_gone, overtaken_by_a_change};
use crate::session::now;
use journal::{Journal, RunSummary};
use sync::{Error, Moment, Outcome, Route};

/// Notes that a run begins, and how it ended.
pub(crate) fn note(journal: &Journal, one: &Wired, moment: &Moment<'_>) {
    let (route, live) = (&one.route, &one.live);
    match moment {
        Moment::Begins => live.notes().running = logged(route, journal.start_run(route.id, now())),
        Moment::Ended(outcome) => {
            note_told(journal, route, outcome);
            if let Some(run) = live.notes().running.take() {
                logged(route, journal.finish_run(run, now(), &summary(outcome)));
            }
        }
        Moment::Waits(_) => {}
    }
}

/// Notes the halt that a run ended in, or that the destination was not there, so that a word to go on has something to answer. A halt stands until a
/// run comes through: one that failed on the way has not looked.
pub(crate) fn note_told(journal: &Journal, route: &Route, outcome: &Result<Outcome, Error>) {
    match outcome {
        Ok(Outcome::Halted(halt)) => {
            logged(route, journal.set_missing(route.id, None));
            let leads_to = LeadsTo::of(halt).word();
            logged(route, journal.set_halt(route.id, Some((&halt.to_string(), leads_to))));
        }
        Ok(Outcome::Done(report)) => {
            let overtaken: Vec<_> =
                report.overtaken.named().iter().map(|key| (key, overtaken_by_a_change(key))).collect();
            let overtaken = overtaken.iter().map(|(key, said)| (Some(*key), said.as_str()));
            let problems =
                report.problems.iter().map(|problem| (problem.key.as_ref(), problem.message.as_str()));
            logged(route, journal.set_problems(route.id, problems.chain(overtaken)));
            logged(route, journal.set_missing(route.id, None));
            logged(route, journal.set_halt(route.id, None));
        }
        Err(Error::Remote(missing @ (bucket::Error::Absent { .. } | bucket::Error::Emptied { .. }))) => {
            logged(route, journal.set_missing(route.id, Some(&missing.to_string())));
        }
        Ok(Outcome::Planned(..)) | Err(_) => {}
    }
}

/// Notes a run that did not take place because of a hook.
pub(crate) fn skipped(journal: &Journal, route: &Route) {
    let summary = RunSummary { hook_failed: true, ..nothing(journal::Outcome::Incomplete) };
    if let Some(run) = logged(route, journal.start_run(route.id, now())) {
        logged(route, journal.finish_run(run, now(), &summary));
    }
}

/// Notes that the latest run was not all it should be, because of a hook after it.
pub(crate) fn spoil(journal: &Journal, route: &Route) {
    let latest = logged(route, journal.last_runs(route.id, 1)).unwrap_or_default();
    if let Some((run, (at, summary))) = latest.first().and_then(|run| Some((run.id, run.finished?))) {
        let outcome = match summary.outcome {
            journal::Outcome::Ok => journal::Outcome::Incomplete,
            worse => worse,
        };
        let summary = RunSummary { outcome, hook_failed: true, ..summary };
        logged(route, journal.finish_run(run, at, &summary));
    }
}

fn logged<T>(route: &Route, written: Result<T, journal::Error>) -> Option<T> {
    written
        .inspect_err(
            |error| tracing::warn!(route = route.name(), %error, "the run could not be noted in the journal"),
        )
        .ok()
}

fn summary(outcome: &Result<Outcome, Error>) -> RunSummary {
    match outcome {
        Ok(Outcome::Done(report)) => RunSummary {
            outcome: if report.is_complete() { journal::Outcome::Ok } else { journal::Outcome::Incomplete },
            uploaded: report.uploaded,
            downloaded: report.downloaded,
            deleted: report.deleted_local + report.deleted_remote,
            conflicts: report.conflicts.len() as u64,
            problems: report.problems.len() as u64,
            overtaken: report.overtaken.count(),
            hook_failed: false,
            bytes_up: report.sent_bytes,
            bytes_down: report.downloaded_bytes,
        },
        Ok(Outcome::Planned(..)) => nothing(journal::Outcome::Ok),
        Ok(Outcome::Halted(_)) | Err(Error::Remote(bucket::Error::Emptied { .. })) => {
            nothing(journal::Outcome::Halted)
        }
        Err(error) if is_folder_gone(error) => nothing(journal::Outcome::Halted),
        Err(Error::Remote(bucket::Error::Absent { .. })) => nothing(journal::Outcome::Skipped),
        Err(_) => nothing(journal::Outcome::Failed),
    }
}

/// A run that changed nothing.
fn nothing(outcome: journal::Outcome) -> RunSummary {
    RunSummary {
        outcome,
        uploaded: 0,
        downloaded: 0,
        deleted: 0,
        conflicts: 0,
        problems: 0,
        overtaken: 0,
        hook_failed: false,
        bytes_up: 0,
        bytes_down: 0,
    }
}
