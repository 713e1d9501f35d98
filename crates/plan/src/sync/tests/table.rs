//! The rules one by one, on trees small enough to read.

use super::world::*;
use crate::sync::*;

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
    // A destination may have several that lead to it, a folder has one.
    let touched_there =
        |direction, local, remote| World::new(&one(old), &local, &remote).plan(direction).to_string();
    assert_eq!(touched_there(Direction::Push, one(old), one(touched)), "");
    assert_eq!(touched_there(Direction::Pull, one(touched), one(old)), stamp.replace("remote", "local"));
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

#[test]
fn keys_of_the_same_name_in_both_forms_are_told_apart() {
    assert_ne!(key("a"), key("a/"));
}
