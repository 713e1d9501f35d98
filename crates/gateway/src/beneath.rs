//! Opening paths below one directory, and never anywhere else.
//!
//! Keys come from the network and symbolic links are ordinary objects here, so no path may be resolved by the
//! usual rules: a link `alice/out -> /etc` must not make `alice/out/passwd` readable. The kernel's `openat2`
//! refuses every link on the way in one call. Kernels and sandboxes without it get the same result from one
//! `openat` per component. Rejected: checking the path first and opening it then, which a link planted in
//! between defeats.

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A directory that paths are resolved beneath.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
    resolver: Resolver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolver {
    /// `openat2` does it.
    Kernel,
    /// One `openat` for each component.
    Stepwise,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

impl Root {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let directory = rustix::fs::open(path, DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let resolver = match openat2(&directory, ".", DIRECTORY | OFlags::CLOEXEC, Mode::empty(), RULES) {
            Ok(_) => Resolver::Kernel,
            Err(_) => Resolver::Stepwise,
        };
        Ok(Self { directory, resolver })
    }

    /// The directory itself.
    pub(crate) fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Opens what is at `path` without following a link, the last component included: with `O_PATH` a link
    /// is opened itself, otherwise it is an error.
    pub(crate) fn open_at(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match self.resolver {
            Resolver::Kernel => self.open_at_once(path, flags),
            Resolver::Stepwise => self.open_stepwise(path, flags),
        }
    }

    /// Opens a directory so that it can be read, and flushed to disk.
    pub(crate) fn open_directory(&self, path: &[u8]) -> Result<OwnedFd> {
        self.open_at(path, DIRECTORY)
    }

    fn open_at_once(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
        loop {
            match openat2(&self.directory, path, flags, Mode::empty(), RULES) {
                // The kernel could not rule out a race with a rename; asking again is what it wants.
                Err(Errno::AGAIN) => {}
                outcome => return outcome,
            }
        }
    }

    fn open_stepwise(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut reached: Option<OwnedFd> = None;
        let mut components = path.split(|&byte| byte == b'/').peekable();
        while let Some(component) = components.next() {
            if matches!(component, b"" | b".." | b".") {
                return Err(Errno::XDEV);
            }
            let at = reached.as_ref().map_or(self.directory.as_fd(), AsFd::as_fd);
            let flags = if components.peek().is_some() { step } else { flags };
            reached = Some(openat(at, component, flags, Mode::empty())?);
        }
        reached.ok_or(Errno::NOENT)
    }
}

const RULES: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

#[cfg(test)]
mod tests;
