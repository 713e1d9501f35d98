//! What a snapshot changed.

use super::History;
use super::entries::is_ours;
use crate::tree::{Tree, TreeEntry, pairs};
use crate::{Error, SnapshotId, git_name};
use gix::ObjectId;
use model::RelPath;

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// It was not there before.
    Added,
    /// Its content, sort or executable bit is another.
    Modified,
    /// It is not there any more.
    Deleted,
}

/// A file or symbolic link that a snapshot changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Where it is, by its true name. A name that was too long to be escaped is shown as git has it.
    pub path: RelPath,
    /// What happened to it.
    pub kind: ChangeKind,
}

impl History {
    /// What a snapshot changed against the one before, by path. The first snapshot added everything.
    pub fn changes(&self, at: &SnapshotId) -> Result<Vec<Change>, Error> {
        let commit = self.commit(*at)?;
        let before = commit.parent.map(|parent| self.root(parent)).transpose()?;
        let mut changes = Vec::new();
        // Directories that differ: the path of each, and its tree on both sides.
        let mut waiting = vec![(None, before, Some(commit.tree))];
        while let Some((path, old, new)) = waiting.pop() {
            let (old, new) = (self.side(old)?, self.side(new)?);
            for (old, new) in pairs(&old, &new).filter(|(old, new)| old != new) {
                let Some(name) = old.or(new).map(|entry| entry.name.as_slice()) else { continue };
                if path.is_none() && is_ours(name) {
                    continue;
                }
                let Some(path) = below(path.as_ref(), name) else { continue };
                let directory = |entry: &TreeEntry| entry.mode.is_directory().then_some(entry.id);
                let (old_directory, new_directory) = (old.and_then(directory), new.and_then(directory));
                let is_old_file = old.is_some() && old_directory.is_none();
                let is_new_file = new.is_some() && new_directory.is_none();
                let kind = match (is_old_file, is_new_file) {
                    (true, true) => Some(ChangeKind::Modified),
                    (true, false) => Some(ChangeKind::Deleted),
                    (false, true) => Some(ChangeKind::Added),
                    (false, false) => None,
                };
                changes.extend(kind.map(|kind| Change { path: path.clone(), kind }));
                if old_directory.is_some() || new_directory.is_some() {
                    waiting.push((Some(path), old_directory, new_directory));
                }
            }
        }
        changes.sort();
        Ok(changes)
    }

    fn side(&self, tree: Option<ObjectId>) -> Result<Tree, Error> {
        tree.map_or_else(|| Ok(Tree::default()), |tree| Tree::read(&self.repo, tree))
    }
}

fn below(path: Option<&RelPath>, name: &[u8]) -> Option<RelPath> {
    let name = RelPath::from_os_bytes(&git_name::unescape(name)).ok()?;
    Some(path.map_or(name.clone(), |path| path.join(&name)))
}
