//! How runs went: for people, and for deciding whether a scheduled one was missed.

use crate::{Error, Journal, RouteId};
use model::UnixNanos;
use rusqlite::{OptionalExtension, Row, params};

/// Runs remembered per route: three days of one every five minutes.
const KEPT: i64 = 1000;

/// A run of this journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(i64);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// Everything was brought across.
    Ok,
    /// It finished, but left something out.
    Incomplete,
    /// It broke off.
    Failed,
    /// It refused to act until a person decides.
    Halted,
    /// There was nothing to run on, an absent drive for instance.
    Skipped,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Incomplete, Self::Failed, Self::Halted, Self::Skipped];

    /// The word for it in the database and in machine-readable output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Halted => "halted",
            Self::Skipped => "skipped",
        }
    }
}

/// What a run did. Counts are of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// How it ended.
    pub outcome: Outcome,
    /// Brought to the remote side.
    pub uploaded: u64,
    /// Brought to the local side.
    pub downloaded: u64,
    /// Deleted on either side.
    pub deleted: u64,
    /// Changed on both sides.
    pub conflicts: u64,
    /// Left out.
    pub problems: u64,
    /// Changed while they were looked at or brought over, and left to the next run.
    pub overtaken: u64,
    /// Whether a hook around it failed.
    pub hook_failed: bool,
    /// Bytes sent.
    pub bytes_up: u64,
    /// Bytes received.
    pub bytes_down: u64,
}

/// One run in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which one.
    pub id: RunId,
    /// When it began, by this machine's clock.
    pub started: UnixNanos,
    /// When and how it ended; `None`: it is running, or the process died.
    pub finished: Option<(UnixNanos, RunSummary)>,
}

impl Journal {
    /// Begins a run, and forgets the oldest beyond a thousand.
    pub fn start_run(&self, route: RouteId, at: UnixNanos) -> Result<RunId, Error> {
        self.with("beginning a run", |connection| {
            let transaction = connection.transaction()?;
            let add = "INSERT INTO run (route, started) VALUES (?1, ?2)";
            transaction.prepare_cached(add)?.execute(params![route.0, at.0])?;
            let id = transaction.last_insert_rowid();
            let forget = "DELETE FROM run WHERE route = ?1 AND id <=
                (SELECT id FROM run WHERE route = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
            transaction.prepare_cached(forget)?.execute(params![route.0, KEPT])?;
            transaction.commit()?;
            Ok(RunId(id))
        })
    }

    /// Ends a run.
    pub fn finish_run(&self, run: RunId, at: UnixNanos, summary: &RunSummary) -> Result<(), Error> {
        let count = u64::cast_signed;
        self.with("ending a run", |connection| {
            let change =
                "UPDATE run SET finished = ?2, outcome = ?3, uploaded = ?4, downloaded = ?5, deleted = ?6,
                conflicts = ?7, problems = ?8, bytes_up = ?9, bytes_down = ?10, overtaken = ?11, hook_failed = ?12
                WHERE id = ?1";
            let values = params![
                run.0,
                at.0,
                summary.outcome.as_str(),
                count(summary.uploaded),
                count(summary.downloaded),
                count(summary.deleted),
                count(summary.conflicts),
                count(summary.problems),
                count(summary.bytes_up),
                count(summary.bytes_down),
                count(summary.overtaken),
                summary.hook_failed,
            ];
            connection.prepare_cached(change)?.execute(values).map(|_| ())
        })
    }

    /// The latest `count` runs of a route, newest first.
    pub fn last_runs(&self, route: RouteId, count: usize) -> Result<Vec<Run>, Error> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.with("listing runs", |connection| {
            let find =
                "SELECT id, started, finished, outcome, uploaded, downloaded, deleted, conflicts, problems,
                bytes_up, bytes_down, overtaken, hook_failed FROM run WHERE route = ?1 ORDER BY id DESC LIMIT ?2";
            let mut statement = connection.prepare_cached(find)?;
            let runs = statement.query_map([route.0, count], read_run)?;
            runs.collect()
        })
    }

    /// When the latest run that brought everything across ended.
    pub fn last_success(&self, route: RouteId) -> Result<Option<UnixNanos>, Error> {
        self.with("looking for the last success", |connection| {
            let find = "SELECT finished FROM run WHERE route = ?1 AND outcome = ?2 ORDER BY id DESC LIMIT 1";
            let values = params![route.0, Outcome::Ok.as_str()];
            connection.prepare_cached(find)?.query_row(values, |row| row.get(0).map(UnixNanos)).optional()
        })
    }
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let finished: Option<i64> = row.get(2)?;
    let finished =
        finished.map(|at| read_summary(row).map(|summary| (UnixNanos(at), summary))).transpose()?;
    Ok(Run { id: RunId(row.get(0)?), started: UnixNanos(row.get(1)?), finished })
}

fn read_summary(row: &Row<'_>) -> rusqlite::Result<RunSummary> {
    let word: String = row.get(3)?;
    // A word that a later version added is at least no success.
    let outcome =
        Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word).unwrap_or(Outcome::Failed);
    let count = |at| row.get(at).map(i64::cast_unsigned);
    Ok(RunSummary {
        outcome,
        uploaded: count(4)?,
        downloaded: count(5)?,
        deleted: count(6)?,
        conflicts: count(7)?,
        problems: count(8)?,
        bytes_up: count(9)?,
        bytes_down: count(10)?,
        overtaken: count(11)?,
        hook_failed: row.get(12)?,
    })
}

#[cfg(test)]
mod tests;
