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
//! - `.heirloom-tmp-<target>-<token>`: ours, the beginning of what belongs at that target, to be gone on with by whoever wants the
//!   same (`resume`). It is locked only while someone works on it, and kept for a week after that.
//!
//! Behind all of these stands `-<check>`, a digest of what comes before it. Nobody hits upon that by chance, so a name without it is a
//! person's: never cleared, and told, since such names are not kept.
//!
//! Rejected: a process id in the name, which means nothing to another container or to another machine
//! that has mounted the same drive. An extended attribute, which symlinks and many drives cannot have.

use crate::beneath::Directory;
use crate::entry::{Status, same_but_for_ctime};
use crate::place::{Put, put_new};
use model::{Kind, RelPath, Stamp, UnixNanos};
use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// How every temporary's name begins. What begins so is not kept, whoever made it.
pub const PREFIX: &str = ".heirloom-tmp-";
/// How a rescued edit's name begins, which is visible so that it is kept like any other file.
pub(crate) const RESCUED_PREFIX: &str = "heirloom-rescued-";

/// Whether a file name, as the file system spells it, is that of a temporary of ours. Such names are never scanned and never reported by a
/// watcher.
#[must_use]
pub fn is_temporary(name: &[u8]) -> bool {
    Claim::parse(name).is_some()
}

/// A name as nobody used before.
pub(crate) fn new_id() -> u64 {
    static SEED: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    SEED.get_or_init(RandomState::new).hash_one(COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The name of a temporary in the making.
pub(crate) fn making(id: u64) -> CString {
    checked(&format!("{PREFIX}{id:016x}"))
}

/// The name of a temporary that takes the place of what `expected` describes.
pub(crate) fn displacing(id: u64, own: u64, expected: &Stamp) -> CString {
    let Stamp { size, mtime, inode, .. } = expected;
    checked(&format!("{PREFIX}{id:016x}-{own:x}-{inode:x}-{size:x}-{:x}", mtime.0))
}

/// The name of a temporary that is gone on with after a crash.
pub(crate) fn resumable(target: u64, token: u64) -> CString {
    checked(&format!("{PREFIX}{target:016x}-{token:016x}"))
}

/// What a temporary's name says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// Ours, in the making.
    Making,
    /// What `own` was made for, or what it displaced.
    Displacing { own: u64, expected: Stamp },
    /// The beginning of what belongs at a target.
    Resumable { target: u64, token: u64 },
}

impl Claim {
    /// Reads a name; `None` when no Heirloom can have written it.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        let (said, check) = std::str::from_utf8(name).ok()?.rsplit_once('-')?;
        let rest = said.strip_prefix(PREFIX).filter(|_| check == check_of(said))?;
        let mut fields = rest.split('-');
        let whole = |field: &str| u64::from_str_radix(field, 16).ok().filter(|_| field.len() == 16);
        let id = whole(fields.next()?)?;
        if let (Some(token), None) = (fields.clone().next().and_then(whole), fields.clone().nth(1)) {
            return Some(Self::Resumable { target: id, token });
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
    /// What becomes of it when this is dropped.
    pub(crate) fate: Fate,
}

/// What becomes of a temporary when nobody works on it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is removed.
    Cleared,
    /// It stays, for the next one to go on with.
    Kept,
    /// It stands in its place, so that there is nothing to clear.
    Placed,
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
                    return Ok((
                        Self { directory, name, id, inode: status.inode(), fate: Fate::Cleared },
                        file,
                    ));
                }
                // A sweep came between creating and locking, and has taken it.
                Ok(_) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Opens a temporary that is to be gone on with, and locks it; `None` if there is none to be had.
    pub(crate) fn resume(directory: Directory, name: &CString) -> Result<Option<(Self, OwnedFd)>, Errno> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&directory, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        Self::take(directory, name, file, Fate::Kept)
    }

    /// Creates a temporary that can be gone on with; `None` where another has it, or nobody could tell that someone works on it.
    pub(crate) fn create_resumable(
        directory: Directory,
        name: &CString,
    ) -> Result<Option<(Self, OwnedFd)>, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&directory, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => file,
            Err(Errno::EXIST) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        Self::take(directory, name, file, Fate::Cleared)
    }

    fn take(
        directory: Directory,
        name: &CString,
        file: OwnedFd,
        fate: Fate,
    ) -> Result<Option<(Self, OwnedFd)>, Errno> {
        let status = Status::of_open(&file)?;
        let locked = lock(&file)?;
        // A sweep may have taken it before it was locked.
        let is_there = Status::of_any(&directory, name)?.is_some_and(|now| now.inode() == status.inode());
        if status.kind() != Ok(Kind::File) || !is_there || locked == Locked::Taken {
            return Ok(None);
        }
        let temporary = Self { directory, name: name.clone(), id: new_id(), inode: status.inode(), fate };
        // Where there are no locks, this drops it: no sweep would ever clear it.
        Ok((locked == Locked::Yes).then_some((temporary, file)))
    }

    /// Creates a symlink. `target` holds no NUL byte.
    pub(crate) fn create_symlink(directory: Directory, target: &CString) -> Result<Self, Errno> {
        loop {
            let id = new_id();
            let name = making(id);
            match rustix::fs::symlinkat(target, &directory, &name) {
                Ok(()) => match Status::of(&directory, &name) {
                    Ok(status) => {
                        return Ok(Self { directory, name, id, inode: status.inode(), fate: Fate::Cleared });
                    }
                    Err(Errno::NOENT) => {}
                    Err(errno) => return Err(errno),
                },
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Whether someone may go on with it, once there is something to go on with.
    pub(crate) fn is_resumable(&self) -> bool {
        matches!(Claim::parse(self.name.to_bytes()), Some(Claim::Resumable { .. }))
    }

    /// Takes the name that says what is about to be displaced.
    pub(crate) fn announce(&mut self, expected: &Stamp) -> Result<(), Errno> {
        let name = displacing(self.id, self.inode, expected);
        rustix::fs::renameat(&self.directory, &self.name, &self.directory, &name)?;
        self.name = name;
        self.fate = Fate::Cleared;
        Ok(())
    }

    /// Moves to another directory of the same file system.
    pub(crate) fn move_to(&mut self, directory: Directory) -> Result<(), Errno> {
        rustix::fs::renameat(&self.directory, &self.name, &directory, &self.name)?;
        self.directory = directory;
        // Made for this move, perhaps, the directory is not to stay for its sake.
        self.fate = Fate::Cleared;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.fate != Fate::Cleared {
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

/// A name with its check.
fn checked(said: &str) -> CString {
    c_string(format!("{said}-{}", check_of(said)))
}

fn check_of(said: &str) -> String {
    let digest = blake3::hash(said.as_bytes());
    digest.to_hex()[..16].to_owned()
}

fn c_string(text: String) -> CString {
    CString::new(text).expect("because it is made of letters and digits")
}

#[cfg(test)]
mod tests;
