//! Waiting for join files, and noticing when one is replaced.
//!
//! The cloud writes them, at its first start or when a key is made anew; a daemon takes up what they say whenever that is,
//! so that neither the order of starting nor a new key needs a restart. What cannot be used yet holds up nothing else.

use super::keep::Heart;
use super::pi::pause;
use super::routes::{Part, Unready};
use crate::config::Error;
use crate::config::access::Access;
use crate::config::destination::Destination;
use crate::config::laptop::Laptop;
use crate::failure::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look for a join file that is not there yet.
const LOOK: Duration = Duration::from_secs(1);

/// How often to look whether one has changed, or whether a file can be read by now.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// How often to try again what may run a command, which may ask a person.
const TRY_AGAIN: Duration = Duration::from_mins(1);

/// What `attempt` gives once the join file it needs is there; `None` if stopped before.
pub(crate) async fn joined<T>(
    stop: &CancellationToken,
    attempt: impl Fn() -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut told = false;
    while !stop.is_cancelled() {
        match attempt() {
            Ok(joined) => return Ok(Some(joined)),
            Err(failure) => match failure.cause::<Error>() {
                Some(Error::JoinMissing { path }) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::info!(path = %path.display(), "waiting for the join file that the cloud writes");
                    }
                }
                _ => return Err(failure),
            },
        }
        pause(stop, LOOK).await;
    }
    Ok(None)
}

/// Cancels `round` when one of the join files says something new.
pub(crate) async fn end_when_replaced<'a>(
    accesses: impl Iterator<Item = &'a Access>,
    round: CancellationToken,
) {
    let paths: Vec<PathBuf> = accesses.filter_map(join_file).collect();
    let read = |path: &Path| std::fs::read(path).ok();
    let before: Vec<_> = paths.iter().map(|path| read(path)).collect();
    while !round.is_cancelled() {
        pause(&round, LOOK_AGAIN).await;
        // One that vanished says nothing; what it said still holds.
        let replaced = paths
            .iter()
            .zip(&before)
            .find(|(path, before)| read(path).is_some_and(|now| Some(now) != **before));
        if let Some((path, _)) = replaced {
            tracing::info!(path = %path.display(), "the join file says something new; starting over with it");
            round.cancel();
        }
    }
}

/// Cancels `round` when a join file says something new, or a part of the profile can be used that could not.
pub(crate) async fn end_when_ready(
    laptop: &Laptop,
    unready: &[Unready],
    heart: &Heart,
    round: CancellationToken,
) {
    let destinations = laptop.destinations.keys().map(|name| Part::Destination(name.clone()));
    let states = laptop.states.keys().map(|name| Part::State(name.clone()));
    for part in destinations.chain(states).filter(|part| unready.iter().all(|one| one.part != *part)) {
        heart.beat(&part.to_string(), true, &format!("{part} is known"));
    }
    for one in unready {
        say(one, heart);
    }
    let accesses = laptop.destinations.values().filter_map(Destination::access);
    tokio::join!(end_when_replaced(accesses, round.clone()), end_when_known(laptop, unready, round));
}

fn say(one: &Unready, heart: &Heart) {
    let text = one.failure().line();
    if let Some(path) = one.awaits() {
        tracing::info!(path = %path.display(), "waiting for the join file that the cloud writes");
    } else {
        tracing::error!("{text}; the others go on without it, and it is tried again by itself");
    }
    heart.beat(&one.part.to_string(), false, &text);
}

async fn end_when_known(laptop: &Laptop, unready: &[Unready], round: CancellationToken) {
    let waiting = unready.iter().filter(|one| one.awaits().is_none());
    let known = waiting.map(|one| become_known(laptop, one, &round));
    futures::future::join_all(known).await;
}

async fn become_known(laptop: &Laptop, unready: &Unready, round: &CancellationToken) {
    if let Some(path) = unready.unread() {
        let is_readable = || std::fs::File::open(path).is_ok();
        pause(round, LOOK_AGAIN).await;
        while !is_readable() && !round.is_cancelled() {
            pause(round, LOOK_AGAIN).await;
        }
    } else {
        pause(round, TRY_AGAIN).await;
    }
    while !round.is_cancelled() {
        if is_ready(laptop, &unready.part).await {
            tracing::info!("{} can be used now; starting over with it", unready.part);
            round.cancel();
        }
        pause(round, TRY_AGAIN).await;
    }
}

async fn is_ready(laptop: &Laptop, part: &Part) -> bool {
    let asked = match part {
        Part::Destination(name) => {
            let destination = laptop.destinations[name].clone();
            tokio::task::spawn_blocking(move || destination.is_ready())
        }
        Part::State(name) => {
            let sealing = laptop.states[name].sealing.clone();
            tokio::task::spawn_blocking(move || sealing.resolve().is_ok())
        }
    };
    asked.await.unwrap_or(false)
}

fn join_file(access: &Access) -> Option<PathBuf> {
    match access {
        Access::Join(path) => Some(path.clone()),
        Access::Keys(_) => None,
    }
}
