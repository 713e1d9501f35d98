//! The rules one by one, on trees small enough to read.

use super::world::*;
use crate::sync::*;
use model::{ObjectKey, RelPath};

fn one(node: Option<model::Node>) -> Tree {
    node.map_or_else(Tree::default, |node| Tree::default().with_file("f", node))
}

#[test]
fn one_path_every_case() {
    let (old, new, other) = (Some(file(1)), Some(file(2)), Some(file(3)));
    let (touched, stamped) = (Some(file_at(1, 7)), Some(file_at(1, 8)));
    let conflict =
        "conflict at f: both sides changed it; the local version becomes f.sync-conflict-20261120-101500-m\n";
    let table = [
        ("nothing anywhere", None, None, None, ""),
        ("all the same", old, old, old, ""),
        ("new here", None, new, None, "upload f (1 B)\n"),
        ("new there", None, None, new, "download f (1 B)\n"),
        ("same new on both", None, new, new, ""),
        ("different new on both", None, new, other, conflict),
        ("edited here", old, new, old, "upload f (1 B)\n"),
        ("edited there", old, old, new, "download f (1 B)\n"),
        ("edited alike", old, new, new, ""),
        ("edited differently", old, new, other, conflict),
        ("deleted here", old, None, old, "delete remote f\n"),
        ("deleted there", old, old, None, "delete local f\n"),
        ("deleted on both", old, None, None, ""),
        ("deleted here, edited there", old, None, new, "download f (1 B)\n"),
        ("edited here, deleted there", old, new, None, "upload f (1 B)\n"),
        ("touched here", old, touched, old, "update time and permissions of remote f\n"),
        ("touched there", old, old, touched, "update time and permissions of local f\n"),
        ("touched differently", old, touched, stamped, "update time and permissions of local f\n"),
        ("touched here, edited there", old, touched, new, "download f (1 B)\n"),
        ("touched here, deleted there", old, touched, None, "delete local f\n"),
        ("deleted here, touched there", old, None, touched, "delete remote f\n"),
        ("new alike but for the time", None, touched, stamped, "update time and permissions of local f\n"),
    ];
    for (name, base, local, remote, expected) in table {
        let world = World::new(&one(base), &one(local), &one(remote));
        assert_eq!(world.plan(Direction::TwoWay).to_string(), expected, "{name}");
    }
}

#[test]
fn a_file_makes_way_for_a_directory() {
    let base = Tree::default();
    let local = Tree::default().with_file("a", file(1)).with_file("a-b", file(1)).with_file("a.txt", file(1));
    let remote = Tree::default().with_file("a/x", file(2));
    let mut world = World::new(&base, &local, &remote);
    insta::assert_snapshot!(world.plan(Direction::TwoWay), @r"
    conflict at a: a file here, a directory there; the file becomes a.sync-conflict-20261120-101500-m
    upload a-b (1 B)
    upload a.txt (1 B)
    download a/x (1 B)
    ");
    world.converge(Direction::TwoWay).unwrap();
    assert_eq!(world.local, world.remote);
    assert!(world.local.files.contains_key("a.sync-conflict-20261120-101500-m"));
}

#[test]
fn a_directory_that_became_a_file_is_cleared_first() {
    let base = Tree::default().with_file("a/x", file(1)).with_file("a/y", file(1)).with_file("b", file(1));
    let local = Tree::default().with_file("a", file(2));
    let plan = World::new(&base, &local, &base).plan(Direction::TwoWay);
    insta::assert_snapshot!(plan, @r"
    delete remote a/x
    delete remote a/y
    upload a (1 B)
    delete remote b
    ");
}

#[test]
fn an_emptied_directory_stays_and_a_removed_one_goes() {
    let base = Tree::default().with_file("a/x", file(1)).with_file("b/x", file(1)).with_file("c", file(1));
    let local = Tree::default().with_directory("a", USUAL).with_file("c", file(1));
    let mut world = World::new(&base, &local, &base);
    world.converge(Direction::TwoWay).unwrap();
    assert_eq!(world.remote, local);
}

#[test]
fn unusual_permissions_of_a_directory_travel() {
    let base = Tree::default().with_file("private/x", file(1));
    let local = base.clone().with_directory("private", 0o700);
    let mut world = World::new(&base, &local, &base);
    insta::assert_snapshot!(world.plan(Direction::TwoWay), @"upload private/");
    world.converge(Direction::TwoWay).unwrap();
    assert_eq!(world.remote, local);
}

#[test]
fn a_directory_is_furnished_after_its_files() {
    let local = Tree::default().with_file("locked/x", file(1)).with_directory("locked", 0o500);
    let plan = World::new(&Tree::default(), &local, &Tree::default()).plan(Direction::TwoWay);
    assert_eq!(plan.to_string(), "upload locked/x (1 B)\nupload locked/\n");
}

fn many(count: u8) -> Tree {
    (0..count).fold(Tree::default(), |tree, n| tree.with_file(&format!("f{n:03}"), file(n)))
}

fn verdict(base: &Tree, local: &Tree, remote: &Tree, max_delete: MaxDelete, guards: Guards) -> Verdict {
    let label = label();
    let rules = Rules {
        direction: Direction::TwoWay,
        max_delete,
        guards,
        doubts: Doubts::default(),
        copy_of: &|key| label.copy_of(key),
        sight: &|_, _| Sight::Clear,
    };
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
    let (full, empty, label) = (many(3), Tree::default(), label());
    let verdict = |guards| {
        let rules = Rules {
            direction: Direction::TwoWay,
            max_delete: MaxDelete::Percent(100),
            guards,
            doubts: Doubts { local: true, remote: false },
            copy_of: &|key| label.copy_of(key),
            sight: &|_, _| Sight::Clear,
        };
        sync(base_of(&full), empty.scan(), full.scan(), &rules)
    };
    let replaced = Halt::Replaced { side: Side::Local, deleted: 3, replaced: 0 };
    assert_eq!(verdict(Guards::On), Verdict::Halt(replaced));
    // Going on deletes nothing, which is why it must not be told as a deletion that may be meant.
    let Verdict::Proceed(plan) = verdict(Guards::Resumed) else { panic!("a person has said so") };
    assert!(plan.actions.iter().all(|action| action.side == Side::Local && action.change != Change::Delete));
}

#[test]
fn an_ignored_file_does_not_vouch_for_an_emptied_side() {
    let full = many(3);
    let remote = full.clone().with_file("x.tmp", file(9));
    let label = label();
    let verdict_with = |sight: &dyn Fn(&ObjectKey, u64) -> Sight| {
        let rules = Rules {
            direction: Direction::TwoWay,
            max_delete: MaxDelete::Percent(100),
            guards: Guards::On,
            doubts: Doubts::default(),
            copy_of: &|key| label.copy_of(key),
            sight,
        };
        sync(base_of(&full), Tree::default().scan(), remote.scan(), &rules)
    };
    let ignored = |key: &ObjectKey, _| if key.as_str() == "x.tmp" { Sight::Ignored } else { Sight::Clear };
    assert_eq!(verdict_with(&ignored), Verdict::Halt(Halt::Emptied { side: Side::Local, held: 3 }));
    let unreadable =
        |key: &ObjectKey, _| if key.as_str() == "f000" { Sight::Hidden(Side::Local) } else { Sight::Clear };
    assert!(matches!(verdict_with(&unreadable), Verdict::Proceed(_)), "an unreadable file is there");
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

#[test]
fn what_cannot_be_seen_is_not_decided() {
    let full = many(3);
    let local = Tree::default().with_file("f000", file(0));
    let label = label();
    let hidden = RelPath::from_key("f001").unwrap();
    let rules = Rules {
        direction: Direction::TwoWay,
        max_delete: MaxDelete::Percent(50),
        guards: Guards::On,
        doubts: Doubts::default(),
        copy_of: &|key| label.copy_of(key),
        sight: &|key: &ObjectKey, _| {
            if key.path() == hidden { Sight::Hidden(Side::Local) } else { Sight::Clear }
        },
    };
    let Verdict::Proceed(plan) = sync(base_of(&full), local.scan(), full.scan(), &rules) else { panic!() };
    assert_eq!(plan.to_string(), "delete remote f002\n");
}

#[test]
fn keys_of_the_same_name_in_both_forms_are_told_apart() {
    assert_ne!(key("a"), key("a/"));
}
