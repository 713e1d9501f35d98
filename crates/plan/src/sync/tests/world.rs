//! Two file systems in memory and a base, on which a plan is carried out the way the engine does it: the
//! expectation of every action is checked, and only what succeeded is remembered.

use crate::sync::*;
use model::{Agreed, ContentId, Kind, MachineName, Meta, Mode, Node, ObjectKey, RelPath, UnixNanos};
use std::collections::{BTreeMap, BTreeSet};

/// A file system: files by path, directories by path. Every ancestor is a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) files: BTreeMap<String, Node>,
    pub(super) directories: BTreeMap<String, Mode>,
}

pub(super) const USUAL: u32 = 0o755;

pub(super) fn file(content: u8) -> Node {
    file_at(content, 1)
}

pub(super) fn file_at(content: u8, mtime: i64) -> Node {
    let meta =
        Meta { mtime: Some(UnixNanos(mtime)), mode: Some(Mode::from_st_mode(0o644)), ..Meta::default() };
    Node { kind: Kind::File, content: ContentId::from_md5([content; 16]), size: 1, meta }
}

pub(super) fn directory(mode: u32) -> Node {
    let meta = Meta { mtime: Some(UnixNanos(1)), mode: Some(Mode::from_st_mode(mode)), ..Meta::default() };
    Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta }
}

/// Rules of a plan in which nothing is out of the ordinary.
pub(super) fn rules() -> Rules<'static> {
    Rules {
        direction: Direction::TwoWay,
        max_delete: MaxDelete::Percent(100),
        guards: Guards::On,
        doubts: Doubts::default(),
        copy_of: &|key, _| {
            ConflictLabel::new("20261120-101500", &MachineName::new("m").unwrap()).copy_of(key)
        },
        insists: &|_, _| None,
        sight: &|_, _| Sight::Clear,
    }
}

/// So many files, each with content of its own.
pub(super) fn many(count: u8) -> Tree {
    (0..count).fold(Tree::default(), |tree, n| tree.with_file(&format!("f{n:03}"), file(n)))
}

fn parents(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(path.rsplit_once('/').map(|(parent, _)| parent), |path| {
        path.rsplit_once('/').map(|(parent, _)| parent)
    })
}

impl Tree {
    pub(super) fn with_file(mut self, path: &str, node: Node) -> Self {
        self.put_file(path, node).unwrap();
        self
    }

    pub(super) fn with_directory(mut self, path: &str, mode: u32) -> Self {
        self.put_directory(path, mode).unwrap();
        self
    }

    fn make_parents(&mut self, path: &str) -> Result<(), String> {
        for parent in parents(path) {
            if self.files.contains_key(parent) {
                return Err(format!("{parent} is a file, so {path} cannot be"));
            }
            self.directories.entry(parent.to_owned()).or_insert(Mode::from_st_mode(USUAL));
        }
        Ok(())
    }

    fn put_file(&mut self, path: &str, node: Node) -> Result<(), String> {
        self.make_parents(path)?;
        if self.directories.contains_key(path) {
            return Err(format!("{path} is a directory"));
        }
        self.files.insert(path.to_owned(), node);
        Ok(())
    }

    fn put_directory(&mut self, path: &str, mode: u32) -> Result<(), String> {
        self.make_parents(path)?;
        if self.files.contains_key(path) {
            return Err(format!("{path} is a file"));
        }
        self.directories.insert(path.to_owned(), Mode::from_st_mode(mode));
        Ok(())
    }

    fn is_empty_directory(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let holds = |name: &String| name.starts_with(&below);
        !self.files.keys().any(holds) && !self.directories.keys().any(holds)
    }

    fn tidy_parents(&mut self, path: &str, keep: &BTreeSet<ObjectKey>) {
        for parent in parents(path) {
            let key = ObjectKey::parse(&format!("{parent}/")).unwrap();
            if keep.contains(&key) || !self.is_empty_directory(parent) {
                return;
            }
            self.directories.remove(parent);
        }
    }

    pub(super) fn scan(&self) -> BTreeMap<ObjectKey, Node> {
        let files = self.files.iter().map(|(path, node)| (ObjectKey::parse(path).unwrap(), *node));
        let said =
            |(path, mode): &(&String, &Mode)| self.is_empty_directory(path) || !mode.is_usual_for_directory();
        let directories = self.directories.iter().filter(said);
        let directories = directories
            .map(|(path, mode)| (ObjectKey::parse(&format!("{path}/")).unwrap(), directory(mode.bits())));
        files.chain(directories).collect()
    }

    pub(super) fn contents(&self) -> BTreeSet<ContentId> {
        self.files.values().map(|node| node.content).collect()
    }

    fn apply(&mut self, action: &Action, directories: &BTreeSet<ObjectKey>) -> Result<(), String> {
        let path = action.key.path().as_str().to_owned();
        match (&action.change, action.key.is_directory()) {
            (Change::Write(Written(node)), false) => {
                self.expect(&action.key, action.expect)?;
                self.put_file(&path, *node)
            }
            (Change::Write(Written(node)) | Change::SetMeta(Written(node)), true) => {
                self.put_directory(&path, node.meta.mode.unwrap().bits())
            }
            (Change::SetMeta(Written(node)), false) => {
                self.expect(&action.key, action.expect)?;
                self.files.get_mut(&path).unwrap().meta = node.meta;
                Ok(())
            }
            (Change::Delete, false) => {
                self.expect(&action.key, action.expect)?;
                self.files.remove(&path);
                self.tidy_parents(&path, directories);
                Ok(())
            }
            (Change::Delete, true) => {
                if self.is_empty_directory(&path) {
                    self.directories.remove(&path);
                    self.tidy_parents(&path, directories);
                } else {
                    self.directories.insert(path, Mode::from_st_mode(USUAL));
                }
                Ok(())
            }
        }
    }

    fn expect(&self, key: &ObjectKey, expected: Option<Node>) -> Result<(), String> {
        let found = self.files.get(key.path().as_str()).copied();
        (found == expected).then_some(()).ok_or(format!("{key}: expected {expected:?}, found {found:?}"))
    }

    fn rename(&mut self, from: &ObjectKey, to: &ObjectKey, node: Node) -> Result<(), String> {
        self.expect(from, Some(node))?;
        self.expect(to, None)?;
        self.files.remove(from.path().as_str());
        self.put_file(to.path().as_str(), node)
    }
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) base: BTreeMap<ObjectKey, Agreed>,
    pub(super) local: Tree,
    pub(super) remote: Tree,
}

pub(super) fn base_of(tree: &Tree) -> BTreeMap<ObjectKey, Agreed> {
    tree.scan().into_iter().map(|(key, node)| (key, Agreed { local: node, remote: node })).collect()
}

impl World {
    pub(super) fn new(base: &Tree, local: &Tree, remote: &Tree) -> Self {
        Self { base: base_of(base), local: local.clone(), remote: remote.clone() }
    }

    pub(super) fn plan(&self, direction: Direction) -> Plan {
        let rules = Rules { direction, guards: Guards::Resumed, ..rules() };
        match sync(self.base.clone(), self.local.scan(), self.remote.scan(), &rules) {
            Verdict::Proceed(plan) => plan,
            Verdict::Halt(halt) => panic!("a resumed plan halts: {halt}"),
        }
    }

    fn side(&mut self, side: Side) -> &mut Tree {
        match side {
            Side::Local => &mut self.local,
            Side::Remote => &mut self.remote,
        }
    }

    /// Carries out a plan; the outer error is a broken expectation.
    pub(super) fn carry_out(&mut self, plan: &Plan) -> Result<(), String> {
        for conflict in &plan.conflicts {
            for (side, node) in &conflict.moves {
                self.side(*side).rename(&conflict.key, &conflict.copy, *node)?;
            }
        }
        for action in &plan.actions {
            self.side(action.side).apply(action, &plan.directories)?;
            self.remember(action);
        }
        for settled in &plan.settled {
            match settled {
                Settled::Agree { key, local, remote } => {
                    self.base.insert(key.clone(), Agreed { local: *local, remote: *remote });
                }
                Settled::Forget { key } => {
                    self.base.remove(key);
                }
                Settled::Rest { .. } | Settled::Wake { .. } | Settled::Part { .. } => {
                    unreachable!("there are no rules here")
                }
            }
        }
        Ok(())
    }

    fn remember(&mut self, action: &Action) {
        match action.change {
            Change::Write(Written(node)) | Change::SetMeta(Written(node)) => {
                self.base.insert(action.key.clone(), Agreed { local: node, remote: node });
            }
            Change::Delete => {
                self.base.remove(&action.key);
            }
        }
    }

    /// Cycles until there is nothing to do; the number of cycles that did something.
    pub(super) fn converge(&mut self, direction: Direction) -> Result<usize, String> {
        const CYCLES_MAX: usize = 4;
        for cycle in 0..=CYCLES_MAX {
            let plan = self.plan(direction);
            self.carry_out(&plan)?;
            if plan.is_empty() {
                return Ok(cycle);
            }
        }
        Err(format!("no rest after {CYCLES_MAX} cycles; next:\n{}", self.plan(direction)))
    }
}

/// Paths in text must be valid keys.
pub(super) fn key(text: &str) -> ObjectKey {
    assert!(RelPath::from_key(text.trim_end_matches('/')).is_ok());
    ObjectKey::parse(text).unwrap()
}
