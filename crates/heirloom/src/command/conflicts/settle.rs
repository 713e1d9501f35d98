//! Settling a conflict on this machine, by changes that are each refused if what they expect is not there any more.
//!
//! A version is never deleted while the other one could be lost: the copy takes a name by having its bytes placed there, in
//! exchange for exactly what was seen, and goes only afterwards. After a crash in between, both names hold the same bytes,
//! and resolving again removes the copy. Rejected: renaming the copy onto the name, which would let go of the version there
//! before anything else stands in its place.

use super::find::{Copy, Other, beside};
use crate::args::Keep;
use disk::{Expect, Root};
use model::{Kind, MachineName, RelPath};
use tokio_util::sync::CancellationToken;

/// How much of a file is in memory at a time.
const CHUNK: u64 = 4 << 20;

/// How many names are tried for a copy that is kept.
const NAMES_MAX: u32 = 1000;

/// What is to become of a conflict copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It goes on under the file's name, and what has it now is replaced.
    TakeTheName,
    /// It goes.
    Go,
    /// It goes on under an ordinary name of its own.
    BeRenamed,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It has the file's name.
    TookTheName,
    /// It is gone.
    Removed,
    /// It has this name.
    Renamed(RelPath),
}

/// Why a conflict is left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The version that should be kept is not there.
    #[error("nothing has the file's name any more, so this is the only version; keep it with `--keep both`")]
    OnlyVersion,
    /// A file cannot take a directory's place.
    #[error("the file's name is a directory's now; keep both, or move the directory")]
    Directory,
    /// Several copies would take one name.
    #[error(
        "several copies would take the file's name; resolve the one that is to have it first, by its path"
    )]
    SeveralWantTheName,
    /// Every name that was tried is taken.
    #[error("no free name was found for it")]
    NoFreeName,
    /// The person has had enough.
    #[error("stopped before it was done; it is left as it is")]
    Stopped,
    /// A change was refused or failed; nothing was lost.
    #[error("it is left as it is")]
    Disk(#[from] disk::Error),
}

/// What a person's word means for one copy, on the machine `here`.
pub(super) fn decide(keep: Keep, here: &MachineName, copy: &Copy) -> Decision {
    match (keep, copy.name.machine == *here) {
        (Keep::Mine, true) | (Keep::Theirs, false) => Decision::TakeTheName,
        (Keep::Mine, false) | (Keep::Theirs, true) => Decision::Go,
        (Keep::Both, _) => Decision::BeRenamed,
    }
}

/// Carries it out, or only says what would be. A file that is being copied when `stop` is cancelled is left as it was.
pub(super) fn settle(
    root: &Root,
    copy: &Copy,
    decision: Decision,
    dry_run: bool,
    stop: &CancellationToken,
) -> Result<Settled, Error> {
    let path = copy.found.key.path();
    let settled = match (decision, &copy.other) {
        (Decision::TakeTheName, Other::Directory) => return Err(Error::Directory),
        (Decision::Go, Other::Gone) => return Err(Error::OnlyVersion),
        (Decision::TakeTheName, _) if dry_run => Settled::TookTheName,
        (Decision::TakeTheName, Other::Gone) => {
            root.rename(&path, &copy.original, &copy.found.stamp)?;
            Settled::TookTheName
        }
        (Decision::TakeTheName, Other::File(other)) => {
            put(root, copy, Expect::Unchanged(other.stamp), stop)?;
            root.sync_directories(std::slice::from_ref(&copy.original))?;
            remove(root, copy)?;
            Settled::TookTheName
        }
        (Decision::Go, _) if dry_run => Settled::Removed,
        (Decision::Go, Other::File(_) | Other::Directory) => {
            // It was there when the folder was looked through, which may be a while ago.
            if root.observe(&copy.original)?.is_none() {
                return Err(Error::OnlyVersion);
            }
            remove(root, copy)?;
            Settled::Removed
        }
        (Decision::BeRenamed, _) => Settled::Renamed(rename(root, copy, dry_run)?),
    };
    if !dry_run {
        root.sync_directories(&[path, copy.original.clone()])?;
    }
    Ok(settled)
}

fn remove(root: &Root, copy: &Copy) -> Result<(), disk::Error> {
    root.remove(&copy.found.key.path(), &copy.found.stamp, &|_| true)
}

/// Places the copy's content under the contested name.
fn put(root: &Root, copy: &Copy, expect: Expect, stop: &CancellationToken) -> Result<(), Error> {
    let (path, found) = (copy.found.key.path(), &copy.found);
    if found.kind == Kind::Symlink {
        let target = root.read_link(&path)?;
        root.place_symlink(&copy.original, &target, &found.meta, expect)?;
        return Ok(());
    }
    let file = root.open_file(&path, &found.stamp)?;
    let mut staged = root.stage(&copy.original)?;
    let mut at = 0;
    while at < file.size() {
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        let length = CHUNK.min(file.size() - at);
        let length = usize::try_from(length).expect("because it is at most a few megabytes");
        staged.write(&file.read_at(at, length)?)?;
        at += length as u64;
    }
    staged.place(&found.meta, expect)?;
    Ok(())
}

/// Gives the copy an ordinary name under which nothing stands.
fn rename(root: &Root, copy: &Copy, dry_run: bool) -> Result<RelPath, Error> {
    let path = copy.found.key.path();
    for attempt in 1..=NAMES_MAX {
        let name = beside(&path, &copy.name.ordinary(attempt));
        if root.observe(&name)?.is_some() {
            continue;
        }
        if !dry_run {
            root.rename(&path, &name, &copy.found.stamp)?;
        }
        return Ok(name);
    }
    Err(Error::NoFreeName)
}

#[cfg(test)]
mod tests;
