//! Keeping routes in sync until told to stop: one keeper each, so that one in trouble holds up no other.

use super::pi::pause;
use super::routes::Wired;
use super::{resume, runs, telling, turn, watch};
use crate::command::health::Pulse;
use chrono::Local;
use journal::Journal;
use model::ByteSize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync::{Error, Folder, Keeper, Moment, Notice, Outcome, Progress, Report, Route, Stage};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Opens a route's folder anew for every cycle.
pub(crate) type Open = Arc<dyn Fn(&Route) -> Result<Folder, disk::Error> + Send + Sync>;

/// The sign of life of a machine with several routes: well if all of them are.
#[derive(Clone)]
pub(crate) struct Heart {
    pub(crate) state_dir: PathBuf,
    routes: Arc<Mutex<BTreeMap<String, (bool, String)>>>,
}

impl Heart {
    pub(crate) fn new(state_dir: PathBuf) -> Self {
        Self { state_dir, routes: Arc::default() }
    }

    /// Renews the pulse after something came to an end, well or not.
    pub(crate) fn beat(&self, what: &str, ok: bool, message: &str) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.insert(what.to_owned(), (ok, message.to_owned()));
        let ill: Vec<&str> =
            routes.values().filter(|(ok, _)| !ok).map(|(_, message)| message.as_str()).collect();
        let pulse = match ill.as_slice() {
            [] => Pulse::new(true, message),
            ill => Pulse::new(false, ill.join("; ")),
        };
        if let Err(error) = pulse.leave(&self.state_dir) {
            tracing::warn!(%error, state_dir = %self.state_dir.display(), "the sign of life could not be written");
        }
    }
}

/// The label of conflict copies that are noticed now, by this machine's clock and time zone.
pub(crate) fn conflict_time() -> String {
    Local::now().format("%Y%m%d-%H%M%S").to_string()
}

/// Opens the folder that the route names.
pub(crate) fn open_folder() -> Open {
    Arc::new(|route| Folder::open(&route.folder))
}

/// Runs a keeper for each route, watching its folder, until stopped.
pub(crate) async fn keep(
    wired: Vec<Wired>,
    journal: Arc<Journal>,
    heart: Heart,
    open: Open,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    for one in wired {
        let Wired { route, place, interval } = one;
        let wake = Arc::new(Notify::new());
        // A word that was left before this daemon ran answers no halt of its own: nobody has looked at one yet.
        let _stale = resume::take(&heart.state_dir, &route);
        tasks.spawn(watch::watch(route.folder.clone(), Arc::clone(&wake), stop.clone()));
        if let Ok(folder) = open(&route) {
            sweep(&route, &folder);
        }
        let progress = Arc::new(Progress::default());
        tasks.spawn(beat_while_moving(route.name(), Arc::clone(&progress), heart.clone(), stop.clone()));
        tasks.spawn(wake_to_resume(route.clone(), heart.state_dir.clone(), Arc::clone(&wake), stop.clone()));
        let state_dir = heart.state_dir.clone();
        let keeper = Keeper {
            route: route.clone(),
            journal: Arc::clone(&journal),
            interval,
            wake,
            progress,
            notice: notice(Arc::clone(&journal), heart.clone(), stop.clone()),
            guards: Arc::new(move |route| resume::take(&state_dir, route)),
            time: conflict_time,
            stop: stop.clone(),
        };
        let open = Arc::clone(&open);
        tasks.spawn(keeper.run(move || open(&route), place));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a keeper ended unexpectedly; the others go on");
        }
    }
}

/// Looks for a person's word to go on, so that a halted route need not wait for its interval.
async fn wake_to_resume(route: Route, state_dir: PathBuf, wake: Arc<Notify>, stop: CancellationToken) {
    const PERIOD: Duration = Duration::from_secs(1);
    while !stop.is_cancelled() {
        pause(&stop, PERIOD).await;
        if resume::is_asked(&state_dir, &route) {
            wake.notify_one();
        }
    }
}

/// A first sync may take a day, and a machine at work is well: but only for as long as something moves.
pub(crate) async fn beat_while_moving(
    route: String,
    progress: Arc<Progress>,
    heart: Heart,
    stop: CancellationToken,
) {
    const PERIOD: Duration = Duration::from_secs(15);
    let mut before = progress.snapshot();
    while !stop.is_cancelled() {
        pause(&stop, PERIOD).await;
        let now = progress.snapshot();
        if now.stage != Stage::Idle && now != before {
            let done = ByteSize(now.bytes_done);
            let message = format!("{route}: at work, {} of {} files, {done}", now.files_done, now.files);
            heart.beat(&route, true, &message);
        }
        before = now;
    }
}

/// Removes what an interrupted run left beside its targets, and brings back an edit that it had in its hands.
pub(crate) fn sweep(route: &Route, folder: &Folder) {
    let shown = route.folder.display();
    match folder.root().sweep() {
        Ok(swept) => {
            for path in swept.rescued {
                tracing::warn!(
                    "an interrupted run had set aside a file of yours; it is back as {shown}/{path}"
                );
            }
            for problem in swept.problems {
                tracing::warn!("leftovers of an interrupted run stay behind: {problem}");
            }
        }
        Err(error) => tracing::warn!(folder = %shown, %error, "leftovers of an interrupted run stay behind"),
    }
}

/// What is done when a run begins and ends: it is noted, logged, and told to whoever asks for the machine's health.
pub(crate) fn notice(journal: Arc<Journal>, heart: Heart, stop: CancellationToken) -> Notice {
    let running = Mutex::new(None);
    let turn = Mutex::new(None);
    let said = Mutex::new(Said::default());
    Arc::new(move |route, moment| {
        let mut running = running.lock().unwrap_or_else(PoisonError::into_inner);
        match moment {
            Moment::Begins => {
                *turn.lock().unwrap_or_else(PoisonError::into_inner) =
                    turn::of_a_cycle(&heart.state_dir, &stop);
                *running = runs::begin(&journal, route);
            }
            Moment::Ended(outcome) => {
                runs::end(&journal, route, running.take(), outcome);
                let (ok, summary) = telling::summary(route, outcome);
                log(outcome, &summary, &mut said.lock().unwrap_or_else(PoisonError::into_inner));
                heart.beat(&route.name(), ok, &summary);
                *turn.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
    })
}

/// What has been said of a route: what repeats itself is said once.
#[derive(Default)]
struct Said {
    summary: String,
    problems: BTreeSet<String>,
}

fn log(outcome: &Result<Outcome, Error>, summary: &str, said: &mut Said) {
    let repeats = said.summary == summary;
    summary.clone_into(&mut said.summary);
    match outcome {
        Ok(Outcome::Done(report)) => log_report(report, summary, said),
        Ok(Outcome::Planned(_)) => tracing::debug!("{summary}"),
        Ok(Outcome::Halted(_)) if !repeats => {
            tracing::error!("{summary}; look, then go on with `heirloom sync --resume`");
        }
        Err(error) if !repeats && error.may_pass() => tracing::warn!("{summary}; trying again by itself"),
        Err(_) if !repeats => tracing::error!("{summary}"),
        Ok(Outcome::Halted(_)) | Err(_) => tracing::debug!("{summary}"),
    }
}

fn log_report(report: &Report, summary: &str, said: &mut Said) {
    let problems: BTreeSet<String> = report.problems.iter().map(ToString::to_string).collect();
    for problem in problems.difference(&said.problems) {
        tracing::warn!("{problem}");
    }
    let news = report.did_something() || problems != said.problems;
    said.problems = problems;
    for conflict in &report.conflicts {
        tracing::warn!("{conflict}");
    }
    if news {
        tracing::info!("{summary}");
    } else {
        tracing::debug!("{summary}");
    }
}
