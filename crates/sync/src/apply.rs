//! Effects: carrying out a plan, action by action, each under the expectation it was planned with.
//!
//! Actions of one phase run side by side. What happens to one of them is data ([`Fate`]): a path that changed
//! meanwhile is left to the next plan, a path in trouble is reported, and only trouble that concerns every path ends the cycle.

mod copy_here;
mod delete;
mod download;
mod fate;
mod full;
mod set_aside;
mod set_meta;
mod transfer;
mod upload;

use crate::cycle::Cycle;
use crate::decide::{Deciding, Job, Seen};
use crate::error::Error;
use crate::observe::received;
use crate::progress::Progress;
use crate::remember::{Note, Notes};
use crate::report::{Problem, Report};
use crate::sides::{Keep, LeaveOut, Local, Remote};
use crate::surveys::Surveys;
use crate::threads::is_large;
use disk::Surveyed;
use fate::{Fate, Trouble};
use full::Full;
use futures::{StreamExt as _, TryStreamExt as _};
use journal::{Change as Remembered, Journal, Known, LocalSeen, RemoteSeen};
use model::{Kind, ObjectKey, RelPath};
use plan::sync::{Action, Change, PerSide, Side, Written};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

/// Actions carried out at the same time: small files are latency, not bandwidth, and many that wait together go together. How many
/// requests and open files that makes is the business of bucket and folder.
const ACTIONS_AT_ONCE: usize = 1024;

/// File content held in memory at the same time, in KiB. A file beyond [`bucket::PUT_SIZE_MAX`] goes by parts.
const MEMORY_KIB: u32 = 64 * 1024;

pub(crate) struct Applier<'a, L, R> {
    local: &'a L,
    remote: &'a R,
    journal: &'a Arc<Journal>,
    route: journal::RouteId,
    notes: Notes,
    surveys: &'a Surveys,
    progress: &'a Progress,
    stop: CancellationToken,
    memory: Semaphore,
    full: Full,
    keep: Keep,
    gives_up: Box<dyn Fn(&Known) -> bool + Send + Sync>,
    /// How many files are written whose content is at hand, by the side on which they are written.
    at_hand: PerSide,
    /// Bytes that had been sent before this.
    sent_before: u64,
    report: Mutex<Report>,
}

/// How an action came to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As planned.
    Done,
    /// What was to be written was there already, under another name.
    Moved,
}

impl<'a, L: Local, R: Remote> Applier<'a, L, R> {
    pub(crate) fn new(
        cycle: &Cycle<'a, L, R>,
        deciding: &Deciding,
        notes: Notes,
        surveys: &'a Surveys,
        at_hand: PerSide,
        report: Report,
    ) -> Self {
        let (keeping, giving_up) = (deciding.clone(), deciding.clone());
        Self {
            local: cycle.local,
            remote: cycle.remote,
            journal: cycle.journal,
            route: cycle.route.id,
            notes,
            surveys,
            progress: cycle.progress,
            stop: cycle.options.stop.clone(),
            memory: Semaphore::new(MEMORY_KIB as usize),
            full: Full::default(),
            keep: Arc::new(move |path: &RelPath| keeping.keeps(&ObjectKey::directory(path))),
            gives_up: Box::new(move |known| giving_up.gives_up(known)),
            at_hand,
            sent_before: cycle.progress.sent(),
            report: Mutex::new(report),
        }
    }

    pub(crate) async fn apply(&self, jobs: mpsc::Receiver<Job>) -> Result<(), Error> {
        received(jobs)
            .map(Ok)
            .try_for_each_concurrent(ACTIONS_AT_ONCE, |job| async move {
                match job {
                    Job::Act(action, seen) => self.carry_out(&action, &seen).await,
                    Job::SetAside(conflict, seen) => self.set_aside(conflict, &seen).await,
                    Job::Remember(change) => {
                        self.remember(change, None).await;
                        Ok(())
                    }
                }
            })
            .await?;
        for (action, seen) in self.full.again() {
            self.carry_out(&action, &seen).await?;
        }
        Ok(())
    }

    /// Gives the notes back, so that their writer can end, and tells what was done.
    pub(crate) fn finish(self) -> Report {
        let mut report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.problems.extend(self.full.problems());
        report.sent_bytes += self.progress.sent() - self.sent_before;
        report
    }

    async fn carry_out(&self, action: &Action, seen: &Seen) -> Result<(), Error> {
        if self.stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        if let Change::Write(Written(node)) = action.change
            && self.full.skips(action.side, node.size, action, seen)
        {
            return Ok(());
        }
        let (verb, outcome) = match (&action.change, action.side) {
            (Change::Write(Written(node)), Side::Remote) => {
                ("uploaded", self.bring_up(action, node, seen).await)
            }
            (Change::Write(Written(node)), Side::Local) => {
                ("downloaded", self.bring_down(action, node, seen).await)
            }
            (Change::SetMeta(Written(node)), side) => {
                ("touched", self.set_meta(action, node, side, seen).await.map(|()| Way::Done))
            }
            (Change::Delete, side) => ("deleted", self.delete(action, side, seen).await.map(|()| Way::Done)),
        };
        self.settle(action, seen, verb, outcome)
    }

    fn settle(
        &self,
        action: &Action,
        seen: &Seen,
        verb: &str,
        outcome: Result<Way, Trouble>,
    ) -> Result<(), Error> {
        let trouble = match outcome {
            Ok(way) => {
                self.progress.file_done();
                self.count(action, way);
                return Ok(());
            }
            Err(trouble) => trouble,
        };
        if !matches!(trouble.fate(), Fate::Full(_)) {
            self.progress.file_done();
        }
        match trouble.fate() {
            Fate::Overtaken => self.report().overtaken.add(&action.key),
            Fate::Problem => {
                let problem = Problem::failed(&action.key, verb, trouble.error());
                self.report().problems.push(problem);
            }
            Fate::Full(side) => {
                let bytes = match action.change {
                    Change::Write(Written(node)) => node.size,
                    Change::SetMeta(_) | Change::Delete => 0,
                };
                let problem = Problem::failed(&action.key, verb, trouble.error());
                self.full.note(side, bytes, action, seen, problem);
            }
            Fate::Fatal => return Err(trouble.into_error()),
        }
        Ok(())
    }

    fn count(&self, action: &Action, way: Way) {
        let mut report = self.report();
        report.new_rules |= action.side == Side::Local && LeaveOut::is_rules(&action.key);
        let is_directory = action.key.is_directory();
        match (&action.change, action.side) {
            _ if is_directory => report.touched += 1,
            (Change::Write(_), side) if way == Way::Moved => *report.moved.of_mut(side) += 1,
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

    /// Waits until `size` bytes may be held in memory.
    async fn room_for(&self, size: u64) -> SemaphorePermit<'_> {
        let kib = u32::try_from(size / 1024 + 1).unwrap_or(MEMORY_KIB).min(MEMORY_KIB);
        self.memory.acquire_many(kib).await.expect("the semaphore is never closed")
    }

    async fn remember(&self, change: Remembered, placed: Option<RelPath>) {
        self.notes.hand_in(Note { change, placed }).await;
    }

    fn report(&self) -> std::sync::MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// What the plan was made from. A plan names nothing that was not seen.
    fn here(&self) -> Result<&LocalSeen, Trouble> {
        self.here.as_ref().ok_or(Trouble::Unseen)
    }

    fn there(&self) -> Result<&RemoteSeen, Trouble> {
        self.there.as_ref().ok_or(Trouble::Unseen)
    }

    fn expect_local(&self, action: &Action) -> Result<disk::Expect, Trouble> {
        match action.expect {
            None => Ok(disk::Expect::Absent),
            Some(_) => self.here().map(|seen| disk::Expect::Unchanged(seen.stamp)),
        }
    }

    fn expect_remote(&self, action: &Action) -> Result<bucket::Expect, Trouble> {
        match action.expect {
            None => Ok(bucket::Expect::Absent),
            Some(_) => self.there().map(|seen| bucket::Expect::Version(seen.version.clone())),
        }
    }
}

/// What is worth knowing of a large file when it changes.
fn known(key: &ObjectKey, Surveyed { content, chunks, waypoints }: Surveyed) -> Remembered {
    Remembered::Chunks { key: key.clone(), content, chunks, waypoints: waypoints.as_bytes().to_vec() }
}

/// Whether content is moved in one piece.
fn is_small(kind: Kind, size: u64) -> bool {
    kind != Kind::File || !is_large(size)
}
