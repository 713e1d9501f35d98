//! What waits to be sent together.

use std::sync::{Mutex, PoisonError};

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
pub(super) struct Queue<T>(Mutex<Line<T>>);

struct Line<T> {
    waiting: Vec<T>,
    senders: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self(Mutex::new(Line { waiting: Vec::new(), senders: 0 }))
    }
}

impl<T: Load> Queue<T> {
    /// Adds one. `true`: there is room for another sender, and the caller must start it.
    #[must_use]
    pub(super) fn push(&self, one: T) -> bool {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.waiting.push(one);
        let wanted = line.senders < SENDERS;
        line.senders += usize::from(wanted);
        wanted
    }

    /// What a sender takes next; `None` ends it. What is about to be added in this moment is waited for.
    pub(super) async fn next(&self) -> Option<Vec<T>> {
        tokio::task::yield_now().await;
        self.take()
    }

    fn take(&self) -> Option<Vec<T>> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.waiting.retain(|one| !one.is_given_up());
        if line.waiting.is_empty() {
            line.senders -= 1;
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

#[cfg(test)]
mod tests;
