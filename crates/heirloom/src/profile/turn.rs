//! Whose turn it is to sync: the daemon's cycles, beside each other, or one command, alone.
//!
//! The [`lock`](super::lock) says that a daemon runs, for as long as it does. What must not happen at the same time is less: a
//! command that backs up may run beside the daemon as long as none of its cycles does. So every cycle holds this lock shared,
//! and such a command holds it alone; each waits for the other. Rejected: making the command wait for the daemon's
//! end, which does not come.

use crate::failure::{Exit, Explain as _, Failure};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to ask again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Held while it lasts.
pub(crate) struct Turn(File);

impl Drop for Turn {
    fn drop(&mut self) {
        // Closing is not enough: a hook that is just being started holds the file, too, until it is a shell.
        flock(&self.0, FlockOperation::Unlock).ok();
    }
}

/// A cycle's turn, beside other cycles. Waits while a command has its own; `None` if stopped meanwhile, or where no lock can
/// be had, because a daemon that syncs is worth more than one that does not.
pub(crate) async fn of_a_cycle(state_dir: &Path, stop: &CancellationToken) -> Option<Turn> {
    let attempt = || match attempt(state_dir, FlockOperation::NonBlockingLockShared) {
        Ok(turn) => turn.map(Some),
        Err(error) => {
            tracing::warn!(state_dir = %state_dir.display(), %error, "a command may sync at the same time as this daemon");
            Some(None)
        }
    };
    if let Some(turn) = attempt() {
        return turn;
    }
    tracing::info!("waiting for a command that backs up this machine");
    while !stop.is_cancelled() {
        super::pi::pause(stop, ASK_AGAIN).await;
        if let Some(turn) = attempt() {
            return turn;
        }
    }
    None
}

/// A command's turn, alone. Says so before it waits; `None` if stopped meanwhile.
pub(crate) async fn alone(
    state_dir: &Path,
    stop: &CancellationToken,
    waiting: impl FnOnce(),
) -> Result<Option<Turn>, Failure> {
    let mut waiting = Some(waiting);
    while !stop.is_cancelled() {
        if let Some(turn) = attempt_alone(state_dir)? {
            return Ok(Some(turn));
        }
        if let Some(waiting) = waiting.take() {
            waiting();
        }
        super::pi::pause(stop, ASK_AGAIN).await;
    }
    Ok(None)
}

/// A command's turn, alone and at once, or not.
pub(crate) fn at_once(state_dir: &Path) -> Result<Turn, Failure> {
    attempt_alone(state_dir)?.ok_or_else(|| {
        Failure::new(Exit::Busy, "another heirloom backs up this machine at the moment")
            .hint("Try again when it is done.")
    })
}

fn attempt_alone(state_dir: &Path) -> Result<Option<Turn>, Failure> {
    attempt(state_dir, FlockOperation::NonBlockingLockExclusive)
        .attempting(format!("could not lock {}", state_dir.join("turn").display()))
}

fn attempt(state_dir: &Path, how: FlockOperation) -> io::Result<Option<Turn>> {
    fs::create_dir_all(state_dir)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(state_dir.join("turn"))?;
    match flock(&file, how) {
        Ok(()) => Ok(Some(Turn(file))),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn cycles_run_beside_each_other_and_a_command_alone() {
        let place = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let one = of_a_cycle(place.path(), &stop).await.unwrap();
        let other = of_a_cycle(place.path(), &stop).await.unwrap();
        assert_eq!(at_once(place.path()).map(drop).unwrap_err().kind(), Exit::Busy);
        drop(one);
        let mut waited = false;
        let waits = alone(place.path(), &stop, || {
            waited = true;
            drop(other);
        });
        let mine = waits.await.unwrap().unwrap();
        assert!(waited);
        // A cycle waits, too, and not longer than it is told to.
        let cycle = tokio::spawn({
            let (path, stop) = (place.path().to_owned(), stop.clone());
            async move { of_a_cycle(&path, &stop).await.is_some() }
        });
        stop.cancel();
        assert!(!cycle.await.unwrap());
        assert!(alone(place.path(), &stop, || {}).await.unwrap().is_none());
        drop(mine);
        assert!(at_once(place.path()).is_ok());
    }
}
