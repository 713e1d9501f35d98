//! One sync at a time per machine: a lock that dies with its process.

use crate::failure::{Exit, Explain as _, Failure};
use crate::printed::command;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::path::Path;

/// Held while this process syncs for the machine.
pub(crate) struct Lock {
    _file: File,
}

/// Takes the lock of the machine whose state is in `state_dir`, which is created if need be.
pub(crate) fn take(state_dir: &Path) -> Result<Lock, Failure> {
    fs::create_dir_all(state_dir)
        .attempting(format!("could not create the state_dir {}", state_dir.display()))?;
    let path = state_dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .attempting(format!("could not open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock { _file: file }),
        Err(Errno::WOULDBLOCK) => Err(Failure::new(
            Exit::Busy,
            format!("another heirloom is at work for this machine ({} is locked)", path.display()),
        )
        .hint(format!(
            "If that is a daemon, it does the work already, and `{}` shows it; a command ends by itself, so try again \
             in a moment.",
            command("status")
        ))),
        Err(errno) => {
            Err(Failure::from(std::io::Error::from(errno))
                .context(format!("could not lock {}", path.display())))
        }
    }
}
