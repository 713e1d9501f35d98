//! Putting much on the medium at once.

use crate::entry::Status;
use model::Kind;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{fstatfs, fsync, syncfs};
use rustix::io::{Errno, Result};
use std::collections::HashSet;

/// From how many on one flush of the file system is cheaper than one of each: its journal is written once, not once for each.
const MANY: usize = 8;

/// File systems whose flush reaches the medium, by the numbers that Linux gives them (`linux/magic.h`): ext2 to ext4, XFS, Btrfs, F2FS,
/// FAT, exFAT, tmpfs, overlayfs. Of others, above all those in user space, it is not known; of these each file is flushed.
const KNOWN: [u64; 8] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x4D44, 0x2011_BAB0, 0x0102_1994, 0x794C_7630];

/// Flushes files and directories, each once.
///
/// Many are flushed by flushing the file system of `held`, with whatever else waits there to be written; what is on another one is
/// flushed by itself. `held` must have been open since before any of it was written, because an error of writing is told to
/// whoever had the file system open when it happened (since Linux 5.8).
pub fn flush(held: impl AsFd, all: &[impl AsFd]) -> Result<()> {
    let once = each_once(all)?;
    let together = flush_together(held, once.len())?;
    once.iter().try_for_each(|(one, status)| flush_seen_unless_on(together, one, status))
}

fn each_once(all: &[impl AsFd]) -> Result<Vec<(BorrowedFd<'_>, Status)>> {
    let mut seen = HashSet::with_capacity(all.len());
    let mut once = Vec::with_capacity(all.len());
    for one in all {
        let status = Status::of_open(one)?;
        if seen.insert(status.numbers()) {
            once.push((one.as_fd(), status));
        }
    }
    Ok(once)
}

/// Flushes a file or directory by itself, unless its device was flushed already.
pub(crate) fn flush_unless_on(flushed: Option<u64>, one: impl AsFd) -> Result<()> {
    let status = Status::of_open(&one)?;
    flush_seen_unless_on(flushed, one, &status)
}

fn flush_seen_unless_on(flushed: Option<u64>, one: impl AsFd, status: &Status) -> Result<()> {
    if flushed == Some(status.device()) {
        return Ok(());
    }
    match fsync(one) {
        // Some file systems cannot flush a directory.
        Err(Errno::INVAL | Errno::OPNOTSUPP) if status.kind() == Ok(Kind::Directory) => Ok(()),
        flushed => flushed,
    }
}

/// Flushes the file system of `held`, if so many files are worth that. Returns the device that was flushed.
pub(crate) fn flush_together(held: impl AsFd, count: usize) -> Result<Option<u64>> {
    if count < MANY || !is_known(&held)? {
        return Ok(None);
    }
    let device = Status::of_open(&held)?.device();
    syncfs(held)?;
    Ok(Some(device))
}

fn is_known(file: impl AsFd) -> Result<bool> {
    // All numbers are of 32 bits; on some machines the field is signed.
    #[expect(clippy::cast_sign_loss, reason = "a number that names something")]
    let kind = fstatfs(file)?.f_type as u64 & 0xFFFF_FFFF;
    Ok(KNOWN.contains(&kind))
}

#[cfg(test)]
mod tests;
