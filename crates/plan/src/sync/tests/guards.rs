//! What looks like an accident halts, and what only looks a little like one does not.

use super::world::*;
use crate::sync::*;
use model::ObjectKey;

fn verdict(base: &Tree, local: &Tree, remote: &Tree, max_delete: MaxDelete, guards: Guards) -> Verdict {
    let rules = Rules { max_delete, guards, ..rules() };
    sync(base_of(base), local.scan(), remote.scan(), &rules)
}

#[test]
fn an_emptied_side_halts() {
    let (full, empty) = (many(3), Tree::default());
    let limit = MaxDelete::Percent(100);
    let held = |side| Verdict::Halt(Halt::Emptied { side, held: 3 });
    assert_eq!(verdict(&full, &empty, &full, limit, Guards::On), held(Side::Local));
    assert_eq!(verdict(&full, &full, &empty, limit, Guards::On), held(Side::Remote));
    assert!(matches!(verdict(&full, &empty, &full, limit, Guards::Resumed), Verdict::Proceed(_)));
    assert!(matches!(verdict(&full, &empty, &empty, limit, Guards::On), Verdict::Proceed(_)));
    assert!(matches!(verdict(&empty, &empty, &full, limit, Guards::On), Verdict::Proceed(_)));
}

#[test]
fn an_emptied_side_that_is_another_one_is_told_as_such() {
    let (full, empty) = (many(3), Tree::default());
    let verdict = |guards| {
        let rules = Rules { guards, doubts: Doubts { local: true, remote: false }, ..rules() };
        sync(base_of(&full), empty.scan(), full.scan(), &rules)
    };
    let replaced = Halt::Replaced { side: Side::Local, deleted: 3, replaced: 0 };
    assert_eq!(verdict(Guards::On), Verdict::Halt(replaced));
    // Going on deletes nothing, which is why it must not be told as a deletion that may be meant.
    let Verdict::Proceed(plan) = verdict(Guards::Resumed) else { panic!("a person has said so") };
    assert!(plan.actions.iter().all(|action| action.side == Side::Local && action.change != Change::Delete));
}

#[test]
fn a_resync_takes_nothing_from_either_side() {
    let base = many(4);
    let local = Tree::default().with_file("f001", file(71)).with_file("here", file(8));
    let mut remote = many(4).with_file("f001", file(72));
    remote.files.remove("f002");
    let limit = MaxDelete::Count(0);
    let Verdict::Proceed(plan) = verdict(&base, &local, &remote, limit, Guards::Resync) else {
        panic!("there is nothing to ask a person")
    };
    let copy = (rules().copy_of)(&key("f001"), Side::Local);
    assert_eq!(
        plan.to_string(),
        format!(
            "conflict at f001: the sides hold two versions; the local one becomes {copy}\n\
             download f000 (1 B)\ndownload f003 (1 B)\nupload here (1 B)\n",
        )
    );
    // An edit since both agreed is a version, too.
    let edited = many(4).with_file("f001", file(71));
    let Verdict::Proceed(plan) = verdict(&base, &edited, &base, limit, Guards::Resync) else { panic!() };
    assert_eq!((plan.conflicts.len(), plan.actions.len()), (1, 0));
}

#[test]
fn an_ignored_file_does_not_vouch_for_an_emptied_side() {
    let full = many(3);
    let remote = full.clone().with_file("x.tmp", file(9));
    let verdict_with = |sight: &dyn Fn(&ObjectKey, u64) -> Sight| {
        let rules = Rules { sight, ..rules() };
        sync(base_of(&full), Tree::default().scan(), remote.scan(), &rules)
    };
    let ignored = |key: &ObjectKey, _| if key.as_str() == "x.tmp" { Sight::Ignored } else { Sight::Clear };
    assert_eq!(verdict_with(&ignored), Verdict::Halt(Halt::Emptied { side: Side::Local, held: 3 }));
    let unreadable =
        |key: &ObjectKey, _| if key.as_str() == "f000" { Sight::Hidden(Side::Local) } else { Sight::Clear };
    assert!(matches!(verdict_with(&unreadable), Verdict::Proceed(_)), "an unreadable file is there");
}

#[test]
fn what_follows_and_was_emptied_is_filled_again() {
    let (full, empty) = (many(3), Tree::default());
    for (direction, local, remote, halts) in [
        (Direction::Push, &full, &empty, false),
        (Direction::Push, &empty, &full, true),
        (Direction::Pull, &empty, &full, false),
        (Direction::Pull, &full, &empty, true),
    ] {
        let rules = Rules { direction, ..rules() };
        let verdict = sync(base_of(&full), local.scan(), remote.scan(), &rules);
        assert_eq!(
            matches!(verdict, Verdict::Halt(Halt::Emptied { .. })),
            halts,
            "{direction:?}: {verdict:?}"
        );
    }
}

/// A tree of so many files under a name of its own, and of some that are everywhere.
fn apart(name: &str, own: u8, common: &[(&str, model::Node)]) -> Tree {
    let own = (0..own).fold(Tree::default(), |tree, n| tree.with_file(&format!("{name}{n:03}"), file(n)));
    common.iter().fold(own, |tree, (path, node)| tree.with_file(path, *node))
}

/// A name, files of each tree's own, what they have in common, and whether they are strangers.
type Trees<'a> = (&'a str, u8, u8, &'a [(&'a str, model::Node)], bool);

#[test]
fn trees_that_never_met_need_something_in_common() {
    let empty = model::Node { content: model::ContentId::EMPTY, size: 0, ..file(0) };
    let (everywhere, other) = ((".gitignore", file(200)), ("LICENSE", file(201)));
    let table: &[Trees<'_>] = &[
        ("few files are put together", 9, 100, &[], false),
        ("many and nothing in common", 10, 10, &[], true),
        ("one of ten", 9, 100, &[everywhere], false),
        ("one of twelve", 11, 100, &[everywhere], true),
        ("two of twelve", 10, 100, &[everywhere, other], false),
        ("an empty file is nothing in common", 9, 100, &[("__init__.py", empty)], true),
    ];
    for (name, local, remote, common, are_strangers) in table {
        let (local, remote) = (apart("l", *local, common), apart("r", *remote, common));
        let verdict = verdict(&Tree::default(), &local, &remote, MaxDelete::Percent(100), Guards::On);
        assert_eq!(
            matches!(verdict, Verdict::Halt(Halt::Strangers { .. })),
            *are_strangers,
            "{name}: {verdict:?}"
        );
    }
}

#[test]
fn mass_deletion_halts_above_the_limit_only() {
    let full = many(100);
    let table = [
        (75, MaxDelete::Percent(25), None),
        (74, MaxDelete::Percent(25), Some(26)),
        (90, MaxDelete::Count(10), None),
        (89, MaxDelete::Count(10), Some(11)),
        (99, MaxDelete::Count(0), Some(1)),
        (99, MaxDelete::Percent(0), None),
    ];
    for (left, max_delete, halts_at) in table {
        for (local, remote, side) in [(&many(left), &full, Side::Remote), (&full, &many(left), Side::Local)] {
            let deletions = match verdict(&full, local, remote, max_delete, Guards::On) {
                Verdict::Halt(Halt::MassDeletion { side: on, deletions, held: 100, .. }) if on == side => {
                    Some(deletions)
                }
                Verdict::Proceed(_) => None,
                halt @ Verdict::Halt(_) => panic!("{halt:?}"),
            };
            assert_eq!(deletions, halts_at, "{left} left, {max_delete:?}");
        }
    }
}

#[test]
fn a_move_is_no_deletion() {
    let full = many(100);
    let mut moved = Tree::default();
    for (path, node) in &full.files {
        moved = moved.with_file(&format!("new/{path}"), *node);
    }
    assert!(matches!(verdict(&full, &moved, &full, MaxDelete::Percent(25), Guards::On), Verdict::Proceed(_)));
}
