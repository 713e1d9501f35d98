//! One writer per archive, and what the last one left when it was killed.
//!
//! The lock is an advisory lock of the kernel on `<repository>/heirloom/lock`: it ends with the process that
//! holds it, so there is never a stale one to remove.
//! Rejected: a lock file that exists or not, which outlives a crash.

use crate::{Error, branch, pack};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Present while a fetch may leave unfinished packs behind.
const FETCHING: &str = "heirloom/fetching";

/// Held by whoever writes to the archive.
pub(crate) struct WriteLock {
    repository: PathBuf,
    file: File,
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child process that is just being started holds it, too, until it
        // becomes another program, and the next writer would find the archive busy.
        rustix::fs::flock(&self.file, FlockOperation::Unlock).ok();
    }
}

impl WriteLock {
    /// Takes the lock, then finishes or removes what a crashed writer left.
    pub(crate) fn take(repository: &Path) -> Result<Self, Error> {
        let directory = repository.join("heirloom");
        std::fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
        let path = directory.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(Error::Busy { path: repository.to_owned() }),
            Err(error) => return Err(Error::os("lock", &path)(error)),
        }
        branch::recover(repository)?;
        let packs = repository.join("objects/pack");
        pack::recover(&packs)?;
        if repository.join(FETCHING).exists() {
            remove_fetch_leftovers(&packs)?;
            end_fetch(repository)?;
        }
        Ok(Self { repository: repository.to_owned(), file })
    }

    /// Notes that packs are being received, so that a crash in the middle is cleaned up.
    pub(crate) fn begin_fetch(&self) -> Result<(), Error> {
        let path = self.repository.join(FETCHING);
        std::fs::write(&path, b"").map_err(Error::io("create", &path))
    }

    /// Removes what a failed fetch left, and the note.
    pub(crate) fn end_fetch(&self) -> Result<(), Error> {
        remove_fetch_leftovers(&self.repository.join("objects/pack"))?;
        end_fetch(&self.repository)
    }
}

fn end_fetch(repository: &Path) -> Result<(), Error> {
    let path = repository.join(FETCHING);
    std::fs::remove_file(&path).map_err(Error::io("remove", &path))
}

/// `gix` receives into `.tmp…` files and protects a new pack by an empty `.keep` file until a branch refers
/// to it. git's own `.keep` files hold text, so none of them is touched.
fn remove_fetch_leftovers(packs: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(packs).map_err(Error::io("list", packs))? {
        let entry = entry.map_err(Error::io("list", packs))?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_empty = || entry.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if name.starts_with(b".tmp") || (name.ends_with(b".keep") && is_empty()) {
            std::fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
        }
    }
    Ok(())
}
