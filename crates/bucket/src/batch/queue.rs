//! What waits to be sent together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects in a batch.
const COUNT_MAX: usize = 512;

/// Bytes in a batch, but for a single object that has more.
const BYTES_MAX: u64 = 4 << 20;

/// Batches on their way at once: while the server works on one, the next one comes in.
const SENDERS: usize = 2;

/// Something that waits.
pub(super) trait Load {
    /// Bytes that it adds to what crosses the line.
    fn size(&self) -> u64;
    /// Whether nobody waits for it any more.
    fn is_given_up(&self) -> bool;
}

/// A queue with a bounded number of senders, who take from it what they can carry until it is empty.
pub(super) struct Queue<T>(Arc<Mutex<Line<T>>>);

struct Line<T> {
    waiting: Vec<T>,
    senders: usize,
}

/// One that takes from a queue. If the last one is dropped before the queue was empty, as by a panic, so is whatever waits.
#[must_use]
pub(super) struct Sender<T> {
    line: Arc<Mutex<Line<T>>>,
    is_over: bool,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Line { waiting: Vec::new(), senders: 0 })))
    }
}

impl<T: Load> Queue<T> {
    /// Adds one. `Some`: there is room for another sender, and the caller must put it to work.
    pub(super) fn push(&self, one: T) -> Option<Sender<T>> {
        let mut line = lock(&self.0);
        line.waiting.push(one);
        let wanted = line.senders < SENDERS;
        line.senders += usize::from(wanted);
        wanted.then(|| Sender { line: Arc::clone(&self.0), is_over: false })
    }
}

impl<T: Load> Sender<T> {
    /// What it takes next; `None` ends it. What is about to be added in this moment is waited for.
    pub(super) async fn next(&mut self) -> Option<Vec<T>> {
        tokio::task::yield_now().await;
        self.take()
    }

    fn take(&mut self) -> Option<Vec<T>> {
        let mut line = lock(&self.line);
        line.waiting.retain(|one| !one.is_given_up());
        if line.waiting.is_empty() {
            line.senders -= 1;
            self.is_over = true;
            return None;
        }
        let mut bytes = 0;
        let fits = line.waiting.iter().take(COUNT_MAX).take_while(|one| {
            bytes += one.size();
            bytes <= BYTES_MAX
        });
        let count = fits.count().max(1);
        Some(line.waiting.drain(..count).collect())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut line = lock(&self.line);
        line.senders -= 1;
        if line.senders == 0 {
            line.waiting.clear();
        }
    }
}

fn lock<T>(line: &Mutex<Line<T>>) -> MutexGuard<'_, Line<T>> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
