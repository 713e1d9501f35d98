//! Directories that were made, and are not on the medium yet.

use crate::entry::Status;
use crate::flush;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::{Result, fcntl_dupfd_cloexec};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Directories that are held open, at most.
const NOTES_MAX: usize = 64;

/// Directories in which others were made: nothing below these may be promised before their entries are on the medium.
///
/// Whoever finds a directory that somebody else has just made also finds it noted here, because making and noting are one step to
/// whoever flushes. So it is enough that every flush before a promise is [`Unflushed::flush`], one at a time.
#[derive(Debug)]
pub struct Unflushed {
    /// See [`flush`].
    held: OwnedFd,
    /// By what tells open directories apart.
    noted: Mutex<HashMap<(u64, u64), OwnedFd>>,
}

impl Unflushed {
    /// Of the file system of `held`.
    #[must_use]
    pub fn new(held: OwnedFd) -> Self {
        Self { held, noted: Mutex::default() }
    }

    /// Makes something in a directory, and notes that. What was noted before is flushed here if it has become much.
    pub fn make(&self, directory: impl AsFd, make: impl FnOnce() -> Result<()>) -> Result<()> {
        let numbers = Status::of_open(&directory)?.numbers();
        let note = fcntl_dupfd_cloexec(directory, 0)?;
        let mut noted = self.noted();
        if noted.len() >= NOTES_MAX && !noted.contains_key(&numbers) {
            flush(&self.held, &noted.values().collect::<Vec<_>>())?;
            noted.clear();
        }
        make()?;
        noted.insert(numbers, note);
        Ok(())
    }

    /// Flushes files and directories, together with what is noted.
    pub fn flush(&self, all: &[impl AsFd]) -> Result<()> {
        let made = std::mem::take(&mut *self.noted());
        let both: Vec<BorrowedFd<'_>> =
            all.iter().map(AsFd::as_fd).chain(made.values().map(AsFd::as_fd)).collect();
        let flushed = flush(&self.held, &both);
        if flushed.is_err() {
            self.noted().extend(made);
        }
        flushed
    }

    fn noted(&self) -> MutexGuard<'_, HashMap<(u64, u64), OwnedFd>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
