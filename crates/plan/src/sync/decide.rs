//! The table: what becomes of one path, looked at alone.

use super::Place;
use super::outcome::Side;
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
}

/// How one side stands to what was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delta {
    Same,
    Meta,
    Content,
    Gone,
}

pub(super) fn decide<W>(place: &Place<W>) -> Decision {
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
