//! Flushing together what waits at the same time.
//!
//! To wait for the medium costs the same for one file as for a hundred. So whoever has written something hands it in and waits; what was
//! handed in while the disk was busy is the next round. Nobody waits for company, and a single file is not held up.

use crate::Unflushed;
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::io::Result;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What waits for the medium, and whoever waits for it.
pub trait Awaited: Send {
    /// The files and directories that are to be on the medium.
    fn files(&self) -> impl Iterator<Item = BorrowedFd<'_>>;

    /// Tells whether they are. If this is never called, they were dropped.
    fn tell(self, outcome: Result<()>);
}

/// Rounds of flushing on one file system.
#[derive(Debug)]
pub struct Rounds<T> {
    unflushed: Unflushed,
    next: Mutex<Next<T>>,
}

#[derive(Debug)]
struct Next<T> {
    waiting: Vec<T>,
    is_running: bool,
}

/// The rounds that are under way. Dropped before they came to an end, as by a panic, it drops whatever waits.
#[derive(Debug)]
#[must_use]
pub struct Running<T> {
    rounds: Arc<Rounds<T>>,
    is_over: bool,
}

impl<T: Awaited> Rounds<T> {
    /// Of a file system on which `held` has been open since before anything was written.
    #[must_use]
    pub fn new(held: OwnedFd) -> Self {
        let next = Next { waiting: Vec::new(), is_running: false };
        Self { unflushed: Unflushed::new(held), next: Mutex::new(next) }
    }

    /// Where the making of directories is to be noted: every round flushes what was noted before.
    pub fn unflushed(&self) -> &Unflushed {
        &self.unflushed
    }

    /// Adds to the next round. `Some`: no rounds are under way, and the caller must run them.
    pub fn hand_in(self: &Arc<Self>, one: T) -> Option<Running<T>> {
        let mut next = self.next();
        next.waiting.push(one);
        let begins = !std::mem::replace(&mut next.is_running, true);
        begins.then(|| Running { rounds: Arc::clone(self), is_over: false })
    }

    fn flush(&self, round: Vec<T>) {
        let files: Vec<BorrowedFd<'_>> = round.iter().flat_map(T::files).collect();
        let together = self.unflushed.flush(&files);
        for one in round {
            // What cannot be flushed together may be in trouble for one of them.
            let outcome = together.or_else(|_| self.unflushed.flush(&one.files().collect::<Vec<_>>()));
            one.tell(outcome);
        }
    }
}

impl<T> Rounds<T> {
    fn next(&self) -> MutexGuard<'_, Next<T>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Awaited> Running<T> {
    /// Flushes round after round, until nobody waits. Blocks.
    pub fn run(mut self) {
        while let Some(round) = self.round() {
            self.rounds.flush(round);
        }
    }

    fn round(&mut self) -> Option<Vec<T>> {
        let mut next = self.rounds.next();
        let round = std::mem::take(&mut next.waiting);
        self.is_over = round.is_empty();
        next.is_running = !self.is_over;
        next.is_running.then_some(round)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        if !self.is_over {
            let mut next = self.rounds.next();
            next.is_running = false;
            next.waiting.clear();
        }
    }
}

#[cfg(test)]
mod tests;
