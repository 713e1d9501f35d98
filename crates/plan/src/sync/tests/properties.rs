//! Bigger random worlds: one tree perturbed twice (independent trees hardly ever collide), with times,
//! permissions, deeper nesting and names that sort around `/`.

use super::world::*;
use crate::sync::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Edit {
    Write(String, u8, i64),
    Touch(String, i64),
    Remove(String),
    MakeDirectory(String, u32),
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "a-", "a.b", "a0", "b", "é"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (path(), 0..4_u8, 0..3_i64).prop_map(|(path, content, mtime)| Edit::Write(path, content, mtime)),
        1 => (path(), 3..6_i64).prop_map(|(path, mtime)| Edit::Touch(path, mtime)),
        3 => path().prop_map(Edit::Remove),
        1 => (path(), prop::sample::select(vec![0o755, 0o700])).prop_map(|(path, mode)| Edit::MakeDirectory(path, mode)),
    ]
}

fn edited(mut tree: Tree, edits: &[Edit]) -> Tree {
    for edit in edits {
        match edit {
            Edit::Write(path, content, mtime) => {
                tree = tree.without(path);
                tree = tree.with_parents_cleared(path).with_file(path, file_at(*content, *mtime));
            }
            Edit::Touch(path, mtime) => {
                if let Some(node) = tree.files.get_mut(path) {
                    node.meta.mtime = Some(model::UnixNanos(*mtime));
                }
            }
            Edit::Remove(path) => tree = tree.without(path),
            Edit::MakeDirectory(path, mode) => {
                if !tree.files.contains_key(path) {
                    tree = tree.with_parents_cleared(path).with_directory(path, *mode);
                }
            }
        }
    }
    tree
}

impl Tree {
    /// As after `rm -r`.
    fn without(mut self, path: &str) -> Self {
        let below = format!("{path}/");
        self.files.retain(|name, _| name != path && !name.starts_with(&below));
        self.directories.retain(|name, _| name != path && !name.starts_with(&below));
        self
    }

    fn with_parents_cleared(mut self, path: &str) -> Self {
        self.files.retain(|name, _| !path.starts_with(&format!("{name}/")));
        self
    }
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(edit(), 0..12)
}

fn triple() -> impl Strategy<Value = (Tree, Tree, Tree)> {
    (edits(), edits(), edits()).prop_map(|(base, local, remote)| {
        let base = edited(Tree::default(), &base);
        (base.clone(), edited(base.clone(), &local), edited(base, &remote))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn worlds_converge_and_lose_nothing((base, local, remote) in triple()) {
        let mut world = World::new(&base, &local, &remote);
        world.converge(Direction::TwoWay).map_err(TestCaseError::fail)?;
        prop_assert_eq!(&world.local, &world.remote);
        for side in [&local, &remote] {
            for (path, node) in &side.files {
                let is_new = base.files.get(path).is_none_or(|then| !then.same_content(node));
                prop_assert!(!is_new || world.local.contents().contains(&node.content), "{} is gone", path);
            }
        }
    }

    #[test]
    fn actions_of_a_phase_commute((base, local, remote) in triple(), seed in any::<u64>()) {
        let world = World::new(&base, &local, &remote);
        let plan = world.plan(Direction::TwoWay);
        let mut shuffled = plan.clone();
        let weight = |action: &Action| {
            action.key.as_str().bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()))
        };
        shuffled.actions.sort_by_key(|action| (action.phase, weight(action)));
        let (mut one, mut other) = (world.clone(), world);
        one.carry_out(&plan).map_err(TestCaseError::fail)?;
        other.carry_out(&shuffled).map_err(TestCaseError::fail)?;
        prop_assert_eq!(one.local, other.local);
        prop_assert_eq!(one.remote, other.remote);
    }

    #[test]
    fn edits_during_the_cycle_do_not_prevent_rest((base, local, remote) in triple(), meanwhile in edits()) {
        let mut world = World::new(&base, &local, &remote);
        let plan = world.plan(Direction::TwoWay);
        world.local = edited(world.local, &meanwhile);
        // A broken expectation ends the cycle; the next one starts from what is there.
        let _stale = world.carry_out(&plan);
        world.converge(Direction::TwoWay).map_err(TestCaseError::fail)?;
        prop_assert_eq!(world.local, world.remote);
    }

    #[test]
    fn equal_input_gives_equal_plans((base, local, remote) in triple()) {
        let world = World::new(&base, &local, &remote);
        prop_assert_eq!(world.plan(Direction::TwoWay), world.plan(Direction::TwoWay));
    }
}
