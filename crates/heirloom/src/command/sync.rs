//! `heirloom sync`

use super::hand_over::hand_over;
use crate::args::Sync;
use crate::config::laptop::DestinationName;
use crate::config::{Config, Laptop, Pi, Profile};
use crate::control::client;
use crate::control::message::Ask;
use crate::failure::{Exit, Failure};
use crate::profile::attempt::{Attempt, Wanted};
use crate::profile::keep::{Open, open_folder, sweep_all};
use crate::profile::lock::{self, Lock};
use crate::profile::rounds::{self, Round};
use crate::profile::routes::{Routes, Unready, of_laptop, open_journal};
use crate::profile::turn::{self, Turn as Alone};
use crate::profile::{left, pi, runs};
use crate::runtime;
use crate::session::Session;
use journal::Journal;
use mirror::Drive;
use model::StateName;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync::Route;

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
    refuse_elsewhere(laptop, wanted)?;
    let _turn = match turn(session, wanted, &laptop.state_dir)? {
        Turn::OfTheDaemon(exit) => return Ok(exit),
        own => own,
    };
    let journal = open_journal(&laptop.state_dir)?;
    let limits = wanted.limits.before(laptop.limits).shared();
    let Routes { wired, mut unready } = of_laptop(laptop, &journal, &wanted.states, &limits)?;
    let is_meant = |route: &Route| meant(wanted).covers(&route.destination);
    unready.retain(|one| one.routes.iter().any(is_meant));
    let rounds = rounds::only(rounds::of_states(laptop, wired), is_meant);
    let routes = rounds.iter().flat_map(|round| &round.wired).map(|one| &one.route);
    for told in left::told_at_the_start(laptop, &journal, routes)? {
        session.report.note(format_args!("note: {told}"));
    }
    all(session, wanted, &journal, (&rounds, &unready), &open_folder())
}

fn meant(wanted: &Sync) -> Wanted {
    Wanted { destination: wanted.destination.clone(), dry_run: wanted.dry_run, word: wanted.word.said() }
}

/// Nor must a destination to which none of the states goes.
fn refuse_elsewhere(laptop: &Laptop, wanted: &Sync) -> Result<(), Failure> {
    let Some(named) = &wanted.destination else { return Ok(()) };
    let states =
        (laptop.states.iter()).filter(|(name, _)| wanted.states.is_empty() || wanted.states.contains(name));
    let known: BTreeSet<&str> =
        states.flat_map(|(_, state)| state.destinations.iter().map(DestinationName::as_str)).collect();
    if known.contains(named.as_str()) {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    Err(Failure::new(Exit::Usage, format!("nothing of this laptop goes to a destination `{named}`"))
        .hint(format!("The destinations are: {}.", known.join(", "))))
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
    if let Some(destination) = &wanted.destination {
        let message = format!("a pi mirrors one cloud and knows no destination `{destination}`");
        return Err(Failure::new(Exit::Usage, message));
    }
    let drive = Drive::open(&pi.drive)?;
    let _turn = match turn(session, wanted, &pi.state_dir)? {
        Turn::OfTheDaemon(exit) => return Ok(exit),
        own => own,
    };
    let journal = open_journal(&pi.state_dir)?;
    let join = pi.cloud.resolve()?;
    let limits = wanted.limits.before(pi.limits).shared();
    let wired = pi::route(pi, &join, &drive, &journal, &limits)?;
    let open = pi::open_on(drive, join.bucket, pi.drive.clone());
    all(session, wanted, &journal, (&[Round::plain(vec![wired])], &[]), &open)
}

/// Whose turn it is to sync.
enum Turn {
    /// This process's, for as long as it holds the lock.
    Own(#[expect(dead_code, reason = "they are held, not asked")] (Lock, Alone)),
    /// Nobody's: a dry run only looks.
    ToLook,
    /// The running daemon's, which has done it by now.
    OfTheDaemon(Exit),
}

/// Takes the lock. A daemon that has it does the work instead.
fn turn(session: &Session, wanted: &Sync, state_dir: &Path) -> Result<Turn, Failure> {
    let handed = |patience| {
        let ask = Ask::sync(&wanted.states, &meant(wanted));
        let exit = hand_over(session, state_dir, &ask, patience)?;
        if exit.is_some() && wanted.limits.any() {
            session
                .report
                .note("the limits are those of the running daemon; `--limit-…` is for a sync without one");
        }
        Ok::<_, Failure>(exit)
    };
    if wanted.dry_run {
        return Ok(handed(Duration::ZERO)?.map_or(Turn::ToLook, Turn::OfTheDaemon));
    }
    match lock::take(state_dir) {
        Ok(lock) => Ok(Turn::Own((lock, turn::at_once(state_dir)?))),
        Err(busy) if busy.kind() == Exit::Busy => handed(client::START)?.map(Turn::OfTheDaemon).ok_or(busy),
        Err(failure) => Err(failure),
    }
}

/// Runs the rounds; the first Ctrl-C ends a hook and what is synced, and lets the hook after run.
fn all(
    session: &Session,
    wanted: &Sync,
    journal: &Arc<Journal>,
    (rounds, unready): (&[Round], &[Unready]),
    open: &Open,
) -> Result<Exit, Failure> {
    runtime::run_interruptible(|stop| async move {
        let wanted = &meant(wanted);
        if !wanted.dry_run {
            sweep_all(rounds, open);
        }
        let notice = |one: &_, moment: sync::Moment<'_>| runs::note(journal, one, &moment);
        let attempt =
            Attempt { report: &session.report, wanted, journal, open, notice: &notice, stop: &stop };
        Ok(attempt.rounds(rounds, unready).await.exit())
    })
}
