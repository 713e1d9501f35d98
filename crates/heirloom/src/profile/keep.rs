//! Keeping routes in sync until told to stop: one keeper each, so that one in trouble holds up no other.

use super::away::said_of;
use super::halted::Ways;
use super::live::{Failing, Notes};
use super::memory::Memory;
use super::pi::pause;
use super::rounds::Round;
use super::routes::Wired;
use super::{runs, telling, turn, watch};
use crate::command::health::Pulse;
use crate::report::counted;
use crate::report::time::span;
use chrono::Local;
use disk::Extent;
use journal::Journal;
use model::ByteSize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync::{Error, Folder, Keeper, Moment, Outcome, Report, Route, Stage, Turn, TurnOf};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Opens a route's folder anew for every cycle.
pub(crate) type Open = Arc<dyn Fn(&Route) -> Result<Folder, disk::Error> + Send + Sync>;

/// The sign of life of a machine with several routes: well if all of them are.
#[derive(Clone)]
pub(crate) struct Heart {
    pub(crate) state_dir: PathBuf,
    pub(crate) memory: Arc<Memory>,
    routes: Arc<Mutex<BTreeMap<String, (bool, String)>>>,
}

impl Heart {
    pub(crate) fn new(state_dir: PathBuf) -> Self {
        let memory = Arc::new(Memory::of(&state_dir));
        Self { state_dir, memory, routes: Arc::default() }
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
        tasks.spawn(watch::watch(one.clone(), stop.clone()));
        if let Ok(folder) = open(&one.route) {
            sweep(&one.route, &folder);
        }
        tasks.spawn(beat_while_moving(one.clone(), heart.clone(), stop.clone()));
        let keeper = Keeper {
            route: one.route.clone(),
            journal: Arc::clone(&journal),
            interval: one.interval,
            wake: Arc::clone(one.live.wake()),
            progress: Arc::clone(one.live.progress()),
            turn: turn_of(&one, &heart, &stop),
            notice: Arc::new({
                let (journal, heart, one) = (Arc::clone(&journal), heart.clone(), one.clone());
                move |_, moment| noticed(&journal, &heart, &one, &moment)
            }),
            chance: Arc::new(chance),
            time: conflict_time,
            stop: stop.clone(),
        };
        let open = Arc::clone(&open);
        tasks.spawn(keeper.run(move || open(&one.route), one.place));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a keeper ended unexpectedly; the others go on");
        }
    }
}

/// A cycle's turn: among the runs of its route, and beside commands that want the machine for themselves.
fn turn_of(one: &Wired, heart: &Heart, stop: &CancellationToken) -> TurnOf {
    let (live, heart, stop) = (one.live.clone(), heart.clone(), stop.clone());
    Arc::new(move || {
        let (live, heart, stop) = (live.clone(), heart.clone(), stop.clone());
        Box::pin(async move {
            let of_the_route = tokio::select! {
                turn = live.turn() => turn,
                () = stop.cancelled() => return None,
            };
            if heart.memory.lost().is_some() {
                return None;
            }
            let of_the_machine = turn::of_a_cycle(&heart.state_dir, &stop).await;
            (!stop.is_cancelled()).then(|| Box::new((of_the_route, of_the_machine)) as Turn)
        })
    })
}

/// A number from 0 up to 1, another one each time.
pub(crate) fn chance() -> f64 {
    // Without randomness every machine waits as long as the others, and that is all.
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}

/// A first sync may take a day, and a machine at work is well: but only for as long as something moves.
pub(crate) async fn beat_while_moving(one: Wired, heart: Heart, stop: CancellationToken) {
    const PERIOD: Duration = Duration::from_secs(15);
    let (route, mut before) = (one.route.name(), one.live.sample());
    while !stop.is_cancelled() {
        pause(&stop, PERIOD).await;
        let now = one.live.sample();
        if now.stage != Stage::Idle && now != before {
            let done = ByteSize(now.bytes_done);
            let message =
                format!("{route}: at work, {} of {}, {done}", now.files_done, counted(now.files, "file"));
            heart.beat(&route, true, &message);
        }
        before = now;
    }
}

/// Removes what an interrupted run left in the folders of these rounds, for a process that alone syncs for the machine.
pub(crate) fn sweep_all(rounds: &[Round], open: &Open) {
    for one in rounds.iter().flat_map(|round| &round.wired) {
        // One that cannot be opened is told of when it is synced.
        if let Ok(folder) = open(&one.route) {
            sweep(&one.route, &folder);
        }
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
                match problem.extent {
                    Extent::Entry => tracing::warn!("leftovers of an interrupted run stay behind: {problem}"),
                    // Whether there are any below is not known, and the sync tells of the directory.
                    Extent::Subtree => tracing::debug!("not looked through for leftovers: {problem}"),
                }
            }
        }
        Err(error) => tracing::warn!(folder = %shown, %error, "leftovers of an interrupted run stay behind"),
    }
}

/// What is done when a daemon's run begins and ends: it is noted, logged, and told to whoever asks for the machine's health.
pub(crate) fn noticed(journal: &Journal, heart: &Heart, one: &Wired, moment: &Moment<'_>) {
    runs::note(journal, one, moment);
    match moment {
        Moment::Begins => one.live.notes().next = None,
        Moment::Ended(outcome) => {
            let (ok, summary) = telling::summary(&one.route, outcome);
            log(outcome, &summary, &one.route, &mut one.live.notes());
            heart.beat(&one.route.name(), ok, &summary);
        }
        Moment::Waits(pause) => one.live.notes().next = Instant::now().checked_add(*pause),
    }
}

/// What repeats itself is said once.
fn log(outcome: &Result<Outcome, Error>, summary: &str, route: &Route, notes: &mut Notes) {
    let repeats = notes.said.summary == summary;
    summary.clone_into(&mut notes.said.summary);
    let failed_before = notes.failing.take();
    match outcome {
        Ok(Outcome::Done(report)) => {
            if let Some(before) = failed_before {
                let (attempts, time) = (before.attempts, span(before.since.elapsed().as_secs()));
                tracing::info!("{}: back after {attempts} failed attempts in {time}", route.name());
            }
            log_report(report, summary, route, notes);
        }
        Ok(Outcome::Planned(..)) => tracing::debug!("{summary}"),
        Ok(Outcome::Halted(halt)) if !repeats => {
            tracing::error!("{summary}; {}", Ways::of(route).from(halt));
        }
        Ok(Outcome::Halted(_)) => tracing::debug!("{summary}"),
        Err(error) => {
            // A line that is down says so in more than one way.
            let said = failed_before.as_ref().is_some_and(|before| before.may_pass && error.may_pass());
            let hint = telling::folder_hint(route, error);
            match error.may_pass() {
                _ if hint.is_some() && repeats => tracing::debug!("{summary}"),
                _ if let Some(hint) = &hint => tracing::error!("{summary}. {hint}"),
                true if !said => tracing::warn!("{summary}; trying again by itself"),
                false if !repeats => tracing::error!("{summary}"),
                _ => tracing::debug!("{summary}"),
            }
            notes.failing = Some(Failing::again(failed_before, error, summary, hint));
        }
    }
}

fn log_report(report: &Report, summary: &str, route: &Route, notes: &mut Notes) {
    let name = route.name();
    let ways = Ways::of(route);
    let problems: BTreeSet<String> = said_of(&report.problems, &ways).into_iter().collect();
    for problem in problems.difference(&notes.said.problems) {
        tracing::warn!("{name}: {problem}");
    }
    let remarks: BTreeSet<String> = report.remarks.iter().map(ToString::to_string).collect();
    for remark in remarks.difference(&notes.said.remarks) {
        tracing::warn!("{name}: {remark}");
    }
    notes.said.remarks = remarks;
    let news = report.did_something() || problems != notes.said.problems;
    (notes.problems, notes.said.problems) = (problems.len(), problems);
    for conflict in &report.conflicts {
        tracing::warn!("{name}: {conflict}");
    }
    if news {
        tracing::info!("{summary}");
    } else {
        tracing::debug!("{summary}");
    }
}
