//! Bringing bytes beside their target, and putting them in place whole or not at all.

mod holes;

use crate::entry::{Status, same_but_for_ctime, unless_it_keeps_none};
use crate::place::{Put, put_instead, put_new};
use crate::read::digest_file;
use crate::root::Created;
use crate::temporary::{Fate, Temporary};
use crate::{Error, Expect, Found, Root};
use holes::Run;
pub use holes::begins_sparse;
use model::{ContentId, Kind, Meta, Mode, Owner, RelPath, Stamp};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Timespec, Timestamps};
use rustix::io::Errno;
use std::ffi::CString;
use std::sync::OnceLock;

/// Bytes that are written at once. For more, kernels take large folios, whose memory they may have to ask a host for: a tenth of
/// the speed was measured.
const WRITE_MAX: usize = 256 << 10;

/// Bytes that are read back at once.
const BLOCK: usize = 1 << 20;

/// What is attempted at the end.
const PLACING: &str = "putting in place";

/// How often a symlink may be swept before it is in place.
const ATTEMPTS: usize = 64;

/// A file in the making: hidden beside its target, and gone again if it is dropped before [`Staged::place`].
#[derive(Debug)]
pub struct Staged {
    root: Root,
    path: RelPath,
    file: OwnedFd,
    /// Bytes written so far by [`Staged::write`].
    length: u64,
    site: Site,
}

/// A file that is complete but for its name and a flush; gone again if it is dropped.
#[derive(Debug)]
pub struct Ready {
    staged: Staged,
    status: Status,
    expect: Expect,
}

/// Where something is made; cleared unless it is kept.
#[derive(Debug)]
pub(crate) struct Site {
    // Goes before the directories do, so that these are empty.
    pub(crate) temporary: Temporary,
    /// The target's name.
    pub(crate) name: CString,
    pub(crate) created: Created,
    pub(crate) whereabouts: Whereabouts,
}

/// Where a temporary stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// Beside its target.
    Beside,
    /// At the top, because the target's directory was not there.
    AtTop,
}

impl Root {
    /// Begins a file that will stand at `path`. Missing directories above it are created (0755 less the
    /// umask), and removed again if nothing comes of it.
    pub fn stage(&self, path: &RelPath) -> Result<Staged, Error> {
        let ((temporary, file, name), created) = self.creating("creating a file for", path, |place| {
            let (temporary, file) = Temporary::create_file(place.directory)?;
            Ok((temporary, file, place.name))
        })?;
        let site = Site { temporary, name, created, whereabouts: Whereabouts::Beside };
        Ok(Staged::new(self, path, file, 0, site))
    }

    /// Puts a symlink at `path`, creating missing directories above it. Of `meta`, only the time applies.
    ///
    /// [`Error::Changed`] if what stands there is not as expected; [`Error::Unsupported`] if the file system
    /// has no symlinks, or none with such a target.
    pub fn place_symlink(
        &self,
        path: &RelPath,
        target: &[u8],
        meta: &Meta,
        expect: Expect,
    ) -> Result<Found, Error> {
        let unsupported = || Error::Unsupported { path: self.locate(path) };
        let text = CString::new(target).ok().filter(|text| !text.is_empty()).ok_or_else(unsupported)?;
        let doing = "creating a symlink for";
        for _ in 0..ATTEMPTS {
            let made = self.creating(doing, path, |place| {
                Ok((Temporary::create_symlink(place.directory, &text)?, place.name))
            });
            let ((temporary, name), created) = match made {
                Err(Error::Denied { source, .. })
                    if source.raw_os_error() == Some(Errno::PERM.raw_os_error()) =>
                {
                    return Err(unsupported());
                }
                made => made?,
            };
            let mut site = Site { temporary, name, created, whereabouts: Whereabouts::Beside };
            match site.place_symlink(meta, expect) {
                Ok((Put::Done, status)) => return Ok(status.found(path, Kind::Symlink)),
                Ok((Put::Refused, _)) => return Err(self.changed(path)),
                // A sweep took it for a leftover.
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(self.failed(doing, path, errno)),
            }
        }
        Err(self.failed(doing, path, Errno::NOENT))
    }
}

impl Staged {
    pub(crate) fn new(root: &Root, path: &RelPath, file: OwnedFd, length: u64, site: Site) -> Self {
        Self { root: root.clone(), path: path.clone(), file, length, site }
    }

    /// Bytes that are there: for one that is gone on with, from the start.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends bytes. Large blocks of zeroes become holes, which read as zeroes and take no space.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (run, length) = holes::first_run(rest, self.length);
            let (now, behind) = rest.split_at(length);
            if run == Run::Bytes {
                self.write_at(self.length, now)?;
            }
            self.length += length as u64;
            rest = behind;
        }
        let temporary = &mut self.site.temporary;
        if temporary.is_resumable() {
            temporary.fate = Fate::Kept;
        }
        Ok(())
    }

    /// Hands on what is there, from the start; to compute a digest on, for one that is gone on with.
    pub fn for_each_block(&self, mut each: impl FnMut(&[u8])) -> Result<(), Error> {
        let mut block = vec![0; BLOCK];
        let mut at = 0;
        while at < self.length {
            let room = usize::try_from(self.length - at).map_or(BLOCK, |left| left.min(BLOCK));
            match rustix::io::pread(&self.file, &mut block[..room], at) {
                // The rest is a hole that the file does not reach over yet.
                Ok(0) => {
                    block[..room].fill(0);
                    each(&block[..room]);
                    at += room as u64;
                }
                Ok(read) => {
                    each(&block[..read]);
                    at += read as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.failed("reading", errno)),
            }
        }
        Ok(())
    }

    /// Gives it up, even if it could be gone on with: what it holds has turned out to be wrong.
    pub fn discard(mut self) {
        self.site.temporary.fate = Fate::Cleared;
    }

    /// Writes bytes from `offset` on; several threads may write different ranges. Not to be mixed with
    /// [`Staged::write`].
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let mut written = 0;
        while written < bytes.len() {
            let now = &bytes[written..bytes.len().min(written + WRITE_MAX)];
            match rustix::io::pwrite(&self.file, now, offset + written as u64) {
                Ok(count) => written += count,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.failed("writing", errno)),
            }
        }
        Ok(())
    }

    /// [`Error::NoSpace`] if the file system has less room than is missing of `size` bytes, so that a file that cannot be finished does
    /// not take what others need. Holes count as bytes here: nobody knows of them before they come. See [`begins_sparse`].
    pub fn check_room(&self, size: u64) -> Result<(), Error> {
        // What cannot tell is asked by writing.
        let Ok(status) = rustix::fs::fstatvfs(&self.file) else { return Ok(()) };
        let room = status.f_bavail.saturating_mul(status.f_frsize);
        if size.saturating_sub(self.length) > room {
            return Err(self.failed("finding room for", Errno::NOSPC));
        }
        Ok(())
    }

    /// The content id of what was written, read back.
    pub fn digest(&self) -> Result<ContentId, Error> {
        let status = self.reach().map_err(|errno| self.failed("reading", errno))?;
        match digest_file(&self.file, status.stamp().size) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(self.root.changed(&self.path)),
            Err(errno) => Err(self.failed("reading", errno)),
        }
    }

    /// Puts the file in place, its bytes safely on the medium, with the time and permissions of `meta` (less
    /// setuid, setgid and sticky). Where `meta` does not say, a replaced file's permissions are kept, a new
    /// file has the usual ones. A replaced file's owner is kept as far as this user may.
    ///
    /// [`Error::Changed`] if what stands there is not as expected; nothing has been changed then. The name
    /// lasts once [`Root::sync_directories`] returned.
    pub fn place(self, meta: &Meta, expect: Expect) -> Result<Found, Error> {
        let ready = self.ready(meta, expect)?;
        let outcome = crate::flush(&ready.staged.root, &[&ready]);
        ready.flushed(outcome)?.place()
    }

    /// The first step of [`Staged::place`], for when many are flushed together.
    pub fn ready(mut self, meta: &Meta, expect: Expect) -> Result<Ready, Error> {
        self.go_home()?;
        let failed = |errno| self.root.failed(PLACING, &self.path, errno);
        let Ok(replaced) = self.site.check(expect).map_err(failed)? else {
            return Err(self.root.changed(&self.path));
        };
        let status = self.finish(meta, replaced.as_ref()).map_err(failed)?;
        Ok(Ready { staged: self, status, expect })
    }

    /// Everything but the flush and the name: owner, permissions, time.
    fn finish(&self, meta: &Meta, replaced: Option<&Status>) -> Result<Status, Errno> {
        self.reach()?;
        if let Some(replaced) = replaced {
            keep_owner(&self.file, replaced.owner())?;
        }
        // A symlink's permissions mean nothing.
        let replaced = replaced.filter(|replaced| replaced.kind() == Ok(Kind::File));
        let mode = meta.mode.or(replaced.map(Status::mode)).map_or_else(usual_mode, Mode::without_special);
        let changed = rustix::fs::fchmod(&self.file, rustix::fs::Mode::from_raw_mode(mode.bits()));
        unless_it_keeps_none(changed, Status::of_open(&self.file)?.owner())?;
        if let Some(times) = times(meta) {
            rustix::fs::futimens(&self.file, &times)?;
        }
        Status::of_open(&self.file)
    }

    /// Makes the file as long as what was written: it may end in a hole.
    fn reach(&self) -> Result<Status, Errno> {
        let status = Status::of_open(&self.file)?;
        if status.stamp().size >= self.length {
            return Ok(status);
        }
        rustix::fs::ftruncate(&self.file, self.length)?;
        Status::of_open(&self.file)
    }

    /// Moves beside the target, whose directory is created if it is missing.
    fn go_home(&mut self) -> Result<(), Error> {
        if self.site.whereabouts == Whereabouts::Beside {
            return Ok(());
        }
        let doing = "creating a file for";
        let temporary = &mut self.site.temporary;
        let ((), created) =
            self.root.creating(doing, &self.path, |place| temporary.move_to(place.directory))?;
        self.site.created = created;
        self.site.whereabouts = Whereabouts::Beside;
        Ok(())
    }

    fn failed(&self, doing: &'static str, errno: Errno) -> Error {
        self.root.failed(doing, &self.path, errno)
    }
}

impl Ready {
    /// Hears whether its bytes are on the medium, which is the second step of [`Staged::place`].
    pub fn flushed(self, outcome: Result<(), Errno>) -> Result<Self, Error> {
        match outcome {
            Ok(()) => Ok(self),
            Err(errno) => Err(self.staged.failed("writing to the disk", errno)),
        }
    }

    /// The last step of [`Staged::place`].
    pub fn place(self) -> Result<Found, Error> {
        let Self { staged: mut this, status: before, expect } = self;
        let failed = |errno| this.root.failed(PLACING, &this.path, errno);
        match this.site.put(expect).map_err(failed)? {
            Put::Done => {}
            Put::Refused => return Err(this.root.changed(&this.path)),
        }
        // Someone may have edited it already. Then the earlier observation is returned, so that the next scan
        // sees a change.
        let after = Status::of_open(&this.file).map_err(failed)?;
        let untouched = same_but_for_ctime(&before.stamp(), &after.stamp());
        Ok(if untouched { after } else { before }.found(&this.path, Kind::File))
    }
}

impl AsFd for Ready {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.staged.file.as_fd()
    }
}

impl Site {
    fn place_symlink(&mut self, meta: &Meta, expect: Expect) -> Result<(Put, Status), Errno> {
        let directory = &self.temporary.directory;
        if let Some(times) = times(meta) {
            rustix::fs::utimensat(directory, &self.temporary.name, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        let before = Status::of(directory, &self.temporary.name)?;
        if self.check(expect)?.is_err() {
            return Ok((Put::Refused, before));
        }
        let put = self.put(expect)?;
        let after = Status::of_any(&self.temporary.directory, &self.name)?;
        let ours = after.filter(|after| after.inode() == before.inode());
        Ok((put, ours.unwrap_or(before)))
    }

    /// Looks whether what is expected stands there, and at what is to be replaced.
    fn check(&self, expect: Expect) -> Result<Result<Option<Status>, Unexpected>, Errno> {
        let now = Status::of_any(&self.temporary.directory, &self.name)?;
        Ok(match (expect, now) {
            (Expect::Absent, None) => Ok(None),
            (Expect::Unchanged(stamp), Some(now)) if is_replaceable(&now, &stamp) => Ok(Some(now)),
            (Expect::Absent | Expect::Unchanged(_), _) => Err(Unexpected),
        })
    }

    fn put(&mut self, expect: Expect) -> Result<Put, Errno> {
        let put = match expect {
            Expect::Absent => {
                let directory = &self.temporary.directory;
                put_new(directory, &self.temporary.name, directory, &self.name)
            }
            Expect::Unchanged(stamp) => put_instead(&mut self.temporary, &self.name, &stamp),
        }?;
        if put == Put::Done {
            self.temporary.fate = Fate::Placed;
            self.created.keep();
        }
        Ok(put)
    }
}

struct Unexpected;

fn is_replaceable(now: &Status, stamp: &Stamp) -> bool {
    now.stamp() == *stamp && matches!(now.kind(), Ok(Kind::File | Kind::Symlink))
}

/// A daemon that runs as root must not take a person's files over.
fn keep_owner(file: &OwnedFd, owner: Owner) -> Result<(), Errno> {
    if Status::of_open(file)?.owner() == owner {
        return Ok(());
    }
    match std::os::unix::fs::fchown(file, Some(owner.uid), Some(owner.gid)) {
        Ok(()) => Ok(()),
        Err(error) => match Errno::from_io_error(&error) {
            // Only root may give files away, and some file systems have no owners.
            Some(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::INVAL) | None => Ok(()),
            Some(errno) => Err(errno),
        },
    }
}

/// The time of `meta`, if it says one; the time of last access is left alone.
pub(crate) fn times(meta: &Meta) -> Option<Timestamps> {
    let (tv_sec, nanos) = meta.mtime?.seconds_and_nanos();
    let last_modification = Timespec { tv_sec, tv_nsec: i64::from(nanos) };
    let last_access = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    Some(Timestamps { last_access, last_modification })
}

/// What a program that says nothing else would give a new file. Read once: asking for the umask would set it.
fn usual_mode() -> Mode {
    static UMASK: OnceLock<u32> = OnceLock::new();
    let umask = UMASK.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        umask.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok()).unwrap_or(0o022)
    });
    Mode::from_st_mode(0o666 & !umask)
}

#[cfg(test)]
mod tests;
