//! The brake: what looks like an accident is not carried over.
//!
//! Apart from the merging, because merging is right about each path and blind to the whole: an unmounted
//! folder is, path by path, a folder whose files were all deleted.

use super::outcome::{Action, Change, Halt, Side, Written};
use super::place::{Place, Step};
use super::{Guards, Rules};
use model::{ContentId, Kind, Node};
use std::collections::BTreeMap;

/// Two trees that never met, of at least this many files each, may be strangers. Fewer are put together, which loses nothing and is soon undone.
const STRANGERS_MIN: u64 = 10;

/// They are, unless of this many files of the smaller one is the same in the other. A few files are the same everywhere.
const ONE_IN_COMMON_OF: u64 = 10;

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

/// Sides of which there is reason to think that they are not the ones on which the base was agreed upon: a bucket that was put back to
/// an older state, another directory in the folder's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// About the folder.
    pub local: bool,
    /// About the bucket.
    pub remote: bool,
}

impl Doubts {
    /// Whether there are any.
    #[must_use]
    pub fn any(self) -> bool {
        self.local || self.remote
    }

    fn about(self, side: Side) -> bool {
        match side {
            Side::Local => self.local,
            Side::Remote => self.remote,
        }
    }
}

/// A number for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSide {
    /// Of the local side.
    pub local: u64,
    /// Of the remote side.
    pub remote: u64,
}

impl PerSide {
    /// The number of `side`.
    #[must_use]
    pub fn of(&self, side: Side) -> u64 {
        match side {
            Side::Local => self.local,
            Side::Remote => self.remote,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, side: Side) -> &mut u64 {
        match side {
            Side::Local => &mut self.local,
            Side::Remote => &mut self.remote,
        }
    }
}

/// How much each side holds. Directories do not count: they hold no bytes of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    base: u64,
    local: u64,
    remote: u64,
    /// Files that are the same on both sides, and not empty.
    same: u64,
}

impl Tally {
    /// Files that both sides held when they last agreed.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.base
    }

    pub(super) fn see<W>(&mut self, place: &Place<W>) {
        let is_file = |node: &Node| node.kind != Kind::Directory;
        let count = |node: Option<&Node>| u64::from(node.is_some_and(is_file));
        self.base += count(place.base.as_ref().map(|agreed| &agreed.local));
        self.local += count(place.local.as_ref());
        self.remote += count(place.remote.as_ref());
        if let (Some(local), Some(remote)) = (place.local.filter(is_file), &place.remote) {
            self.same += u64::from(local.size > 0 && local.same_content(remote));
        }
    }

    /// What a side cannot show is proof that the side is there.
    pub(super) fn see_hidden(&mut self, side: Side) {
        match side {
            Side::Local => self.local += 1,
            Side::Remote => self.remote += 1,
        }
    }
}

/// What a plan would take from each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// Files deleted there.
    pub deleted: PerSide,
    /// Files there that get other content.
    pub replaced: PerSide,
    /// Files that are written there although both sides held them.
    pub refilled: PerSide,
}

impl Toll {
    /// Counts one step.
    pub fn count<W>(&mut self, place: &Place<W>, step: &Step) {
        let Step::Act(Action { side, change, .. }) = step else { return };
        if matches!(change, Change::Write(Written(node)) if node.kind != Kind::Directory)
            && place.on(*side).is_none()
            && place.base.is_some()
        {
            *self.refilled.of_mut(*side) += 1;
        }
        let Some(there) = place.on(*side).filter(|node| node.kind != Kind::Directory) else { return };
        match change {
            Change::Delete => *self.deleted.of_mut(*side) += 1,
            Change::Write(Written(node)) if !node.same_content(&there) => *self.replaced.of_mut(*side) += 1,
            Change::Write(_) | Change::SetMeta(_) => {}
        }
    }
}

/// Whether a person has to look first. `moved`: how many of the deletions on each side are explained by the same content arriving
/// there under another name; a move loses nothing.
#[must_use]
pub fn guard(tally: &Tally, toll: &Toll, moved: PerSide, rules: &Rules<'_>) -> Option<Halt> {
    if rules.guards != Guards::On {
        return None;
    }
    // A doubtful side first: a word to go on from there deletes nothing, whereas from an emptied one it does.
    both(|side| replaced(side, toll, rules))
        .or_else(|| vacant(toll, rules))
        .or_else(|| both(|side| emptied(side, tally, toll)))
        .or_else(|| strangers(tally))
        .or_else(|| both(|side| mass(side, tally, toll, moved, rules)))
}

fn both(check: impl FnMut(Side) -> Option<Halt>) -> Option<Halt> {
    [Side::Local, Side::Remote].into_iter().find_map(check)
}

/// A side that follows is filled again, and nothing is at stake.
fn emptied(side: Side, tally: &Tally, toll: &Toll) -> Option<Halt> {
    let shows = if side == Side::Local { tally.local } else { tally.remote };
    let is_emptied = tally.base > 0 && shows == 0 && toll.deleted.of(side.other()) > 0;
    is_emptied.then_some(Halt::Emptied { side, held: tally.base })
}

/// What a doubtful side says may add to the other one, and take nothing from it.
fn replaced(side: Side, toll: &Toll, rules: &Rules<'_>) -> Option<Halt> {
    let at_stake = side.other();
    let (deleted, replaced) = (toll.deleted.of(at_stake), toll.replaced.of(at_stake));
    (rules.doubts.about(side) && deleted + replaced > 0).then_some(Halt::Replaced { side, deleted, replaced })
}

/// A disk that is not mounted leaves a directory in its place, and nobody wants that filled. In a bucket that was put back nothing is in the way.
fn vacant(toll: &Toll, rules: &Rules<'_>) -> Option<Halt> {
    let missing = toll.refilled.local;
    (rules.doubts.local && missing > 0).then_some(Halt::Vacant { missing })
}

fn strangers(tally: &Tally) -> Option<Halt> {
    let Tally { base, local, remote, same } = *tally;
    let smaller = local.min(remote);
    let are_apart = base == 0 && smaller >= STRANGERS_MIN && same < smaller.div_ceil(ONE_IN_COMMON_OF);
    are_apart.then_some(Halt::Strangers { local, remote, same })
}

fn mass(side: Side, tally: &Tally, toll: &Toll, moved: PerSide, rules: &Rules<'_>) -> Option<Halt> {
    let deletions = toll.deleted.of(side).saturating_sub(moved.of(side));
    let limit = rules.max_delete.limit(tally.base);
    (deletions > limit).then_some(Halt::MassDeletion { side, deletions, held: tally.base, limit })
}

/// Deletions on each side whose content is written there again under another name.
pub(super) fn moved(actions: &[Action]) -> PerSide {
    let on = |side| {
        let mut arriving: BTreeMap<(ContentId, u64), u64> = BTreeMap::new();
        let here = || actions.iter().filter(|action| action.side == side);
        for action in here() {
            if let Change::Write(Written(node)) = &action.change {
                *arriving.entry((node.content, node.size)).or_default() += 1;
            }
        }
        let mut moved = 0;
        for action in here() {
            let (Change::Delete, Some(node)) = (&action.change, &action.expect) else { continue };
            match arriving.get_mut(&(node.content, node.size)) {
                Some(left @ 1..) if node.kind != Kind::Directory => {
                    *left -= 1;
                    moved += 1;
                }
                _ => {}
            }
        }
        moved
    };
    PerSide { local: on(Side::Local), remote: on(Side::Remote) }
}
