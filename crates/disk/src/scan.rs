//! What stands below a root, in the order in which a bucket lists the same keys.
//!
//! One directory per level is held in memory, sorted; a file costs one `statx` and is never opened.
//! What is on another file system below the root is scanned like the rest (as `rsync` does). Rejected:
//! several threads, because a warm scan is bound by the sorting caller and a cold one by the disk's seeks.
//!
//! What is left out is a [`Filter`]'s word, which may depend on files that lie in the directories themselves.
//!
//! What a person gave a name that is ours is told, as sockets are: nothing of the kind could be kept in a bucket.
//!
//! A directory appears as an entry of its own only if it says something that its content does not: because
//! it is empty, or because its permissions are unusual.

use crate::beneath;
use crate::entry::{Status, kind_of};
use crate::listing::Listing;
use crate::temporary::{PREFIX, is_temporary};
use crate::{Error, Extent, Found, Problem, Reason, Root, Special};
use model::{Kind, ObjectKey, RelPath};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::FileType;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::io::Read as _;

/// The name at the very top that is Heirloom's own, here as in a bucket.
const RESERVED_AT_TOP: &[u8] = b".heirloom";

/// Bytes of a wanted file that are read at most.
const HEAD_MAX: u64 = 1 << 20;

/// Says what a scan leaves out.
pub trait Filter {
    /// Whether a file of this name says something about the directory it lies in.
    fn wants(&self, name: &[u8]) -> bool {
        let _ = name;
        false
    }

    /// A directory (`None`: the root) that holds wanted names was listed; `read` gives the first bytes of one, if it can be read.
    /// Comes before anything in it is asked about, and says whether the directory is left out after all. What is the matter with what was
    /// read is handed out with the directory's entries.
    fn enter(
        &mut self,
        directory: Option<&RelPath>,
        read: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Enter {
        let _ = (directory, read);
        Enter::Go
    }

    /// Whether a path is left out, a directory with all it holds. Asked about sockets, pipes and devices as if they were files.
    fn ignores(&self, path: &RelPath, kind: Kind) -> bool;
}

/// Whether a directory is gone into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// It is.
    Go,
    /// It is left out.
    LeaveOut,
}

impl<F: Fn(&RelPath, Kind) -> bool> Filter for F {
    fn ignores(&self, path: &RelPath, kind: Kind) -> bool {
        self(path, kind)
    }
}

/// Entries below a root in the order of their [`ObjectKey`]s; made by [`Root::scan`].
pub struct Scan<F> {
    filter: F,
    listing: Listing,
    /// From the top down to the directory at hand.
    levels: Vec<Level>,
}

struct Level {
    directory: OwnedFd,
    entries: std::vec::IntoIter<Listed>,
}

struct Listed {
    key: ObjectKey,
    name: CString,
    kind: Result<Kind, Special>,
}

impl Root {
    /// Begins to scan.
    ///
    /// An error means that the root itself cannot be read; everything below is reported as a [`Problem`].
    pub fn scan<F: Filter>(&self, filter: F) -> Result<Scan<F>, Error> {
        let mut scan = Scan { filter, listing: Listing::new(), levels: Vec::new() };
        let entries = beneath::open(self.as_fd(), b".", beneath::LISTING)
            .and_then(|directory| Ok((scan.list(&directory, None)?.unwrap_or_default(), directory)));
        let (entries, directory) = entries.map_err(|errno| match errno {
            Errno::NOENT => Error::Missing { path: self.path().to_owned() },
            errno => self.failed_at_top("listing", errno),
        })?;
        scan.levels.push(Level { directory, entries: entries.into_iter() });
        Ok(scan)
    }
}

impl<F: Filter> Iterator for Scan<F> {
    type Item = Result<Found, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let level = self.levels.last_mut()?;
            let Some(listed) = level.entries.next() else {
                self.levels.pop();
                continue;
            };
            let outcome = match listed.kind {
                Ok(Kind::Directory) => self.enter(listed),
                Ok(Kind::File | Kind::Symlink) => look(&level.directory, listed),
                Err(special) => Some(Err(problem(&listed.key, Reason::Unsupported(special)))),
            };
            if outcome.is_some() {
                return outcome;
            }
        }
    }
}

impl<F: Filter> Scan<F> {
    /// Goes down into a directory; yields it if it is an entry of its own.
    fn enter(&mut self, listed: Listed) -> Option<Result<Found, Problem>> {
        let above = self.levels.last().expect("because the directory was listed by it");
        let path = listed.key.path();
        let opened = beneath::walk(above.directory.as_fd(), listed.name.to_bytes(), beneath::LISTING)
            .and_then(|directory| Ok((Status::of_open(&directory)?, directory)))
            .and_then(|(status, directory)| Ok((self.list(&directory, Some(&path))?, status, directory)));
        let (entries, status, directory) = match opened {
            Ok((Some(entries), status, directory)) => (entries, status, directory),
            Ok((None, ..)) | Err(Errno::NOENT) => return None,
            Err(errno) => return Some(Err(problem(&listed.key, Reason::Unreadable(errno.into())))),
        };
        let is_entry = entries.is_empty() || !status.mode().is_usual_for_directory();
        self.levels.push(Level { directory, entries: entries.into_iter() });
        is_entry.then(|| Ok(status.found_at(listed.key, Kind::Directory)))
    }

    /// Everything in a directory that is not left out, sorted; `None`: it is left out itself. Half a listing is none: what it lacks
    /// would look deleted.
    fn list(&mut self, directory: &OwnedFd, path: Option<&RelPath>) -> Result<Option<Vec<Listed>>, Errno> {
        let mut entries = Vec::new();
        let mut wanted = false;
        let filter = &self.filter;
        self.listing.read(directory, |name, file_type| {
            let bytes = name.to_bytes();
            if is_temporary(bytes) {
                return Ok(());
            }
            let Some(kind) = kind_in(directory, name, file_type)? else { return Ok(()) };
            let is_reserved =
                bytes.starts_with(PREFIX.as_bytes()) || (path.is_none() && bytes == RESERVED_AT_TOP);
            wanted = wanted || (matches!(kind, Ok(Kind::File)) && filter.wants(bytes));
            let path = child(path, bytes);
            let key = match kind {
                Ok(Kind::Directory) => ObjectKey::directory(&path),
                Ok(Kind::File | Kind::Symlink) | Err(_) => ObjectKey::file(&path),
            };
            let kind = if is_reserved { Err(Special::Reserved) } else { kind };
            entries.push(Listed { key, name: name.to_owned(), kind });
            Ok(())
        })?;
        if wanted {
            let mut read = |name: &[u8]| head_of(directory, name);
            if self.filter.enter(path, &mut read) == Enter::LeaveOut {
                return Ok(None);
            }
        }
        let filter = &self.filter;
        entries.retain(|listed| !filter.ignores(&listed.key.path(), listed.kind.unwrap_or(Kind::File)));
        entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(Some(entries))
    }
}

/// The first bytes of a small file.
fn head_of(directory: &OwnedFd, name: &[u8]) -> Option<Vec<u8>> {
    let fd = beneath::walk(directory.as_fd(), name, beneath::READING).ok()?;
    let mut head = Vec::new();
    std::fs::File::from(fd).take(HEAD_MAX).read_to_end(&mut head).ok()?;
    Some(head)
}

/// What sort of thing a name is, by the listing alone where it says so; `None` if it is gone.
fn kind_in(
    directory: &OwnedFd,
    name: &CStr,
    file_type: FileType,
) -> Result<Option<Result<Kind, Special>>, Errno> {
    match kind_of(file_type) {
        Some(kind) => Ok(Some(kind)),
        None => Ok(Status::of_any(directory, name)?.map(|status| status.kind())),
    }
}

fn look(directory: &OwnedFd, listed: Listed) -> Option<Result<Found, Problem>> {
    let status = match Status::of_any(directory, &listed.name) {
        Ok(status) => status?,
        Err(errno) => return Some(Err(problem(&listed.key, Reason::Unreadable(errno.into())))),
    };
    match status.kind() {
        Ok(kind @ (Kind::File | Kind::Symlink)) => Some(Ok(status.found_at(listed.key, kind))),
        // It was replaced since it was listed, and another sort belongs elsewhere in the order.
        Ok(Kind::Directory) => {
            let problem = Problem { extent: Extent::Subtree, ..problem(&listed.key, unsettled()) };
            Some(Err(problem))
        }
        Err(special) => Some(Err(problem(&listed.key, Reason::Unsupported(special)))),
    }
}

fn unsettled() -> Reason {
    Reason::Unreadable(Errno::AGAIN.into())
}

fn problem(key: &ObjectKey, reason: Reason) -> Problem {
    let extent = if key.is_directory() { Extent::Subtree } else { Extent::Entry };
    Problem { path: key.path(), extent, reason }
}

fn child(directory: Option<&RelPath>, name: &[u8]) -> RelPath {
    match directory {
        Some(directory) => directory.child(name),
        None => RelPath::from_os_bytes(name),
    }
    .expect("because a directory lists no name with a slash or NUL")
}

#[cfg(test)]
mod tests;
