//! Waiting for join files, and noticing when one is replaced.
//!
//! The cloud writes them, at its first start or when a key is made anew; a daemon takes up what they say whenever that is,
//! so that neither the order of starting nor a new key needs a restart.

use super::pi::pause;
use crate::config::Error;
use crate::config::access::Access;
use crate::failure::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look for a join file that is not there yet.
const LOOK: Duration = Duration::from_secs(1);

/// How often to look whether one has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

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

fn join_file(access: &Access) -> Option<PathBuf> {
    match access {
        Access::Join(path) => Some(path.clone()),
        Access::Keys(_) => None,
    }
}
