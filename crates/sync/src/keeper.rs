//! The daemon's loop for one route: cycle, wait for a reason, cycle again.
//!
//! Reasons are a watched change (after a moment of quiet), news from the bucket, the interval, a request, or that waiting after a failure is over.
//! Watched changes are hints and nothing more: every cycle looks for itself, so a lost event costs time, never a file.
//!
//! A keeper never goes on from a halt: that is for a person, whose run is another one than the keeper's, and takes its turn beside it.

use crate::backoff::Backoff;
use crate::cycle::{Cycle, Options, Resume};
use crate::error::Error;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::route::Route;
use crate::sides::{Changes, Held, Local, Remote, Standing, Told};
use futures::StreamExt as _;
use futures::future::BoxFuture;
use journal::Journal;
use std::any::Any;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A burst of changes is over once nothing was noticed for this long.
const QUIET: Duration = Duration::from_millis(300);

/// A burst that never ends is looked at this often.
const BURST_MAX: Duration = Duration::from_secs(5);

/// The first wait after a failure, and the longest.
const BACKOFF_FIRST: Duration = Duration::from_secs(2);
const BACKOFF_LAST: Duration = Duration::from_mins(5);

/// How often to look for a disk that is not there.
const LOOK: Duration = Duration::from_secs(5);

/// How long a store may take to answer that nothing has changed.
const NEWS_WAIT: Duration = Duration::from_secs(50);

/// How long a cycle that was told to stop may go on with what it has begun. Small files are through by then; a large one is gone on with by the next
/// run, so there is no reason to wait for it.
pub const STOP_GRACE: Duration = Duration::from_secs(3);

/// What a keeper tells about a run.
pub enum Moment<'a> {
    /// It begins.
    Begins,
    /// It ended so.
    Ended(&'a Result<Outcome, Error>),
    /// The next one begins after this long, if nothing happens before.
    Waits(Duration),
}

/// Whom a keeper tells. Called between cycles, so it may take a moment.
pub type Notice = Arc<dyn Fn(&Route, Moment<'_>) + Send + Sync>;

/// Held while a cycle runs.
pub type Turn = Box<dyn Any + Send>;

/// Waits until a cycle may run; `None`: the process is ending.
pub type TurnOf = Arc<dyn Fn() -> BoxFuture<'static, Option<Turn>> + Send + Sync>;

/// Keeps one route in sync until told to stop.
pub struct Keeper {
    /// What is synced.
    pub route: Route,
    /// Where it is remembered.
    pub journal: Arc<Journal>,
    /// How often to look without a reason.
    pub interval: Duration,
    /// Woken when a change was noticed, or a run is wanted.
    pub wake: Arc<Notify>,
    /// Moves while a cycle runs.
    pub progress: Arc<Progress>,
    /// Asked for before each run: other runs of the same route may be on their way.
    pub turn: TurnOf,
    /// Told when a run begins and what came of it.
    pub notice: Notice,
    /// A number from 0 up to 1, another one each time: how much longer than necessary to wait after a failure.
    pub chance: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// The label for conflict copies, by the machine's clock.
    pub time: fn() -> String,
    /// Ends the loop, and a running cycle after the effects it has begun, or after [`STOP_GRACE`].
    pub stop: CancellationToken,
}

impl Keeper {
    /// Runs until stopped. `open` is asked anew for the folder each time, so that one that comes back is found.
    pub async fn run<L: Local, R: Remote>(self, open: impl Fn() -> Result<L, disk::Error>, remote: R) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_LAST);
        while !self.stop.is_cancelled() {
            let Some(turn) = (self.turn)().await else { return };
            (self.notice)(&self.route, Moment::Begins);
            let outcome = self.once(&open, &remote).await;
            if matches!(outcome, Err(Error::Stopped)) {
                return;
            }
            (self.notice)(&self.route, Moment::Ended(&outcome));
            drop(turn);
            if is_fine(&outcome) {
                backoff.reset();
                self.wait(self.interval, Some(&remote)).await;
            } else if is_absent(&outcome) {
                backoff.reset();
                self.wait_for(&remote).await;
            } else {
                // What is new there now was not taken in, so it would end the wait at once, again and again.
                let pause = backoff.fail((self.chance)()).min(self.interval);
                self.wait(pause, None::<&R>).await;
            }
        }
    }

    async fn once<L: Local, R: Remote>(
        &self,
        open: &impl Fn() -> Result<L, disk::Error>,
        remote: &R,
    ) -> Result<Outcome, Error> {
        let local = open().map_err(Error::Local)?;
        let options =
            Options { resume: Resume::Not, dry_run: false, time: (self.time)(), stop: self.stop.clone() };
        let cycle = Cycle {
            route: &self.route,
            local: &local,
            remote,
            journal: &self.journal,
            options: &options,
            progress: &self.progress,
        };
        or_stopped(&self.stop, cycle.until_settled()).await
    }

    async fn wait<R: Remote>(&self, pause: Duration, remote: Option<&R>) {
        (self.notice)(&self.route, Moment::Waits(pause));
        tokio::select! {
            // In order, so that a simulation does the same thing every time.
            biased;
            () = self.stop.cancelled() => {}
            () = sleep(pause) => {}
            () = self.wake.notified() => self.wait_for_quiet().await,
            () = self.news(remote) => {}
        }
    }

    /// Returns once the disk is back, or there is a reason to say once more that it is not.
    async fn wait_for<R: Remote>(&self, remote: &R) {
        let is_back = async {
            loop {
                sleep(LOOK).await;
                match remote.hold().await {
                    Err(bucket::Error::Absent { .. }) | Ok(Held { standing: Standing::Unmarked(_), .. }) => {}
                    Ok(_) | Err(_) => return,
                }
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = self.wake.notified() => self.wait_for_quiet().await,
            () = is_back => {}
        }
    }

    /// Returns once the remote side has something that this machine has not seen; never, if the store cannot tell.
    async fn news<R: Remote>(&self, remote: Option<&R>) {
        let Some(remote) = remote else { return pending().await };
        let Ok(Some(mut since)) = self.journal.cursor(self.route.id) else { return pending().await };
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_LAST);
        loop {
            match remote.changes(Some(&since), NEWS_WAIT).await {
                Ok(Changes::Since(Told { cursor, mut changes })) => match changes.next().await {
                    Some(Ok(_)) => return,
                    None => {
                        since = cursor;
                        backoff.reset();
                    }
                    Some(Err(_)) => sleep(backoff.fail((self.chance)())).await,
                },
                Ok(Changes::Unknown | Changes::Everything(_)) => return,
                Ok(Changes::Unsupported) => return pending().await,
                // The line is down: the next cycle says so, if it is still down then.
                Err(_) => sleep(backoff.fail((self.chance)())).await,
            }
        }
    }

    async fn wait_for_quiet(&self) {
        let end = Instant::now() + BURST_MAX;
        while Instant::now() < end && !self.stop.is_cancelled() {
            if timeout(QUIET, self.wake.notified()).await.is_err() {
                return;
            }
        }
    }
}

/// A disk that is not plugged in is nothing to try again and again: it is looked for.
fn is_absent(outcome: &Result<Outcome, Error>) -> bool {
    matches!(outcome, Err(Error::Remote(bucket::Error::Absent { .. })))
}

/// Waits for a cycle; one that was told to stop is given a little time, and then dropped, which the next run makes good.
pub async fn or_stopped(
    stop: &CancellationToken,
    cycle: impl Future<Output = Result<Outcome, Error>>,
) -> Result<Outcome, Error> {
    let too_late = async {
        stop.cancelled().await;
        sleep(STOP_GRACE).await;
    };
    tokio::select! {
        // In order, so that a simulation does the same thing every time.
        biased;
        outcome = cycle => outcome,
        () = too_late => Err(Error::Stopped),
    }
}

/// Anything else is tried again soon, by itself: the cause may be gone.
fn is_fine(outcome: &Result<Outcome, Error>) -> bool {
    matches!(outcome, Ok(Outcome::Done(_) | Outcome::Planned(..)))
}
