//! The brake: deletions that look like an accident are not carried over.
//!
//! Apart from the merging, because merging is right about each path and blind to the whole: an unmounted
//! folder is, path by path, a folder whose files were all deleted.

use super::merge::Place;
use super::outcome::{Action, Change, Halt, Plan, Side, Written};
use super::{Guards, Rules};
use model::{ContentId, Kind, Node};
use std::collections::BTreeMap;

/// How many deletions on one side are taken as normal, in one cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDelete {
    /// This many of a hundred files that both sides held, but always one.
    Percent(u8),
    /// This many files.
    Count(u64),
}

impl MaxDelete {
    fn limit(self, held: u64) -> u64 {
        match self {
            Self::Percent(percent) => (held.saturating_mul(u64::from(percent)) / 100).max(1),
            Self::Count(count) => count,
        }
    }
}

/// How much each side holds. Directories do not count: they hold no bytes of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    base: u64,
    local: u64,
    remote: u64,
}

impl Tally {
    pub(super) fn see(&mut self, place: &Place) {
        let count = |node: Option<&Node>| u64::from(node.is_some_and(|node| node.kind != Kind::Directory));
        self.base += count(place.base.as_ref().map(|agreed| &agreed.local));
        self.local += count(place.local.as_ref());
        self.remote += count(place.remote.as_ref());
    }

    /// What a side cannot show is proof that the side is there.
    pub(super) fn see_hidden(&mut self, side: Side) {
        match side {
            Side::Local => self.local += 1,
            Side::Remote => self.remote += 1,
        }
    }
}

pub(super) fn check(tally: &Tally, plan: &Plan, rules: &Rules<'_>) -> Option<Halt> {
    if rules.guards == Guards::Resumed {
        return None;
    }
    emptied(tally)
        .or_else(|| [Side::Local, Side::Remote].into_iter().find_map(|side| mass(side, tally, plan, rules)))
}

/// If both sides are empty, they agree, and nothing is at stake.
fn emptied(tally: &Tally) -> Option<Halt> {
    if tally.base == 0 {
        return None;
    }
    match (tally.local, tally.remote) {
        (0, 1..) => Some(Halt::Emptied { side: Side::Local, held: tally.base }),
        (1.., 0) => Some(Halt::Emptied { side: Side::Remote, held: tally.base }),
        _ => None,
    }
}

fn mass(side: Side, tally: &Tally, plan: &Plan, rules: &Rules<'_>) -> Option<Halt> {
    let deletions = losses(side, &plan.actions);
    let limit = rules.max_delete.limit(tally.base);
    (deletions > limit).then_some(Halt::MassDeletion { side, deletions, held: tally.base, limit })
}

/// Deletions on `side` whose content is not written there again under another name: a move loses nothing.
fn losses(side: Side, actions: &[Action]) -> u64 {
    let here = || actions.iter().filter(|action| action.side == side);
    let mut arriving: BTreeMap<(ContentId, u64), u64> = BTreeMap::new();
    for action in here() {
        if let Change::Write(Written(node)) = &action.change {
            *arriving.entry((node.content, node.size)).or_default() += 1;
        }
    }
    let mut lost = 0;
    for action in here() {
        let (Change::Delete, Some(node)) = (&action.change, &action.expect) else { continue };
        if node.kind == Kind::Directory {
            continue;
        }
        match arriving.get_mut(&(node.content, node.size)) {
            Some(left @ 1..) => *left -= 1,
            _ => lost += 1,
        }
    }
    lost
}
