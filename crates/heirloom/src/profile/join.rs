//! Waiting for join files, and noticing when one is replaced.
//!
//! The cloud writes them, at its first start or when a key is made anew; a daemon takes up what they say whenever that is,
//! so that neither the order of starting nor a new key needs a restart. A destination that cannot be used yet holds up no other.

use super::keep::Heart;
use super::pi::pause;
use super::routes::Unready;
use crate::config::Error;
use crate::config::access::Access;
use crate::config::destination::Destination;
use crate::config::laptop::{DestinationName, Laptop};
use crate::failure::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look for a join file that is not there yet.
const LOOK: Duration = Duration::from_secs(1);

/// How often to look whether one has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// How often to try a destination again whose password could not be read.
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

/// Cancels `round` when a join file says something new, or a destination can be used that could not.
pub(crate) async fn end_when_ready(
    laptop: &Laptop,
    unready: &[Unready],
    heart: &Heart,
    round: CancellationToken,
) {
    let is_unready = |name: &DestinationName| unready.iter().any(|unready| unready.destination == *name);
    for name in laptop.destinations.keys().filter(|name| !is_unready(name)) {
        heart.beat(name.as_str(), true, &format!("{name} is known"));
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
    heart.beat(one.destination.as_str(), false, &text);
}

async fn end_when_known(laptop: &Laptop, unready: &[Unready], round: CancellationToken) {
    let waiting: Vec<_> = unready.iter().filter(|one| one.awaits().is_none()).collect();
    while !round.is_cancelled() && !waiting.is_empty() {
        pause(&round, TRY_AGAIN).await;
        for Unready { destination, .. } in &waiting {
            let wanted = laptop.destinations[destination].clone();
            let ready = tokio::task::spawn_blocking(move || wanted.is_ready()).await.unwrap_or(false);
            if ready && !round.is_cancelled() {
                tracing::info!(%destination, "it can be used now; starting over with it");
                round.cancel();
            }
        }
    }
}

fn join_file(access: &Access) -> Option<PathBuf> {
    match access {
        Access::Join(path) => Some(path.clone()),
        Access::Keys(_) => None,
    }
}
