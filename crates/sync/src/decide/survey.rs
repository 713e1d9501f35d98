//! What a plan comes to, in numbers.

use super::Seen;
use model::ObjectKey;
use plan::sync::{Change, Left, PerSide, Phase, Place, Step, Tally, Toll, Written};

/// What a plan comes to.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) tally: Tally,
    pub(crate) toll: Toll,
    pub(crate) conflicts: u64,
    pub(crate) settled: u64,
    /// Files that the side that follows does not get.
    pub(crate) left: Vec<(ObjectKey, Left)>,
    /// Actions of each phase.
    pub(crate) actions: [u64; 4],
    /// Bytes to be moved.
    pub(crate) bytes: u64,
    /// Deletions that are no loss, by the side on which they happen: the other half of a move, or of what both sides keep under another name.
    pub(crate) no_loss: PerSide,
    /// Files whose content is at hand on the side on which they are written.
    pub(crate) at_hand: PerSide,
}

impl Survey {
    /// Whether there is nothing to do, and nothing to write down.
    pub(crate) fn is_empty(&self) -> bool {
        self.conflicts == 0 && self.settled == 0 && self.actions == [0; 4]
    }

    pub(crate) fn has(&self, phase: Phase) -> bool {
        // What follows a conflict is planned once the versions are out of each other's way.
        self.conflicts > 0 || self.actions[number(phase)] > 0
    }

    pub(crate) fn actions(&self) -> u64 {
        self.actions.iter().sum()
    }

    pub(super) fn count(&mut self, place: &Place<Seen>, step: &Step) {
        self.toll.count(place, step);
        match step {
            Step::Conflict(_) => self.conflicts += 1,
            Step::Settled(_) => self.settled += 1,
            Step::Act(action) => {
                self.actions[number(action.phase)] += 1;
                if let Change::Write(Written(node)) = action.change {
                    self.bytes += node.size;
                }
            }
            Step::Left(left) => self.left.push((place.key.clone(), *left)),
            Step::Stands => {}
        }
    }
}

fn number(phase: Phase) -> usize {
    match phase {
        Phase::ClearTheWay => 0,
        Phase::Write => 1,
        Phase::Tidy => 2,
        Phase::Furnish => 3,
    }
}
