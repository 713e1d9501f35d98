//! What went over the line, so that a large part on its way shows before it has arrived.
//!
//! A cycle counts a part when the store has it, which on a slow line is minutes after its first byte went. The limits count each byte when they let
//! it go. All routes of a machine share them, so what they let go is taken for this route's only up to what one can have on its way.

use bucket::{Limiter, Limits, PART_SIZE};
use std::sync::{Mutex, PoisonError};
use sync::{Snapshot, Stage};

/// The limits that a route's bytes pass, and how much had passed when the present stage began.
#[derive(Default)]
pub(super) struct Line {
    limits: Limits,
    begun: Mutex<Option<(Snapshot, u64)>>,
}

/// Bytes that can be on their way for one route: the parts of a large file that are held in memory.
const ON_THE_WAY_MAX: u64 = 4 * PART_SIZE;

impl Line {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { limits: limits.clone(), begun: Mutex::default() }
    }

    /// The same moment with what is on its way counted as done.
    pub(super) fn seen(&self, now: Snapshot) -> Snapshot {
        if now.stage != Stage::Applying {
            return now;
        }
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.passed();
        let is_the_same =
            |before: &Snapshot| before.bytes == now.bytes && before.bytes_done <= now.bytes_done;
        let since = match &mut *begun {
            Some((before, since)) if is_the_same(before) => {
                *before = now;
                *since
            }
            other => {
                *other = Some((now, passed.saturating_sub(now.bytes_done)));
                passed.saturating_sub(now.bytes_done)
            }
        };
        // What the stores copy, or is there already, is done without having passed.
        let moved = passed.saturating_sub(since).min(now.bytes_done + ON_THE_WAY_MAX).min(now.bytes);
        Snapshot { bytes_done: moved.max(now.bytes_done), ..now }
    }

    fn passed(&self) -> u64 {
        let Limits { upload, download } = &self.limits;
        [upload, download].into_iter().flatten().map(Limiter::taken).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applying(bytes_done: u64) -> Snapshot {
        Snapshot { stage: Stage::Applying, files: 1, files_done: 0, bytes: 100, bytes_done }
    }

    #[tokio::test(start_paused = true)]
    async fn what_passed_is_done() {
        let limiter = Limiter::new(1 << 20);
        let line = Line::of(&Limits { upload: Some(limiter.clone()), download: None });
        limiter.take(500).await;
        let done = |bytes_done| line.seen(applying(bytes_done)).bytes_done;
        assert_eq!(done(0), 0, "what went before is another's");
        limiter.take(30).await;
        assert_eq!(done(0), 30);
        limiter.take(90).await;
        assert_eq!((done(0), done(40)), (100, 100), "never more than there is");
        assert_eq!(done(10), 10, "another run");
        assert_eq!(line.seen(Snapshot::default()), Snapshot::default());
    }

    #[test]
    fn without_limits_it_is_what_arrived() {
        assert_eq!(Line::default().seen(applying(40)).bytes_done, 40);
    }
}
