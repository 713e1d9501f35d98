//! `heirloom sync`

use crate::args::Sync;
use crate::config::{Config, Laptop, Pi, Profile};
use crate::failure::{Exit, Explain as _, Failure};
use crate::profile::keep::{Open, conflict_time, open_folder, sweep};
use crate::profile::lock::{self, Lock};
use crate::profile::rounds::{CODES, Round, or_stopped, told};
use crate::profile::routes::{Routes, Unready, Wired, of_laptop, open_journal};
use crate::profile::telling::{exit_of, summary, tell};
use crate::profile::turn::{self, Turn as Alone};
use crate::profile::{pi, resume, rounds, runs};
use crate::report::{Action, Report};
use crate::runtime;
use crate::session::Session;
use journal::Journal;
use mirror::Drive;
use model::StateName;
use plan::sync::Guards;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync::hooks::{Around, Hooks, Occasion, Subject, Work};
use sync::{Cycle, Error, Options, Progress, Stage};
use tokio_util::sync::CancellationToken;

/// Runs each route once.
pub(crate) fn run(session: &Session, wanted: &Sync) -> Result<Exit, Failure> {
    let loaded = session.load()?;
    match loaded.config {
        Config::Laptop(laptop) => of_states(session, wanted, &laptop),
        Config::Pi(pi) => of_mirror(session, wanted, &pi),
        Config::Cloud(_) => Err(loaded.unfit("sync", &[Profile::Laptop, Profile::Pi]).into()),
    }
}

fn of_states(session: &Session, wanted: &Sync, laptop: &Laptop) -> Result<Exit, Failure> {
    refuse_unknown(laptop, &wanted.states)?;
    let states: Vec<_> = laptop
        .states
        .keys()
        .filter(|name| wanted.states.is_empty() || wanted.states.contains(name))
        .collect();
    let states = states.into_iter().map(Some).collect();
    let _turn = match turn(session, wanted, &laptop.state_dir, states)? {
        Turn::OfTheDaemon => return Ok(Exit::Ok),
        own => own,
    };
    let journal = open_journal(&laptop.state_dir)?;
    let Routes { wired, unready } = of_laptop(laptop, &journal, &wanted.states)?;
    all(session, wanted, &journal, (rounds::of_states(laptop, wired), unready), &open_folder())
}

/// A mistyped name must not look like a state with nothing to do.
pub(crate) fn refuse_unknown(laptop: &Laptop, wanted: &[StateName]) -> Result<(), Failure> {
    let Some(unknown) = wanted.iter().find(|state| !laptop.states.contains_key(state)) else {
        return Ok(());
    };
    let known: Vec<String> = laptop.states.keys().map(ToString::to_string).collect();
    Err(Failure::new(Exit::Usage, format!("this laptop has no state `{unknown}`"))
        .hint(format!("Its states are: {}.", known.join(", "))))
}

fn of_mirror(session: &Session, wanted: &Sync, pi: &Pi) -> Result<Exit, Failure> {
    if let Some(state) = wanted.states.first() {
        return Err(Failure::new(
            Exit::Usage,
            format!("a pi mirrors everything and knows no state `{state}`"),
        ));
    }
    let drive = Drive::open(&pi.drive)?;
    let _turn = match turn(session, wanted, &pi.state_dir, vec![None])? {
        Turn::OfTheDaemon => return Ok(Exit::Ok),
        own => own,
    };
    let journal = open_journal(&pi.state_dir)?;
    let join = pi.cloud.resolve()?;
    let wired = pi::route(pi, &join, &drive, &journal)?;
    let open = pi::open_on(drive, join.bucket, pi.drive.clone());
    all(session, wanted, &journal, (vec![Round::plain(vec![wired])], Vec::new()), &open)
}

/// Whose turn it is to sync.
enum Turn {
    /// This process's, for as long as it holds the lock.
    Own(#[expect(dead_code, reason = "they are held, not asked")] (Lock, Alone)),
    /// Nobody's: a dry run only looks.
    ToLook,
    /// The running daemon's, which was told to resume.
    OfTheDaemon,
}

/// Takes the lock. A daemon that has it is asked to resume instead, if that is what is wanted.
fn turn(
    session: &Session,
    wanted: &Sync,
    state_dir: &Path,
    states: Vec<Option<&StateName>>,
) -> Result<Turn, Failure> {
    if wanted.dry_run {
        return Ok(Turn::ToLook);
    }
    match lock::take(state_dir) {
        Ok(lock) => Ok(Turn::Own((lock, turn::at_once(state_dir)?))),
        Err(busy) if busy.kind() == Exit::Busy && wanted.resume => {
            for state in states {
                resume::ask(state_dir, state).attempting("could not leave word for the running daemon")?;
            }
            session.report.note("the running daemon was told to go on; its log says what came of it");
            Ok(Turn::OfTheDaemon)
        }
        Err(failure) => Err(failure),
    }
}

/// Runs the rounds; the first Ctrl-C ends a hook and what is synced, and lets the hook after run.
fn all(
    session: &Session,
    wanted: &Sync,
    journal: &Arc<Journal>,
    (rounds, unready): (Vec<Round>, Vec<Unready>),
    open: &Open,
) -> Result<Exit, Failure> {
    runtime::run_interruptible(|stop| async move {
        let attempt = Attempt { session, report: &session.report, wanted, journal, open, stop: &stop };
        Ok(attempt.rounds(&rounds, unready).await.exit())
    })
}

/// Syncing once: what every route of it is told.
pub(crate) struct Attempt<'a> {
    pub(crate) session: &'a Session,
    /// Where results go.
    pub(crate) report: &'a Report,
    pub(crate) wanted: &'a Sync,
    pub(crate) journal: &'a Arc<Journal>,
    pub(crate) open: &'a Open,
    pub(crate) stop: &'a CancellationToken,
}

/// What came of it. Everything in it was said already.
#[derive(Default)]
pub(crate) struct Made {
    /// The worst there was.
    worst: Option<Exit>,
    /// What is not as it should be, with the destination that it concerns; `None`: all of them.
    pub(crate) flaws: Vec<(Option<String>, String)>,
    /// The destinations at which something was tried, and whether anything succeeded.
    pub(crate) reached: BTreeMap<String, bool>,
}

impl Made {
    /// The exit code for all of it.
    pub(crate) fn exit(&self) -> Exit {
        self.worst.unwrap_or(Exit::Ok)
    }

    fn end(&mut self, exit: Exit) {
        self.worst = Some(self.exit().or_worse(exit));
    }
}

impl Attempt<'_> {
    /// One after the other, so that what is said stays in order; one that fails does not keep the next from its turn.
    pub(crate) async fn rounds(&self, rounds: &[Round], unready: Vec<Unready>) -> Made {
        let mut made = Made::default();
        for Unready { destination, failure } in unready {
            made.flaws.push((Some(destination.to_string()), failure.line()));
            made.reached.insert(destination.to_string(), false);
            made.end(failure.kind());
            self.session.fail(&failure.context(format!("nothing could be synced to {destination}")));
        }
        for round in rounds {
            if self.stop.is_cancelled() {
                break;
            }
            match &round.around {
                Some((hooks, subject)) if !self.wanted.dry_run => {
                    self.with_hooks(hooks, subject, &round.wired, &mut made).await;
                }
                _ => drop(self.routes(&round.wired, &mut made).await),
            }
        }
        made
    }

    async fn with_hooks(&self, hooks: &Hooks, subject: &Subject, wired: &[Wired], made: &mut Made) {
        let doing = Box::pin(async {
            let exit = self.routes(wired, made).await;
            ((), exit.code())
        });
        let Around { done, failed } = hooks.around(Work::Backup, subject, CODES, self.stop, doing).await;
        for failed in failed {
            if self.stop.is_cancelled() && failed.occasion == Occasion::BeforeBackup {
                continue;
            }
            for one in wired {
                match done {
                    None => runs::skipped(self.journal, &one.route),
                    Some(()) => runs::spoil(self.journal, &one.route),
                }
            }
            made.flaws.push((None, told(&failed)));
            made.end(Exit::Incomplete);
            let attempted = format!("{} was not synced", subject.state);
            let failure = match failed.occasion {
                Occasion::BeforeBackup => Failure::from(failed).context(attempted),
                _ => Failure::from(failed),
            };
            self.session.fail(&failure);
        }
    }

    /// The exit code for these routes.
    async fn routes(&self, wired: &[Wired], made: &mut Made) -> Exit {
        let mut worst = Exit::Ok;
        for one in wired {
            let run = if self.wanted.dry_run { None } else { runs::begin(self.journal, &one.route) };
            let outcome = once(self.session, self.wanted, self.journal, one, self.open, self.stop).await;
            if matches!(outcome, Err(Error::Stopped)) {
                return Exit::Interrupted;
            }
            if !self.wanted.dry_run {
                runs::end(self.journal, &one.route, run, &outcome);
            }
            let destination = &one.route.destination;
            if exit_of(&outcome) != Exit::Ok {
                made.flaws.push((Some(destination.clone()), summary(&one.route, &outcome).1));
            }
            let told = tell(self.report, &one.route, outcome);
            *made.reached.entry(destination.clone()).or_default() |= told.is_ok();
            match told {
                Ok(exit) => worst = worst.or_worse(exit),
                Err(failure) => {
                    worst = worst.or_worse(failure.kind());
                    self.session.fail(&failure);
                }
            }
        }
        made.end(worst);
        worst
    }
}

/// One run of one route, with its progress shown.
pub(crate) async fn once(
    session: &Session,
    wanted: &Sync,
    journal: &Arc<Journal>,
    one: &Wired,
    open: &Open,
    stop: &CancellationToken,
) -> Result<sync::Outcome, Error> {
    let local = open(&one.route).map_err(Error::Local)?;
    if !wanted.dry_run {
        sweep(&one.route, &local);
    }
    let options = Options {
        guards: if wanted.resume { Guards::Resumed } else { Guards::On },
        dry_run: wanted.dry_run,
        time: conflict_time(),
        stop: stop.clone(),
    };
    let progress = Progress::default();
    let cycle = Cycle {
        route: &one.route,
        local: &local,
        remote: &one.place,
        journal,
        options: &options,
        progress: &progress,
    };
    tokio::select! {
        outcome = or_stopped(stop, cycle.until_settled()) => outcome,
        () = show(session, &progress) => unreachable!("showing goes on until it is dropped"),
    }
}

/// Shows how far the cycle has come, a few times a second.
async fn show(session: &Session, progress: &Progress) {
    const PERIOD: Duration = Duration::from_millis(100);
    let mut shown: Option<(Stage, crate::report::Progress)> = None;
    let (mut files, mut bytes) = (0, 0);
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = progress.snapshot();
        let action = match now.stage {
            Stage::Idle | Stage::Observing => {
                shown = None;
                continue;
            }
            Stage::Digesting => Action::Scanning,
            Stage::Applying => Action::Syncing,
        };
        if shown.as_ref().is_none_or(|(stage, _)| *stage != now.stage) {
            shown = Some((now.stage, session.report.progress(action)));
            (files, bytes) = (0, 0);
        }
        if let Some((_, bar)) = &shown {
            bar.expect(now.files, now.bytes);
            (files..now.files_done).for_each(|_| bar.file());
            bar.bytes(now.bytes_done.saturating_sub(bytes));
            (files, bytes) = (now.files_done, now.bytes_done);
        }
    }
}
