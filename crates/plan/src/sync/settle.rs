//! From decisions about single paths to a plan that holds together.
//!
//! Two decisions about different paths can contradict each other, and both contradictions run along the
//! chain of ancestors of a key, which in key order is short and always at hand:
//!
//! 1. *A file and a directory of one name.* `a` is kept as a file and so is `a/x`. The file yields: it moves
//!    to a conflict copy, because a directory cannot be renamed without renaming all it holds.
//! 2. *An empty directory that is not empty.* `d/` is kept and so is `d/x`. The entry for `d/` says nothing
//!    any more (unless it carries unusual permissions) and vanishes.
//!
//! So a decision about a key that can be an ancestor waits in `open` until a key beyond its subtree comes.

use super::Rules;
use super::decide::{Decision, decide};
use super::merge::Place;
use super::outcome::{Action, Change, Conflict, InTheWay, Phase, Plan, Settled, Side, Written};
use model::{Node, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Settler<'a> {
    rules: &'a Rules<'a>,
    plan: Plan,
    /// Decisions about possible ancestors of the next key, outermost first.
    open: Vec<Open>,
}

struct Open {
    place: Place,
    decision: Decision,
    /// Whether anything below is kept.
    holds: bool,
}

impl Open {
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
}

/// A place is kept if something stands there once the decision is carried out.
fn is_kept(decision: Decision) -> bool {
    decision != Decision::Vanish
}

impl<'a> Settler<'a> {
    pub(super) fn new(rules: &'a Rules<'a>) -> Self {
        Self { rules, plan: Plan::default(), open: Vec::new() }
    }

    pub(super) fn see(&mut self, place: Place) {
        while self.open.last().is_some_and(|open| !open.may_be_ancestor_of(&place.key)) {
            self.close_last();
        }
        let decision = decide(&place);
        if self.is_kept_here(decision, &place) {
            for open in self.open.iter_mut().filter(|open| open.is_ancestor_of(&place.key)) {
                open.holds = true;
            }
        }
        self.open.push(Open { place, decision, holds: false });
    }

    pub(super) fn finish(mut self) -> Plan {
        while !self.open.is_empty() {
            self.close_last();
        }
        self.plan.conflicts.sort_by(|one, other| one.key.cmp(&other.key));
        set_phases(&mut self.plan.actions);
        self.plan.actions.sort_by(|one, other| {
            (one.phase, &one.key, one.side).cmp(&(other.phase, &other.key, other.side))
        });
        self.plan
    }

    /// A deletion that the direction forbids leaves its file standing.
    fn is_kept_here(&self, decision: Decision, place: &Place) -> bool {
        is_kept(decision)
            || (place.local.is_some() && !self.rules.direction.writes(Side::Local))
            || (place.remote.is_some() && !self.rules.direction.writes(Side::Remote))
    }

    fn close_last(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let is_directory = open.place.key.is_directory();
        let Open { place, decision, holds } = open;
        if holds && !is_directory && self.is_kept_here(decision, &place) {
            self.make_way_for_directory(&place);
        } else if holds && is_directory && is_kept(decision) && says_only_empty(&place) {
            self.carry_out(&place, Decision::Vanish);
        } else {
            self.carry_out(&place, decision);
        }
    }

    fn carry_out(&mut self, place: &Place, decision: Decision) {
        if place.key.is_directory() && is_kept(decision) {
            self.plan.directories.insert(place.key.clone());
        }
        match decision {
            Decision::Rest => {}
            Decision::Agree => self.agree(place),
            Decision::Take(side) => self.write(place, side, Change::Write),
            Decision::TakeMeta(side) => self.write(place, side, Change::SetMeta),
            Decision::Vanish => self.vanish(place),
            Decision::Split => self.split(place),
        }
    }

    fn agree(&mut self, place: &Place) {
        if let (Some(local), Some(remote)) = (place.local, place.remote) {
            self.plan.settled.push(Settled::Agree { key: place.key.clone(), local, remote });
        }
    }

    fn write(&mut self, place: &Place, from: Side, change: fn(Written) -> Change) {
        if let Some(node) = on(place, from) {
            self.act(place, from.other(), change(Written(node)));
        }
    }

    fn vanish(&mut self, place: &Place) {
        match (place.local, place.remote) {
            (None, None) => self.plan.settled.push(Settled::Forget { key: place.key.clone() }),
            (local, remote) => {
                if local.is_some() {
                    self.act(place, Side::Local, Change::Delete);
                }
                if remote.is_some() {
                    self.act(place, Side::Remote, Change::Delete);
                }
            }
        }
    }

    fn split(&mut self, place: &Place) {
        let yields = self.rules.direction.yields();
        let moves = on(place, yields).map(|node| (yields, node)).into_iter().collect();
        self.set_aside(place, InTheWay::Version, moves);
    }

    /// Sides that hold different files here are brought to agree in a later cycle; each file moves now.
    fn make_way_for_directory(&mut self, place: &Place) {
        let moves = [Side::Local, Side::Remote]
            .into_iter()
            .filter(|side| self.rules.direction.writes(*side))
            .filter_map(|side| on(place, side).map(|node| (side, node)))
            .collect();
        self.set_aside(place, InTheWay::Directory, moves);
    }

    fn set_aside(&mut self, place: &Place, with: InTheWay, moves: BTreeMap<Side, Node>) {
        let copy = self.rules.label.copy_of(&place.key);
        self.plan.conflicts.push(Conflict { key: place.key.clone(), copy, with, moves });
    }

    fn act(&mut self, place: &Place, side: Side, change: Change) {
        if !self.rules.direction.writes(side) {
            return;
        }
        let expect = on(place, side);
        self.plan.actions.push(Action { side, key: place.key.clone(), expect, change, phase: Phase::Write });
    }
}

fn on(place: &Place, side: Side) -> Option<Node> {
    match side {
        Side::Local => place.local,
        Side::Remote => place.remote,
    }
}

fn says_only_empty(place: &Place) -> bool {
    let unusual = |node: Option<Node>| {
        node.and_then(|node| node.meta.mode).is_some_and(|mode| !mode.is_usual_for_directory())
    };
    !unusual(place.local) && !unusual(place.remote)
}

/// Deletions come after writes, except where a write on the same side needs the place; directories come last.
fn set_phases(actions: &mut [Action]) {
    let written: BTreeSet<(Side, ObjectKey)> = actions
        .iter()
        .filter(|action| matches!(action.change, Change::Write(_)))
        .map(|action| (action.side, action.key.clone()))
        .collect();
    for action in actions {
        action.phase = match action.change {
            Change::Delete if blocks_a_write(&written, action.side, &action.key) => Phase::ClearTheWay,
            Change::Delete => Phase::Tidy,
            Change::Write(_) | Change::SetMeta(_) if action.key.is_directory() => Phase::Furnish,
            Change::Write(_) | Change::SetMeta(_) => Phase::Write,
        };
    }
}

fn blocks_a_write(written: &BTreeSet<(Side, ObjectKey)>, side: Side, deleted: &ObjectKey) -> bool {
    let path = deleted.path();
    let mut ancestor = path.parent();
    while let Some(parent) = ancestor {
        if written.contains(&(side, ObjectKey::file(&parent))) {
            return true;
        }
        ancestor = parent.parent();
    }
    if deleted.is_directory() {
        return written.contains(&(side, ObjectKey::file(&path)));
    }
    let below = ObjectKey::directory(&path);
    written
        .range((side, below.clone())..)
        .next()
        .is_some_and(|(other, key)| *other == side && key.as_str().starts_with(below.as_str()))
}
