//! A directory as the snapshot before has it: to count what changed, and to keep what cannot be read now.

use crate::metadata::{self, Metadata};
use crate::tree::{Tree, TreeEntry};
use crate::{Error, git_name};
use gix::ObjectId;

use super::furnishing::{ATTRIBUTES_NAME, HEIRLOOM_NAME, METADATA_NAME};

/// A directory's entries and its counterpart in the metadata tree.
#[derive(Debug, Default)]
pub(super) struct Previous {
    pub(super) tree: Tree,
    pub(super) metadata: Tree,
}

impl Previous {
    /// The bucket's root.
    pub(super) fn root(repo: &gix::Repository, commit_tree: ObjectId) -> Result<Self, Error> {
        let tree = Tree::read(repo, commit_tree)?;
        let metadata = match tree.directory(HEIRLOOM_NAME) {
            Some(heirloom) => read(repo, Tree::read(repo, heirloom)?.directory(METADATA_NAME))?,
            None => Tree::default(),
        };
        let is_ours = |entry: &TreeEntry| entry.name == ATTRIBUTES_NAME || entry.name == HEIRLOOM_NAME;
        let entries = tree.entries().iter().filter(|entry| !is_ours(entry)).cloned().collect();
        Ok(Self { tree: Tree::new(entries), metadata })
    }

    /// The directory below with this name in git; `None` if the snapshot had none.
    pub(super) fn below(&self, repo: &gix::Repository, git_name: &[u8]) -> Result<Option<Self>, Error> {
        let (tree, metadata) = (self.tree.directory(git_name), self.metadata.directory(git_name));
        if tree.is_none() && metadata.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { tree: read(repo, tree)?, metadata: read(repo, metadata)? }))
    }

    /// The id of the directory's own metadata file.
    pub(super) fn metadata_file(&self) -> Option<ObjectId> {
        self.metadata.find(git_name::METADATA_FILE).map(|entry| entry.id)
    }

    /// What the directory's own metadata file says.
    pub(super) fn lines(&self, repo: &gix::Repository) -> Result<Metadata, Error> {
        let Some(id) = self.metadata_file() else { return Ok(Metadata::default()) };
        let blob = repo.find_object(id).map_err(Error::git(format!("read the metadata {id}")))?;
        Ok(metadata::parse(&blob.data))
    }
}

fn read(repo: &gix::Repository, id: Option<ObjectId>) -> Result<Tree, Error> {
    id.map_or_else(|| Ok(Tree::default()), |id| Tree::read(repo, id))
}

/// How many files a directory of the snapshot before holds, at any depth.
pub(super) fn count_files(repo: &gix::Repository, tree: ObjectId) -> Result<u64, Error> {
    let mut count = 0;
    let mut waiting = vec![tree];
    while let Some(id) = waiting.pop() {
        for entry in Tree::read(repo, id)?.entries() {
            if entry.mode.is_directory() {
                waiting.push(entry.id);
            } else {
                count += 1;
            }
        }
    }
    Ok(count)
}
