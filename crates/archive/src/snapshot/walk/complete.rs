//! Completing directories: tree, metadata, counts and the cache's record, from the leaves up.

use super::super::directory::{Below, Ids, LikeCache, Lookup, State};
use super::super::furnishing::{
    ATTRIBUTES, ATTRIBUTES_NAME, HEIRLOOM_NAME, METADATA_NAME, README, README_NAME,
};
use super::super::previous::{Previous, count_files};
use super::{Walk, worker};
use crate::Error;
use crate::metadata::{Line, Metadata};
use crate::tree::{EntryMode, Tree, TreeEntry, pairs};
use gix::ObjectId;
use gix::objs::Kind;
use model::UnixNanos;
use std::collections::BTreeSet;
use std::rc::Rc;

impl Walk<'_> {
    /// Completes a directory for which nothing is outstanding, and those above that waited for it.
    pub(super) fn complete(&mut self, number: usize) -> Result<(), Error> {
        let mut number = number;
        loop {
            let directory = self.directory(number);
            let above = directory.parent.map(|parent| (parent, directory.slot));
            let (ids, like_cache) = self.ids(number)?;
            self.directories[number] = None;
            self.free.push(number);
            let Some((above, slot)) = above else {
                return Ok(());
            };
            let parent = self.directory(above);
            parent.directories[slot].state = State::Complete { ids, like_cache };
            parent.outstanding -= 1;
            if parent.outstanding > 0 {
                return Ok(());
            }
            number = above;
        }
    }

    fn ids(&mut self, number: usize) -> Result<(Ids, LikeCache), Error> {
        let directory = self.directory(number);
        let is_root = directory.is_root();
        let turn = directory.turn;
        if !is_root && directory.is_like_cache() {
            let record = directory.record.take().expect("because it was compared with the record");
            let ids = Ids { tree: record.tree, metadata: record.metadata };
            self.cache.put(turn, &record)?;
            return Ok((ids, LikeCache::Yes));
        }
        let previous = self.previous(number)?;
        let tree = self.directory(number).tree(previous.as_deref());
        self.count(number, previous.as_deref(), &tree)?;
        let (metadata_file, mtime) = self.metadata_file(number, previous.as_deref())?;
        let metadata = self.directory(number).metadata_tree(metadata_file, previous.as_deref()).encode();
        let metadata = self.put(Kind::Tree, metadata)?;
        let tree_id = if is_root {
            self.root_tree = Some(self.put_root(tree, metadata)?);
            None
        } else if tree.entries().is_empty() {
            None
        } else {
            Some(self.put(Kind::Tree, tree.encode())?)
        };
        let ids = Ids { tree: tree_id, metadata };
        let directory = self.directories[number].take().expect("because it is just being completed");
        let record = directory.into_record(ids, metadata_file, mtime);
        self.cache.put(turn, &record)?;
        Ok((ids, LikeCache::No))
    }

    /// Writes the directory's metadata file. Its own time is taken over only if something else in the file
    /// changed: a snapshot because a temporary file came and went would be noise.
    fn metadata_file(
        &mut self,
        number: usize,
        previous: Option<&Previous>,
    ) -> Result<(ObjectId, i64), Error> {
        let repo = self.task.repo;
        let directory = self.directories[number].as_ref().expect("because it is just being completed");
        let known = match (&directory.record, previous) {
            (Some(record), _) if !directory.keeps_previous() => {
                Some((record.metadata_file, record.mtime, Metadata::default()))
            }
            (_, Some(previous)) => {
                let lines = previous.lines(repo)?;
                previous.metadata_file().map(|file| {
                    let mtime = lines.own.mtime.map_or(directory.stat.mtime, |mtime| mtime.0);
                    (file, mtime, lines)
                })
            }
            _ => None,
        };
        let (before, lines) = match known {
            Some((file, mtime, lines)) => (Some((file, mtime)), lines),
            None => (None, Metadata::default()),
        };
        let text = directory.metadata_lines(&mut self.owners, &lines);
        let mut own = |mtime: i64| -> Line { directory.own_line(&mut self.owners, UnixNanos(mtime)) };
        if let Some((file, mtime)) = before
            && worker::identify(Kind::Blob, &text.file(&own(mtime)))? == file
        {
            return Ok((file, mtime));
        }
        let mtime = directory.stat.mtime;
        let content = text.file(&own(mtime));
        Ok((self.put(Kind::Blob, content)?, mtime))
    }

    /// The snapshot's own root: the bucket's, and what Heirloom adds.
    fn put_root(&self, tree: Tree, metadata: ObjectId) -> Result<ObjectId, Error> {
        let blob = |content: &str| self.put(Kind::Blob, content.as_bytes().to_vec());
        let entry = |name: &[u8], mode, id| TreeEntry { name: name.to_vec(), mode, id };
        let heirloom = Tree::new(vec![
            entry(README_NAME, EntryMode::File, blob(README)?),
            entry(METADATA_NAME, EntryMode::Directory, metadata),
        ]);
        let heirloom = self.put(Kind::Tree, heirloom.encode())?;
        let mut entries = tree.into_entries();
        entries.push(entry(ATTRIBUTES_NAME, EntryMode::File, blob(ATTRIBUTES)?));
        entries.push(entry(HEIRLOOM_NAME, EntryMode::Directory, heirloom));
        self.put(Kind::Tree, Tree::new(entries).encode())
    }

    /// The directory as the snapshot before has it, looked up from the nearest one above that was.
    fn previous(&mut self, number: usize) -> Result<Option<Rc<Previous>>, Error> {
        let Some(commit_tree) = self.task.parent else { return Ok(None) };
        let repo = self.task.repo;
        let mut below = Vec::new();
        let mut at = number;
        let mut found = loop {
            let directory = self.directory(at);
            match (&directory.previous, directory.parent) {
                (Lookup::Found(previous), _) => break Some(Rc::clone(previous)),
                (Lookup::Absent, _) => break None,
                (Lookup::Pending, Some(parent)) => {
                    below.push((at, parent, directory.slot));
                    at = parent;
                }
                (Lookup::Pending, None) => {
                    let root = Rc::new(Previous::root(repo, commit_tree)?);
                    self.directory(at).previous = Lookup::Found(Rc::clone(&root));
                    break Some(root);
                }
            }
        };
        while let Some((at, parent, slot)) = below.pop() {
            let name = self.directory(parent).directories[slot].git_name().into_owned();
            found = match found {
                Some(above) => above.below(repo, &name)?.map(Rc::new),
                None => None,
            };
            self.directory(at).previous = found.clone().map_or(Lookup::Absent, Lookup::Found);
        }
        Ok(found)
    }

    /// Counts what changed in this directory; each directory below counts for itself.
    fn count(&mut self, number: usize, previous: Option<&Previous>, tree: &Tree) -> Result<(), Error> {
        let directory = self.directories[number].as_ref().expect("because it is just being completed");
        let nothing = Tree::default();
        let before = previous.map_or(&nothing, |previous| &previous.tree);
        if before == tree {
            return Ok(());
        }
        let counted_below: BTreeSet<_> = directory
            .directories
            .iter()
            .filter(|below| matches!(below.state, State::Complete { .. }))
            .map(Below::git_name)
            .collect();
        let counts = &mut self.out.counts;
        for (old, new) in pairs(before, tree) {
            let old_file = old.filter(|old| !old.mode.is_directory());
            let new_file = new.filter(|new| !new.mode.is_directory());
            match (old_file, new_file) {
                (Some(old), Some(new)) => counts.modified += u64::from(old != new),
                (Some(_), None) => counts.deleted += 1,
                (None, Some(_)) => counts.added += 1,
                (None, None) => {}
            }
            if let Some(old) = old.filter(|old| old.mode.is_directory())
                && new.is_none_or(|new| !new.mode.is_directory())
                && !counted_below.contains(old.name.as_slice())
            {
                counts.deleted += count_files(self.task.repo, old.id)?;
            }
        }
        Ok(())
    }
}
