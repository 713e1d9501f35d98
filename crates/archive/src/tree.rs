//! Tree objects as plain data: reading them, comparing them, and writing them in git's order.
//!
//! `gix` offers an editor for trees; it keeps whole paths in memory and looks every tree up again. The
//! snapshot knows each directory's complete content, so a sorted list is all it needs.

use crate::Error;
use gix::ObjectId;
use std::cmp::Ordering;

/// What a tree says an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryMode {
    File,
    Executable,
    Symlink,
    Directory,
    /// A submodule or something newer than this program; never written by it.
    Foreign,
}

impl EntryMode {
    fn as_octal(self) -> &'static [u8] {
        match self {
            Self::File => b"100644",
            Self::Executable => b"100755",
            Self::Symlink => b"120000",
            Self::Directory => b"40000",
            Self::Foreign => b"160000",
        }
    }

    fn from_octal(text: &[u8]) -> Self {
        match text {
            b"100755" => Self::Executable,
            b"120000" => Self::Symlink,
            b"40000" | b"040000" => Self::Directory,
            b"160000" => Self::Foreign,
            _ => Self::File,
        }
    }

    pub(crate) fn is_directory(self) -> bool {
        self == Self::Directory
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// The name as git has it.
    pub(crate) name: Vec<u8>,
    pub(crate) mode: EntryMode,
    pub(crate) id: ObjectId,
}

/// A directory's entries, sorted by name (git's own order differs: see [`encode`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(Vec<TreeEntry>);

impl Tree {
    pub(crate) fn new(mut entries: Vec<TreeEntry>) -> Self {
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Self(entries)
    }

    pub(crate) fn entries(&self) -> &[TreeEntry] {
        &self.0
    }

    pub(crate) fn into_entries(self) -> Vec<TreeEntry> {
        self.0
    }

    pub(crate) fn find(&self, name: &[u8]) -> Option<&TreeEntry> {
        let at = self.0.binary_search_by(|entry| entry.name.as_slice().cmp(name)).ok()?;
        self.0.get(at)
    }

    /// The id of the directory called `name`.
    pub(crate) fn directory(&self, name: &[u8]) -> Option<ObjectId> {
        self.find(name).filter(|entry| entry.mode.is_directory()).map(|entry| entry.id)
    }

    /// The object's content. git sorts a directory as if its name ended in `/`.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut order: Vec<&TreeEntry> = self.0.iter().collect();
        order.sort_unstable_by(|one, other| git_order(one, other));
        let mut bytes = Vec::with_capacity(order.iter().map(|entry| entry.name.len() + 28).sum());
        for entry in order {
            bytes.extend_from_slice(entry.mode.as_octal());
            bytes.push(b' ');
            bytes.extend_from_slice(&entry.name);
            bytes.push(0);
            bytes.extend_from_slice(entry.id.as_slice());
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut entries = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = rest.iter().position(|&byte| byte == b' ')?;
            let nul = space + rest[space..].iter().position(|&byte| byte == 0)?;
            let id = rest.get(nul + 1..nul + 21)?;
            entries.push(TreeEntry {
                name: rest[space + 1..nul].to_vec(),
                mode: EntryMode::from_octal(&rest[..space]),
                id: ObjectId::from_bytes_or_panic(id),
            });
            rest = &rest[nul + 21..];
        }
        Some(Self::new(entries))
    }

    /// Reads a tree from the archive.
    pub(crate) fn read(repo: &gix::Repository, id: ObjectId) -> Result<Self, Error> {
        let object = repo.find_object(id).map_err(Error::git(format!("read the directory {id}")))?;
        Self::decode(&object.data)
            .filter(|_| object.kind == gix::objs::Kind::Tree)
            .ok_or_else(|| Error::git(format!("read the directory {id}"))("it is not a well-formed tree"))
    }
}

fn git_order(one: &TreeEntry, other: &TreeEntry) -> Ordering {
    let end = |entry: &TreeEntry| if entry.mode.is_directory() { b'/' } else { 0 };
    let common = one.name.len().min(other.name.len());
    one.name[..common].cmp(&other.name[..common]).then_with(|| {
        let next = |entry: &TreeEntry| entry.name.get(common).copied().unwrap_or_else(|| end(entry));
        next(one).cmp(&next(other))
    })
}

/// Walks two directories together: every name once, with what stands there on each side.
pub(crate) fn pairs<'a>(
    old: &'a Tree,
    new: &'a Tree,
) -> impl Iterator<Item = (Option<&'a TreeEntry>, Option<&'a TreeEntry>)> {
    let (mut old, mut new) = (old.0.iter().peekable(), new.0.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.name.cmp(&other.name),
        };
        Some(match order {
            Ordering::Less => (old.next(), None),
            Ordering::Greater => (None, new.next()),
            Ordering::Equal => (old.next(), new.next()),
        })
    })
}

#[cfg(test)]
mod tests;
