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
        (Some(base), Some(local), Some(remote)) if local.same_content(remote) => {
            of_one_content(base, local, remote)
        }
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

/// Both sides have the same, even if by what was agreed upon only one of them should: it was on its way to the other, and came, or never went.
fn of_one_content(base: &Agreed, local: &Node, remote: &Node) -> Decision {
    let there = base.remote_as_known();
    match (local.same_meta(&base.local), remote.same_meta(&there)) {
        (true, true) if local.same_content(&base.local) && remote.same_content(&there) => Decision::Rest,
        (true, true) => Decision::Agree,
        (false, true) => Decision::TakeMeta(Side::Local),
        (true, false) => Decision::TakeMeta(Side::Remote),
        (false, false) => both_new(local, remote),
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Agreed, ContentId, ObjectKey};

    fn node(content: u8, mtime: i64) -> Node {
        let meta = model::Meta { mtime: Some(model::UnixNanos(mtime)), ..Default::default() };
        Node { kind: model::Kind::File, content: ContentId::from_md5([content; 16]), size: 1, meta }
    }

    fn between(base: Agreed, local: Node, remote: Node) -> Decision {
        let key = ObjectKey::parse("f").unwrap();
        let (local, remote) = (Some(local), Some(remote));
        let place = Place { key, base: Some(base), local, remote, rests: false, with: () };
        decide(&place, Direction::TwoWay)
    }

    /// What was agreed upon counts for nothing on the side from which something was on its way.
    #[test]
    fn what_was_on_its_way_is_told_from_what_a_person_did() {
        let (old, new, touched) = (node(1, 1), node(2, 2), node(1, 3));
        let over = Node { content: ContentId::UNKNOWN, ..old };
        let table = [
            ("it never went", new, old, Decision::Take(Side::Local)),
            ("it came", new, new, Decision::Agree),
            ("it came, and was taken back here", old, new, Decision::Split),
            ("it was taken back before it went", old, old, Decision::Agree),
            ("it was taken back, and touched", touched, old, Decision::TakeMeta(Side::Local)),
            ("it was taken back, and touched there", old, touched, Decision::TakeMeta(Side::Remote)),
        ];
        let mirrored = |decision| match decision {
            Decision::Take(side) => Decision::Take(side.other()),
            Decision::TakeMeta(side) => Decision::TakeMeta(side.other()),
            decision => decision,
        };
        for (name, from, to, expected) in table {
            let sent = Agreed { local: over, remote: old };
            assert_eq!(between(sent, from, to), expected, "{name}");
            let received = Agreed { local: old, remote: over };
            assert_eq!(between(received, to, from), mirrored(expected), "received: {name}");
        }
    }
}
