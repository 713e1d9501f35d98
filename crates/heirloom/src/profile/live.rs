//! A route at work: what its runs share, and what can be told about it at any moment.
//!
//! Several may want to run one route: the daemon's keeper, and a command that handed its request over. They take turns, move the same
//! counters, and leave what came of it in the same place, which is all that `status` has to look at.

mod line;

use bucket::Limits;
use journal::RunId;
use line::Line;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use sync::{Error, Progress, Snapshot, Stage};
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::Instant;

/// What the runs of one route share; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Live(Arc<Shared>);

#[derive(Default)]
struct Shared {
    turn: Arc<tokio::sync::Mutex<()>>,
    wake: Arc<Notify>,
    progress: Arc<Progress>,
    line: Line,
    notes: Mutex<Notes>,
}

/// What is known about a route beyond its counters.
#[derive(Default)]
pub(crate) struct Notes {
    /// The run that goes on, in the journal.
    pub(crate) running: Option<RunId>,
    /// When the next one begins, if nothing happens before.
    pub(crate) next: Option<Instant>,
    /// Since when it fails, and how often it has.
    pub(crate) failing: Option<Failing>,
    /// Why changes are found by looking, and not at once.
    pub(crate) unwatched: Option<String>,
    /// How many paths the latest run left out.
    pub(crate) problems: usize,
    /// What was logged, so that it is logged once.
    pub(crate) said: Said,
    /// How fast it goes.
    pace: Pace,
}

/// What was said of a route.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) summary: String,
    pub(crate) problems: BTreeSet<String>,
    pub(crate) remarks: BTreeSet<String>,
}

/// A route that cannot be run at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Failing {
    pub(crate) since: Instant,
    pub(crate) attempts: u32,
    /// Whether waiting may help, as it does while the line is down.
    pub(crate) may_pass: bool,
    pub(crate) why: String,
    /// What a person can do about it, where nothing else helps.
    pub(crate) hint: Option<String>,
}

impl Failing {
    /// After one more failure.
    pub(crate) fn again(before: Option<Self>, error: &Error, why: &str, hint: Option<String>) -> Self {
        let (since, attempts) = before.map_or((Instant::now(), 0), |before| (before.since, before.attempts));
        Self { since, attempts: attempts + 1, may_pass: error.may_pass(), why: why.to_owned(), hint }
    }
}

impl Live {
    /// Of a route whose bytes pass these limits.
    pub(crate) fn over(limits: &Limits) -> Self {
        Self(Arc::new(Shared { line: Line::of(limits), ..Shared::default() }))
    }

    /// Waits until no other run of this route is on its way.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.0.turn).lock_owned().await
    }

    /// Wakes the route's keeper.
    pub(crate) fn wake(&self) -> &Arc<Notify> {
        &self.0.wake
    }

    /// Moves while a run goes on.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.0.progress
    }

    /// How far the run has come by now, with what is on its way.
    pub(crate) fn look(&self) -> Snapshot {
        self.0.line.seen(self.0.progress.snapshot())
    }

    /// What else is known.
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is being done, and how fast; bytes per second.
    pub(crate) fn at_work(&self) -> (Snapshot, Option<u64>) {
        let (snapshot, now) = (self.look(), Instant::now());
        (snapshot, self.notes().pace.rate(now, snapshot))
    }

    /// Takes a sample for the rate.
    pub(crate) fn sample(&self) -> Snapshot {
        let (snapshot, now) = (self.look(), Instant::now());
        self.notes().pace.sample(now, snapshot);
        snapshot
    }
}

/// The rate of the last half minute or so: the average since the beginning would promise the speed of yesterday's line.
#[derive(Default)]
struct Pace {
    /// The latest sample that is old enough to count from, and a newer one.
    samples: [Option<(Instant, Snapshot)>; 2],
}

/// Below that, a rate is mostly chance.
const WINDOW_MIN: Duration = Duration::from_millis(200);

/// When the newer sample takes the older one's place.
const WINDOW: Duration = Duration::from_secs(10);

impl Pace {
    fn sample(&mut self, now: Instant, snapshot: Snapshot) {
        let [older, newer] = &mut self.samples;
        let is_other = |sample: &Option<(Instant, Snapshot)>| {
            // Another stage, or the same one anew, counts from zero.
            sample.is_some_and(|(_, before)| {
                before.stage != snapshot.stage || before.bytes_done > snapshot.bytes_done
            })
        };
        if is_other(older) || snapshot.stage == Stage::Idle {
            (*older, *newer) = (None, None);
        }
        match newer {
            None if older.is_none() => *older = Some((now, snapshot)),
            None => *newer = Some((now, snapshot)),
            Some((at, _)) if now.duration_since(*at) >= WINDOW => {
                *older = *newer;
                *newer = Some((now, snapshot));
            }
            Some(_) => {}
        }
    }

    fn rate(&mut self, now: Instant, snapshot: Snapshot) -> Option<u64> {
        self.sample(now, snapshot);
        let (at, before) = self.samples[0]?;
        let elapsed = now.duration_since(at);
        if elapsed < WINDOW_MIN {
            return None;
        }
        let moved = snapshot.bytes_done.saturating_sub(before.bytes_done);
        u64::try_from(u128::from(moved) * 1000 / elapsed.as_millis().max(1)).ok()
    }
}

#[cfg(test)]
mod tests;
