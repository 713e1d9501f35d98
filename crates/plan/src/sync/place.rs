//! What is known about one key, and what comes of it.

use super::decide::{Decision, decide};
use super::outcome::{Action, Conflict, Direction, Left, Settled, Side};
use model::{Agreed, Node, ObjectKey};

/// What is known about one key. `W`: whatever the executor wants to have at hand again when it gets the steps;
/// the planner does not look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<W = ()> {
    /// The key.
    pub key: ObjectKey,
    /// What both sides last agreed on.
    pub base: Option<Agreed>,
    /// What the local side shows.
    pub local: Option<Node>,
    /// What the remote side shows.
    pub remote: Option<Node>,
    /// Whether a rule left both sides alone since they agreed.
    pub rests: bool,
    /// The executor's own.
    pub with: W,
}

impl<W> Place<W> {
    /// What `side` shows.
    #[must_use]
    pub fn on(&self, side: Side) -> Option<Node> {
        match side {
            Side::Local => self.local,
            Side::Remote => self.remote,
        }
    }

    /// Bytes of the larger of what both sides show.
    pub(super) fn size(&self) -> u64 {
        let size = |node: Option<Node>| node.map_or(0, |node| node.size);
        size(self.local).max(size(self.remote))
    }

    /// Whether something stands here once what is decided about this key alone is carried out.
    #[must_use]
    pub fn will_stand(&self, direction: Direction) -> bool {
        is_kept(decide(self, direction))
    }
}

/// A place is kept if something stands there once the decision is carried out.
pub(super) fn is_kept(decision: Decision) -> bool {
    decision != Decision::Vanish
}

/// One part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A version moves out of another's way.
    Conflict(Conflict),
    /// A side is changed.
    Act(Action),
    /// The base is changed, and nothing else.
    Settled(Settled),
    /// The side that follows does not get the file here.
    Left(Left),
    /// A directory stands for itself once the plan is carried out: it is not to be tidied away.
    Stands,
}

/// Takes the steps of a plan, one at a time. A key's steps come once everything below it has been seen, so children come
/// before their directory, and siblings in order.
pub trait Sink<W> {
    /// A step about `place`.
    fn take(&mut self, place: &Place<W>, step: Step);
}

impl<W, F: FnMut(&Place<W>, Step)> Sink<W> for F {
    fn take(&mut self, place: &Place<W>, step: Step) {
        self(place, step);
    }
}
