//! Putting something under a name, provided that nothing unexpected stands there.
//!
//! Looking first and renaming then would overwrite an edit made in between. So a new name is taken with
//! `RENAME_NOREPLACE`, and an old one is *exchanged*: only when what was displaced has been looked at and is
//! what the caller expected does it go; otherwise both change back. An edit of the last microsecond
//! is therefore never lost, only found again by the next scan.
//!
//! A file system without these calls (some network and FAT drives) gets the best that it has: a hard link
//! for new names, and a look immediately before the rename.

use crate::beneath::Directory;
use crate::entry::Status;
use crate::temporary::{self, Temporary, is_expected};
use model::Stamp;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};

/// Whether a name could be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is done.
    Done,
    /// Something unexpected stands there; nothing was changed.
    Refused,
}

/// Moves `from` to a name under which nothing stands.
pub(crate) fn put_new(
    from_directory: &Directory,
    from: &CStr,
    to_directory: &Directory,
    to: &CStr,
) -> Result<Put, Errno> {
    match rustix::fs::renameat_with(from_directory, from, to_directory, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(Put::Done),
        Err(Errno::EXIST) => Ok(Put::Refused),
        Err(errno) if lacks_flag(errno) => put_new_by_link(from_directory, from, to_directory, to),
        Err(errno) => Err(errno),
    }
}

fn put_new_by_link(
    from_directory: &Directory,
    from: &CStr,
    to_directory: &Directory,
    to: &CStr,
) -> Result<Put, Errno> {
    match rustix::fs::linkat(from_directory, from, to_directory, to, AtFlags::empty()) {
        Ok(()) => {
            rustix::fs::unlinkat(from_directory, from, AtFlags::empty())?;
            Ok(Put::Done)
        }
        Err(Errno::EXIST) => Ok(Put::Refused),
        // No hard links either (FAT), or a directory is moved.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
            if Status::of_any(to_directory, to)?.is_some() {
                return Ok(Put::Refused);
            }
            rustix::fs::renameat(from_directory, from, to_directory, to)?;
            Ok(Put::Done)
        }
        Err(errno) => Err(errno),
    }
}

/// Puts a temporary in the place of what `expected` describes.
pub(crate) fn put_instead(temporary: &mut Temporary, name: &CStr, expected: &Stamp) -> Result<Put, Errno> {
    temporary.announce(expected)?;
    let directory = &temporary.directory;
    match exchange(directory, &temporary.name, name) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(Put::Refused),
        Err(errno) if lacks_flag(errno) => return put_instead_after_a_look(temporary, name, expected),
        Err(errno) => return Err(errno),
    }
    match Status::of_any(directory, &temporary.name)? {
        // A sweep has judged it already, by the same rule.
        None => Ok(Put::Done),
        Some(displaced) if is_expected(&displaced, expected) => {
            discard(directory, &temporary.name)?;
            Ok(Put::Done)
        }
        Some(_) => put_back(temporary, name),
    }
}

/// The best that a file system without `RENAME_EXCHANGE` allows.
fn put_instead_after_a_look(temporary: &Temporary, name: &CStr, expected: &Stamp) -> Result<Put, Errno> {
    let directory = &temporary.directory;
    if Status::of_any(directory, name)?.is_none_or(|now| now.stamp() != *expected) {
        return Ok(Put::Refused);
    }
    rustix::fs::renameat(directory, &temporary.name, directory, name)?;
    Ok(Put::Done)
}

/// An edit was displaced: it gets its name back.
fn put_back(temporary: &Temporary, name: &CStr) -> Result<Put, Errno> {
    let directory = &temporary.directory;
    match exchange(directory, &temporary.name, name) {
        Ok(()) => {}
        // Either what we had placed is gone already, or a sweep has rescued the edit.
        Err(Errno::NOENT) => {
            return match put_new(directory, &temporary.name, directory, name) {
                Ok(Put::Done) | Err(Errno::NOENT) => Ok(Put::Refused),
                Ok(Put::Refused) => {
                    temporary::rescue(directory, &temporary.name)?;
                    Ok(Put::Refused)
                }
                Err(errno) => Err(errno),
            };
        }
        Err(errno) => return Err(errno),
    }
    // Whatever came back is ours, unless the same name was replaced yet again meanwhile.
    if Status::of_any(directory, &temporary.name)?.is_some_and(|back| back.inode() != temporary.inode) {
        temporary::rescue(directory, &temporary.name)?;
    }
    Ok(Put::Refused)
}

/// Takes away what `expected` describes, by moving it aside, looking at it, and only then letting it go.
pub(crate) fn take_away(directory: &Directory, name: &CStr, expected: &Stamp) -> Result<Put, Errno> {
    let aside = temporary::displacing(temporary::new_id(), 0, expected);
    rustix::fs::renameat(directory, name, directory, &aside)?;
    match Status::of_any(directory, &aside)? {
        Some(moved) if !is_expected(&moved, expected) => {
            give_name_back(directory, &aside, name)?;
            Ok(Put::Refused)
        }
        Some(_) => {
            discard(directory, &aside)?;
            Ok(Put::Done)
        }
        None => Ok(Put::Done),
    }
}

fn give_name_back(directory: &Directory, aside: &CString, name: &CStr) -> Result<(), Errno> {
    match put_new(directory, aside, directory, name) {
        // A sweep has rescued it.
        Ok(Put::Done) | Err(Errno::NOENT) => Ok(()),
        Ok(Put::Refused) => temporary::rescue(directory, aside).map(|_| ()),
        Err(errno) => Err(errno),
    }
}

fn exchange(directory: &Directory, one: &CStr, other: &CStr) -> Result<(), Errno> {
    rustix::fs::renameat_with(directory, one, directory, other, RenameFlags::EXCHANGE)
}

fn discard(directory: &Directory, name: &CStr) -> Result<(), Errno> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn lacks_flag(errno: Errno) -> bool {
    matches!(errno, Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

#[cfg(test)]
mod tests;
