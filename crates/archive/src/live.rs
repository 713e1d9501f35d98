//! Looking at the live files without following anything.
//!
//! Every call names one component relative to an open directory and refuses symbolic links, so whatever a
//! user puts into the bucket, and whenever they do it, nothing outside of it is ever read.

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Files that are still being written carry this prefix.
const TEMPORARY_PREFIX: &[u8] = b".heirloom-tmp-";
/// At the bucket's root, and there alone, this name is Heirloom's own.
pub(crate) const RESERVED_AT_ROOT: &[u8] = b".heirloom";

/// What stands at a path, as `stat` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `st_mode`: sort and permissions.
    pub(crate) mode: u32,
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) mtime: i64,
    /// Nanoseconds since 1970.
    pub(crate) ctime: i64,
    pub(crate) inode: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Stat {
    pub(crate) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.mode)
    }

    /// Whether nothing suggests that the content is another.
    pub(crate) fn same_version(&self, other: &Self) -> bool {
        let version = |stat: &Self| (stat.mode, stat.size, stat.mtime, stat.ctime, stat.inode);
        version(self) == version(other)
    }

    #[expect(
        clippy::cast_sign_loss,
        clippy::unnecessary_cast,
        reason = "the widths and signs of these fields differ from platform to platform; sizes are never negative"
    )]
    fn from_raw(raw: &rustix::fs::Stat) -> Self {
        let nanos = |seconds: i64, nanos: i64| seconds.saturating_mul(1_000_000_000).saturating_add(nanos);
        Self {
            mode: raw.st_mode as u32,
            size: raw.st_size as u64,
            mtime: nanos(raw.st_mtime as i64, i64::try_from(raw.st_mtime_nsec).unwrap_or_default()),
            ctime: nanos(raw.st_ctime as i64, i64::try_from(raw.st_ctime_nsec).unwrap_or_default()),
            inode: raw.st_ino as u64,
            uid: raw.st_uid as u32,
            gid: raw.st_gid as u32,
        }
    }
}

/// A name in a directory.
pub(crate) struct Item {
    pub(crate) name: Vec<u8>,
    pub(crate) stat: Result<Stat, Errno>,
}

/// Opens the root; the path to it is the administrator's and may lead through links.
pub(crate) fn open_root(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

pub(crate) fn open_directory(parent: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

/// Opens a file to read. A pipe that took the file's place since does not block.
pub(crate) fn open_file(parent: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    rustix::fs::openat(parent, name, flags, Mode::empty())
}

pub(crate) fn stat(fd: impl AsFd) -> Result<Stat, Errno> {
    rustix::fs::fstat(fd).map(|raw| Stat::from_raw(&raw))
}

pub(crate) fn stat_at(parent: impl AsFd, name: &[u8]) -> Result<Stat, Errno> {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).map(|raw| Stat::from_raw(&raw))
}

/// Lists a directory, sorted by name, each name with its `stat`; what vanished meanwhile is left out.
pub(crate) fn list(directory: impl AsFd, buffer: &mut Vec<u8>) -> Result<Vec<Item>, Errno> {
    let directory = directory.as_fd();
    let mut items = Vec::new();
    buffer.clear();
    buffer.reserve(64 * 1024);
    let mut entries = RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || name.starts_with(TEMPORARY_PREFIX) {
            continue;
        }
        match rustix::fs::statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => {}
            stat => items.push(Item { name: name.to_vec(), stat: stat.map(|raw| Stat::from_raw(&raw)) }),
        }
    }
    items.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(items)
}
