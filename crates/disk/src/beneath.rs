//! Reaching a path below a directory without ever leaving it.
//!
//! Between a scan and a change a directory may have been swapped for a symlink to `/etc`. So every path is
//! resolved anew, by one `openat2` that follows no symlink; where the kernel or a container's filter
//! lacks that call, one `openat(O_NOFOLLOW)` per component does the same. Rejected: checking the path
//! with `lstat` first, which leaves a moment in between.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The kernel takes no longer path at once.
const PATH_LENGTH_MAX: usize = 4095;
/// `openat2` gives up with `EAGAIN` while someone renames directories on the way.
const ATTEMPTS: usize = 8;

/// Set once the kernel said that it has no `openat2`.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// An open directory: the root itself, which is shared, or one below it.
#[derive(Debug)]
pub(crate) enum Directory {
    Root(Arc<OwnedFd>),
    Below(OwnedFd),
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => fd.as_fd(),
            Self::Below(fd) => fd.as_fd(),
        }
    }
}

/// Where a path's last component lives.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) directory: Directory,
    pub(crate) name: CString,
}

/// For passing a directory to the `*at` calls; nothing is read from it.
pub(crate) const HANDLE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW);
/// For listing or flushing a directory.
pub(crate) const LISTING: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW);
/// For reading a file. Not blocking, in case a pipe has taken its place.
pub(crate) const READING: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK);

/// Opens the directory at the top, which may itself be reached through symlinks.
pub(crate) fn open_top(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags, Mode::empty())
}

/// Opens `path` (a file system's spelling, components separated by `/`) below `top`, through no symlink.
pub fn open(top: impl AsFd, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let top = top.as_fd();
    let flags = flags | OFlags::CLOEXEC;
    if path.len() > PATH_LENGTH_MAX || WITHOUT_OPENAT2.load(Ordering::Relaxed) {
        return walk(top, path, flags);
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(top, path, flags, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            Err(Errno::NOSYS) => {
                WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
                break;
            }
            // What a container's filter says to a call it does not know; never said to an honest open.
            Err(Errno::PERM) => break,
            outcome => return outcome,
        }
    }
    walk(top, path, flags)
}

/// The same, one component at a time.
pub(crate) fn walk(top: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut components = path.split(|&byte| byte == b'/').peekable();
    let mut reached: Option<OwnedFd> = None;
    while let Some(component) = components.next() {
        let here = reached.as_ref().map_or(top, AsFd::as_fd);
        let flags =
            if components.peek().is_some() { HANDLE | OFlags::CLOEXEC } else { flags | OFlags::NOFOLLOW };
        reached = Some(rustix::fs::openat(here, component, flags, Mode::empty())?);
    }
    Ok(reached.expect("because splitting yields at least one part"))
}

#[cfg(test)]
mod tests;
