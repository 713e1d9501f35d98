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
    let conflict = "conflict at f: the sides hold two versions; the local one becomes f.sync-conflict-20261120-101500-m\n";
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
fn one_path_where_the_remote_side_follows() {
    let (old, new, other) = (Some(file(1)), Some(file(2)), Some(file(3)));
    let (touched, stamped) = (Some(file_at(1, 7)), Some(file_at(1, 8)));
    let aside = "conflict at f: the sides hold two versions; the remote one becomes f.sync-conflict-20261120-101500-m\n";
    let stamp = "update time and permissions of remote f\n";
    let table = [
        ("nothing anywhere", None, None, None, ""),
        ("all the same", old, old, old, ""),
        ("new here", None, new, None, "upload f (1 B)\n"),
        ("new there", None, None, new, ""),
        ("same new on both", None, new, new, ""),
        ("different new on both", None, new, other, aside),
        ("edited here", old, new, old, "upload f (1 B)\n"),
        ("edited there", old, old, new, aside),
        ("edited alike", old, new, new, ""),
        ("edited differently", old, new, other, aside),
        ("deleted here", old, None, old, "delete remote f\n"),
        ("deleted there", old, old, None, "upload f (1 B)\n"),
        ("deleted on both", old, None, None, ""),
        ("deleted here, edited there", old, None, new, ""),
        ("edited here, deleted there", old, new, None, "upload f (1 B)\n"),
        ("touched here", old, touched, old, stamp),
        ("touched there", old, old, touched, stamp),
        ("touched differently", old, touched, stamped, stamp),
        ("touched here, edited there", old, touched, new, aside),
        ("touched here, deleted there", old, touched, None, "upload f (1 B)\n"),
        ("deleted here, touched there", old, None, touched, "delete remote f\n"),
        ("new alike but for the time", None, touched, stamped, stamp),
    ];
    for (name, base, local, remote, expected) in table {
        let push = World::new(&one(base), &one(local), &one(remote)).plan(Direction::Push).to_string();
        assert_eq!(push, expected, "{name}");
        let pull = World::new(&one(base), &one(remote), &one(local)).plan(Direction::Pull).to_string();
        let mirrored = expected.replace("upload", "download").replace("remote", "local");
        assert_eq!(pull, mirrored, "{name}, the other way round");
    }
}

#[test]
fn a_file_makes_way_for_a_directory() {
    let base = Tree::default();
    let local = Tree::default().with_file("a", file(1)).with_file("a-b", file(1)).with_file("a.txt", file(1));
    let remote = Tree::default().with_file("a/x", file(2));
    let mut world = World::new(&base, &local, &remote);
    insta::assert_snapshot!(world.plan(Direction::TwoWay), @r"
    conflict at a: a directory takes the name; the local file becomes a.sync-conflict-20261120-101500-m
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
        copy_of: &|key, _| label.copy_of(key),
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
            copy_of: &|key, _| label.copy_of(key),
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
            copy_of: &|key, _| label.copy_of(key),
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
fn what_follows_and_was_emptied_is_filled_again() {
    let (full, empty) = (many(3), Tree::default());
    for (direction, local, remote, halts) in [
        (Direction::Push, &full, &empty, false),
        (Direction::Push, &empty, &full, true),
        (Direction::Pull, &empty, &full, false),
        (Direction::Pull, &full, &empty, true),
    ] {
        let label = label();
        let rules = Rules {
            direction,
            max_delete: MaxDelete::Percent(100),
            guards: Guards::On,
            doubts: Doubts::default(),
            copy_of: &|key, _| label.copy_of(key),
            sight: &|_, _| Sight::Clear,
        };
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

#[test]
fn trees_that_never_met_need_something_in_common() {
    let empty = model::Node { content: model::ContentId::EMPTY, size: 0, ..file(0) };
    let (everywhere, other) = ((".gitignore", file(200)), ("LICENSE", file(201)));
    let table: &[(&str, u8, u8, &[(&str, model::Node)], bool)] = &[
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

/// One path, and whether a rule leaves it alone now and has done so since both sides agreed.
fn under_a_rule(base: bool, local: bool, remote: bool, ignored: bool, rests: bool) -> String {
    let node = |there: bool| there.then(|| file(1));
    let label = label();
    let sight = if ignored { Sight::Ignored } else { Sight::Clear };
    let rules = Rules {
        direction: Direction::TwoWay,
        max_delete: MaxDelete::Percent(100),
        guards: Guards::On,
        doubts: Doubts::default(),
        copy_of: &|key, _| label.copy_of(key),
        sight: &|_, _| sight,
    };
    let base = node(base).map(|node| model::Agreed { local: node, remote: node });
    let place = Place { key: key("f"), base, local: node(local), remote: node(remote), rests, with: () };
    let mut steps = Vec::new();
    let mut sink = |_: &Place, step: Step| match step {
        Step::Act(action) => steps.push(action.to_string()),
        Step::Settled(Settled::Rest { .. }) => steps.push("rest".to_owned()),
        Step::Settled(Settled::Wake { .. }) => steps.push("wake".to_owned()),
        Step::Settled(Settled::Forget { .. }) => steps.push("forget".to_owned()),
        step => panic!("{step:?}"),
    };
    let mut planner = Planner::new();
    planner.see(&rules, place, &mut sink);
    planner.finish(&rules, &mut sink);
    steps.join(", ")
}

#[test]
fn a_rule_deletes_nothing_and_neither_does_its_end() {
    let table = [
        // base, local, remote, ignored, rests
        ((true, true, true, true, false), "rest"),
        ((true, false, true, true, false), "rest"),
        ((true, false, false, true, false), "rest"),
        ((true, true, true, true, true), ""),
        ((true, false, true, true, true), ""),
        ((false, true, false, true, false), ""),
        ((false, true, true, true, false), ""),
        ((true, true, true, false, true), "wake"),
        ((true, true, false, false, true), "upload f (1 B)"),
        ((true, false, true, false, true), "download f (1 B)"),
        ((true, false, false, false, true), "forget"),
    ];
    for ((base, local, remote, ignored, rests), expected) in table {
        let name = format!("base {base}, local {local}, remote {remote}, ignored {ignored}, rests {rests}");
        assert_eq!(under_a_rule(base, local, remote, ignored, rests), expected, "{name}");
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
        copy_of: &|key, _| label.copy_of(key),
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
