//! How long to wait after a failure: longer each time, and never quite as long as the others.
//!
//! A cloud that comes back is met by all its machines. If each waited the same number of seconds, they would all come at once, and
//! again at the same moment after the first refusals. So half of every wait is certain and half is chance ("equal jitter"). Rejected: all of
//! it by chance, which now and then asks again at once what failed a moment ago.

use std::time::Duration;

/// The waits of one thing that may fail.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    last: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits of at most `first` after the first failure, twice as much after each further one, and never more than `last`.
    #[must_use]
    pub fn new(first: Duration, last: Duration) -> Self {
        Self { first, last, failures: 0 }
    }

    /// How often it failed since it last went well.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait, given a chance from 0 up to, but not including, 1.
    pub fn fail(&mut self, chance: f64) -> Duration {
        // Beyond that the last wait is reached, whatever the first one is.
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        let most = self.first.saturating_mul(1 << doublings).min(self.last);
        most / 2 + (most / 2).mul_f64(chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn waits(chance: f64) -> Vec<Duration> {
        let mut backoff = Backoff::new(2 * SECOND, 60 * SECOND);
        (0..8).map(|_| backoff.fail(chance)).collect()
    }

    #[test]
    fn it_doubles_up_to_the_last() {
        assert_eq!(waits(1.0), [2, 4, 8, 16, 32, 60, 60, 60].map(|seconds| seconds * SECOND));
    }

    #[test]
    fn half_of_it_is_chance() {
        for (least, most) in waits(0.0).into_iter().zip(waits(1.0)) {
            assert_eq!(least * 2, most);
        }
        for (some, (least, most)) in waits(0.3).into_iter().zip(waits(0.0).into_iter().zip(waits(1.0))) {
            assert!(least < some && some < most);
        }
    }

    #[test]
    fn it_begins_anew_after_a_success() {
        let mut backoff = Backoff::new(SECOND, 60 * SECOND);
        for _ in 0..5 {
            backoff.fail(0.5);
        }
        assert_eq!(backoff.failures(), 5);
        backoff.reset();
        assert_eq!((backoff.failures(), backoff.fail(1.0)), (0, SECOND));
    }

    #[test]
    fn it_never_overflows() {
        let mut backoff = Backoff::new(Duration::from_hours(1), Duration::MAX);
        backoff.failures = u32::MAX;
        assert!(backoff.fail(1.0) > Duration::from_hours(1));
        assert_eq!(backoff.failures(), u32::MAX);
    }
}
