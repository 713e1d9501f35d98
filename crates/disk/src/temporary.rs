//! The hidden files that stand beside a target for a while, and how to tell whose they are.
//!
//! A temporary's name alone says what a crash left behind, so that no list of them must be kept:
//!
//! - `.heirloom-tmp-<id>`: ours, in the making. Whoever makes a file holds an `flock` on it; a symlink
//!   cannot be locked, so its maker starts again should a sweep take it. On a file system without locks
//!   nobody can tell, and such files stay.
//! - `.heirloom-tmp-<id>-<own>-<inode>-<size>-<mtime>` (hexadecimal): about to change places with the
//!   file of that inode, size and time, or to let go of it. `own` is the inode of what we made (0: nothing).
//!   What stands under this name after a crash is one of three: what we made, what was to be
//!   replaced, or an edit that nobody has seen yet, which must be kept.
//!
//! Rejected: a process id in the name, which means nothing to another container or to another machine
//! that has mounted the same drive.

use crate::beneath::Directory;
use crate::entry::{Status, same_but_for_ctime};
use crate::place::{Put, put_new};
use model::{RelPath, Stamp, UnixNanos};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How every temporary's name begins. Such names are never scanned and never reported by a watcher.
pub const PREFIX: &str = ".heirloom-tmp-";
/// How a rescued edit's name begins, which is visible so that it is kept like any other file.
pub(crate) const RESCUED_PREFIX: &str = "heirloom-rescued-";

/// Whether a file name, as the file system spells it, is that of a temporary.
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(PREFIX.as_bytes())
}

/// A name as nobody used before.
pub(crate) fn new_id() -> u64 {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    SEED.get_or_init(RandomState::new).hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The name of a temporary in the making.
pub(crate) fn making(id: u64) -> CString {
    c_string(format!("{PREFIX}{id:016x}"))
}

/// The name of a temporary that takes the place of what `expected` describes.
pub(crate) fn displacing(id: u64, own: u64, expected: &Stamp) -> CString {
    let Stamp { size, mtime, inode, .. } = expected;
    c_string(format!("{PREFIX}{id:016x}-{own:x}-{inode:x}-{size:x}-{:x}", mtime.0))
}

/// What a temporary's name says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Ours, in the making.
    Making,
    /// What `own` was made for, or what it displaced.
    Displacing { own: u64, expected: Stamp },
}

impl Claim {
    /// Reads a name; `None` when no Heirloom can have written it.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        let rest = std::str::from_utf8(name).ok()?.strip_prefix(PREFIX)?;
        let mut fields = rest.split('-');
        let id = fields.next()?;
        if id.len() != 16 || u64::from_str_radix(id, 16).is_err() {
            return None;
        }
        let numbers =
            fields.map(|field| u64::from_str_radix(field, 16)).collect::<Result<Vec<_>, _>>().ok()?;
        match numbers[..] {
            [] => Some(Self::Making),
            [own, inode, size, mtime] => {
                let mtime = UnixNanos(mtime.cast_signed());
                // A rename changes the ctime, so the name does not keep it.
                Some(Self::Displacing { own, expected: Stamp { size, mtime, ctime: UnixNanos(0), inode } })
            }
            _ => None,
        }
    }
}

/// Gives an edit that lost its name a visible one.
pub(crate) fn rescue(directory: &Directory, name: &CString) -> Result<CString, Errno> {
    loop {
        let visible = c_string(format!("{RESCUED_PREFIX}{:016x}", new_id()));
        if put_new(directory, name, directory, &visible)? == Put::Done {
            tracing::warn!(name = ?visible, "kept an edit under a new name");
            return Ok(visible);
        }
    }
}

/// A temporary that exists, and is removed again unless it was put in place.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) directory: Directory,
    pub(crate) name: CString,
    pub(crate) id: u64,
    /// The inode of what was made.
    pub(crate) inode: u64,
    /// Whether it stands in its place, so that there is nothing to clear.
    pub(crate) placed: bool,
}

impl Temporary {
    /// Creates an empty file, readable by its owner alone, and locks it.
    pub(crate) fn create_file(directory: Directory) -> Result<(Self, OwnedFd), Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let id = new_id();
            let name = making(id);
            let made = rustix::fs::openat(&directory, &name, flags, Mode::RUSR | Mode::WUSR)
                .and_then(|file| Ok((lock(&file)?, Status::of_open(&file)?, file)));
            match made {
                Ok((Locked::Yes | Locked::Unknown, status, file)) if status.links() > 0 => {
                    return Ok((Self { directory, name, id, inode: status.inode(), placed: false }, file));
                }
                // A sweep came between creating and locking, and has taken it.
                Ok(_) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Creates a symlink. `target` holds no NUL byte.
    pub(crate) fn create_symlink(directory: Directory, target: &CString) -> Result<Self, Errno> {
        loop {
            let id = new_id();
            let name = making(id);
            match rustix::fs::symlinkat(target, &directory, &name) {
                Ok(()) => match Status::of(&directory, &name) {
                    Ok(status) => {
                        return Ok(Self { directory, name, id, inode: status.inode(), placed: false });
                    }
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                },
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Takes the name that says what is about to be displaced.
    pub(crate) fn announce(&mut self, expected: &Stamp) -> Result<(), Errno> {
        let name = displacing(self.id, self.inode, expected);
        rustix::fs::renameat(&self.directory, &self.name, &self.directory, &name)?;
        self.name = name;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.placed {
            return;
        }
        let ours = Status::of(&self.directory, &self.name).is_ok_and(|status| status.inode() == self.inode);
        if ours && rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty()).is_err() {
            tracing::debug!(name = ?self.name, "left a temporary for the next sweep");
        }
    }
}

/// Whether a lock was had.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locked {
    Yes,
    /// Someone else holds it.
    Taken,
    /// The file system knows no locks.
    Unknown,
}

/// Locks a temporary for as long as it is open.
pub(crate) fn lock(file: &OwnedFd) -> Result<Locked, Errno> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Locked::Yes),
        Err(Errno::WOULDBLOCK) => Ok(Locked::Taken),
        Err(Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK | Errno::INVAL) => Ok(Locked::Unknown),
        Err(errno) => Err(errno),
    }
}

/// Whether what stands under a displacing name is the version that was to go.
pub(crate) fn is_expected(status: &Status, expected: &Stamp) -> bool {
    same_but_for_ctime(&status.stamp(), expected)
}

/// The path of a temporary or rescued file, for reports.
pub(crate) fn beside(path: Option<&RelPath>, name: &CString) -> RelPath {
    let name = name.to_bytes();
    let path = match path {
        Some(directory) => directory.child(name),
        None => RelPath::from_os_bytes(name),
    };
    path.expect("because a directory lists no name with a slash or NUL")
}

fn c_string(text: String) -> CString {
    CString::new(text).expect("because it is made of letters and digits")
}

#[cfg(test)]
mod tests;
