//! What a rule leaves alone, and what cannot be seen.

use super::world::*;
use crate::sync::*;
use model::{ObjectKey, RelPath};

/// One path, and whether a rule leaves it alone now and has done so since both sides agreed.
fn under_a_rule([base, local, remote, ignored, rests]: [bool; 5], doubts: Doubts) -> String {
    let sight = if ignored { Sight::Ignored } else { Sight::Clear };
    seen(sight, [base, local, remote, rests], doubts)
}

fn seen(sight: Sight, [base, local, remote, rests]: [bool; 4], doubts: Doubts) -> String {
    let node = |there: bool| there.then(|| file(1));
    let rules = Rules { sight: &|_, _| sight, doubts, ..rules() };
    let base = node(base).map(|node| model::Agreed { local: node, remote: node });
    let place = Place { key: key("f"), base, local: node(local), remote: node(remote), rests, with: () };
    let mut steps = Vec::new();
    let mut sink = |_: &Place, step: Step| match step {
        Step::Act(action) => steps.push(action.to_string()),
        Step::Settled(Settled::Rest { .. }) => steps.push("rest".to_owned()),
        Step::Settled(Settled::Wake { .. }) => steps.push("wake".to_owned()),
        Step::Settled(Settled::Part { .. }) => steps.push("part".to_owned()),
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
        ([true, true, true, true, false], "rest"),
        ([true, false, true, true, false], "rest"),
        ([true, false, false, true, false], "rest"),
        ([true, true, true, true, true], ""),
        ([true, false, true, true, true], ""),
        ([false, true, false, true, false], ""),
        ([false, true, true, true, false], ""),
        ([true, true, true, false, true], "wake"),
        ([true, true, false, false, true], "upload f (1 B)"),
        ([true, false, true, false, true], "download f (1 B)"),
        ([true, false, false, false, true], "forget"),
    ];
    for (world, expected) in table {
        assert_eq!(under_a_rule(world, Doubts::default()), expected, "{world:?}");
    }
}

/// What a side came to hold when it was put back is no news from a person, whenever it is looked at.
#[test]
fn doubts_that_end_while_a_rule_holds_take_what_was_agreed_upon_with_them() {
    let (here, there) = (Doubts { local: true, remote: false }, Doubts { local: false, remote: true });
    for doubts in [here, there] {
        for rests in [false, true] {
            assert_eq!(under_a_rule([true, true, true, true, rests], doubts), "part");
            assert_eq!(under_a_rule([true, false, true, true, rests], doubts), "part");
        }
        assert_eq!(under_a_rule([false, true, true, true, false], doubts), "");
    }
}

#[test]
fn doubts_that_end_while_something_cannot_be_seen_take_what_was_agreed_upon_with_them() {
    let (here, there) = (Doubts { local: true, remote: false }, Doubts { local: false, remote: true });
    for side in [Side::Local, Side::Remote] {
        let seen = |world, doubts| seen(Sight::Hidden(side), world, doubts);
        for doubts in [here, there] {
            assert_eq!(seen([true, false, true, false], doubts), "part");
            assert_eq!(seen([true, true, true, true], doubts), "part");
            assert_eq!(seen([false, false, true, false], doubts), "");
        }
        assert_eq!(seen([true, false, true, false], Doubts::default()), "");
    }
}

#[test]
fn what_cannot_be_seen_is_not_decided() {
    let full = many(3);
    let local = Tree::default().with_file("f000", file(0));
    let hidden = RelPath::from_key("f001").unwrap();
    let rules = Rules {
        max_delete: MaxDelete::Percent(50),
        sight: &|key: &ObjectKey, _| {
            if key.path() == hidden { Sight::Hidden(Side::Local) } else { Sight::Clear }
        },
        ..rules()
    };
    let Verdict::Proceed(plan) = sync(base_of(&full), local.scan(), full.scan(), &rules) else { panic!() };
    assert_eq!(plan.to_string(), "delete remote f002\n");
}

#[test]
fn a_version_that_is_put_back_again_and_again_is_left_and_told() {
    let base = Tree::default().with_file("f", file(1)).with_file("g", file(1));
    let remote = Tree::default().with_file("f", file(2)).with_file("g", file(3));
    let insists = |key: &ObjectKey, _: &_| (key.as_str() == "f").then_some(Left::Insisted);
    let rules = Rules { direction: Direction::Push, insists: &insists, ..rules() };
    let Verdict::Proceed(plan) = sync(base_of(&base), base.scan(), remote.scan(), &rules) else { panic!() };
    insta::assert_snapshot!(plan, @r"
    conflict at g: the sides hold two versions; the remote one becomes g.sync-conflict-20261120-101500-m
    leave f: somebody puts another version in its place, again and again; it is kept beside it
    ");
    let rules = Rules { direction: Direction::TwoWay, ..rules };
    let Verdict::Proceed(plan) = sync(base_of(&base), base.scan(), remote.scan(), &rules) else { panic!() };
    assert_eq!(plan.to_string(), "download f (1 B)\ndownload g (1 B)\n");
}
