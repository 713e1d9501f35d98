//! Sides that ran out of space.

use crate::decide::Seen;
use crate::report::Problem;
use plan::sync::{Action, Side};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files that are tried once more, at most.
const AGAIN_MAX: usize = 1_000;

/// What a cycle found no space for: told once for each side, not once for every file.
#[derive(Default)]
pub(super) struct Full {
    local: Mutex<Option<Lack>>,
    remote: Mutex<Option<Lack>>,
}

/// What did not fit on a side.
struct Lack {
    /// Of the largest file that was tried.
    problem: Problem,
    largest: Waiting,
    /// Bytes of the smallest file that did not fit. A smaller one may, and must not wait for it.
    smallest: u64,
    /// Files besides the largest.
    others: u64,
    /// Those of them that are remembered. Who is smaller than the largest may fit once nothing else is on its way, which takes space as well.
    waiting: Vec<Waiting>,
}

/// A file that waits for space.
struct Waiting {
    bytes: u64,
    action: Action,
    seen: Seen,
}

impl Lack {
    fn wait(&mut self, one: Waiting) {
        self.others += 1;
        if self.waiting.len() < AGAIN_MAX {
            self.waiting.push(one);
        }
    }

    /// What is tried once more, the smallest first; from now on only what is larger than all of it is not tried.
    fn take_again(&mut self) -> Vec<Waiting> {
        let largest = self.largest.bytes;
        let mut again: Vec<Waiting> = self.waiting.extract_if(.., |one| one.bytes < largest).collect();
        again.sort_by_key(|one| one.bytes);
        self.others -= again.len() as u64;
        self.smallest = largest;
        again
    }

    fn told(self) -> Problem {
        let Self { problem, others, .. } = self;
        let others = match others {
            0 => return problem,
            1 => "1 more file waits".to_owned(),
            others => format!("{others} more files wait"),
        };
        Problem { message: format!("{} ({others} for space)", problem.message), ..problem }
    }
}

impl Full {
    fn on(&self, side: Side) -> MutexGuard<'_, Option<Lack>> {
        let state = match side {
            Side::Local => &self.local,
            Side::Remote => &self.remote,
        };
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, side: Side, bytes: u64, action: &Action, seen: &Seen, problem: Problem) {
        let one = Waiting { bytes, action: action.clone(), seen: seen.clone() };
        let mut state = self.on(side);
        let Some(lack) = state.as_mut() else {
            *state = Some(Lack { problem, largest: one, smallest: bytes, others: 0, waiting: Vec::new() });
            return;
        };
        lack.smallest = lack.smallest.min(bytes);
        if bytes > lack.largest.bytes {
            lack.problem = problem;
            let smaller = std::mem::replace(&mut lack.largest, one);
            lack.wait(smaller);
        } else {
            lack.wait(one);
        }
    }

    /// Whether a write of so many bytes on `side` is not even tried.
    pub(super) fn skips(&self, side: Side, bytes: u64, action: &Action, seen: &Seen) -> bool {
        let mut state = self.on(side);
        let Some(lack) = state.as_mut().filter(|lack| lack.smallest <= bytes) else { return false };
        lack.wait(Waiting { bytes, action: action.clone(), seen: seen.clone() });
        true
    }

    /// What may fit now that nothing else is on its way.
    pub(super) fn again(&self) -> Vec<(Action, Seen)> {
        let of_side =
            |side| self.on(side).as_mut().map(Lack::take_again).into_iter().flatten().collect::<Vec<_>>();
        let both = of_side(Side::Local).into_iter().chain(of_side(Side::Remote));
        both.map(|one| (one.action, one.seen)).collect()
    }

    pub(super) fn problems(self) -> impl Iterator<Item = Problem> {
        let states =
            [self.local, self.remote].map(|state| state.into_inner().unwrap_or_else(PoisonError::into_inner));
        states.into_iter().flatten().map(Lack::told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ObjectKey;
    use plan::sync::{Change, Phase};

    fn action(name: &str) -> Action {
        let (side, key) = (Side::Remote, ObjectKey::parse(name).unwrap());
        Action { side, key, expect: None, change: Change::Delete, phase: Phase::Write }
    }

    fn fails(full: &Full, name: &str, bytes: u64) {
        let action = action(name);
        let problem = Problem::found(Some(action.key.clone()), format!("{name} does not fit"));
        full.note(Side::Remote, bytes, &action, &Seen { here: None, there: None }, problem);
    }

    fn is_skipped(full: &Full, name: &str, bytes: u64) -> bool {
        full.skips(Side::Remote, bytes, &action(name), &Seen { here: None, there: None })
    }

    /// The small one failed beside the large one, which took all that was left for as long as it was on its way.
    #[test]
    fn what_is_smaller_than_the_largest_that_failed_is_tried_again() {
        let full = Full::default();
        assert!(!is_skipped(&full, "first", 1));
        fails(&full, "small", 10);
        assert!(is_skipped(&full, "middle", 20), "larger than what did not fit");
        assert!(!is_skipped(&full, "tiny", 9));
        fails(&full, "large", 30);
        fails(&full, "smaller", 5);
        assert!(is_skipped(&full, "as large", 30));
        let again: Vec<String> = full.again().iter().map(|(action, _)| action.key.to_string()).collect();
        assert_eq!(again, ["smaller", "small", "middle"]);
        assert!(!is_skipped(&full, "middle", 20), "it is tried");
        fails(&full, "middle", 20);
        let told: Vec<String> = full.problems().map(|problem| problem.message).collect();
        assert_eq!(told, ["large does not fit (2 more files wait for space)"]);
    }
}
