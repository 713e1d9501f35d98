//! All versions of one path.
//!
//! History is walked along the first parents; in each snapshot the path is followed from the root only as
//! far as the trees differ from the next newer snapshot. Nearly always that is the root alone.

use super::entries::{component_bytes, find_by_true_name, is_ours};
use super::{ChangeKind, EntryId, History, SnapshotInfo};
use crate::tree::{EntryMode, Tree, TreeEntry};
use crate::{Error, SnapshotId};
use gix::ObjectId;
use model::{Kind, RelPath};

/// A snapshot in which a path appeared, changed or vanished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The snapshot.
    pub snapshot: SnapshotInfo,
    /// What happened to the path in it.
    pub change: ChangeKind,
    /// What the path was from then on; `None` if it vanished.
    pub kind: Option<Kind>,
    /// Bytes of content from then on; `None` if it vanished or became a directory.
    pub size: Option<u64>,
    /// The content from then on; `None` if it vanished.
    pub id: Option<EntryId>,
}

/// The way from a root to a path: at each level, the tree and the entry found in it.
#[derive(Clone, Default)]
struct Trail {
    levels: Vec<(ObjectId, Option<TreeEntry>)>,
}

impl Trail {
    /// What stands at the path, if the trail leads there.
    fn target(&self, depth: usize) -> Option<&TreeEntry> {
        self.levels.get(depth - 1)?.1.as_ref()
    }
}

impl History {
    /// The snapshots in which the content of `path` appeared, changed or vanished, newest first. A change of
    /// time or permissions is none, but for the executable bit.
    pub fn versions(&self, path: &RelPath) -> Result<Vec<Version>, Error> {
        let names: Vec<Vec<u8>> = path.components().map(component_bytes).collect();
        let mut versions = Vec::new();
        // The next newer snapshot, and how the path was reached in it.
        let mut newer: Option<(SnapshotId, Trail)> = None;
        for id in self.ids()? {
            let id = id?;
            let root = self.root(id)?;
            let trail = self.follow(root, &names, newer.as_ref().map(|(_, trail)| trail))?;
            if let Some((newer, newer_trail)) = &newer {
                let (old, new) = (trail.target(names.len()), newer_trail.target(names.len()));
                versions.extend(self.version(*newer, old, new)?);
            }
            newer = Some((id, trail));
        }
        if let Some((first, trail)) = &newer {
            versions.extend(self.version(*first, None, trail.target(names.len()))?);
        }
        Ok(versions)
    }

    /// Follows `names` from a root, taking over from `known` what is the same.
    fn follow(&self, root: ObjectId, names: &[Vec<u8>], known: Option<&Trail>) -> Result<Trail, Error> {
        let mut trail = Trail::default();
        let mut tree = root;
        for (level, name) in names.iter().enumerate() {
            if let Some(known) = known
                && known.levels.get(level).is_some_and(|(id, _)| *id == tree)
            {
                trail.levels.extend_from_slice(&known.levels[level..]);
                return Ok(trail);
            }
            let found = find_by_true_name(&Tree::read(&self.repo, tree)?, name)
                .filter(|entry| level > 0 || !is_ours(&entry.name))
                .cloned();
            let next = found.as_ref().filter(|entry| entry.mode.is_directory()).map(|entry| entry.id);
            trail.levels.push((tree, found));
            match next {
                Some(next) => tree = next,
                None => break,
            }
        }
        Ok(trail)
    }

    fn version(
        &self,
        at: SnapshotId,
        old: Option<&TreeEntry>,
        new: Option<&TreeEntry>,
    ) -> Result<Option<Version>, Error> {
        let change = match (old, new) {
            (None, None) => return Ok(None),
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Deleted,
            (Some(old), Some(new)) if (old.mode, old.id) == (new.mode, new.id) => return Ok(None),
            (Some(_), Some(_)) => ChangeKind::Modified,
        };
        let kind = new.map(|new| match new.mode {
            EntryMode::Directory | EntryMode::Foreign => Kind::Directory,
            EntryMode::Symlink => Kind::Symlink,
            EntryMode::File | EntryMode::Executable => Kind::File,
        });
        let file = new.filter(|_| kind != Some(Kind::Directory));
        let size = file.map(|file| self.size(file.id)).transpose()?;
        let id = new.map(|new| EntryId(new.id));
        Ok(Some(Version { snapshot: self.info(&at)?, change, kind, size, id }))
    }
}
