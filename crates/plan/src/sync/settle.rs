//! From decisions about single paths to a plan that holds together.
//!
//! Two decisions about different paths can contradict each other, and both contradictions run along the
//! chain of ancestors of a key, which in key order is short and always at hand:
//!
//! 1. *A file and a directory of one name.* `a` is kept as a file and so is `a/x`. The file yields: it moves
//!    to a conflict copy, because a directory cannot be renamed without renaming all it holds.
//! 2. *An empty directory that is not empty.* `d/` is kept and so is `d/x`. The entry for `d/` says nothing
//!    any more (unless it carries unusual permissions) and vanishes; one that was never agreed upon is another client's
//!    marker and is left alone.
//!
//! So a decision about a key that can be an ancestor waits in `open` until a key beyond its subtree comes. The same chain
//! tells which deletions have to come before a write: those above it, and those below it.

use super::Rules;
use super::decide::{Decision, decide};
use super::outcome::{Action, Change, Conflict, InTheWay, Left, Phase, Settled, Side, Written};
use super::place::{Place, Sink, Step, is_kept};
use model::{Node, ObjectKey};
use std::collections::BTreeMap;

/// One look at the chain of ancestors, with the rules at hand.
pub(super) struct Settler<'a, W> {
    pub(super) rules: &'a Rules<'a>,
    /// Decisions about possible ancestors of the next key, outermost first.
    pub(super) open: &'a mut Vec<Open<W>>,
}

/// A decision that waits for what is below.
pub(super) struct Open<W> {
    place: Place<W>,
    decision: Decision,
    /// Whether anything below is kept.
    holds: bool,
    /// Sides on which something below is written.
    written_below: Sides,
}

/// A set of sides.
#[derive(Clone, Copy, Default)]
struct Sides {
    local: bool,
    remote: bool,
}

impl Sides {
    fn has(self, side: Side) -> bool {
        match side {
            Side::Local => self.local,
            Side::Remote => self.remote,
        }
    }

    fn add(&mut self, side: Side) {
        match side {
            Side::Local => self.local = true,
            Side::Remote => self.remote = true,
        }
    }
}

impl<W> Open<W> {
    /// In key order, whether `key` is still in or before the subtree below this one.
    fn may_be_ancestor_of(&self, key: &ObjectKey) -> bool {
        let own = self.place.key.as_str().trim_end_matches('/');
        // `own` < `own/…` < `own0`, because `0` follows `/`; what begins with `own` and a character below
        // `/` comes in between.
        key.as_str()
            .strip_prefix(own)
            .is_some_and(|rest| rest.as_bytes().first().is_none_or(|&next| next <= b'/'))
    }

    fn is_ancestor_of(&self, key: &ObjectKey) -> bool {
        let own = self.place.key.as_str().trim_end_matches('/');
        let below = key.as_str().strip_prefix(own).is_some_and(|rest| rest.starts_with('/'));
        below && self.place.key != *key
    }

    fn is_directory(&self) -> bool {
        self.place.key.is_directory()
    }
}

impl<W> Settler<'_, W> {
    pub(super) fn see(&mut self, place: Place<W>, sink: &mut impl Sink<W>) {
        while self.open.last().is_some_and(|open| !open.may_be_ancestor_of(&place.key)) {
            self.close_last(sink);
        }
        let decision = decide(&place, self.rules.direction);
        if is_kept(decision) {
            for open in self.open.iter_mut().filter(|open| open.is_ancestor_of(&place.key)) {
                open.holds = true;
            }
        }
        self.open.push(Open { place, decision, holds: false, written_below: Sides::default() });
    }

    pub(super) fn finish(&mut self, sink: &mut impl Sink<W>) {
        while !self.open.is_empty() {
            self.close_last(sink);
        }
    }

    fn close_last(&mut self, sink: &mut impl Sink<W>) {
        let Some(open) = self.open.pop() else { return };
        if open.holds && is_kept(open.decision) {
            if open.is_directory() && says_only_empty(&open.place) {
                if open.place.base.is_some() {
                    self.carry_out(&open, Decision::Vanish, sink);
                }
                return;
            }
            if !open.is_directory() {
                return self.face_directory(&open, sink);
            }
        }
        self.carry_out(&open, open.decision, sink);
    }

    fn carry_out(&mut self, open: &Open<W>, decision: Decision, sink: &mut impl Sink<W>) {
        if open.is_directory() && is_kept(decision) {
            sink.take(&open.place, Step::Stands);
        }
        match decision {
            Decision::Rest | Decision::Leave => {}
            Decision::Agree => agree(&open.place, sink),
            Decision::Take(side) => self.write(open, side, Change::Write, sink),
            Decision::TakeMeta(side) => self.write(open, side, Change::SetMeta, sink),
            Decision::Vanish => self.vanish(open, sink),
            Decision::Split => self.split(&open.place, sink),
        }
    }

    fn write(&mut self, open: &Open<W>, from: Side, change: fn(Written) -> Change, sink: &mut impl Sink<W>) {
        let Some(node) = open.place.on(from) else { return };
        if self.is_shut_out(&open.place.key) {
            sink.take(&open.place, Step::Left(Left::File));
        } else {
            self.act(open, from.other(), change(Written(node)), sink);
        }
    }

    fn vanish(&mut self, open: &Open<W>, sink: &mut impl Sink<W>) {
        let place = &open.place;
        if place.local.is_none() && place.remote.is_none() {
            sink.take(place, Step::Settled(Settled::Forget { key: place.key.clone() }));
        }
        for side in [Side::Local, Side::Remote] {
            if place.on(side).is_some() {
                self.act(open, side, Change::Delete, sink);
            }
        }
    }

    fn split(&mut self, place: &Place<W>, sink: &mut impl Sink<W>) {
        let yields = self.rules.direction.yields();
        let Some(node) = place.on(yields) else { return };
        let insists = || (self.rules.insists)(&place.key, &node);
        match self.rules.direction.leads().and_then(|_| insists()) {
            Some(left) => sink.take(place, Step::Left(left)),
            None => self.set_aside(place, InTheWay::Version, BTreeMap::from([(yields, node)]), sink),
        }
    }

    /// A file of the side that leads stands. Where the other side has a directory of its own instead, it cannot follow.
    fn face_directory(&mut self, open: &Open<W>, sink: &mut impl Sink<W>) {
        let place = &open.place;
        match self.rules.direction.leads() {
            Some(leads) if place.on(leads).is_some() => match place.on(leads.other()) {
                Some(_) => self.carry_out(open, open.decision, sink),
                None => sink.take(place, Step::Left(Left::Directory)),
            },
            _ => self.make_way_for_directory(place, sink),
        }
    }

    /// Sides that hold different files here are brought to agree in a later cycle; each file moves now.
    fn make_way_for_directory(&mut self, place: &Place<W>, sink: &mut impl Sink<W>) {
        let on = |side| place.on(side).map(|node| (side, node));
        let moves = [Side::Local, Side::Remote].into_iter().filter_map(on).collect();
        self.set_aside(place, InTheWay::Directory, moves, sink);
    }

    fn set_aside(
        &self,
        place: &Place<W>,
        with: InTheWay,
        moves: BTreeMap<Side, Node>,
        sink: &mut impl Sink<W>,
    ) {
        let side = if moves.contains_key(&Side::Local) { Side::Local } else { Side::Remote };
        let copy = (self.rules.copy_of)(&place.key, side);
        sink.take(place, Step::Conflict(Conflict { key: place.key.clone(), copy, with, moves }));
    }

    fn act(&mut self, open: &Open<W>, side: Side, change: Change, sink: &mut impl Sink<W>) {
        if !self.rules.direction.writes(side) {
            // A marker that says nothing any more, on the side that leads.
            return;
        }
        let key = open.place.key.clone();
        if matches!(change, Change::Write(_)) {
            for above in self.open.iter_mut().filter(|above| above.is_ancestor_of(&key)) {
                above.written_below.add(side);
            }
        }
        let phase = match change {
            Change::Delete if open.written_below.has(side) && !open.is_directory() => Phase::ClearTheWay,
            Change::Delete if self.is_written_above(&key, side) => Phase::ClearTheWay,
            Change::Delete => Phase::Tidy,
            Change::Write(_) | Change::SetMeta(_) if open.is_directory() => Phase::Furnish,
            Change::Write(_) | Change::SetMeta(_) => Phase::Write,
        };
        let expect = open.place.on(side);
        sink.take(&open.place, Step::Act(Action { side, key, expect, change, phase }));
    }

    /// Whether a file stands above `key` that cannot make way, because the side that leads has both. A bucket can.
    fn is_shut_out(&self, key: &ObjectKey) -> bool {
        let stands = |place: &Place<W>| place.local.is_some() && place.remote.is_some();
        let mut above = self.open.iter().filter(|above| !above.is_directory() && above.is_ancestor_of(key));
        self.rules.direction.leads().is_some() && above.any(|above| stands(&above.place))
    }

    /// Whether a file is about to be written on `side` where a directory above `key` is.
    fn is_written_above(&self, key: &ObjectKey, side: Side) -> bool {
        self.open.iter().any(|above| {
            !above.is_directory()
                && above.decision == Decision::Take(side.other())
                && above.is_ancestor_of(key)
        })
    }
}

fn agree<W>(place: &Place<W>, sink: &mut impl Sink<W>) {
    if let (Some(local), Some(remote)) = (place.local, place.remote) {
        sink.take(place, Step::Settled(Settled::Agree { key: place.key.clone(), local, remote }));
    }
}

fn says_only_empty<W>(place: &Place<W>) -> bool {
    let unusual = |node: Option<Node>| {
        node.and_then(|node| node.meta.mode).is_some_and(|mode| !mode.is_usual_for_directory())
    };
    !unusual(place.local) && !unusual(place.remote)
}
