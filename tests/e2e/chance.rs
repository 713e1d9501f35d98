//! Chance that can be repeated as far as processes can: `HEIRLOOM_SEED` says which, else every run has its own, and prints it.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// A sequence of numbers that a seed determines (splitmix64).
pub(crate) struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    /// Prints the seed, which the harness shows if the test fails.
    pub(crate) fn new(test: &str) -> Self {
        let fresh = || RandomState::new().hash_one(test) >> 16;
        let seed = std::env::var("HEIRLOOM_SEED").map_or_else(|_| fresh(), |text| text.parse().unwrap());
        eprintln!("{test}: as drawn by HEIRLOOM_SEED={seed}");
        Self { seed, state: seed }
    }

    /// The same sequence for somebody else, begun at another place.
    pub(crate) fn fork(&self, name: u64) -> Self {
        Self { seed: self.seed, state: self.seed ^ name.wrapping_mul(0x2545_f491_4f6c_dd1d) }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A moment of something that takes `whole`.
    pub(crate) fn moment(&mut self, whole: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(whole.as_micros()).unwrap().max(1)))
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[usize::try_from(self.below(among.len() as u64)).unwrap()]
    }

    /// Bytes that no compression makes smaller.
    pub(crate) fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}
