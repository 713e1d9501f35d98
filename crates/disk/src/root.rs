//! An opened directory, beneath which everything happens.

use crate::beneath::{self, Directory, Place};
use crate::entry::Status;
use crate::flush::{flush_together, flush_unless_on};
use crate::{Awaited, Error, Identity, Rounds};
use model::RelPath;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Mode};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::ffi::CString;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a new directory is created with, less the umask.
const DIRECTORY_MODE: u32 = 0o755;
/// How often others may remove a directory between two calls.
const ATTEMPTS: usize = 64;

/// A directory, held open. Everything is resolved beneath it and never through a symlink; the directory
/// itself may be reached through symlinks, once, when it is opened.
///
/// Cheap to clone, and free to be used by several threads. It stays the same directory when another is
/// mounted over its path: open it anew for each run, and compare [`Root::identity`].
#[derive(Clone, Debug)]
pub struct Root {
    path: Arc<Path>,
    fd: Arc<OwnedFd>,
}

impl Root {
    /// Opens a directory; never creates one.
    ///
    /// [`Error::Missing`], [`Error::NotADirectory`] or [`Error::Denied`] say why it cannot be.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::open_named(path, path)
    }

    /// As [`Root::open`], speaking of the directory as `name`: for one that is reached by a path no person knows.
    pub fn open_named(path: &Path, name: &Path) -> Result<Self, Error> {
        let fd = beneath::open_top(path).map_err(|errno| match errno {
            Errno::NOENT => Error::Missing { path: name.to_owned() },
            errno => Error::new("opening", name.to_owned(), errno),
        })?;
        Ok(Self { path: Arc::from(name), fd: Arc::new(fd) })
    }

    /// The path it is spoken of by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which directory this is.
    pub fn identity(&self) -> Result<Identity, Error> {
        Status::identity_of(&self.fd).map_err(|errno| self.failed_at_top("examining", errno))
    }

    /// Bytes that this user may still write to the root's file system.
    pub fn free_space(&self) -> Result<u64, Error> {
        let status =
            rustix::fs::fstatvfs(&self.fd).map_err(|errno| self.failed_at_top("measuring", errno))?;
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    /// Makes the names of `paths` last: flushes the directory that holds each, and every directory above
    /// it, each once. A directory that is gone by now needs none.
    pub fn sync_directories(&self, paths: &[RelPath]) -> Result<(), Error> {
        let mut directories = BTreeSet::new();
        for path in paths {
            let mut above = path.parent();
            while let Some(directory) = above {
                above = directory.parent();
                if !directories.insert(directory) {
                    break;
                }
            }
        }
        if paths.is_empty() {
            return Ok(());
        }
        let failed = |errno| self.failed_at_top("flushing", errno);
        let together = flush_together(&self.fd, directories.len()).map_err(failed)?;
        for directory in &directories {
            match beneath::open(self.as_fd(), &directory.to_os_bytes(), beneath::LISTING) {
                Ok(fd) => flush_unless_on(together, fd).map_err(|e| self.failed("flushing", directory, e))?,
                // Whatever took its place was put there by someone else.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(errno) => return Err(self.failed("flushing", directory, errno)),
            }
        }
        flush_unless_on(together, &self.fd).map_err(failed)
    }

    /// Rounds of flushing what is written below.
    pub fn rounds<T: Awaited>(&self) -> Result<Rounds<T>, Error> {
        let held = self.fd.try_clone().map_err(|source| Error::Io {
            doing: "opening",
            path: self.path.to_path_buf(),
            source,
        })?;
        Ok(Rounds::new(held))
    }

    /// The directory that holds `path`.
    pub(crate) fn place(&self, path: &RelPath) -> Result<Place, Errno> {
        let bytes = path.to_os_bytes();
        let (above, name) = split(&bytes);
        let directory = match above {
            None => Directory::Root(self.fd.clone()),
            Some(above) => Directory::Below(beneath::open(self.as_fd(), above, beneath::HANDLE)?),
        };
        Ok(Place { directory, name })
    }

    /// Does something where `path` lives, creating the directories that are missing; they go again with
    /// [`Created`] unless they are kept. Another thread may remove an empty directory before it is used, so
    /// `attempt` is called anew when it finds its directory gone.
    pub(crate) fn creating<T>(
        &self,
        doing: &'static str,
        path: &RelPath,
        mut attempt: impl FnMut(Place) -> Result<T, Errno>,
    ) -> Result<(T, Created), Error> {
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let mut created = Created { root: self.clone(), paths: Vec::new() };
            match self.place_creating(path, &mut created.paths).and_then(&mut attempt) {
                Ok(done) => return Ok((done, created)),
                Err(Errno::NOENT) if attempts > 0 => {}
                Err(Errno::NOENT) if self.is_deleted() => {
                    return Err(Error::Missing { path: self.path.to_path_buf() });
                }
                Err(errno) => return Err(self.failed(doing, path, errno)),
            }
        }
    }

    fn place_creating(&self, path: &RelPath, created: &mut Vec<RelPath>) -> Result<Place, Errno> {
        match self.place(path) {
            Err(Errno::NOENT) => {}
            placed => return placed,
        }
        let mut directory = Directory::Root(self.fd.clone());
        let mut missing: Vec<RelPath> = std::iter::successors(path.parent(), RelPath::parent).collect();
        while let Some(above) = missing.pop() {
            let (fd, entered) = enter_creating(&directory, &last_name(&above))?;
            if entered == Entered::Created {
                created.push(above);
            }
            directory = Directory::Below(fd);
        }
        Ok(Place { directory, name: last_name(path) })
    }

    /// The root itself as a place for something.
    pub(crate) fn top(&self) -> Directory {
        Directory::Root(self.fd.clone())
    }

    fn is_deleted(&self) -> bool {
        Status::of_open(&self.fd).is_ok_and(|status| status.links() == 0)
    }

    /// The whole path, for messages.
    pub(crate) fn locate(&self, path: &RelPath) -> PathBuf {
        self.path.join(OsStr::from_bytes(&path.to_os_bytes()))
    }

    pub(crate) fn failed(&self, doing: &'static str, path: &RelPath, errno: Errno) -> Error {
        Error::new(doing, self.locate(path), errno)
    }

    pub(crate) fn changed(&self, path: &RelPath) -> Error {
        Error::Changed { path: self.locate(path) }
    }

    /// Like [`Root::failed`], where a path that is gone or of another sort means that it changed.
    pub(crate) fn failed_or_changed(&self, doing: &'static str, path: &RelPath, errno: Errno) -> Error {
        match errno {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ISDIR | Errno::NXIO => self.changed(path),
            errno => self.failed(doing, path, errno),
        }
    }

    pub(crate) fn failed_at_top(&self, doing: &'static str, errno: Errno) -> Error {
        Error::new(doing, self.path.to_path_buf(), errno)
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Directories that were created on the way, topmost first; dropped, it removes those that hold nothing.
#[derive(Debug)]
pub(crate) struct Created {
    root: Root,
    paths: Vec<RelPath>,
}

impl Created {
    /// None were.
    pub(crate) fn nothing(root: &Root) -> Self {
        Self { root: root.clone(), paths: Vec::new() }
    }

    /// They are wanted now.
    pub(crate) fn keep(&mut self) {
        self.paths.clear();
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        for directory in self.paths.iter().rev() {
            let removed = self
                .root
                .place(directory)
                .and_then(|place| rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::REMOVEDIR));
            if removed.is_err() {
                // It is in use, so what lies above it is as well.
                return;
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Entered {
    Existing,
    Created,
}

fn enter_creating(directory: &Directory, name: &CString) -> Result<(OwnedFd, Entered), Errno> {
    let mut entered = Entered::Existing;
    loop {
        match beneath::open(directory.as_fd(), name.to_bytes(), beneath::HANDLE) {
            Ok(fd) => return Ok((fd, entered)),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        match rustix::fs::mkdirat(directory, name, Mode::from_raw_mode(DIRECTORY_MODE)) {
            Ok(()) => entered = Entered::Created,
            // Another thread was quicker.
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
    }
}

pub(crate) fn last_name(path: &RelPath) -> CString {
    split(&path.to_os_bytes()).1
}

fn split(path: &[u8]) -> (Option<&[u8]>, CString) {
    let (above, name) = match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (Some(&path[..at]), &path[at + 1..]),
        None => (None, path),
    };
    (above, CString::new(name).expect("because a path holds no NUL byte"))
}

#[cfg(test)]
mod tests;
