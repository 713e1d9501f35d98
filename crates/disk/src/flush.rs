//! Putting much on the medium at once.

use rustix::fs::{fstatfs, fsync, syncfs};
use rustix::io::Result;
use std::os::fd::AsFd;

/// From how many on one flush of the file system is cheaper than one of each: its journal is written once, not once for each.
const MANY: usize = 16;

/// File systems whose flush reaches the medium, by the numbers that Linux gives them (`linux/magic.h`): ext2 to ext4, XFS, Btrfs, F2FS,
/// FAT, exFAT, tmpfs, overlayfs. Of others, above all those in user space, it is not known; of these each file is flushed.
const KNOWN: [u64; 8] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x4D44, 0x2011_BAB0, 0x0102_1994, 0x794C_7630];

/// Flushes files and directories, which are all on one file system.
///
/// Many are flushed by flushing the file system, with whatever else waits there to be written; an error of writing any of it is an
/// error here (since Linux 5.8).
pub fn flush(all: &[impl AsFd]) -> Result<()> {
    match all.first() {
        Some(any) if flush_together(any, all.len())? => Ok(()),
        _ => all.iter().try_for_each(fsync),
    }
}

/// Flushes the file system of `any`, if so many files on it are worth that. Returns whether it did.
pub(crate) fn flush_together(any: impl AsFd, count: usize) -> Result<bool> {
    let worth_it = count >= MANY && is_known(&any)?;
    if worth_it {
        syncfs(any)?;
    }
    Ok(worth_it)
}

fn is_known(file: impl AsFd) -> Result<bool> {
    // All numbers are of 32 bits.
    #[expect(clippy::cast_sign_loss, reason = "a number that names something")]
    let kind = fstatfs(file)?.f_type as u64 & 0xFFFF_FFFF;
    Ok(KNOWN.contains(&kind))
}

#[cfg(test)]
mod tests;
