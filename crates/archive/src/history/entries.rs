//! Files and directories of a snapshot, as the bucket had them.

use super::History;
use crate::git_name::{self, NameOf};
use crate::metadata::{self, Metadata};
use crate::snapshot::furnishing::{ATTRIBUTES_NAME, HEIRLOOM_NAME, METADATA_NAME};
use crate::tree::{EntryMode, Tree, TreeEntry};
use crate::{Error, SnapshotId, live};
use gix::ObjectId;
use model::{Kind, Mode, RelPath, UnixNanos};
use std::fmt;

/// Identifies the content of a file or directory: equal ids, equal content, in every snapshot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub(super) ObjectId);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryId({})", self.0)
    }
}

/// Something at a path in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, by its true name.
    pub path: RelPath,
    /// What it is. The content of a symbolic link is its target.
    pub kind: Kind,
    /// Bytes of content; 0 for a directory.
    pub size: u64,
    /// When it was modified last, if that was recorded.
    pub mtime: Option<UnixNanos>,
    /// Its permissions, if they were recorded; else what git knows of them.
    pub mode: Option<Mode>,
    /// User and group, `alice:users`, if they were worth recording.
    pub owner: Option<String>,
    /// The content.
    pub id: EntryId,
}

/// A directory's tree and its counterpart in the metadata tree; an empty directory has the latter only.
#[derive(Clone, Copy)]
struct Place {
    tree: Option<ObjectId>,
    metadata: Option<ObjectId>,
    level: Level,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Below,
}

impl History {
    /// What stands at `path` in a snapshot, if anything does.
    pub fn entry(&self, at: &SnapshotId, path: &RelPath) -> Result<Option<Entry>, Error> {
        let Some(place) = self.place(*at, path.parent().as_ref())? else { return Ok(None) };
        let directory = self.directory(place)?;
        let name = file_name(path);
        let metadata_tree = self.tree(place.metadata)?;
        if let Some(entry) = directory.find(&name) {
            let metadata = self.metadata(&metadata_tree)?;
            let below = metadata_tree.directory(&entry.name);
            return self.describe(path.clone(), entry, &metadata, below).map(Some);
        }
        let below = metadata_tree.directory(&git_name::escape(&name, NameOf::Other));
        below.map(|below| self.empty_directory(path.clone(), below)).transpose()
    }

    /// What a directory holds in a snapshot; directories first, then by name. `None` as path is the bucket's
    /// root. `None` as result: there is no such directory.
    pub fn list(&self, at: &SnapshotId, path: Option<&RelPath>) -> Result<Option<Vec<Entry>>, Error> {
        let Some(place) = self.place(*at, path)? else { return Ok(None) };
        let directory = self.directory(place)?;
        let metadata_tree = self.tree(place.metadata)?;
        let metadata = self.metadata(&metadata_tree)?;
        let mut entries = Vec::with_capacity(directory.0.entries().len());
        for entry in directory.0.entries() {
            let Some(path) = true_path(path, &entry.name, &metadata) else { continue };
            entries.push(self.describe(path, entry, &metadata, metadata_tree.directory(&entry.name))?);
        }
        for below in metadata_tree.entries().iter().filter(|entry| entry.mode.is_directory()) {
            if directory.0.directory(&below.name).is_none()
                && let Some(path) = true_path(path, &below.name, &metadata)
            {
                entries.push(self.empty_directory(path, below.id)?);
            }
        }
        entries.sort_by(|one, other| {
            let key = |entry: &Entry| entry.kind != Kind::Directory;
            key(one).cmp(&key(other)).then_with(|| one.path.cmp(&other.path))
        });
        Ok(Some(entries))
    }

    /// The directory at `path`; `None` if there is none.
    fn place(&self, at: SnapshotId, path: Option<&RelPath>) -> Result<Option<Place>, Error> {
        let root = self.root(at)?;
        let heirloom = Tree::read(&self.repo, root)?.directory(HEIRLOOM_NAME);
        let metadata = self.tree(heirloom)?.directory(METADATA_NAME);
        let mut place = Place { tree: Some(root), metadata, level: Level::Root };
        for component in path.iter().flat_map(|path| path.components()) {
            let name = component_bytes(component);
            let name = git_name::escape(&name, NameOf::Other);
            if place.level == Level::Root && is_ours(&name) {
                return Ok(None);
            }
            let tree = self.tree(place.tree)?.directory(&name);
            let metadata = self.tree(place.metadata)?.directory(&name);
            if tree.is_none() && metadata.is_none() {
                return Ok(None);
            }
            place = Place { tree, metadata, level: Level::Below };
        }
        Ok(Some(place))
    }

    fn directory(&self, place: Place) -> Result<Directory, Error> {
        let tree = self.tree(place.tree)?;
        if place.level == Level::Below {
            return Ok(Directory(tree));
        }
        let entries = tree.into_entries().into_iter().filter(|entry| !is_ours(&entry.name)).collect();
        Ok(Directory(Tree::new(entries)))
    }

    fn tree(&self, id: Option<ObjectId>) -> Result<Tree, Error> {
        id.map_or_else(|| Ok(Tree::default()), |id| Tree::read(&self.repo, id))
    }

    /// The metadata file in a directory of the metadata tree.
    fn metadata(&self, metadata_tree: &Tree) -> Result<Metadata, Error> {
        let Some(file) = metadata_tree.find(git_name::METADATA_FILE) else { return Ok(Metadata::default()) };
        let blob =
            self.repo.find_object(file.id).map_err(Error::git(format!("read the metadata {}", file.id)))?;
        Ok(metadata::parse(&blob.data))
    }

    fn describe(
        &self,
        path: RelPath,
        entry: &TreeEntry,
        metadata: &Metadata,
        metadata_below: Option<ObjectId>,
    ) -> Result<Entry, Error> {
        let own;
        let (kind, mode) = match entry.mode {
            EntryMode::Directory | EntryMode::Foreign => (Kind::Directory, 0o755),
            EntryMode::Symlink => (Kind::Symlink, 0o777),
            EntryMode::Executable => (Kind::File, 0o755),
            EntryMode::File => (Kind::File, 0o644),
        };
        let line = if kind == Kind::Directory {
            own = self.metadata(&self.tree(metadata_below)?)?.own;
            Some(&own)
        } else {
            metadata.entries.get(path.file_name())
        };
        let size = if kind == Kind::Directory { 0 } else { self.size(entry.id)? };
        Ok(Entry {
            path,
            kind,
            size,
            mtime: line.and_then(|line| line.mtime),
            mode: line.and_then(|line| line.mode).or(Some(Mode::from_st_mode(mode))),
            owner: line.and_then(|line| line.owner.clone()),
            id: EntryId(entry.id),
        })
    }

    fn empty_directory(&self, path: RelPath, metadata: ObjectId) -> Result<Entry, Error> {
        let own = self.metadata(&self.tree(Some(metadata))?)?.own;
        let id = EntryId(ObjectId::empty_tree(gix::hash::Kind::Sha1));
        Ok(Entry {
            path,
            kind: Kind::Directory,
            size: 0,
            mtime: own.mtime,
            mode: own.mode,
            owner: own.owner,
            id,
        })
    }

    pub(super) fn size(&self, id: ObjectId) -> Result<u64, Error> {
        let header = self.repo.find_header(id).map_err(Error::git(format!("read the object {id}")))?;
        Ok(header.size())
    }
}

/// The entries of a directory, less what Heirloom added at the root.
struct Directory(Tree);

impl Directory {
    /// The entry with a true name: a symbolic link may have another name in git than a file.
    fn find(&self, name: &[u8]) -> Option<&TreeEntry> {
        find_by_true_name(&self.0, name)
    }
}

/// The entry with a true name.
pub(super) fn find_by_true_name<'a>(tree: &'a Tree, name: &[u8]) -> Option<&'a TreeEntry> {
    let find = |of| tree.find(&git_name::escape(name, of));
    find(NameOf::Other).or_else(|| find(NameOf::Symlink))
}

pub(super) fn is_ours(git_name: &[u8]) -> bool {
    git_name == ATTRIBUTES_NAME || git_name == live::RESERVED_AT_ROOT
}

/// A component as a file system spells it.
pub(super) fn component_bytes(component: &str) -> Vec<u8> {
    RelPath::from_key(component).map(|name| name.to_os_bytes()).unwrap_or_default()
}

pub(super) fn file_name(path: &RelPath) -> Vec<u8> {
    component_bytes(path.file_name())
}

/// The true path of an entry, given its name in git: undone by rule, or looked up where the rule cannot.
fn true_path(parent: Option<&RelPath>, git_name: &[u8], metadata: &Metadata) -> Option<RelPath> {
    let recorded = || {
        let line = metadata.entries.iter().find(|(_, line)| line.git_name.as_deref() == Some(git_name));
        line.and_then(|(name, _)| RelPath::from_key(name).ok())
    };
    let name = match git_name::unescape(git_name) {
        name if name != git_name => RelPath::from_os_bytes(&name).ok(),
        _ if git_name::is_shortened(git_name) => recorded().or_else(|| RelPath::from_os_bytes(git_name).ok()),
        _ => RelPath::from_os_bytes(git_name).ok(),
    }?;
    Some(parent.map_or(name.clone(), |parent| parent.join(&name)))
}
