//! How many parts are on their way at once.
//!
//! A store has a part when it has all of it. So what several slow parts have brought when the machine is switched off is lost, for nothing:
//! a line that takes seconds for a part is full with one. Only a line for which a part is little waits for answers, and takes more.

use model::Piece;
use std::time::Duration;

/// Parts of one object in memory.
const PARTS_AT_ONCE: usize = 4;

/// What a part takes, alone, on a line on which the wait for an answer is not worth another beside it.
const SLOW: Duration = Duration::from_secs(2);

/// Learns what a line bears.
pub(super) struct Width(usize);

impl Default for Width {
    fn default() -> Self {
        Self(1)
    }
}

impl Width {
    /// How many parts may be on their way beside one another. What the store copies is not on the line.
    pub(super) fn for_a(&self, piece: &Piece) -> usize {
        match piece {
            Piece::Copy { .. } => PARTS_AT_ONCE,
            Piece::Send { .. } => self.0,
        }
    }

    /// A part took so long, together with the others that shared the line.
    pub(super) fn learn(&mut self, took: Duration) {
        let others = u32::try_from(self.0).unwrap_or(1);
        self.0 = if took < SLOW * others { PARTS_AT_ONCE.min(self.0 + 1) } else { 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of eight mebibytes on a line with so many in a second, and a store that answers half a second later.
    fn after_ten(mebibytes: f64) -> usize {
        let mut width = Width::default();
        for _ in 0..10 {
            let sharing = u32::try_from(width.0).unwrap();
            width.learn(Duration::from_secs_f64(0.5 + 8.0 * f64::from(sharing) / mebibytes));
        }
        width.0
    }

    #[test]
    fn only_a_fast_line_takes_more_than_one() {
        assert_eq!([0.5, 3.0, 4.0, 6.0, 100.0].map(after_ten), [1, 1, 1, 4, 4]);
        let mut width = Width(4);
        width.learn(Duration::from_secs(30));
        assert_eq!(width.for_a(&Piece::Send { offset: 0, length: 1 }), 1, "it has become slow");
        assert_eq!(width.for_a(&Piece::Copy { from: 0..1 }), 4);
    }
}
