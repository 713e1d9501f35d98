//! A file tree in memory: names, contents, times, permissions and inode numbers as a file system has them.
//!
//! Here are the things that anyone can do to a tree, person or program; what the engine is promised on top (expectations) is in `folder`.
//! Inode numbers are given away again as soon as they are free, and a directory's new name changes nothing about what it holds: both
//! are what real file systems do and what a careless witness falls for.

use bytes::Bytes;
use disk::Identity;
use model::{ContentId, Kind, Meta, Mode, Node, Owner, Stamp, UnixNanos};
use std::collections::BTreeMap;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) bytes: Bytes,
    pub(crate) content: ContentId,
    pub(crate) mtime: i64,
    pub(crate) mode: u32,
    ctime: i64,
    inode: u64,
}

/// The name of a large file in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun(u64);

/// A large file in the making.
#[derive(Clone, Debug)]
struct Beginning {
    name: Begun,
    path: String,
    token: String,
    /// Where it lies: beside its target, or at the top.
    directory: String,
    bytes: Vec<u8>,
    /// Whether somebody works on it.
    is_held: bool,
}

/// Why something cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// A file stands where a directory would have to be.
    NotADirectory,
}

pub(crate) const USUAL_DIRECTORY: u32 = 0o755;

/// A directory and everything below it; paths have no slash at either end, and the directory itself is "".
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) identity: Identity,
    entries: BTreeMap<String, Entry>,
    /// How many temporaries a crash left in a directory.
    litter: BTreeMap<String, u32>,
    begun: Vec<Beginning>,
    names: u64,
    free: Vec<u64>,
    next_inode: u64,
}

pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The directories above a path, innermost first, the top not among them.
pub(crate) fn above(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(parent(path)), |path| Some(parent(path))).take_while(|path| !path.is_empty())
}

impl Tree {
    pub(crate) fn new(identity: Identity) -> Self {
        let (entries, litter, begun) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        Self { identity, entries, litter, begun, names: 0, free: Vec::new(), next_inode: identity.inode + 1 }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    pub(crate) fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.get(path).is_some_and(|entry| entry.kind == Kind::Directory)
    }

    /// Everything, in the order of the paths.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Files and symlinks.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries().filter(|(_, entry)| entry.kind != Kind::Directory)
    }

    /// Everything below a directory.
    pub(crate) fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let start = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let end = if directory.is_empty() { None } else { Some(start.clone()) };
        let range = self.entries.range(start..);
        range
            .take_while(move |(path, _)| end.as_ref().is_none_or(|end| path.starts_with(end.as_str())))
            .map(|(path, entry)| (path.as_str(), entry))
    }

    /// What a listing of a directory shows.
    pub(crate) fn list(&self, directory: &str) -> Vec<(String, Kind)> {
        self.below(directory)
            .filter(|(path, _)| parent(path) == directory)
            .map(|(path, entry)| (path.to_owned(), entry.kind))
            .collect()
    }

    pub(crate) fn holds_nothing(&self, directory: &str) -> bool {
        self.below(directory).next().is_none()
    }

    /// Whether the system would remove a directory.
    pub(crate) fn is_removable(&self, directory: &str) -> bool {
        let holds_temporaries = self.litter.contains_key(directory)
            || self.begun.iter().any(|beginning| beginning.directory == directory);
        self.holds_nothing(directory) && !holds_temporaries
    }

    fn inode(&mut self) -> u64 {
        self.free.pop().unwrap_or_else(|| {
            self.next_inode += 1;
            self.next_inode - 1
        })
    }

    fn insert(&mut self, path: &str, entry: Entry) {
        if let Some(replaced) = self.entries.insert(path.to_owned(), entry) {
            self.free.push(replaced.inode);
        }
    }

    /// Makes the directories above a path; those that were missing, outermost first.
    pub(crate) fn make_parents(&mut self, path: &str, now: i64) -> Result<Vec<String>, Obstacle> {
        let missing: Vec<String> =
            above(path).take_while(|above| self.get(above).is_none()).map(str::to_owned).collect();
        let end = missing.last().map_or(path, String::as_str);
        if !self.is_directory(parent(end)) {
            return Err(Obstacle::NotADirectory);
        }
        for directory in missing.iter().rev() {
            self.make_directory(directory, now)?;
        }
        Ok(missing.into_iter().rev().collect())
    }

    /// Makes one directory where nothing stands.
    pub(crate) fn make_directory(&mut self, path: &str, now: i64) -> Result<(), Obstacle> {
        self.make_parents(path, now)?;
        let inode = self.inode();
        let (bytes, content) = (Bytes::new(), ContentId::EMPTY);
        let mode = USUAL_DIRECTORY;
        self.insert(
            path,
            Entry { kind: Kind::Directory, bytes, content, mtime: now, mode, ctime: now, inode },
        );
        Ok(())
    }

    /// Puts a new file or symlink under a name, instead of another if need be.
    pub(crate) fn place(
        &mut self,
        path: &str,
        kind: Kind,
        bytes: &Bytes,
        mode: u32,
        now: i64,
    ) -> Result<(), Obstacle> {
        self.make_parents(path, now)?;
        let inode = self.inode();
        let (bytes, content) = (bytes.clone(), disk::digest_of(bytes));
        self.insert(path, Entry { kind, bytes, content, mtime: now, mode, ctime: now, inode });
        Ok(())
    }

    /// Writes into a file that is there.
    pub(crate) fn overwrite(&mut self, path: &str, bytes: &Bytes, now: i64) {
        let entry = self.entries.get_mut(path).expect("it was looked up");
        (entry.bytes, entry.content) = (bytes.clone(), disk::digest_of(bytes));
        (entry.mtime, entry.ctime) = (now, now);
    }

    pub(crate) fn touch(&mut self, path: &str, mtime: i64, now: i64) {
        let entry = self.entries.get_mut(path).expect("it was looked up");
        (entry.mtime, entry.ctime) = (mtime, now);
    }

    pub(crate) fn chmod(&mut self, path: &str, mode: u32, now: i64) {
        let entry = self.entries.get_mut(path).expect("it was looked up");
        (entry.mode, entry.ctime) = (mode, now);
    }

    /// Removes a path and everything below it.
    pub(crate) fn remove(&mut self, path: &str) {
        let below: Vec<String> = self.below(path).map(|(path, _)| path.to_owned()).collect();
        self.litter.retain(|directory, _| directory != path && !below.contains(directory));
        self.begun.retain(|begun| begun.directory != path && !below.contains(&begun.directory));
        for path in below.iter().map(String::as_str).chain([path]) {
            if let Some(entry) = self.entries.remove(path) {
                self.free.push(entry.inode);
            }
        }
    }

    /// Takes everything below a directory out of sight, and shows this instead. What large files were in the making there is gone.
    pub(crate) fn exchange_below(
        &mut self,
        directory: &str,
        shown: Vec<(String, Entry)>,
    ) -> Vec<(String, Entry)> {
        let below: Vec<String> = self.below(directory).map(|(path, _)| path.to_owned()).collect();
        let is_below = |path: &String| path == directory || below.contains(path);
        self.litter.retain(|path, _| !is_below(path));
        self.begun.retain(|begun| !is_below(&begun.directory));
        let seen = below.into_iter().filter_map(|path| self.entries.remove_entry(&path)).collect();
        self.entries.extend(shown);
        seen
    }

    /// Gives a path, and everything below it, another name under which nothing stands.
    pub(crate) fn rename(&mut self, from: &str, to: &str, now: i64) -> Result<(), Obstacle> {
        self.make_parents(to, now)?;
        let below: Vec<String> = self.below(from).map(|(path, _)| path.to_owned()).collect();
        for path in &below {
            let entry = self.entries.remove(path).expect("it was listed");
            self.entries.insert(format!("{to}{}", &path[from.len()..]), entry);
        }
        let mut entry = self.entries.remove(from).expect("it was looked up");
        entry.ctime = now;
        self.entries.insert(to.to_owned(), entry);
        let litter = std::mem::take(&mut self.litter);
        let renamed = |directory: String| match directory.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{to}{rest}"),
            _ => directory,
        };
        self.litter = litter.into_iter().map(|(directory, count)| (renamed(directory), count)).collect();
        for beginning in &mut self.begun {
            beginning.directory = renamed(std::mem::take(&mut beginning.directory));
        }
        Ok(())
    }

    /// Leaves a temporary behind.
    pub(crate) fn litter(&mut self, directory: &str) {
        *self.litter.entry(directory.to_owned()).or_default() += 1;
    }

    /// Clears the temporaries of one directory, or of all.
    pub(crate) fn sweep(&mut self, directory: Option<&str>) {
        if let Some(directory) = directory {
            self.litter.remove(directory);
            self.begun.retain(|beginning| beginning.is_held || beginning.directory != directory);
        } else {
            // What can be gone on with is left for a week.
            self.litter.clear();
            self.begun.iter_mut().for_each(|beginning| beginning.is_held = false);
        }
    }

    /// Goes on with what was begun for a path under a token, or begins it.
    pub(crate) fn begin(&mut self, path: &str, token: &str) -> Result<Begun, Obstacle> {
        if above(path).any(|above| self.get(above).is_some() && !self.is_directory(above)) {
            return Err(Obstacle::NotADirectory);
        }
        let beside = if self.is_directory(parent(path)) { parent(path) } else { "" };
        let may_be_found = |beginning: &Beginning| {
            beginning.path == path && (beginning.directory == parent(path) || beginning.directory.is_empty())
        };
        let fits =
            |beginning: &Beginning| may_be_found(beginning) && beginning.token == token && !beginning.is_held;
        if let Some(found) = self.begun.iter_mut().find(|beginning| fits(beginning)) {
            found.is_held = true;
            return Ok(found.name);
        }
        self.begun.retain(|beginning| beginning.is_held || !may_be_found(beginning));
        self.names += 1;
        let name = Begun(self.names);
        self.begun.push(Beginning {
            name,
            path: path.to_owned(),
            token: token.to_owned(),
            directory: beside.to_owned(),
            bytes: Vec::new(),
            is_held: true,
        });
        Ok(name)
    }

    /// What was written of it; `None`, if a person removed it together with its directory.
    pub(crate) fn begun(&self, name: Begun) -> Option<Bytes> {
        let found = self.begun.iter().find(|beginning| beginning.name == name);
        found.map(|beginning| Bytes::copy_from_slice(&beginning.bytes))
    }

    pub(crate) fn go_on(&mut self, name: Begun, bytes: &[u8]) {
        if let Some(beginning) = self.begun.iter_mut().find(|beginning| beginning.name == name) {
            beginning.bytes.extend_from_slice(bytes);
        }
    }

    /// Nobody works on it any more.
    pub(crate) fn let_go(&mut self, name: Begun) {
        if let Some(beginning) = self.begun.iter_mut().find(|beginning| beginning.name == name) {
            beginning.is_held = false;
        }
    }

    pub(crate) fn end(&mut self, name: Begun) {
        self.begun.retain(|beginning| beginning.name != name);
    }
}

impl Entry {
    /// A directory, of no particular place.
    pub(crate) fn directory() -> Self {
        let (bytes, content, mode) = (Bytes::new(), ContentId::EMPTY, USUAL_DIRECTORY);
        Self { kind: Kind::Directory, bytes, content, mtime: 0, mode, ctime: 0, inode: 0 }
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    pub(crate) fn stamp(&self) -> Stamp {
        let (mtime, ctime) = (UnixNanos(self.mtime), UnixNanos(self.ctime));
        Stamp { size: self.size(), mtime, ctime, inode: self.inode }
    }

    pub(crate) fn node(&self) -> Node {
        Node { kind: self.kind, content: self.content, size: self.size(), meta: self.meta() }
    }

    pub(crate) fn meta(&self) -> Meta {
        Meta {
            mtime: Some(UnixNanos(self.mtime)),
            mode: Some(Mode::from_st_mode(self.mode)),
            owner: Some(Owner { uid: 1000, gid: 1000 }),
            ..Meta::default()
        }
    }
}
