//! The daemon's loop for one route: cycle, wait for a reason, cycle again.
//!
//! Reasons are a watched change (after a moment of quiet), news from the bucket, the interval, a request, or that waiting after a failure is over.
//! Watched changes are hints and nothing more: every cycle looks for itself, so a lost event costs time, never a file.

use crate::cycle::{Cycle, Options};
use crate::error::Error;
use crate::progress::Progress;
use crate::report::Outcome;
use crate::route::Route;
use crate::sides::{Changes, Held, Local, Remote, Standing, Told};
use futures::StreamExt as _;
use journal::Journal;
use plan::sync::Guards;
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

/// The first wait after a failure; each further one is twice as long, up to the last.
const BACKOFF_FIRST: Duration = Duration::from_secs(2);
const BACKOFF_LAST: Duration = Duration::from_mins(5);

/// How often to look for a disk that is not there.
const LOOK: Duration = Duration::from_secs(5);

/// How long a store may take to answer that nothing has changed.
const NEWS_WAIT: Duration = Duration::from_secs(50);

/// What a keeper tells about a run.
pub enum Moment<'a> {
    /// It begins.
    Begins,
    /// It ended so.
    Ended(&'a Result<Outcome, Error>),
}

/// Whom a keeper tells. Called between cycles, so it may take a moment.
pub type Notice = Arc<dyn Fn(&Route, Moment<'_>) + Send + Sync>;

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
    /// Told when a run begins and what came of it.
    pub notice: Notice,
    /// Asked before each run whether a person has confirmed a halt.
    pub guards: Arc<dyn Fn(&Route) -> Guards + Send + Sync>,
    /// The label for conflict copies, by the machine's clock.
    pub time: fn() -> String,
    /// Ends the loop, and a running cycle after the effects it has begun.
    pub stop: CancellationToken,
}

impl Keeper {
    /// Runs until stopped. `open` is asked anew for the folder each time, so that one that comes back is found.
    pub async fn run<L: Local, R: Remote>(self, open: impl Fn() -> Result<L, disk::Error>, remote: R) {
        let mut backoff = BACKOFF_FIRST;
        while !self.stop.is_cancelled() {
            (self.notice)(&self.route, Moment::Begins);
            let outcome = self.once(&open, &remote).await;
            if matches!(outcome, Err(Error::Stopped)) {
                return;
            }
            (self.notice)(&self.route, Moment::Ended(&outcome));
            if is_fine(&outcome) {
                backoff = BACKOFF_FIRST;
                self.wait(self.interval, Some(&remote)).await;
            } else if is_absent(&outcome) {
                backoff = BACKOFF_FIRST;
                self.wait_for(&remote).await;
            } else {
                // What is new there now was not taken in, so it would end the wait at once, again and again.
                self.wait(backoff.min(self.interval), None::<&R>).await;
                backoff = (backoff * 2).min(BACKOFF_LAST);
            }
        }
    }

    async fn once<L: Local, R: Remote>(
        &self,
        open: &impl Fn() -> Result<L, disk::Error>,
        remote: &R,
    ) -> Result<Outcome, Error> {
        let local = open().map_err(Error::Local)?;
        let options = Options {
            guards: (self.guards)(&self.route),
            dry_run: false,
            time: (self.time)(),
            stop: self.stop.clone(),
        };
        let cycle = Cycle {
            route: &self.route,
            local: &local,
            remote,
            journal: &self.journal,
            options: &options,
            progress: &self.progress,
        };
        cycle.until_settled().await
    }

    async fn wait<R: Remote>(&self, pause: Duration, remote: Option<&R>) {
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
        let mut backoff = BACKOFF_FIRST;
        loop {
            match remote.changes(Some(&since), NEWS_WAIT).await {
                Ok(Changes::Since(Told { cursor, mut changes })) => match changes.next().await {
                    Some(Ok(_)) => return,
                    None => (since, backoff) = (cursor, BACKOFF_FIRST),
                    Some(Err(_)) => {
                        sleep(backoff).await;
                        backoff = (backoff * 2).min(BACKOFF_LAST);
                    }
                },
                Ok(Changes::Unknown | Changes::Everything(_)) => return,
                Ok(Changes::Unsupported) => return pending().await,
                // The line is down: the next cycle says so, if it is still down then.
                Err(_) => {
                    sleep(backoff).await;
                    backoff = (backoff * 2).min(BACKOFF_LAST);
                }
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

/// Anything else is tried again soon, by itself: the cause may be gone.
fn is_fine(outcome: &Result<Outcome, Error>) -> bool {
    matches!(outcome, Ok(Outcome::Done(_) | Outcome::Planned(_)))
}
