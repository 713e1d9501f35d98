//! How fast something goes: by the last seconds, because the average since the beginning would promise the speed of another line.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What has moved within the last seconds.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The oldest first; all but the first lie within the window.
    samples: VecDeque<(Instant, u64)>,
}

/// So much, within that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    units: u64,
    within: Duration,
}

/// Long enough for steps of a slow line to even out.
const WINDOW: Duration = Duration::from_secs(6);

/// Below that, a rate is mostly chance.
const WINDOW_MIN: Duration = Duration::from_millis(900);

/// How far samples are apart, at least.
const STEP: Duration = Duration::from_millis(250);

impl Pace {
    /// Takes note of how far it has come. `None`: nothing has moved of late, or it is too early to tell.
    pub(super) fn at(&mut self, now: Instant, done: u64) -> Option<Rate> {
        if self.samples.back().is_some_and(|(_, before)| *before > done) {
            // Another run began.
            self.samples.clear();
        }
        if self.samples.back().is_none_or(|(at, _)| now.duration_since(*at) >= STEP) {
            self.samples.push_back((now, done));
        }
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.samples.pop_front();
        }
        let (at, before) = *self.samples.front()?;
        let (within, units) = (now.duration_since(at), done - before);
        (within >= WINDOW_MIN && units > 0).then_some(Rate { units, within })
    }
}

impl Rate {
    pub(super) fn per_second(self) -> u64 {
        let per_second = u128::from(self.units) * 1000 / self.within.as_millis().max(1);
        u64::try_from(per_second).unwrap_or(u64::MAX)
    }

    /// In how many seconds so much more has moved, if it goes on like that.
    pub(super) fn seconds_for(self, units: u64) -> u64 {
        let millis = u128::from(units) * self.within.as_millis() / u128::from(self.units.max(1));
        u64::try_from(millis.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}
