//! Changes that bring no new bytes: directories made and removed, files removed, renamed and described anew.

use crate::beneath::{self, Directory, Place};
use crate::entry::{Status, same_but_for_ctime, unless_it_keeps_none};
use crate::place::{Put, put_new, take_away};
use crate::stage::times;
use crate::{Error, Found, Root, sweep};
use model::{Kind, Meta, Mode, RelPath, Stamp};
use rustix::fd::{AsFd, AsRawFd};
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;
use std::ffi::CStr;

/// What a directory goes back to when it no longer says anything of its own.
const USUAL_DIRECTORY_MODE: u32 = 0o755;

impl Root {
    /// Makes sure that there is a directory at `path`, with the permissions of `meta` if it says any; missing
    /// ones above it are created. A directory's time is left alone.
    ///
    /// [`Error::Changed`] if something else stands there.
    pub fn make_directory(&self, path: &RelPath, meta: &Meta) -> Result<Found, Error> {
        let doing = "creating the directory";
        let (status, mut created) = self.creating(doing, path, |place| describe_directory(&place, meta))?;
        let status = status.ok_or_else(|| self.changed(path))?;
        created.keep();
        Ok(status.found(path, Kind::Directory))
    }

    /// Removes a file or symlink, then the directories above it that hold nothing any more, up to the first
    /// that `keep` names; never the root.
    ///
    /// [`Error::Changed`] unless it is as expected. An edit made in the same moment gets its name back.
    pub fn remove(
        &self,
        path: &RelPath,
        expect: &Stamp,
        keep: &dyn Fn(&RelPath) -> bool,
    ) -> Result<(), Error> {
        let failed = |errno| self.failed_or_changed("removing", path, errno);
        let place = self.place(path).map_err(failed)?;
        expected(&place, expect).map_err(failed)?.ok_or_else(|| self.changed(path))?;
        match take_away(&place.directory, &place.name, expect).map_err(failed)? {
            Put::Done => self.prune(path, keep),
            Put::Refused => Err(self.changed(path)),
        }
    }

    /// Removes a directory if it is empty, stale temporaries of ours aside, then like [`Root::remove`] those
    /// above it. One that is not empty stays for the sake of what it holds, and has the usual permissions
    /// again.
    pub fn remove_directory(&self, path: &RelPath, keep: &dyn Fn(&RelPath) -> bool) -> Result<(), Error> {
        let place = match self.place(path) {
            Ok(place) => place,
            Err(Errno::NOENT) => return self.prune(path, keep),
            Err(errno) => return Err(self.failed_or_changed("removing", path, errno)),
        };
        let failed = |errno| self.failed_or_changed("removing", path, errno);
        let remove = || rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::REMOVEDIR);
        let mut removed = remove();
        if removed == Err(Errno::NOTEMPTY) {
            sweep::sweep_directory(self, path)?;
            removed = remove();
        }
        match removed {
            Ok(()) | Err(Errno::NOENT) => self.prune(path, keep),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                change_mode(&place.directory, &place.name, Mode::from_st_mode(USUAL_DIRECTORY_MODE))
                    .map_err(failed)
            }
            // Something is mounted there: the directory stands, as one does that somebody has put a file into.
            Err(Errno::BUSY) => Ok(()),
            Err(errno) => Err(failed(errno)),
        }
    }

    /// Gives a file or symlink another path, under which nothing may stand; missing directories above it are
    /// created. Directories that it leaves empty stay.
    ///
    /// [`Error::Changed`] if `from` is not as expected or something stands at `to`.
    pub fn rename(&self, from: &RelPath, to: &RelPath, expect: &Stamp) -> Result<Found, Error> {
        let doing = "renaming";
        let failed = |errno| self.failed_or_changed(doing, from, errno);
        let old = self.place(from).map_err(failed)?;
        let before = expected(&old, expect).map_err(failed)?.ok_or_else(|| self.changed(from))?;
        let ((put, new), mut created) = self.creating(doing, to, |new| {
            match put_new(&old.directory, &old.name, &new.directory, &new.name) {
                Ok(put) => Ok((Some(put), new)),
                Err(Errno::NOENT) if Status::of_any(&old.directory, &old.name)?.is_none() => Ok((None, new)),
                Err(errno) => Err(errno),
            }
        })?;
        match put {
            Some(Put::Done) => created.keep(),
            Some(Put::Refused) => return Err(self.changed(to)),
            None => return Err(self.changed(from)),
        }
        let moved = Status::of(&new.directory, &new.name)
            .map_err(|errno| self.failed_or_changed(doing, to, errno))?;
        if same_but_for_ctime(&moved.stamp(), expect) {
            let kind = before.kind().unwrap_or(Kind::File);
            return Ok(moved.found(to, kind));
        }
        // An edit came along: it goes back to its name, or stays under the new one if that is taken by now.
        put_new(&new.directory, &new.name, &old.directory, &old.name).map_err(failed)?;
        Err(self.changed(from))
    }

    /// Sets time and permissions (less setuid, setgid and sticky) as far as `meta` says any; never the
    /// owner. A directory keeps its time, a symlink its permissions.
    ///
    /// [`Error::Changed`] unless it is as expected.
    pub fn set_meta(&self, path: &RelPath, meta: &Meta, expect: &Stamp) -> Result<Found, Error> {
        let failed = |errno| self.failed_or_changed("setting time and permissions of", path, errno);
        let place = self.place(path).map_err(failed)?;
        let before = Status::of(&place.directory, &place.name).map_err(failed)?;
        let kind = before.kind().map_err(|_| self.changed(path))?;
        // A directory's stamp moves with what is done inside it; only that it is the same one matters.
        let as_expected =
            if kind == Kind::Directory { before.inode() == expect.inode } else { before.stamp() == *expect };
        if !as_expected {
            return Err(self.changed(path));
        }
        if let (Some(mode), Kind::File | Kind::Directory) = (meta.mode, kind) {
            change_mode(&place.directory, &place.name, mode.without_special()).map_err(failed)?;
        }
        if let (Some(times), Kind::File | Kind::Symlink) = (times(meta), kind) {
            let unedited = Status::of(&place.directory, &place.name).map_err(failed)?;
            if !same_but_for_ctime(&unedited.stamp(), expect) {
                return Err(self.changed(path));
            }
            rustix::fs::utimensat(&place.directory, &place.name, &times, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(failed)?;
        }
        let after = Status::of(&place.directory, &place.name).map_err(failed)?;
        let same_file = after.inode() == before.inode();
        let same_bytes = kind == Kind::Directory || after.stamp().size == expect.size;
        if same_file && same_bytes { Ok(after.found(path, kind)) } else { Err(self.changed(path)) }
    }

    /// Removes the directories above `path` that are empty, up to the first that `keep` names.
    pub fn prune(&self, path: &RelPath, keep: &dyn Fn(&RelPath) -> bool) -> Result<(), Error> {
        let mut above = path.parent();
        while let Some(directory) = above.take_if(|directory| !keep(directory)) {
            let removed = self
                .place(&directory)
                .and_then(|place| rustix::fs::unlinkat(&place.directory, &place.name, AtFlags::REMOVEDIR));
            match removed {
                Ok(()) | Err(Errno::NOENT) => above = directory.parent(),
                // Not empty, a mount point, or someone else's by now: it stays. So does one that may not be
                // removed, and is found empty by the next scan.
                Err(
                    Errno::NOTEMPTY
                    | Errno::EXIST
                    | Errno::BUSY
                    | Errno::NOTDIR
                    | Errno::LOOP
                    | Errno::ACCESS
                    | Errno::PERM,
                ) => break,
                Err(errno) => return Err(self.failed("removing the directory", &directory, errno)),
            }
        }
        Ok(())
    }
}

/// Makes a directory or takes the one that is there; `None` if something else is.
fn describe_directory(place: &Place, meta: &Meta) -> Result<Option<Status>, Errno> {
    let usual = rustix::fs::Mode::from_raw_mode(USUAL_DIRECTORY_MODE);
    match rustix::fs::mkdirat(&place.directory, &place.name, usual) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    let is_directory = |status: &Status| status.kind() == Ok(Kind::Directory);
    let status = Some(Status::of(&place.directory, &place.name)?).filter(is_directory);
    match (status, meta.mode) {
        (Some(_), Some(mode)) => {
            change_mode(&place.directory, &place.name, mode.without_special())?;
            Ok(Some(Status::of(&place.directory, &place.name)?).filter(is_directory))
        }
        (status, _) => Ok(status),
    }
}

/// What stands at the place, if it is a file or symlink as expected.
fn expected(place: &Place, stamp: &Stamp) -> Result<Option<Status>, Errno> {
    let status = Status::of_any(&place.directory, &place.name)?;
    Ok(status
        .filter(|status| matches!(status.kind(), Ok(Kind::File | Kind::Symlink)) && status.stamp() == *stamp))
}

/// `fchmodat` follows symlinks, so the file is opened first, and reached through `/proc` where it may not be
/// opened.
fn change_mode(directory: &Directory, name: &CStr, mode: Mode) -> Result<(), Errno> {
    let mode = rustix::fs::Mode::from_raw_mode(mode.bits());
    match beneath::walk(directory.as_fd(), name.to_bytes(), beneath::READING | OFlags::CLOEXEC) {
        Ok(file) => unless_it_keeps_none(rustix::fs::fchmod(&file, mode), Status::of_open(&file)?.owner()),
        Err(Errno::ACCESS) => {
            let handle = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = beneath::walk(directory.as_fd(), name.to_bytes(), handle)?;
            let status = Status::of_open(&file)?;
            // It would be followed here.
            if status.kind() == Ok(Kind::Symlink) {
                return Err(Errno::LOOP);
            }
            let changed = rustix::fs::chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), mode);
            unless_it_keeps_none(changed, status.owner())
        }
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests;
