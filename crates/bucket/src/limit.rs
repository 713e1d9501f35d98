//! How many bytes a second may go out or come in, for everything that shares a limit.
//!
//! A [`Limiter`] hands out moments: who asks for some bytes is told from when on they may move, and the next one is told a moment that lies later by as long
//! as these bytes take. So any number of connections share one line, in the order of their asking and in small steps, and nobody
//! wakes anybody. Waiting for the limit is no stall: with the steps as small as they are, a turn comes many times a minute.
//!
//! Rejected: the `governor` crate, which counts in `u32` and answers "not yet" to what does not fit into a burst; and a limit in the socket options, which
//! each connection would have for itself.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// The limits of both directions; clones share them. The default is none.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// What goes out.
    pub upload: Option<Limiter>,
    /// What comes in.
    pub download: Option<Limiter>,
}

/// So many bytes a second, shared by all clones.
#[derive(Clone, Debug)]
pub struct Limiter(Arc<Line>);

#[derive(Debug)]
struct Line {
    /// Bytes per second.
    rate: u64,
    /// When all that was asked for so far is through.
    free: Mutex<Option<Instant>>,
    /// Bytes that were asked for.
    taken: AtomicU64,
}

/// Steps per second, unless the bounds below say otherwise.
const STEPS: u64 = 16;

/// Bytes per step, at least and at most.
const STEP_MIN: u64 = 1 << 10;
const STEP_MAX: u64 = 64 << 10;

/// How much of what was not used is made up for: timers are late, and lines have hiccups.
const SLACK: Duration = Duration::from_millis(250);

impl Limiter {
    /// The lowest limit, in bytes per second. With less, requests beside each other would wait so long for their turns that servers
    /// give them up.
    pub const RATE_MIN: u64 = 4 << 10;

    /// A limit of `rate` bytes a second; of [`Self::RATE_MIN`] if that is more.
    #[must_use]
    pub fn new(rate: u64) -> Self {
        let rate = rate.max(Self::RATE_MIN);
        Self(Arc::new(Line { rate, free: Mutex::default(), taken: AtomicU64::new(0) }))
    }

    /// Bytes per second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        self.0.rate
    }

    /// Bytes that were let through so far, or wait for it.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// How many bytes to ask for at once, so that what moves, moves evenly.
    #[must_use]
    pub fn step(&self) -> usize {
        usize::try_from((self.0.rate / STEPS).clamp(STEP_MIN, STEP_MAX)).unwrap_or(usize::MAX)
    }

    /// Waits until this many bytes may move.
    pub async fn take(&self, bytes: usize) {
        sleep_until(self.reserve(bytes)).await;
    }

    /// From when on these bytes may move. They count as moved from now on.
    fn reserve(&self, bytes: usize) -> Instant {
        let bytes = bytes as u64;
        self.0.taken.fetch_add(bytes, Ordering::Relaxed);
        let now = Instant::now();
        let mut free = self.0.free.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(SLACK).unwrap_or(now);
        let start = free.map_or(now, |free| free.max(earliest));
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.0.rate);
        *free = Some(start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
        start.max(now)
    }
}

/// One body on its way through a limit.
#[derive(Debug)]
pub(crate) struct Pass {
    limiter: Option<Limiter>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Pass {
    pub(crate) fn new(limiter: Option<Limiter>) -> Self {
        Self { limiter, waiting: None }
    }

    /// How many bytes to ask for at once, `most` at most.
    pub(crate) fn step(&self, most: usize) -> usize {
        self.limiter.as_ref().map_or(most, |limiter| limiter.step().min(most))
    }

    /// Ready once this many bytes may move. To be asked again with the same number until it is.
    pub(crate) fn poll(&mut self, bytes: usize, context: &mut Context<'_>) -> Poll<()> {
        let Some(limiter) = &self.limiter else { return Poll::Ready(()) };
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(limiter.reserve(bytes))));
        ready!(waiting.as_mut().poll(context));
        self.waiting = None;
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests;
