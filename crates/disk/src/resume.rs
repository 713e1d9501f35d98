//! Files in the making that survive a crash and are gone on with.
//!
//! A large download that was cut off is not begun anew: what arrived stands in a temporary whose name says for which target it is and, as a
//! token that the caller chooses, of which version. Whoever wants the same finds it again, however long ago that was and whatever
//! process it had begun; whoever wants another version clears it away.
//!
//! It stands beside its target, or at the top where the target's directory does not exist: a directory that were made for
//! it would look like someone's empty directory for as long as the rest is missing.
//!
//! What it holds is not known to be right: it was never flushed. So its digest is computed over all of it, and where that is wrong it
//! is discarded.

use crate::beneath::{Directory, Place};
use crate::entry::Status;
use crate::root::{Created, last_name};
use crate::stage::{Site, Whereabouts};
use crate::sweep::clear_outdated;
use crate::temporary::{Temporary, resumable};
use crate::{Error, Root, Staged};
use model::RelPath;
use rustix::io::Errno;
use std::ffi::CString;

impl Root {
    /// As [`Root::stage`], but what was written of it stays when it is dropped or the process ends, for the next
    /// call with the same `token`, which names the content and its version. [`Staged::length`] says how much is there.
    ///
    /// It stays for a week, or until another token is wanted for the same path. Where that cannot be had (another process works
    /// on it, the file system knows no locks) it is an ordinary one.
    pub fn stage_resumable(&self, path: &RelPath, token: &str) -> Result<Staged, Error> {
        let failed = |errno| self.failed("creating a file for", path, errno);
        let name = resumable(number_of(&path.to_os_bytes()), number_of(token.as_bytes()));
        let found = match self.place(path) {
            Ok(place) => self.resume_beside(path, place, &name),
            Err(Errno::NOENT) => self.resume_at_top(path, &name),
            Err(errno) => return Err(failed(errno)),
        };
        let (temporary, file, whereabouts) = match found {
            Ok(Some(found)) => found,
            // At the top there may be no permission where there is one deeper down.
            Ok(None) | Err(Errno::ACCESS | Errno::PERM | Errno::ROFS) => return self.stage(path),
            Err(errno) => return Err(failed(errno)),
        };
        let length = Status::of_open(&file).map_err(failed)?.stamp().size;
        let created = Created::nothing(self);
        let site = Site { temporary, name: last_name(path), created, whereabouts };
        Ok(Staged::new(self, path, file, length, site))
    }

    fn resume_beside(&self, path: &RelPath, place: Place, name: &CString) -> Result<Option<Found>, Errno> {
        let beside = |(temporary, file)| (temporary, file, Whereabouts::Beside);
        let can_be_moved = self.shares_mount_with_top(&place.directory)?;
        if let Some(found) = Temporary::resume(place.directory, name)? {
            return Ok(Some(beside(found)));
        }
        if can_be_moved && let Some((temporary, file)) = Temporary::resume(self.top(), name)? {
            return Ok(Some((temporary, file, Whereabouts::AtTop)));
        }
        let place = self.place(path)?;
        clear_outdated(&place.directory, name)?;
        clear_outdated(&self.top(), name)?;
        Ok(Temporary::create_resumable(place.directory, name)?.map(beside))
    }

    fn resume_at_top(&self, path: &RelPath, name: &CString) -> Result<Option<Found>, Errno> {
        let mut above = path.parent();
        while let Some(directory) = above {
            match self.place(&directory) {
                Ok(place) if !self.shares_mount_with_top(&place.directory)? => return Ok(None),
                Ok(_) => break,
                Err(Errno::NOENT) => above = directory.parent(),
                Err(errno) => return Err(errno),
            }
        }
        let at_top = |(temporary, file)| (temporary, file, Whereabouts::AtTop);
        if let Some(found) = Temporary::resume(self.top(), name)? {
            return Ok(Some(at_top(found)));
        }
        clear_outdated(&self.top(), name)?;
        Ok(Temporary::create_resumable(self.top(), name)?.map(at_top))
    }

    /// Whether a file can be moved there from the top.
    fn shares_mount_with_top(&self, directory: &Directory) -> Result<bool, Errno> {
        Ok(Status::mount_of(directory)? == Status::mount_of(self.top())?)
    }
}

type Found = (Temporary, rustix::fd::OwnedFd, Whereabouts);

/// A number for a text, the same in every process.
fn number_of(text: &[u8]) -> u64 {
    let digest = blake3::hash(text);
    let (first, _) = digest.as_bytes().split_first_chunk().expect("because a digest has 32 bytes");
    u64::from_be_bytes(*first)
}

#[cfg(test)]
mod tests;
