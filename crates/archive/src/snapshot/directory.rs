//! One directory on its way from a listing to a tree.
//!
//! A directory is complete once every file in it has a blob id and every directory in it is complete. Then
//! its tree and its metadata file follow from what it holds, unless the stat cache says that nothing
//! differs: then their ids do, and nothing is built.

use super::owners::Owners;
use super::previous::Previous;
use crate::cache::{CachedFile, Record};
use crate::git_name::{self, NameOf};
use crate::live::Stat;
use crate::metadata::{Line, Metadata, Text};
use crate::tree::{EntryMode, Tree, TreeEntry};
use gix::ObjectId;
use model::{Mode, RelPath, UnixNanos};
use rustix::fs::FileType;
use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

/// A directory that is being visited or waits for something.
pub(super) struct Directory {
    /// Number of the directory above; `None` at the root.
    pub(super) parent: Option<usize>,
    /// Position among the directories of the one above.
    pub(super) slot: usize,
    /// True path below the root; empty at the root.
    pub(super) path: Vec<u8>,
    pub(super) stat: Stat,
    /// Open while something below may still have to be opened; closed early far up in a deep tree.
    pub(super) fd: Option<Arc<OwnedFd>>,
    /// Both sorted by name.
    pub(super) files: Vec<File>,
    pub(super) directories: Vec<Below>,
    /// The next of `directories` to visit.
    pub(super) next: usize,
    /// Files and directories that are not complete, and one for the visit itself.
    pub(super) outstanding: usize,
    /// Place in the order of visits, which is that of the stat cache.
    pub(super) turn: u64,
    /// What the stat cache has.
    pub(super) record: Option<Record>,
    /// What the snapshot before has.
    pub(super) previous: Lookup,
}

/// The same directory in the snapshot before, looked up when it is needed.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    Pending,
    Found(Rc<Previous>),
    Absent,
}

/// A file or symbolic link.
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) stat: Stat,
    pub(super) content: Content,
}

/// What is known of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Waiting,
    Known(ObjectId),
    /// It vanished since it was listed.
    Gone,
    /// It could not be read: what the snapshot before has is kept.
    Kept,
}

/// A directory in a directory.
pub(super) struct Below {
    pub(super) name: Vec<u8>,
    pub(super) state: State,
}

/// How far a directory below is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Complete {
        ids: Ids,
        like_cache: LikeCache,
    },
    /// It vanished since it was listed.
    Gone,
    /// It could not be read: what the snapshot before has is kept.
    Kept,
}

/// Whether a directory is, with all it holds, what the stat cache has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LikeCache {
    Yes,
    No,
}

/// A complete directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ids {
    /// `None` if it holds no file, at any depth: git has no empty directories.
    pub(super) tree: Option<ObjectId>,
    pub(super) metadata: ObjectId,
}

impl Directory {
    pub(super) fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    /// Whether everything in it is what the stat cache has. Its own time does not count: it changes with
    /// every temporary file.
    pub(super) fn is_like_cache(&self) -> bool {
        let Some(record) = &self.record else { return false };
        record.mode == self.stat.mode
            && record.files.len() == self.files.len()
            && record.directories.len() == self.directories.len()
            && record.files.iter().zip(&self.files).all(|(cached, file)| {
                cached.name == file.name
                    && cached.has(&file.stat)
                    && file.content == Content::Known(cached.id)
            })
            && record.directories.iter().zip(&self.directories).all(|(name, below)| {
                *name == below.name
                    && matches!(below.state, State::Complete { like_cache: LikeCache::Yes, .. })
            })
    }

    /// Whether something is kept from the snapshot before.
    pub(super) fn keeps_previous(&self) -> bool {
        self.files.iter().any(|file| file.content == Content::Kept)
            || self.directories.iter().any(|below| below.state == State::Kept)
    }

    /// The tree of its entries.
    pub(super) fn tree(&self, previous: Option<&Previous>) -> Tree {
        let mut entries = Vec::with_capacity(self.files.len() + self.directories.len());
        for file in &self.files {
            match file.content {
                Content::Known(id) => {
                    let name = file.git_name().into_owned();
                    entries.push(TreeEntry { name, mode: file.entry_mode(), id });
                }
                Content::Kept => entries.extend(kept(previous, &file.name)),
                Content::Gone | Content::Waiting => {}
            }
        }
        for below in &self.directories {
            match below.state {
                State::Complete { ids: Ids { tree: Some(id), .. }, .. } => {
                    let name = below.git_name().into_owned();
                    entries.push(TreeEntry { name, mode: EntryMode::Directory, id });
                }
                State::Kept => entries.extend(kept(previous, &below.name)),
                State::Complete { .. } | State::Gone | State::Waiting => {}
            }
        }
        Tree::new(entries)
    }

    /// The directory of the metadata tree, whose own file has the id `file`.
    pub(super) fn metadata_tree(&self, file: ObjectId, previous: Option<&Previous>) -> Tree {
        let name = git_name::METADATA_FILE.to_vec();
        let mut entries = vec![TreeEntry { name, mode: EntryMode::File, id: file }];
        for below in &self.directories {
            let name = below.git_name();
            let id = match below.state {
                State::Complete { ids, .. } => Some(ids.metadata),
                State::Kept => previous.and_then(|previous| previous.metadata.directory(&name)),
                State::Gone | State::Waiting => None,
            };
            entries.extend(id.map(|id| TreeEntry {
                name: name.into_owned(),
                mode: EntryMode::Directory,
                id,
            }));
        }
        Tree::new(entries)
    }

    /// The lines of its metadata file; `previous` has those of what is kept.
    pub(super) fn metadata_lines(&self, owners: &mut Owners, previous: &Metadata) -> Text {
        let mut text = Text::default();
        let escaped_line = |text: &mut Text, below: &Below| {
            let line = Line { git_name: Some(below.git_name().into_owned()), ..Line::default() };
            text.push(&as_text(&below.name), &line);
        };
        let is_escaped =
            |below: &&Below| below.state != State::Gone && matches!(below.git_name(), Cow::Owned(_));
        let mut escaped = self.directories.iter().filter(is_escaped).peekable();
        for file in &self.files {
            while let Some(below) = escaped.next_if(|below| below.name < file.name) {
                escaped_line(&mut text, below);
            }
            let name = as_text(&file.name);
            match file.content {
                Content::Known(_) => text.push(&name, &file.line(owners)),
                Content::Kept => {
                    if let Some(line) = previous.entries.get(&name) {
                        text.push(&name, line);
                    }
                }
                Content::Gone | Content::Waiting => {}
            }
        }
        escaped.for_each(|below| escaped_line(&mut text, below));
        text
    }

    /// Its own line, with the given time.
    pub(super) fn own_line(&self, owners: &mut Owners, mtime: UnixNanos) -> Line {
        Line { mtime: Some(mtime), ..line(&self.stat, owners) }
    }

    /// What the stat cache is to remember; without the files whose content is not known.
    pub(super) fn into_record(self, ids: Ids, metadata_file: ObjectId, mtime: i64) -> Record {
        let cached = |file: File| match file.content {
            Content::Known(id) => Some(CachedFile::new(file.name, &file.stat, id)),
            Content::Gone | Content::Kept | Content::Waiting => None,
        };
        Record {
            path: self.path,
            tree: ids.tree,
            metadata: ids.metadata,
            metadata_file,
            mode: self.stat.mode,
            mtime,
            files: self.files.into_iter().filter_map(cached).collect(),
            directories: self.directories.into_iter().map(|below| below.name).collect(),
        }
    }
}

impl File {
    pub(super) fn git_name(&self) -> Cow<'_, [u8]> {
        let of = if self.stat.file_type() == FileType::Symlink { NameOf::Symlink } else { NameOf::Other };
        git_name::escape(&self.name, of)
    }

    fn entry_mode(&self) -> EntryMode {
        match self.stat.file_type() {
            FileType::Symlink => EntryMode::Symlink,
            _ if self.stat.mode & 0o111 != 0 => EntryMode::Executable,
            _ => EntryMode::File,
        }
    }

    fn line(&self, owners: &mut Owners) -> Line {
        let git_name = match self.git_name() {
            Cow::Owned(name) => Some(name),
            Cow::Borrowed(_) => None,
        };
        Line { git_name, ..line(&self.stat, owners) }
    }
}

impl Below {
    pub(super) fn git_name(&self) -> Cow<'_, [u8]> {
        git_name::escape(&self.name, NameOf::Other)
    }
}

fn line(stat: &Stat, owners: &mut Owners) -> Line {
    Line {
        mode: Some(Mode::from_st_mode(stat.mode)),
        mtime: Some(UnixNanos(stat.mtime)),
        owner: owners.name(stat.uid, stat.gid),
        git_name: None,
    }
}

/// What the snapshot before has under a true name, be it a link or not.
fn kept(previous: Option<&Previous>, name: &[u8]) -> Option<TreeEntry> {
    let tree = &previous?.tree;
    let find = |of| tree.find(&git_name::escape(name, of));
    find(NameOf::Other).or_else(|| find(NameOf::Symlink)).cloned()
}

/// A name as metadata shows it.
fn as_text(name: &[u8]) -> String {
    RelPath::from_os_bytes(name)
        .expect("because a file system lists no empty name and no dots")
        .as_str()
        .to_owned()
}
