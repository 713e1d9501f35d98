//! What has yet to be flushed to the disk.

use rustix::io::Result;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// Directories in which others were made: nothing below these may be promised before their entries are on the disk.
///
/// Whoever finds a directory that somebody else has just made also finds it noted here, because making and noting are one step
/// to whoever takes the notes. So it is enough to take and flush them before anything is promised.
#[derive(Debug, Default)]
pub(crate) struct Unflushed(Mutex<Vec<OwnedFd>>);

impl Unflushed {
    /// Makes something in a directory, and notes that.
    pub(crate) fn make(&self, directory: impl AsFd, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let note = rustix::io::fcntl_dupfd_cloexec(directory, 0)?;
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        make()?;
        noted.push(note);
        Ok(())
    }

    /// Takes all notes.
    pub(crate) fn take(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what was taken, because it could not be flushed.
    pub(crate) fn put_back(&self, notes: Vec<OwnedFd>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(notes);
    }
}
