//! Effects: carrying out a plan, action by action, each under the expectation it was planned with.
//!
//! Actions of one phase run side by side. What happens to one of them is data ([`Fate`]): a path that changed
//! meanwhile is left to the next plan, a path in trouble is reported, and only trouble that concerns every path ends the cycle.

mod delete;
mod download;
mod fate;
mod set_meta;
mod upload;

use crate::cycle::Cycle;
use crate::error::Error;
use crate::observe::{self, LocalNode, LocalView, RemoteNode, RemoteView};
use crate::progress::{Progress, Stage};
use crate::remember::{Note, Notes};
use crate::report::{Problem, Report};
use crate::sides::{Keep, Local, Remote};
use fate::{Fate, Full, Trouble};
use futures::stream::{self, TryStreamExt as _};
use journal::Change as Remembered;
use model::{Kind, ObjectKey, RelPath};
use plan::sync::{Action, Change, Conflict, Phase, Plan, Side, Written};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// Actions carried out at the same time: small files are latency, not bandwidth.
const ACTIONS_AT_ONCE: usize = 32;

/// File content held in memory at the same time, in KiB. A file beyond [`bucket::PUT_SIZE_MAX`] goes by parts.
const MEMORY_KIB: u32 = 64 * 1024;

pub(crate) struct Applier<'a, L, R> {
    local: &'a L,
    remote: &'a R,
    here: LocalView,
    there: RemoteView,
    notes: Notes,
    progress: &'a Progress,
    stop: CancellationToken,
    memory: Semaphore,
    full: Full,
    keep: Keep,
    report: Mutex<Report>,
}

impl<'a, L: Local, R: Remote> Applier<'a, L, R> {
    pub(crate) fn new(cycle: &Cycle<'a, L, R>, here: LocalView, there: RemoteView, notes: Notes) -> Self {
        let mut report =
            Report { unchanged: here.seen.len() as u64, overtaken: here.overtaken, ..Report::default() };
        report.problems.extend(here.problems.iter().chain(&there.problems).cloned());
        Self {
            local: cycle.local,
            remote: cycle.remote,
            here,
            there,
            notes,
            progress: cycle.progress,
            stop: cycle.options.stop.clone(),
            memory: Semaphore::new(MEMORY_KIB as usize),
            full: Full::default(),
            keep: Arc::new(|_| false),
            report: Mutex::new(report),
        }
    }

    pub(crate) async fn apply(&mut self, plan: Plan) -> Result<(), Error> {
        let bytes = plan.actions.iter().map(bytes_of).sum();
        self.progress.enter(Stage::Applying, plan.actions.len() as u64, bytes);
        let directories = Arc::new(plan.directories);
        self.keep = Arc::new(move |path: &RelPath| directories.contains(&ObjectKey::directory(path)));
        for conflict in plan.conflicts {
            self.set_aside(conflict).await?;
        }
        for phase in [Phase::ClearTheWay, Phase::Write, Phase::Tidy, Phase::Furnish] {
            let actions = plan.actions.iter().filter(|action| action.phase == phase);
            stream::iter(actions.map(Ok))
                .try_for_each_concurrent(ACTIONS_AT_ONCE, |action| self.carry_out(action))
                .await?;
        }
        Ok(())
    }

    /// Gives the notes back, so that their writer can end, and tells what was done.
    pub(crate) fn finish(self) -> Report {
        let mut report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.problems.extend(self.full.problems());
        report
    }

    async fn carry_out(&self, action: &Action) -> Result<(), Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        if matches!(action.change, Change::Write(_)) && self.full.skips(action.side) {
            return Ok(());
        }
        let attempt = match (&action.change, action.side) {
            (Change::Write(Written(node)), Side::Remote) => ("uploaded", self.upload(action, node).await),
            (Change::Write(Written(node)), Side::Local) => ("downloaded", self.download(action, node).await),
            (Change::SetMeta(Written(node)), side) => ("touched", self.set_meta(action, node, side).await),
            (Change::Delete, side) => ("deleted", self.delete(action, side).await),
        };
        self.progress.file_done();
        self.settle(action, attempt)
    }

    fn settle(&self, action: &Action, (verb, outcome): (&str, Result<(), Trouble>)) -> Result<(), Error> {
        let Err(trouble) = outcome else {
            self.count(action);
            return Ok(());
        };
        match trouble.fate() {
            Fate::Overtaken => self.report().overtaken += 1,
            Fate::Problem => {
                let problem = Problem::failed(&action.key, verb, trouble.error());
                self.report().problems.push(problem);
            }
            Fate::Full(side) => self.full.note(side, Problem::failed(&action.key, verb, trouble.error())),
            Fate::Fatal => return Err(trouble.into_error()),
        }
        Ok(())
    }

    fn count(&self, action: &Action) {
        let mut report = self.report();
        let is_directory = action.key.is_directory();
        match (&action.change, action.side) {
            _ if is_directory => report.touched += 1,
            (Change::Write(Written(node)), Side::Remote) => {
                report.uploaded += 1;
                report.uploaded_bytes += node.size;
            }
            (Change::Write(Written(node)), Side::Local) => {
                report.downloaded += 1;
                report.downloaded_bytes += node.size;
            }
            (Change::SetMeta(_), _) => report.touched += 1,
            (Change::Delete, Side::Local) => report.deleted_local += 1,
            (Change::Delete, Side::Remote) => report.deleted_remote += 1,
        }
    }

    /// One rename; everything else about a conflict is ordinary work for the next cycle.
    async fn set_aside(&self, conflict: Conflict) -> Result<(), Error> {
        for side in conflict.moves.keys() {
            let moved = match side {
                Side::Local => self.set_aside_local(&conflict).await,
                Side::Remote => self.set_aside_remote(&conflict).await,
            };
            match moved.map_err(|trouble| (trouble.fate(), trouble)) {
                Ok(()) => {}
                Err((Fate::Overtaken, _)) => {
                    self.report().overtaken += 1;
                    return Ok(());
                }
                Err((Fate::Fatal, trouble)) => return Err(trouble.into_error()),
                Err((Fate::Problem | Fate::Full(_), trouble)) => {
                    let problem =
                        Problem::failed(&conflict.key, "set aside as a conflict copy", trouble.error());
                    self.report().problems.push(problem);
                    return Ok(());
                }
            }
        }
        self.report().conflicts.push(conflict);
        Ok(())
    }

    async fn set_aside_local(&self, conflict: &Conflict) -> Result<(), Trouble> {
        let seen = self.seen_here(&conflict.key)?;
        let (from, to) = (conflict.key.path(), conflict.copy.path());
        self.local.rename(&from, &to, &seen.found.stamp).await?;
        self.local.make_durable(vec![to]).await?;
        Ok(())
    }

    async fn set_aside_remote(&self, conflict: &Conflict) -> Result<(), Trouble> {
        let seen = self.seen_there(&conflict.key)?;
        self.remote.rename(&conflict.key, &conflict.copy, &seen.node, &seen.version).await?;
        Ok(())
    }

    /// What the plan was made from. A plan names no key that was not seen.
    fn seen_here(&self, key: &ObjectKey) -> Result<&LocalNode, Trouble> {
        observe::at(&self.here.seen, key).ok_or(Trouble::Unseen)
    }

    fn seen_there(&self, key: &ObjectKey) -> Result<&RemoteNode, Trouble> {
        observe::at(&self.there.seen, key).ok_or(Trouble::Unseen)
    }

    fn expect_local(&self, action: &Action) -> Result<disk::Expect, Trouble> {
        match action.expect {
            None => Ok(disk::Expect::Absent),
            Some(_) => self.seen_here(&action.key).map(|seen| disk::Expect::Unchanged(seen.found.stamp)),
        }
    }

    fn expect_remote(&self, action: &Action) -> Result<bucket::Expect, Trouble> {
        match action.expect {
            None => Ok(bucket::Expect::Absent),
            Some(_) => self.seen_there(&action.key).map(|seen| bucket::Expect::Version(seen.version.clone())),
        }
    }

    /// Waits until `size` bytes may be held in memory.
    async fn room_for(&self, size: u64) -> SemaphorePermit<'_> {
        let kib = u32::try_from(size / 1024 + 1).unwrap_or(MEMORY_KIB).min(MEMORY_KIB);
        self.memory.acquire_many(kib).await.expect("the semaphore is never closed")
    }

    fn remember(&self, change: Remembered, placed: Option<RelPath>) {
        self.notes.hand_in(Note { change, placed });
    }

    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_of(action: &Action) -> u64 {
    match action.change {
        Change::Write(Written(node)) => node.size,
        Change::SetMeta(_) | Change::Delete => 0,
    }
}

/// Whether content is moved in one piece.
fn is_small(kind: Kind, size: u64) -> bool {
    kind != Kind::File || size <= bucket::PUT_SIZE_MAX
}
