//! States with hooks, backed up as a whole: hook, every folder to every destination, hook.
//!
//! A state with backup hooks is one that files alone do not make whole: what its folders hold is worth keeping after its
//! `before_backup`, and at no other moment. So the daemon does not watch it and syncs it in rounds only, at start and then
//! every `interval` (a day, unless the profile says otherwise); a round whose `before_backup` fails syncs nothing. Rejected:
//! hooks around every cycle (a dump every five minutes, and one more for the change that the dump itself is), and watching
//! such a state between its rounds (half a dump is no state to keep).

use super::keep::{Heart, Open, beat_while_moving, chance, conflict_time, noticed, sweep};
use super::pi::pause;
use super::routes::Wired;
use super::{runs, telling, turn};
use crate::config::Laptop;
use crate::failure::Exit;
use journal::Journal;
use model::StateName;
use std::sync::Arc;
use std::time::Duration;
use sync::backoff::Backoff;
use sync::hooks::{Around, Codes, Failed, Hooks, How, Subject, Work};
use sync::{Cycle, Error, Moment, Options, Outcome, Resume, Route, or_stopped};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What `HEIRLOOM_EXIT_CODE` says where nothing was synced.
pub(crate) const CODES: Codes = Codes { skipped: Exit::Incomplete as u8, stopped: Exit::Interrupted as u8 };

/// The first wait after a round that failed; each further one is twice as long, up to the last or the interval.
const BACKOFF_FIRST: Duration = Duration::from_mins(1);
const BACKOFF_LAST: Duration = Duration::from_hours(1);

/// All routes of one state, or of a mirror, which has no hooks.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) around: Option<(Hooks, Subject)>,
    pub(crate) wired: Vec<Wired>,
    /// Held from the hook before to the hook after.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

impl Round {
    /// Routes with nothing around them.
    pub(crate) fn plain(wired: Vec<Wired>) -> Self {
        Self { around: None, wired, turn: Arc::default() }
    }
}

/// The routes of a laptop by state, in the order of their names.
pub(crate) fn of_states(laptop: &Laptop, wired: Vec<Wired>) -> Vec<Round> {
    let mut rounds: Vec<(Option<StateName>, Round)> = Vec::new();
    for one in wired {
        match rounds.last_mut().filter(|(name, _)| *name == one.route.state) {
            Some((_, round)) => round.wired.push(one),
            None => rounds.push((one.route.state.clone(), begin(laptop, one))),
        }
    }
    rounds.into_iter().map(|(_, round)| round).collect()
}

fn begin(laptop: &Laptop, first: Wired) -> Round {
    let state = first.route.state.as_ref().and_then(|name| laptop.states.get_key_value(name));
    let around = state.filter(|(_, state)| state.hooks.surround(Work::Backup)).map(|(name, state)| {
        let folders = state.folders.iter().map(|folder| folder.path.clone()).collect();
        (state.hooks.clone(), Subject { state: name.clone(), folders, snapshot: None })
    });
    Round { around, wired: vec![first], turn: Arc::default() }
}

/// What these come to with the wanted routes alone.
pub(crate) fn only(rounds: Vec<Round>, is_wanted: impl Fn(&Route) -> bool) -> Vec<Round> {
    let narrowed = rounds.into_iter().map(|mut round| {
        round.wired.retain(|one| is_wanted(&one.route));
        round
    });
    narrowed.filter(|round| !round.wired.is_empty()).collect()
}

/// Those with hooks around them, and the routes of the others, which are watched.
pub(crate) fn apart(rounds: Vec<Round>) -> (Vec<Round>, Vec<Wired>) {
    let (hooked, plain): (Vec<_>, Vec<_>) = rounds.into_iter().partition(|round| round.around.is_some());
    (hooked, plain.into_iter().flat_map(|round| round.wired).collect())
}

/// Runs rounds until stopped, each state by itself.
pub(crate) async fn keep(
    rounds: Vec<Round>,
    journal: Arc<Journal>,
    heart: Heart,
    open: Open,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    for Round { around, wired, turn } in rounds {
        let Some((hooks, subject)) = around else { continue };
        let keeper = Keeper {
            hooks,
            subject,
            turn,
            journal: Arc::clone(&journal),
            heart: heart.clone(),
            open: Arc::clone(&open),
            stop: stop.clone(),
        };
        tasks.spawn(keeper.run(wired));
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a state is no longer backed up; the others go on");
        }
    }
}

/// Backs up one state again and again.
struct Keeper {
    hooks: Hooks,
    subject: Subject,
    journal: Arc<Journal>,
    heart: Heart,
    turn: Arc<tokio::sync::Mutex<()>>,
    open: Open,
    stop: CancellationToken,
}

impl Keeper {
    async fn run(self, wired: Vec<Wired>) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_LAST);
        for one in &wired {
            if let Ok(folder) = (self.open)(&one.route) {
                sweep(&one.route, &folder);
            }
        }
        let interval = wired.iter().map(|one| one.interval).min().unwrap_or(BACKOFF_LAST);
        while !self.stop.is_cancelled() {
            let wait = if self.round(&wired).await {
                backoff.reset();
                interval
            } else {
                backoff.fail(chance()).min(interval)
            };
            for one in &wired {
                noticed(&self.journal, &self.heart, one, &Moment::Waits(wait));
            }
            pause(&self.stop, wait).await;
        }
    }

    /// One round; whether another is due only after the interval.
    async fn round(&self, wired: &[Wired]) -> bool {
        // From the hook before to the hook after, no command backs up the same state.
        let _turn = self.turn.lock().await;
        if self.heart.memory.lost().is_some() {
            return true;
        }
        let _turn_of_the_machine = turn::of_a_cycle(&self.heart.state_dir, &self.stop).await;
        let state = &self.subject.state;
        tracing::debug!(%state, "backing up with hooks");
        let doing = Box::pin(self.routes(wired));
        let around = self.hooks.around(Work::Backup, &self.subject, CODES, &self.stop, doing);
        let Around { done, failed } = around.await;
        if self.stop.is_cancelled() {
            for failed in failed.iter().filter(|failed| failed.how != How::Stopped) {
                tracing::error!("{}", told(failed));
            }
            return true;
        }
        for one in wired {
            match done {
                None => runs::skipped(&self.journal, &one.route),
                Some(_) if !failed.is_empty() => runs::spoil(&self.journal, &one.route),
                Some(_) => {}
            }
        }
        let said: Vec<String> = failed.iter().map(told).collect();
        for failed in &said {
            tracing::error!("{failed}");
        }
        let message =
            if said.is_empty() { format!("the hooks of {state} went well") } else { said.join("; ") };
        self.heart.beat(&format!("hooks of {state}"), failed.is_empty(), &message);
        failed.is_empty() && done == Some(Exit::Ok)
    }

    /// Every route, one after the other; the worst of their ends.
    async fn routes(&self, wired: &[Wired]) -> (Exit, u8) {
        let mut worst = Exit::Ok;
        for one in wired {
            let exit = self.cycle(one).await;
            worst = worst.or_worse(exit);
            if exit == Exit::Interrupted {
                break;
            }
        }
        // What waits for a person, a disk, or the next round is no reason to come again at once.
        let done = if matches!(worst, Exit::Incomplete | Exit::Skipped) { Exit::Ok } else { worst };
        (done, worst.code())
    }

    async fn cycle(&self, one: &Wired) -> Exit {
        let _turn = one.live.turn().await;
        noticed(&self.journal, &self.heart, one, &Moment::Begins);
        let outcome = self.cycle_of(one).await;
        let exit = telling::exit_of(&outcome);
        if exit != Exit::Interrupted {
            noticed(&self.journal, &self.heart, one, &Moment::Ended(&outcome));
        }
        exit
    }

    async fn cycle_of(&self, one: &Wired) -> Result<Outcome, Error> {
        let local = (self.open)(&one.route).map_err(Error::Local)?;
        let options =
            Options { resume: Resume::Not, dry_run: false, time: conflict_time(), stop: self.stop.clone() };
        let cycle = Cycle {
            route: &one.route,
            local: &local,
            remote: &one.place,
            journal: &self.journal,
            options: &options,
            progress: one.live.progress(),
        };
        tokio::select! {
            outcome = or_stopped(&self.stop, cycle.until_settled()) => outcome,
            () = beat_while_moving(one.clone(), self.heart.clone(), CancellationToken::new()) => {
                unreachable!("because its token is never cancelled")
            }
        }
    }
}

/// A failed hook on one line, with what it means for its state.
pub(crate) fn told(failed: &Failed) -> String {
    let mut text = failed.to_string();
    if let Some(source) = &failed.source {
        text.push_str(": ");
        text.push_str(&source.to_string());
    }
    match failed.occasion {
        sync::hooks::Occasion::BeforeBackup => format!("{} was not synced: {text}", failed.state),
        _ => text,
    }
}
