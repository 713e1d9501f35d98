//! Two-way synchronisation as a pure function: base, local and remote in; a plan or a halt out.
//!
//! What is known about each key comes to a [`Planner`] as one [`Place`], in the order of the keys; it hands out [`Step`]s as soon as
//! they are certain. What is held in memory is the chain of ancestors of the current key, never the trees. [`sync`] is the same for trees
//! that fit in memory: a merge join of three sorted sequences, and a whole [`Plan`].
//!
//! Per path the rules are few, and [`decide`](self::decide) is their table:
//!
//! - What changed on one side only is taken over by the other.
//! - A deletion gives way to new content, and only to that.
//! - Both changed to the same bytes: nothing to do. Both changed differently: both are kept, and the
//!   remote's version keeps the name, because other machines may have it already.
//! - Time and permissions alone are never a conflict; if both changed them, the remote's stand.
//! - Where only one side may be written, it follows the other one: what it lacks it gets once more, a version of its own moves aside, and what it
//!   has beyond is left alone.
//!
//! Two things need a look at the neighbours (`settle.rs`): a path that ends up a file here and a directory
//! there (the file yields), and an empty directory that turns out to hold something.
//!
//! Rejected: comparing times to find the newer version (clocks lie), and planning from a queue of watched
//! events (a lost event would be a lost file).

mod decide;
mod guard;
mod merge;
mod outcome;
mod place;
mod rename;
mod settle;

pub use guard::{Doubts, MaxDelete, PerSide, Tally, Toll, guard};
pub use outcome::{
    Action, Change, Conflict, Direction, Halt, InTheWay, Left, Move, Phase, Plan, Settled, Side, Verdict,
    Written,
};
pub use place::{Place, Sink, Step};
pub use rename::ConflictLabel;

use model::{Agreed, Node, ObjectKey};
use settle::{Open, Settler};

/// What a plan depends on besides the three trees.
pub struct Rules<'a> {
    /// Which sides may be written.
    pub direction: Direction,
    /// How many deletions are normal.
    pub max_delete: MaxDelete,
    /// Whether a person has looked at a halt and said to go on.
    pub guards: Guards,
    /// Which sides may not be the ones that were agreed with.
    pub doubts: Doubts,
    /// The key for a conflict copy of what a side has at a key: one that is free.
    pub copy_of: &'a dyn Fn(&ObjectKey, Side) -> ObjectKey,
    /// Whether a version of the side that follows is not to be set aside once more, and why.
    pub insists: &'a dyn Fn(&ObjectKey, &Node) -> Option<Left>,
    /// How well a key can be seen, given the bytes of the larger of what both sides show. Only a clear one is decided upon.
    pub sight: &'a dyn Fn(&ObjectKey, u64) -> Sight,
}

impl Rules<'_> {
    /// Whether the union of both sides is planned, for which the base does not count: one that was agreed upon with something else says nothing.
    fn wants_union(&self) -> bool {
        match self.guards {
            Guards::On => false,
            Guards::Resumed => self.doubts.any(),
            Guards::Resync => true,
        }
    }
}

/// How well a key can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// What both sides show is what there is.
    Clear,
    /// A rule says to leave it alone.
    Ignored,
    /// This side has something there or had, and cannot show it: an unreadable file or directory.
    Hidden(Side),
}

/// Whether the guards against mass deletion are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guards {
    /// Suspicious deletions halt.
    On,
    /// A person has confirmed that this time the deletions are meant.
    Resumed,
    /// A person wants whatever either side has, all versions of it, on both.
    Resync,
}

/// Plans key by key.
pub struct Planner<W> {
    tally: Tally,
    open: Vec<Open<W>>,
}

impl<W> Default for Planner<W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<W> Planner<W> {
    /// Begins a plan.
    #[must_use]
    pub fn new() -> Self {
        Self { tally: Tally::default(), open: Vec::new() }
    }

    /// Takes what is known about the next key; its steps, and those of keys that waited for it, go to `sink`. The rules are the same
    /// for all keys of a plan.
    pub fn see(&mut self, rules: &Rules<'_>, mut place: Place<W>, sink: &mut impl Sink<W>) {
        match (rules.sight)(&place.key, place.size()) {
            Sight::Clear => {
                self.tally.see(&place);
                if rules.wants_union() {
                    part(&mut place, rules.direction, sink);
                }
                if place.rests {
                    wake(&mut place, sink);
                }
                Settler { rules, open: &mut self.open }.see(place, sink);
            }
            unclear @ (Sight::Ignored | Sight::Hidden(_)) => {
                if let Sight::Hidden(side) = unclear {
                    self.tally.see_hidden(side);
                }
                leave(&place, unclear, rules, sink);
            }
        }
    }

    /// Hands out what waited, and tells how much each side holds.
    pub fn finish(mut self, rules: &Rules<'_>, sink: &mut impl Sink<W>) -> Tally {
        Settler { rules, open: &mut self.open }.finish(sink);
        self.tally
    }
}

/// Nothing is decided here.
fn leave<W>(place: &Place<W>, sight: Sight, rules: &Rules<'_>, sink: &mut impl Sink<W>) {
    let key = || place.key.clone();
    if place.base.is_none() {
        return;
    }
    if rules.doubts.any() {
        // Once the doubts are over, nobody could tell any more that this was agreed upon with something else.
        sink.take(place, Step::Settled(Settled::Part { key: key() }));
    } else if sight == Sight::Ignored && !place.rests {
        sink.take(place, Step::Settled(Settled::Rest { key: key() }));
    }
}

/// A base that was agreed upon with something else says nothing: without it, the union is planned. As a rule it is replaced by what comes of that;
/// where nothing comes of it, it has to go, or it would speak up again once the doubts are over.
fn part<W>(place: &mut Place<W>, direction: Direction, sink: &mut impl Sink<W>) {
    if place.base.take().is_some() && decide::decide(place, direction) == decide::Decision::Leave {
        sink.take(place, Step::Settled(Settled::Part { key: place.key.clone() }));
    }
}

/// A rule has ended. Whoever removed a file meanwhile did so on one side only, so what is missing comes back; what both sides have goes on
/// from where they agreed.
fn wake<W>(place: &mut Place<W>, sink: &mut impl Sink<W>) {
    match (place.local, place.remote) {
        (Some(_), Some(_)) => sink.take(place, Step::Settled(Settled::Wake { key: place.key.clone() })),
        (Some(_), None) | (None, Some(_)) => place.base = None,
        (None, None) => {}
    }
}

/// Whether a plan made by these rules removes what is left at a place.
#[must_use]
pub fn gives_up<W>(rules: &Rules<'_>, place: &Place<W>) -> bool {
    (rules.sight)(&place.key, place.size()) == Sight::Clear
        && !rules.wants_union()
        && !place.rests
        && !place.will_stand(rules.direction)
}

/// Decides what to do about everything between `local` and `remote`, given what they last agreed on.
///
/// Each sequence is sorted by key and names a key once. The plan's actions are sorted by phase, then key,
/// and within a phase they commute.
#[must_use]
pub fn sync(
    base: impl IntoIterator<Item = (ObjectKey, Agreed)>,
    local: impl IntoIterator<Item = (ObjectKey, Node)>,
    remote: impl IntoIterator<Item = (ObjectKey, Node)>,
    rules: &Rules<'_>,
) -> Verdict {
    let (mut plan, mut toll) = (Plan::default(), Toll::default());
    let mut sink = |place: &Place, step: Step| {
        toll.count(place, &step);
        plan.add(&place.key, step);
    };
    let mut planner = Planner::new();
    for place in merge::join(base, local, remote) {
        planner.see(rules, place, &mut sink);
    }
    let tally = planner.finish(rules, &mut sink);
    plan.sort();
    match guard(&tally, &toll, guard::moved(&plan.actions), rules) {
        Some(halt) => Verdict::Halt(halt),
        None => Verdict::Proceed(plan),
    }
}

#[cfg(test)]
mod tests;
