//! Clearing what a crash left behind, without touching what another running Heirloom is making.

use crate::beneath::{self, Directory};
use crate::entry::{Status, kind_of};
use crate::listing::Listing;
use crate::temporary::{Claim, Locked, beside, is_expected, is_temporary, lock, rescue};
use crate::{Error, Extent, Problem, Reason, Root};
use model::{Kind, RelPath};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::AtFlags;
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::time::{Duration, SystemTime};

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// Stale temporaries that were removed.
    pub removed: u64,
    /// Edits that a crash had left under a temporary's name, and the visible names they have now.
    pub rescued: Vec<RelPath>,
    /// What could not be looked at or cleared; it is left for the next sweep.
    pub problems: Vec<Problem>,
}

impl Root {
    /// Removes every temporary below the root that nobody is working on; those that can be gone on with, when they were left alone
    /// for a week. One listing per directory, and no look at any other file.
    pub fn sweep(&self) -> Result<Swept, Error> {
        self.sweep_but(Spare::UnfinishedAt(SystemTime::now()))
    }

    fn sweep_but(&self, spare: Spare) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let mut listing = Listing::new();
        let mut waiting: Vec<Option<RelPath>> = vec![None];
        while let Some(path) = waiting.pop() {
            let path = path.as_ref();
            match sweep_one(self, path, spare, &mut listing, &mut swept) {
                Ok(below) => waiting.extend(below.into_iter().map(|name| Some(beside(path, &name)))),
                Err(Errno::NOENT) => {}
                Err(errno) => match path {
                    Some(path) => swept.problems.push(problem(path.clone(), Extent::Subtree, errno)),
                    None => return Err(self.failed_at_top("listing", errno)),
                },
            }
        }
        Ok(swept)
    }
}

/// Clears a single directory, so that it may be removed.
pub(crate) fn sweep_directory(root: &Root, path: &RelPath) -> Result<(), Error> {
    let swept = &mut Swept::default();
    match sweep_one(root, Some(path), Spare::Nothing, &mut Listing::new(), swept) {
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(root.failed_or_changed("listing", path, errno)),
    }
}

/// Clears one directory and names those in it.
fn sweep_one(
    root: &Root,
    path: Option<&RelPath>,
    spare: Spare,
    listing: &mut Listing,
    swept: &mut Swept,
) -> Result<Vec<CString>, Errno> {
    let bytes = path.map_or_else(|| b".".to_vec(), RelPath::to_os_bytes);
    let directory = Directory::Below(beneath::open(root.as_fd(), &bytes, beneath::LISTING)?);
    let mut below = Vec::new();
    let mut temporaries = Vec::new();
    listing.read(&directory, |name, file_type| {
        let kind = match kind_of(file_type) {
            Some(kind) => kind.ok(),
            None => Status::of_any(&directory, name)?.and_then(|status| status.kind().ok()),
        };
        if kind == Some(Kind::Directory) {
            below.push(name.to_owned());
        } else if is_temporary(name.to_bytes()) {
            temporaries.push(name.to_owned());
        }
        Ok(())
    })?;
    for name in temporaries {
        match clear(&directory, &name, spare) {
            Ok(Cleared::Removed) => swept.removed += 1,
            Ok(Cleared::Rescued(name)) => swept.rescued.push(beside(path, &name)),
            Ok(Cleared::Left) | Err(Errno::NOENT) => {}
            Err(errno) => swept.problems.push(problem(beside(path, &name), Extent::Entry, errno)),
        }
    }
    Ok(below)
}

/// What is left although nobody works on it.
#[derive(Clone, Copy)]
enum Spare {
    Nothing,
    /// What can be gone on with, and was touched in the week before or after this time. A clock that was set by years costs the
    /// beginning of a download, and one that was wrong for a while keeps nothing for ever.
    UnfinishedAt(SystemTime),
}

/// How long the beginning of something waits for the rest.
const WAIT_MAX: Duration = Duration::from_hours(7 * 24);

impl Spare {
    fn spares(self, status: &Status) -> bool {
        let Self::UnfinishedAt(now) = self else { return false };
        let (seconds, nanos) = status.stamp().ctime.seconds_and_nanos();
        let touched = SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(seconds).unwrap_or(0), nanos);
        let apart = now.duration_since(touched).unwrap_or_else(|later| later.duration());
        apart <= WAIT_MAX
    }
}

/// Removes what was begun for the target of `wanted` and can not be gone on with, because something else belongs there now.
pub(crate) fn clear_outdated(directory: &Directory, wanted: &CStr) -> Result<(), Errno> {
    let Some(Claim::Resumable { target: wanted_target, .. }) = Claim::parse(wanted.to_bytes()) else {
        return Ok(());
    };
    let listed = beneath::walk(directory.as_fd(), b".", beneath::LISTING)?;
    let mut outdated = Vec::new();
    Listing::new().read(&listed, |name, _| {
        match Claim::parse(name.to_bytes()) {
            Some(Claim::Resumable { target, .. }) if target == wanted_target && name != wanted => {
                outdated.push(name.to_owned());
            }
            _ => {}
        }
        Ok(())
    })?;
    for name in outdated {
        match clear(directory, &name, Spare::Nothing) {
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

enum Cleared {
    Removed,
    Rescued(CString),
    /// Someone is working on it, or it is not ours.
    Left,
}

fn clear(directory: &Directory, name: &CString, spare: Spare) -> Result<Cleared, Errno> {
    let Some(claim) = Claim::parse(name.to_bytes()) else { return Ok(Cleared::Left) };
    let status = Status::of(directory, name)?;
    match claim {
        Claim::Displacing { own, expected } if status.inode() != own => {
            if is_expected(&status, &expected) {
                unlink(directory, name)
            } else {
                rescue(directory, name).map(Cleared::Rescued)
            }
        }
        Claim::Resumable { .. } if spare.spares(&status) => Ok(Cleared::Left),
        Claim::Making | Claim::Displacing { .. } | Claim::Resumable { .. } => {
            clear_own(directory, name, &status)
        }
    }
}

/// Something that Heirloom made and did not put in place.
fn clear_own(directory: &Directory, name: &CString, status: &Status) -> Result<Cleared, Errno> {
    match status.kind() {
        Ok(Kind::Symlink) => unlink(directory, name),
        Ok(Kind::File) => {
            let file: OwnedFd = beneath::walk(directory.as_fd(), name.to_bytes(), beneath::READING)?;
            match lock(&file)? {
                // Its maker may have put it in place, and something else may have taken the name, since it
                // was listed.
                Locked::Yes if Status::of_open(&file)?.inode() == Status::of(directory, name)?.inode() => {
                    unlink(directory, name)
                }
                Locked::Yes | Locked::Taken | Locked::Unknown => Ok(Cleared::Left),
            }
        }
        Ok(Kind::Directory) | Err(_) => Ok(Cleared::Left),
    }
}

fn unlink(directory: &Directory, name: &CString) -> Result<Cleared, Errno> {
    rustix::fs::unlinkat(directory, name, AtFlags::empty()).map(|()| Cleared::Removed)
}

fn problem(path: RelPath, extent: Extent, errno: Errno) -> Problem {
    Problem { path, extent, reason: Reason::Unreadable(errno.into()) }
}

#[cfg(test)]
mod tests;
