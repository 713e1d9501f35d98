//! The table: what becomes of one path, looked at alone.

use super::Place;
use super::outcome::{Direction, Side};
use model::{Agreed, Node};

/// What should stand at a path on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Everything is as agreed.
    Rest,
    /// Both sides came to hold the same by themselves.
    Agree,
    /// What this side holds.
    Take(Side),
    /// The content is the same; time and permissions of this side.
    TakeMeta(Side),
    /// Nothing; whoever still has it deletes it.
    Vanish,
    /// Both, one of them under another name.
    Split,
    /// What is there, each side for itself: the side that leads has nothing here, and the other one something of its own.
    Leave,
}

/// How one side stands to what was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delta {
    Same,
    Meta,
    Content,
    Gone,
}

/// What becomes of a path where only one side may be written: what the other side holds. The side that follows loses no bytes by it that are its
/// own, and what it lacks it gets once more.
pub(super) fn decide<W>(place: &Place<W>, direction: Direction) -> Decision {
    let Some(leads) = direction.leads() else { return between_equals(place) };
    let follows = leads.other();
    match (between_equals(place), place.on(leads), place.on(follows)) {
        (Decision::Vanish, Some(_), None) => Decision::Take(leads),
        (Decision::Take(side), Some(_), Some(_)) if side == follows => Decision::Split,
        (Decision::Take(side), None, Some(_)) if side == follows => Decision::Leave,
        // Of several machines that lead to one destination none takes the last word on time and permissions from another without end.
        (Decision::TakeMeta(side), Some(led), _)
            if side == follows && leads == Side::Local && is_as_agreed(place, &led) =>
        {
            Decision::Rest
        }
        (Decision::TakeMeta(side), ..) if side == follows => Decision::TakeMeta(leads),
        (decision, ..) => decision,
    }
}

fn is_as_agreed<W>(place: &Place<W>, local: &Node) -> bool {
    place.base.as_ref().is_some_and(|base| delta(&base.local, Some(local)) == Delta::Same)
}

/// What becomes of a path where both sides may be written.
fn between_equals<W>(place: &Place<W>) -> Decision {
    match (&place.base, &place.local, &place.remote) {
        (_, None, None) => Decision::Vanish,
        (None, Some(_), None) => Decision::Take(Side::Local),
        (None, None, Some(_)) => Decision::Take(Side::Remote),
        (None, Some(local), Some(remote)) => both_new(local, remote),
        (Some(base), local, remote) => since(base, local.as_ref(), remote.as_ref()),
    }
}

fn both_new(local: &Node, remote: &Node) -> Decision {
    if !local.same_content(remote) {
        Decision::Split
    } else if local.same_meta(remote) {
        Decision::Agree
    } else {
        Decision::TakeMeta(Side::Remote)
    }
}

fn since(base: &Agreed, local: Option<&Node>, remote: Option<&Node>) -> Decision {
    use Delta::{Content, Gone, Meta, Same};
    let both_present = || {
        let local = local.expect("a side that is not gone is there");
        let remote = remote.expect("a side that is not gone is there");
        both_new(local, remote)
    };
    match (delta(&base.local, local), delta(&base.remote_as_known(), remote)) {
        (Same, Same) => Decision::Rest,

        (Same, Meta) => Decision::TakeMeta(Side::Remote),
        (Meta, Same) => Decision::TakeMeta(Side::Local),

        // New content outweighs whatever the other side did, short of new content of its own.
        (Same | Meta | Gone, Content) => Decision::Take(Side::Remote),
        (Content, Same | Meta | Gone) => Decision::Take(Side::Local),

        // A deletion outweighs a mere change of time or permissions: no bytes are lost by it.
        (Gone, Same | Meta | Gone) | (Same | Meta, Gone) => Decision::Vanish,

        (Meta, Meta) | (Content, Content) => both_present(),
    }
}

fn delta(then: &Node, now: Option<&Node>) -> Delta {
    match now {
        None => Delta::Gone,
        Some(now) if !now.same_content(then) => Delta::Content,
        Some(now) if !now.same_meta(then) => Delta::Meta,
        Some(_) => Delta::Same,
    }
}
