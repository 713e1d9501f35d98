//! What a look at the disk yields, before anyone decides what it means.

use model::{Kind, Meta, Mode, ObjectKey, Owner, RelPath, Stamp, UnixNanos};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{AtFlags, FileType, Statx, StatxFlags, StatxTimestamp};
use rustix::io::Errno;
use std::ffi::CStr;
use std::{fmt, io};

/// One thing that stands below a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path; with a `/` behind it for a directory.
    pub key: ObjectKey,
    /// The sort of thing.
    pub kind: Kind,
    /// Bytes of content: a symlink's is its target, a directory has none.
    pub size: u64,
    /// Time, permissions and owner, all of them known.
    pub meta: Meta,
    /// The witness that it is still the same.
    pub stamp: Stamp,
}

/// Something below a root that could not be observed. Data, not an error: the rest of the tree stands.
#[derive(Debug)]
pub struct Problem {
    /// Where.
    pub path: RelPath,
    /// How much is unknown because of it.
    pub extent: Extent,
    /// What is the matter.
    pub reason: Reason,
}

/// How much of a tree a [`Problem`] hides. What is hidden must be taken as unknown, never as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The path alone.
    Entry,
    /// The path and everything below it.
    Subtree,
}

/// Why something was not observed.
#[derive(Debug)]
pub enum Reason {
    /// The system refused.
    Unreadable(io::Error),
    /// It is of a sort that never becomes a node.
    Unsupported(Special),
}

/// The sorts of things on a disk that are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// A socket.
    Socket,
    /// A named pipe.
    Pipe,
    /// A block or character device.
    Device,
    /// Whatever has a name that is ours.
    Reserved,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Unreadable(error) => write!(f, "{} cannot be read: {error}", self.path),
            Reason::Unsupported(special) => write!(f, "{} is a {special}, which is not kept", self.path),
        }
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Socket => "socket",
            Self::Pipe => "named pipe",
            Self::Device => "device",
            Self::Reserved => "name that Heirloom has for itself",
        })
    }
}

/// What must stand at a path for a change to go ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing at all.
    Absent,
    /// The very thing that was observed.
    Unchanged(Stamp),
}

/// Which directory a path led to, so that a remount is noticed. Device numbers may differ after a restart, and file systems give the number of a
/// deleted directory to the next one; so of one that keeps it, when the directory was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number of the file system.
    pub device: u64,
    /// Inode number of the directory.
    pub inode: u64,
    /// When it was made, if that can be told.
    pub born: Option<UnixNanos>,
}

/// One `statx` of something that is not followed if it is a symlink.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status(Statx);

impl Status {
    /// Looks at `name` in `directory`.
    pub(crate) fn of(directory: impl AsFd, name: &CStr) -> Result<Self, Errno> {
        Self::statx(directory.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Looks at `name` in `directory`, if there is one.
    pub(crate) fn of_any(directory: impl AsFd, name: &CStr) -> Result<Option<Self>, Errno> {
        match Self::of(directory, name) {
            Ok(status) => Ok(Some(status)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Looks at what `file` has open.
    pub(crate) fn of_open(file: impl AsFd) -> Result<Self, Errno> {
        Self::statx(file.as_fd(), c"", AtFlags::EMPTY_PATH)
    }

    fn statx(at: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<Self, Errno> {
        rustix::fs::statx(at, name, flags, StatxFlags::BASIC_STATS).map(Self)
    }

    /// What sort of thing it is, or why it is none that is kept.
    pub(crate) fn kind(&self) -> Result<Kind, Special> {
        kind_of(FileType::from_raw_mode(u32::from(self.0.stx_mode))).unwrap_or(Err(Special::Device))
    }

    pub(crate) fn mode(&self) -> Mode {
        Mode::from_st_mode(u32::from(self.0.stx_mode))
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { uid: self.0.stx_uid, gid: self.0.stx_gid }
    }

    pub(crate) fn inode(&self) -> u64 {
        self.0.stx_ino
    }

    /// Names that lead to it; 0 for a deleted file that is still open.
    pub(crate) fn links(&self) -> u32 {
        self.0.stx_nlink
    }

    /// Which directory `file` has open.
    pub(crate) fn identity_of(file: impl AsFd) -> Result<Identity, Errno> {
        let flags = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let status = rustix::fs::statx(file.as_fd(), c"", AtFlags::EMPTY_PATH, flags)?;
        let is_told = StatxFlags::from_bits_retain(status.stx_mask).contains(StatxFlags::BTIME);
        let born = (is_told && keeps_births(file)?).then(|| time(&status.stx_btime));
        Ok(Identity { device: Self(status).device(), inode: status.stx_ino, born })
    }

    /// Device and inode: they tell apart what is open at the same time.
    pub(crate) fn numbers(&self) -> (u64, u64) {
        (self.device(), self.inode())
    }

    pub(crate) fn device(&self) -> u64 {
        rustix::fs::makedev(self.0.stx_dev_major, self.0.stx_dev_minor)
    }

    /// Which mount an open directory was reached through; within one, files can be moved.
    pub(crate) fn mount_of(directory: impl AsFd) -> Result<(u64, u64), Errno> {
        let flags = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let status = rustix::fs::statx(directory.as_fd(), c"", AtFlags::EMPTY_PATH, flags)?;
        // Some file systems are several for this purpose, each with a device of its own.
        Ok((Self(status).device(), status.stx_mnt_id))
    }

    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            size: self.0.stx_size,
            mtime: time(&self.0.stx_mtime),
            ctime: time(&self.0.stx_ctime),
            inode: self.0.stx_ino,
        }
    }

    /// Joins the observation with where it was made.
    pub(crate) fn found(&self, path: &RelPath, kind: Kind) -> Found {
        let key = if kind == Kind::Directory { ObjectKey::directory(path) } else { ObjectKey::file(path) };
        self.found_at(key, kind)
    }

    pub(crate) fn found_at(&self, key: ObjectKey, kind: Kind) -> Found {
        let stamp = self.stamp();
        let (mtime, mode, owner) = (Some(stamp.mtime), Some(self.mode()), Some(self.owner()));
        let meta = Meta { mtime, mode, owner, ..Meta::default() };
        Found { key, kind, size: if kind == Kind::Directory { 0 } else { stamp.size }, meta, stamp }
    }
}

/// Whether a file system keeps when a directory was made. Those of the FAT family tell for their root when it was mounted.
fn keeps_births(file: impl AsFd) -> Result<bool, Errno> {
    const MSDOS: u64 = 0x4d44;
    const EXFAT: u64 = 0x2011_bab0;
    Ok(![MSDOS, EXFAT].contains(&sort_of_file_system(file)?))
}

/// The number that names a sort of file systems.
pub(crate) fn sort_of_file_system(file: impl AsFd) -> Result<u64, Errno> {
    // All numbers are of 32 bits.
    #[expect(clippy::cast_sign_loss, reason = "a number that names something")]
    rustix::fs::fstatfs(file).map(|status| status.f_type as u64 & 0xFFFF_FFFF)
}

/// Whether two observations show the same version of a file that was renamed in between, which changes
/// its ctime.
pub(crate) fn same_but_for_ctime(one: &Stamp, other: &Stamp) -> bool {
    (one.size, one.mtime, one.inode) == (other.size, other.mtime, other.inode)
}

/// What came of changing permissions, where a file system without any (FAT) refuses even the owner. The
/// drive is believed: what it shows afterwards is what it keeps.
pub(crate) fn unless_it_keeps_none(changed: Result<(), Errno>, owner: Owner) -> Result<(), Errno> {
    let user = rustix::process::geteuid();
    match changed {
        Err(Errno::PERM) if user.is_root() || user.as_raw() == owner.uid => Ok(()),
        Err(Errno::OPNOTSUPP) => Ok(()),
        changed => changed,
    }
}

/// `None`: the directory listing did not say.
pub(crate) fn kind_of(file_type: FileType) -> Option<Result<Kind, Special>> {
    match file_type {
        FileType::RegularFile => Some(Ok(Kind::File)),
        FileType::Symlink => Some(Ok(Kind::Symlink)),
        FileType::Directory => Some(Ok(Kind::Directory)),
        FileType::Socket => Some(Err(Special::Socket)),
        FileType::Fifo => Some(Err(Special::Pipe)),
        FileType::CharacterDevice | FileType::BlockDevice => Some(Err(Special::Device)),
        FileType::Unknown => None,
    }
}

fn time(timestamp: &StatxTimestamp) -> UnixNanos {
    UnixNanos::from_seconds_and_nanos(timestamp.tv_sec, timestamp.tv_nsec)
}
