//! `heirloom sync`

use crate::args::Sync;
use crate::config::{Config, Laptop, Pi, Profile};
use crate::failure::{Exit, Explain as _, Failure};
use crate::profile::keep::{Open, conflict_time, open_folder, sweep};
use crate::profile::lock::{self, Lock};
use crate::profile::routes::{Wired, of_laptop, open_journal};
use crate::profile::telling::{tell, worst};
use crate::profile::{pi, resume, runs};
use crate::report::Action;
use crate::runtime;
use crate::session::Session;
use journal::Journal;
use mirror::Drive;
use model::StateName;
use plan::sync::Guards;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
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
    if let Some(unknown) = wanted.states.iter().find(|state| !laptop.states.contains_key(state)) {
        let known: Vec<String> = laptop.states.keys().map(ToString::to_string).collect();
        return Err(Failure::new(Exit::Usage, format!("this laptop has no state `{unknown}`"))
            .hint(format!("Its states are: {}.", known.join(", "))));
    }
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
    let wired = of_laptop(laptop, &journal, &wanted.states)?;
    all(session, wanted, &journal, wired, &open_folder())
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
    all(session, wanted, &journal, vec![wired], &pi::open_on(drive, join.bucket, pi.drive.clone()))
}

/// Whose turn it is to sync.
enum Turn {
    /// This process's, for as long as it holds the lock.
    Own(#[expect(dead_code, reason = "it is held, not asked")] Lock),
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
        Ok(lock) => Ok(Turn::Own(lock)),
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

/// One after the other, so that what is said stays in order; one that fails does not keep the next from its turn.
fn all(
    session: &Session,
    wanted: &Sync,
    journal: &Arc<Journal>,
    wired: Vec<Wired>,
    open: &Open,
) -> Result<Exit, Failure> {
    runtime::run_once(async {
        let mut exit = Exit::Ok;
        let mut failures = Vec::new();
        for one in wired {
            let run = if wanted.dry_run { None } else { runs::begin(journal, &one.route) };
            let outcome = once(session, wanted, journal, &one, open).await;
            if !wanted.dry_run {
                runs::end(journal, &one.route, run, &outcome);
            }
            match tell(&session.report, &one.route, outcome) {
                Ok(one) => exit = worst(exit, one),
                Err(failure) => failures.push(failure),
            }
        }
        let last = failures.pop();
        for failure in &failures {
            session.fail(failure);
        }
        last.map_or(Ok(exit), Err)
    })
}

/// One run of one route, with its progress shown.
pub(crate) async fn once(
    session: &Session,
    wanted: &Sync,
    journal: &Arc<Journal>,
    one: &Wired,
    open: &Open,
) -> Result<sync::Outcome, Error> {
    let local = open(&one.route).map_err(Error::Local)?;
    if !wanted.dry_run {
        sweep(&one.route, &local);
    }
    let options = Options {
        guards: if wanted.resume { Guards::Resumed } else { Guards::On },
        dry_run: wanted.dry_run,
        time: conflict_time(),
        stop: CancellationToken::new(),
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
        outcome = cycle.until_settled() => outcome,
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
