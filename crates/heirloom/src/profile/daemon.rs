//! The daemon's desk: what it keeps at the moment, and how it answers commands.
//!
//! A cycle runs once at a time per machine, so a command that finds a daemon hands its request to it. A handed-over sync is the very
//! [`Attempt`] that the command would have made, with the daemon's routes, turns, limits and history of runs.

use super::attempt::{Attempt, Wanted};
use super::keep::{Heart, Open, noticed};
use super::rounds::{self, Round};
use super::routes::Unready;
use super::status::{HistoryStatus, MachineStatus, RouteStatus, Status, of_archive, of_unready, of_wired};
use super::{memory, turn};
use crate::control::message::{Answer, Ask};
use crate::control::server::{Asker, Desk, Socket};
use crate::failure::{Exit, Failure};
use crate::printed::command;
use crate::report::Report;
use crate::session::now;
use bucket::Limits;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use journal::Journal;
use model::MachineName;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use sync::{Moment, Route};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a daemon does for as long as nothing about it changes: a drive that is plugged in, a join file.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) rounds: Vec<Round>,
    /// What cannot be used yet.
    pub(crate) unready: Arc<Vec<Unready>>,
    pub(crate) open: Open,
    pub(crate) fetching: Option<super::pi::Fetching>,
    /// Ends this work.
    pub(crate) stop: CancellationToken,
}

/// What keeps a daemon from its work.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) exit: Exit,
    pub(crate) why: String,
}

/// A daemon, as commands see it.
pub(crate) struct Daemon {
    pub(crate) machine: MachineName,
    pub(crate) profile: &'static str,
    pub(crate) journal: Arc<Journal>,
    pub(crate) heart: Heart,
    pub(crate) limits: Limits,
    since: i64,
    work: Mutex<Result<Work, Trouble>>,
}

impl Daemon {
    pub(crate) fn new(
        machine: &MachineName,
        profile: &'static str,
        journal: Arc<Journal>,
        state_dir: PathBuf,
        limits: Limits,
    ) -> Arc<Self> {
        let starting = Trouble { exit: Exit::Failed, why: "the daemon is just starting".to_owned() };
        Arc::new(Self {
            machine: machine.clone(),
            profile,
            journal,
            heart: Heart::new(state_dir),
            limits,
            since: now().seconds_and_nanos().0,
            work: Mutex::new(Err(starting)),
        })
    }

    /// Answers commands until stopped. A daemon that cannot be reached is worth more than none.
    pub(crate) fn listen(self: &Arc<Self>, stop: &CancellationToken) -> JoinHandle<()> {
        let (desk, stop, state_dir) = (Arc::clone(self), stop.clone(), self.state_dir().to_owned());
        let socket = Socket::open(&state_dir);
        tokio::spawn(async move {
            match socket {
                Ok(socket) => socket.serve(desk, stop).await,
                Err(error) => {
                    tracing::warn!(state_dir = %state_dir.display(), %error, "commands cannot reach this daemon");
                }
            }
        })
    }

    /// Ends everything once the state directory is not what it was; why, if that is how it ended.
    pub(crate) fn remember(&self, stop: &CancellationToken) -> JoinHandle<Result<(), Failure>> {
        let (memory, stop) = (Arc::clone(&self.heart.memory), stop.clone());
        tokio::spawn(async move { memory.watch(stop).await })
    }

    /// From now on this is what it does.
    pub(crate) fn begin(&self, work: Work) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Ok(work);
    }

    /// From now on it waits.
    pub(crate) fn rest(&self, exit: Exit, why: impl Into<String>) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Err(Trouble { exit, why: why.into() });
    }

    fn state_dir(&self) -> &Path {
        &self.heart.state_dir
    }

    fn work(&self) -> Result<Work, Trouble> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn work_or_failure(&self) -> Result<Work, Failure> {
        self.work().map_err(|Trouble { exit, why }| {
            Failure::new(exit, why)
                .context("the daemon cannot do this at the moment")
                .hint(format!("It goes on by itself once that is there; `{}` shows it.", command("status")))
        })
    }

    async fn sync(&self, states: &[String], wanted: &Wanted, asker: &Asker) -> Result<Exit, Failure> {
        let Work { rounds, unready, open, stop, .. } = self.work_or_failure()?;
        let report = asker.report();
        let is_wanted = |route: &Route| {
            let state = route.state.as_ref();
            let is_named = state.is_some_and(|state| states.iter().any(|wanted| wanted == state.as_str()));
            (states.is_empty() || is_named) && wanted.covers(&route.destination)
        };
        let rounds = rounds::only(rounds, is_wanted);
        let unready = unready.iter().filter(|one| one.routes.iter().any(is_wanted));
        if let Some(lost) = self.heart.memory.lost() {
            return Err(memory::failure(lost));
        }
        let _turn = turn::of_a_cycle(self.state_dir(), &stop).await;
        let notice = |one: &super::routes::Wired, moment: Moment<'_>| {
            noticed(&self.journal, &self.heart, one, &moment);
        };
        let journal = &self.journal;
        let attempt = Attempt { report: &report, wanted, journal, open: &open, notice: &notice, stop: &stop };
        let made = attempt.rounds(&rounds, unready).await;
        if !wanted.dry_run {
            // Who waits to try again, or for a person, looks at once whether that is still necessary.
            let kept = rounds.iter().filter(|round| round.around.is_none()).flat_map(|round| &round.wired);
            kept.for_each(|one| one.live.wake().notify_one());
        }
        Ok(ended(&stop, &report, made.exit()))
    }

    async fn fetch(&self, asker: &Asker) -> Result<Exit, Failure> {
        let Work { fetching, stop, .. } = self.work_or_failure()?;
        let Some(fetching) = fetching else {
            return Err(Failure::new(Exit::Usage, "this daemon fetches no history"));
        };
        let fetched = fetching.once(&self.heart, &stop).await?;
        let report = asker.report();
        if !matches!(fetched, archive::Fetched::Stopped) {
            report.say(&crate::command::fetch::Fetched::new(fetching.bucket(), &fetched));
        }
        Ok(ended(&stop, &report, Exit::Ok))
    }

    fn status(&self) -> Result<Status, Failure> {
        let work = self.work();
        let (routes, histories, trouble) = match work {
            Err(Trouble { why, .. }) => (Vec::new(), Vec::new(), Some(why)),
            Ok(Work { rounds, unready, fetching, .. }) => {
                let wired = rounds.iter().flat_map(|round| &round.wired);
                let running = wired.map(|one| of_wired(&self.journal, one));
                let waiting = unready.iter().flat_map(|one| one.routes.iter().map(move |route| (one, route)));
                let waiting =
                    waiting.map(|(one, route)| of_unready(&self.journal, route, one.failure().line()));
                let routes = running.chain(waiting).collect::<Result<Vec<RouteStatus>, _>>()?;
                let histories = fetching.iter().map(history).collect();
                (routes, histories, None)
            }
        };
        let machine = MachineStatus {
            machine: self.machine.to_string(),
            profile: self.profile.to_owned(),
            running: true,
            pid: Some(std::process::id()),
            since: Some(self.since),
            limit_upload: self.limits.upload.as_ref().map(bucket::Limiter::rate),
            limit_download: self.limits.download.as_ref().map(bucket::Limiter::rate),
            trouble,
        };
        Ok(Status { machine, routes, histories })
    }
}

/// How work ended that may have been broken off.
fn ended(stop: &CancellationToken, report: &Report, exit: Exit) -> Exit {
    if !stop.is_cancelled() {
        return exit;
    }
    report.aside("the daemon had to break this off; what is left is done by its next start");
    Exit::Interrupted
}

fn history(fetching: &super::pi::Fetching) -> HistoryStatus {
    let mut status = of_archive(&fetching.bucket(), &fetching.archive());
    status.trouble = fetching.trouble().or(status.trouble);
    status
}

impl Desk for Daemon {
    fn answer(self: Arc<Self>, ask: Ask, to: Asker) -> BoxFuture<'static, Exit> {
        async move {
            let done = match ask {
                Ask::Status => {
                    let status = tokio::task::spawn_blocking(move || self.status()).await;
                    status.map_err(Failure::from).and_then(|status| status).map(|status| {
                        to.answer(Answer::Status { status: Box::new(status) });
                        Exit::Ok
                    })
                }
                Ask::Sync { states, destination, dry_run, word } => {
                    self.sync(&states, &Wanted { destination, dry_run, word }, &to).await
                }
                Ask::Fetch => self.fetch(&to).await,
            };
            done.unwrap_or_else(|failure| {
                to.report().fail(&failure);
                failure.kind()
            })
        }
        .boxed()
    }
}
