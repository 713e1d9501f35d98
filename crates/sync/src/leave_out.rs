//! What a scan leaves out, and the rules it finds on the way.
//!
//! Rules lie in the tree they are about, so a scan and its rules come to be together: when a directory is entered, its rules are read,
//! and hold for everything below. What was found decides afterwards about keys of the other side as well.

use crate::report::Problem;
use disk::{Enter, Filter};
use model::{Kind, ObjectKey, RelPath};
use plan::ignore::{CACHE_SIGNATURE, CACHE_TAG, IgnoreRules, IgnoreTree, RULES_FILE, Shape};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The rules of one scan; clones share what is found.
#[derive(Clone, Debug)]
pub struct LeaveOut(Arc<Mutex<Gathered>>);

#[derive(Debug)]
struct Gathered {
    tree: IgnoreTree,
    remarks: Vec<Problem>,
}

impl LeaveOut {
    /// Begins with what the profile says.
    #[must_use]
    pub fn new(rules: IgnoreRules) -> Self {
        Self(Arc::new(Mutex::new(Gathered { tree: IgnoreTree::new(rules), remarks: Vec::new() })))
    }

    /// Everything that was found, and what was the matter with it.
    pub(crate) fn found(&self) -> (IgnoreTree, Vec<Problem>) {
        let mut gathered = self.gathered();
        (gathered.tree.clone(), std::mem::take(&mut gathered.remarks))
    }

    pub(crate) fn ignores_key(&self, key: &ObjectKey) -> bool {
        let shape = if key.is_directory() { Shape::Directory } else { Shape::Leaf };
        self.gathered().tree.ignores(&key.path(), shape)
    }

    pub(crate) fn ignores_size(&self, bytes: u64) -> bool {
        self.gathered().tree.ignores_size(bytes)
    }

    /// Whether a file says what is left out.
    pub(crate) fn is_rules(key: &ObjectKey) -> bool {
        matches!(key.path().file_name(), RULES_FILE | CACHE_TAG)
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Filter for LeaveOut {
    fn wants(&self, name: &[u8]) -> bool {
        name == RULES_FILE.as_bytes() || name == CACHE_TAG.as_bytes()
    }

    fn enter(
        &mut self,
        directory: Option<&RelPath>,
        read: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Enter {
        let mut gathered = self.gathered();
        // The root is what a person has chosen, whatever else says that it is a cache.
        if let Some(directory) = directory
            && read(CACHE_TAG.as_bytes()).is_some_and(|tag| tag.starts_with(CACHE_SIGNATURE))
        {
            gathered.tree.add_cache(directory);
            return Enter::LeaveOut;
        }
        if let Some(text) = read(RULES_FILE.as_bytes()) {
            let file = match directory {
                Some(directory) => directory.child(RULES_FILE.as_bytes()),
                None => RelPath::from_key(RULES_FILE),
            };
            let key = file.ok().map(|file| ObjectKey::file(&file));
            for bad in gathered.tree.add_rules(directory, &text) {
                let message = bad.said_of(key.as_ref().map_or(RULES_FILE, ObjectKey::as_str));
                gathered.remarks.push(Problem::found(key.clone(), message));
            }
        }
        Enter::Go
    }

    fn ignores(&self, path: &RelPath, kind: Kind) -> bool {
        let shape = if kind == Kind::Directory { Shape::Directory } else { Shape::Leaf };
        self.gathered().tree.ignores(path, shape)
    }
}
