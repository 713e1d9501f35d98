//! Threads that work on a disk.
//!
//! To wake a thread, and to be woken by it, costs as much as what it does to a small file. So work waits in a queue of its own, and a thread that
//! has done one piece takes the next, until nothing waits.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

/// A queue of blocking work, and the threads that do it; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hands(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    /// Threads at most.
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Work>,
    at_work: usize,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at work, {} waiting", self.at_work, self.waiting.len())
    }
}

impl Hands {
    /// At most so many threads; they are tokio's, and are given back whenever nothing waits.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Queue { most, state: Mutex::default() }))
    }

    /// Does blocking work. A panic in it goes on here. If this is dropped before, the work is done all the same.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, done) = oneshot::channel();
        self.hand_in(Box::new(move || {
            // Whoever is gone does not want to know.
            let _gone = answer.send(catch_unwind(AssertUnwindSafe(work)));
        }));
        let done = done.await.expect("because work that was handed in is done");
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn hand_in(&self, work: Work) {
        let mut state = self.0.state();
        state.waiting.push_back(work);
        if state.at_work < self.0.most {
            state.at_work += 1;
            let queue = Arc::clone(&self.0);
            drop(tokio::task::spawn_blocking(move || queue.work()));
        }
    }
}

impl Queue {
    fn work(&self) {
        while let Some(work) = self.next() {
            work();
        }
    }

    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.at_work -= 1;
        }
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
