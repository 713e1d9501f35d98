//! `refs/heads/main`: the one reference of an archive, and how it moves.
//!
//! A move is a compare-and-swap under git's own lock file, so that it is safe beside `git pack-refs` or
//! `git gc`, and it is durable: the new value is flushed before it takes the old one's place.
//! Rejected: `gix`'s reference transactions, which do not flush, date the reflog by the machine's clock, and
//! leave a lock file behind when they are killed.

use crate::{Error, SnapshotId, pack};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

pub(crate) const NAME: &str = "refs/heads/main";
const LOCK: &str = "refs/heads/main.lock";
/// Present while the lock file may be ours; whoever finds it under the archive's lock may remove both.
const MOVING: &str = "heirloom/moving-main";
const LOG: &str = "logs/refs/heads/main";
/// A foreign lock is waited for: git holds it for moments only.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The latest snapshot.
pub(crate) fn read(repo: &gix::Repository) -> Result<Option<SnapshotId>, Error> {
    let reading = || format!("read the branch main of {}", repo.path().display());
    let Some(mut main) = repo.try_find_reference(NAME).map_err(Error::git(reading()))? else {
        return Ok(None);
    };
    let id = main.peel_to_id().map_err(Error::git(reading()))?;
    Ok(Some(SnapshotId(id.detach())))
}

/// Who moves the branch and why, for the reflog.
pub(crate) struct LogEntry<'a> {
    /// `Name <email> seconds offset`, as in a commit.
    pub(crate) who: &'a str,
    pub(crate) message: &'a str,
}

/// Moves the branch from `from` to `to`; fails if it is not at `from` any more.
pub(crate) fn advance(
    repo: &gix::Repository,
    from: Option<SnapshotId>,
    to: SnapshotId,
    log: &LogEntry<'_>,
) -> Result<(), Error> {
    let repository = repo.path();
    let moving = repository.join(MOVING);
    write_durably(&moving, b"", OpenOptions::new().create(true).truncate(true))?;
    pack::sync_directory(&repository.join("heirloom"))?;

    let lock = repository.join(LOCK);
    lock_with_patience(&lock, to)?;
    let moved = swap(repo, from, to, &lock);
    if moved.is_err() {
        // Best effort: the note is still there, so the next writer removes the lock otherwise.
        std::fs::remove_file(&lock).ok();
    }
    moved?;
    pack::sync_directory(&repository.join("refs/heads"))?;
    append_log(repository, from, to, log)?;
    std::fs::remove_file(&moving).map_err(Error::io("remove", &moving))
}

fn lock_with_patience(lock: &Path, to: SnapshotId) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        match write_durably(lock, format!("{to}\n").as_bytes(), OpenOptions::new().create_new(true)) {
            Err(Error::Io { source, .. })
                if source.kind() == ErrorKind::AlreadyExists && attempt < LOCK_ATTEMPTS =>
            {
                attempt += 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            result => return result,
        }
    }
}

fn swap(repo: &gix::Repository, from: Option<SnapshotId>, to: SnapshotId, lock: &Path) -> Result<(), Error> {
    if read(repo)? != from {
        return Err(Error::git(format!("move the branch main to {to}"))(
            "it was moved by somebody else meanwhile",
        ));
    }
    let path = repo.path().join(NAME);
    std::fs::rename(lock, &path).map_err(Error::io("move into place", &path))
}

fn append_log(
    repository: &Path,
    from: Option<SnapshotId>,
    to: SnapshotId,
    log: &LogEntry<'_>,
) -> Result<(), Error> {
    let path = repository.join(LOG);
    let directory = path.parent().expect("the path of the log is nested");
    std::fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
    let from = from.map_or_else(|| "0".repeat(40), |from| from.to_string());
    let message = log.message.replace(['\n', '\r'], " ");
    let line = format!("{from} {to} {}\t{message}\n", log.who);
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(Error::io("append to", &path))
}

fn write_durably(path: &Path, bytes: &[u8], options: &mut OpenOptions) -> Result<(), Error> {
    let mut write = || {
        let mut file: File = options.write(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::io("write", path))
}

/// Removes the lock that a killed writer of ours left.
pub(crate) fn recover(repository: &Path) -> Result<(), Error> {
    let moving = repository.join(MOVING);
    if !moving.exists() {
        return Ok(());
    }
    let lock = repository.join(LOCK);
    match std::fs::remove_file(&lock) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::io("remove", &lock)(error)),
        _ => {}
    }
    std::fs::remove_file(&moving).map_err(Error::io("remove", &moving))
}
