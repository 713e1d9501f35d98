//! Every triple of 36 trees: two names, each absent, one of two files, or a directory that is empty or
//! holds one of two files. 46,656 worlds, in which every local contradiction occurs.

use super::world::*;
use crate::sync::*;

fn trees() -> Vec<Tree> {
    let shapes: [fn(Tree, &str) -> Tree; 6] = [
        |tree, _| tree,
        |tree, name| tree.with_file(name, file(1)),
        |tree, name| tree.with_file(name, file(2)),
        |tree, name| tree.with_directory(name, USUAL),
        |tree, name| tree.with_file(&format!("{name}/x"), file(1)),
        |tree, name| tree.with_file(&format!("{name}/x"), file(2)),
    ];
    let pairs = shapes.iter().flat_map(|a| shapes.iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| b(a(Tree::default(), "a"), "b")).collect()
}

fn for_every_triple(mut check: impl FnMut(&Tree, &Tree, &Tree)) {
    let trees = trees();
    for base in &trees {
        for local in &trees {
            for remote in &trees {
                check(base, local, remote);
            }
        }
    }
}

#[test]
fn both_sides_converge_and_every_expectation_holds() {
    for_every_triple(|base, local, remote| {
        let mut world = World::new(base, local, remote);
        let outcome = world.converge(Direction::TwoWay);
        let context = || format!("base {base:?}\nlocal {local:?}\nremote {remote:?}");
        let cycles = outcome.unwrap_or_else(|problem| panic!("{problem}\n{}", context()));
        assert!(cycles <= 2, "{cycles} cycles\n{}", context());
        assert_eq!(world.local, world.remote, "{}", context());
        assert_eq!(world.base, base_of(&world.local), "the base is what both hold\n{}", context());
    });
}

#[test]
fn new_content_is_never_lost() {
    for_every_triple(|base, local, remote| {
        let mut world = World::new(base, local, remote);
        world.converge(Direction::TwoWay).unwrap();
        for side in [local, remote] {
            for (path, node) in side.files.iter().filter(|(path, node)| base.files.get(*path) != Some(node)) {
                assert!(
                    world.local.contents().contains(&node.content),
                    "{path} {node:?} is gone\nbase {base:?}\nlocal {local:?}\nremote {remote:?}"
                );
            }
        }
    });
}

#[test]
fn only_a_side_that_is_behind_is_written() {
    for_every_triple(|base, local, remote| {
        let plan = World::new(base, local, remote).plan(Direction::TwoWay);
        for (side, tree) in [(Side::Local, local), (Side::Remote, remote)] {
            if tree == base {
                let wrongly = plan.actions.iter().find(|action| action.side == side.other());
                assert_eq!(wrongly, None, "base {base:?}\nlocal {local:?}\nremote {remote:?}");
                assert!(plan.conflicts.is_empty(), "base {base:?}\nlocal {local:?}\nremote {remote:?}");
            }
        }
    });
}

#[test]
fn without_conflict_the_sides_are_interchangeable() {
    for_every_triple(|base, local, remote| {
        let mut world = World::new(base, local, remote);
        let mut mirrored = World::new(base, remote, local);
        if !world.plan(Direction::TwoWay).conflicts.is_empty() {
            assert!(!mirrored.plan(Direction::TwoWay).conflicts.is_empty());
            return;
        }
        world.converge(Direction::TwoWay).unwrap();
        mirrored.converge(Direction::TwoWay).unwrap();
        assert_eq!(world.local, mirrored.local);
    });
}

#[test]
fn push_and_pull_never_write_the_side_that_leads() {
    for_every_triple(|base, local, remote| {
        for (direction, leader, tree) in
            [(Direction::Push, Side::Local, local), (Direction::Pull, Side::Remote, remote)]
        {
            let mut world = World::new(base, local, remote);
            let plan = world.plan(direction);
            assert!(plan.actions.iter().all(|action| action.side != leader));
            assert!(plan.conflicts.iter().all(|conflict| !conflict.moves.contains_key(&leader)));
            world.carry_out(&plan).unwrap_or_else(|problem| {
                panic!("{direction:?}: {problem}\nbase {base:?}\nlocal {local:?}\nremote {remote:?}")
            });
            let led = if leader == Side::Local { &world.local } else { &world.remote };
            assert_eq!(led, tree);
        }
    });
}

#[test]
fn the_side_that_follows_holds_all_of_the_other_and_loses_nothing_of_its_own() {
    for_every_triple(|base, local, remote| {
        for (direction, leads, follows) in
            [(Direction::Push, local, remote), (Direction::Pull, remote, local)]
        {
            let context = || format!("{direction:?}\nbase {base:?}\nlocal {local:?}\nremote {remote:?}");
            let mut world = World::new(base, local, remote);
            world.converge(direction).unwrap_or_else(|problem| panic!("{problem}\n{}", context()));
            let left = world.plan(direction).left;
            let follower = if direction == Direction::Push { &world.remote } else { &world.local };
            for (path, node) in &leads.files {
                let is_kept_out =
                    follower.directories.contains_key(path) && left.contains(&(key(path), Left::Directory));
                assert!(
                    follower.files.get(path) == Some(node) || is_kept_out,
                    "{path}: {left:?}\n{}",
                    context()
                );
            }
            for (path, node) in
                follows.files.iter().filter(|(path, node)| base.files.get(*path) != Some(node))
            {
                assert!(
                    follower.contents().contains(&node.content),
                    "{path} {node:?} is gone\n{}",
                    context()
                );
            }
        }
    });
}

#[test]
fn an_interrupted_plan_is_finished_by_the_next() {
    for_every_triple(|base, local, remote| {
        let plan = World::new(base, local, remote).plan(Direction::TwoWay);
        for done in 0..plan.actions.len() {
            let mut world = World::new(base, local, remote);
            let partial = Plan { actions: plan.actions[..done].to_vec(), settled: vec![], ..plan.clone() };
            world.carry_out(&partial).unwrap();
            world.converge(Direction::TwoWay).unwrap();
            assert_eq!(world.local, world.remote, "after {done} actions of\n{plan}");
        }
    });
}
