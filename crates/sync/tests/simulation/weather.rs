//! What may go wrong in one run, and how often.
//!
//! Every run has a weather of its own, in which each kind of trouble is either absent or has its own rate. Rejected: one rate for all
//! of them, because troubles mask each other: where every tenth effect crashes, no plan ever comes to its end.

use crate::random::Random;

/// Rates are per thousand effects, unless they say otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Effects that take a while, so that others overtake them.
    pub(crate) slow: u32,
    /// How long such a while is at most.
    pub(crate) slow_ms_max: u64,
    /// Requests that never reach the store.
    pub(crate) lost_request: u32,
    /// Requests whose answer never comes back.
    pub(crate) lost_answer: u32,
    /// Requests that the store carries out twice.
    pub(crate) twice: u32,
    /// Requests that the store refuses for no good reason.
    pub(crate) refused: u32,
    /// Disk operations that fail.
    pub(crate) disk_trouble: u32,
    /// Effects at which the machine dies.
    pub(crate) crash: u32,
    /// Of a thousand deaths, those of the whole machine, which has yet to write some of its journal to the medium.
    pub(crate) power: u32,
    /// Effects in the middle of which a person changes something.
    pub(crate) meddling: u32,
    /// Of a thousand edits, those that nobody notices before the next full look.
    pub(crate) unnoticed: u32,
    /// Of a thousand listings, those that show the bucket of a moment ago.
    pub(crate) stale: u32,
}

impl Weather {
    /// Nothing goes wrong.
    pub(crate) fn calm() -> Self {
        Self::default()
    }

    pub(crate) fn of(random: &mut Random) -> Self {
        let mut rate = |most: u64| {
            let happens = random.chance(500);
            let rate = 1 + random.below(most);
            if happens { u32::try_from(rate).unwrap() } else { 0 }
        };
        Self {
            slow: rate(600),
            lost_request: rate(40),
            lost_answer: rate(40),
            twice: rate(60),
            refused: rate(30),
            disk_trouble: rate(25),
            crash: rate(30),
            power: rate(1_000),
            meddling: rate(150),
            unnoticed: rate(900),
            stale: rate(400),
            slow_ms_max: 1 + random.below(400),
        }
    }
}
