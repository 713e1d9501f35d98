//! The live files: `<data_dir>/live/<bucket>/…`, each under its true name, readable with any tool.

use crate::beneath::Root;
use crate::fault::{Doing, Fault};
use crate::incoming::Draft;
use disk::Unflushed;
use model::{BucketName, Kind, ObjectKey, Stamp, UnixNanos};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// How often a file is put in place anew because its directory vanished meanwhile.
const TRIES: usize = 16;

#[derive(Debug)]
pub(crate) struct Live {
    root: Root,
    unflushed: Arc<Unflushed>,
}

/// Where an object is on disk, relative to all live files.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: Vec<u8>,
    bucket_length: usize,
}

/// What stands at a place.
#[derive(Debug)]
pub(crate) enum Seen {
    Nothing,
    File(File, Stat),
    /// With the target.
    Symlink(Vec<u8>, Stat),
    Directory(OwnedFd),
}

impl Seen {
    /// As [`Live::look`] would have told it; a directory's stamp says nothing.
    pub(crate) fn kind_and_stamp(&self) -> Option<(Kind, Stamp)> {
        match self {
            Self::Nothing => None,
            Self::File(_, stat) => Some((Kind::File, stamp_of(stat))),
            Self::Symlink(_, stat) => Some((Kind::Symlink, stamp_of(stat))),
            Self::Directory(_) => Some((Kind::Directory, crate::record::DIRECTORY_STAMP)),
        }
    }
}

impl Place {
    pub(crate) fn new(bucket: &BucketName, key: &ObjectKey) -> Self {
        let mut path = bucket.as_str().as_bytes().to_vec();
        path.push(b'/');
        path.extend_from_slice(&key.path().to_os_bytes());
        Self { path, bucket_length: bucket.as_str().len() }
    }

    /// The directory it is in, and its name there.
    fn split(&self) -> (&[u8], &[u8]) {
        let slash = self.path.iter().rposition(|&byte| byte == b'/').unwrap_or(self.bucket_length);
        (&self.path[..slash], &self.path[slash + 1..])
    }

    /// The directories above it, innermost first, without the bucket's own.
    fn ancestors(&self) -> impl Iterator<Item = Self> {
        let below_bucket = self.bucket_length + 1..self.path.len();
        let slashes = below_bucket.rev().filter(|&at| self.path[at] == b'/');
        slashes.map(|at| Self { path: self.path[..at].to_vec(), bucket_length: self.bucket_length })
    }

    /// The path as an object key of its bucket would say it.
    fn key(&self) -> String {
        let path = self.path.get(self.bucket_length + 1..).unwrap_or_default();
        model::RelPath::from_os_bytes(path).map_or_else(|_| String::new(), |path| path.to_string())
    }
}

impl Live {
    pub(crate) fn open(path: &Path, unflushed: Arc<Unflushed>) -> rustix::io::Result<Self> {
        Ok(Self { root: Root::open(path)?, unflushed })
    }

    /// Opens what stands at a place for reading.
    pub(crate) fn see(&self, place: &Place) -> Result<Seen, Fault> {
        const DOING: &str = "open a live file";
        // Without NONBLOCK, a named pipe in the tree would hold the thread until somebody writes to it.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        match self.root.open_at(&place.path, flags) {
            Ok(fd) => {
                let stat = rustix::fs::fstat(&fd).doing(DOING)?;
                Ok(match FileType::from_raw_mode(stat.st_mode) {
                    FileType::RegularFile => Seen::File(File::from(fd), stat),
                    FileType::Directory => Seen::Directory(fd),
                    _ => Seen::Nothing,
                })
            }
            Err(Errno::LOOP) => self.see_symlink(place),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NXIO | Errno::NAMETOOLONG) => Ok(Seen::Nothing),
            Err(error) => Err(error).doing(DOING),
        }
    }

    fn see_symlink(&self, place: &Place) -> Result<Seen, Fault> {
        const DOING: &str = "read a symbolic link";
        let link = match self.root.open_at(&place.path, OFlags::PATH) {
            Ok(link) => link,
            // A link on the way: nothing of ours is behind it.
            Err(Errno::LOOP | Errno::NOENT | Errno::NOTDIR) => return Ok(Seen::Nothing),
            Err(error) => return Err(error).doing(DOING),
        };
        let stat = rustix::fs::fstat(&link).doing(DOING)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(Seen::Nothing);
        }
        let target = rustix::fs::readlinkat(&link, "", Vec::new()).doing(DOING)?;
        Ok(Seen::Symlink(target.into_bytes(), stat))
    }

    /// The sort and stamp of what stands at a place, without opening it.
    pub(crate) fn look(&self, place: &Place) -> Result<Option<(Kind, Stamp)>, Fault> {
        const DOING: &str = "look at a live file";
        match self.root.open_at(&place.path, OFlags::PATH) {
            Ok(fd) => {
                let stat = rustix::fs::fstat(&fd).doing(DOING)?;
                Ok(kind_of(&stat).map(|kind| (kind, stamp_of(&stat))))
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => Ok(None),
            Err(error) => Err(error).doing(DOING),
        }
    }

    /// Puts a finished draft in place, and makes the directories it needs. Returns what the disk says about it
    /// now, and the directory that has to be flushed. [`Occupied`] when a directory is in its place.
    pub(crate) fn place(
        &self,
        draft: &mut Draft,
        place: &Place,
    ) -> Result<Result<(Stat, OwnedFd), Occupied>, Fault> {
        const DOING: &str = "put a file in place";
        let (parent, name) = place.split();
        for _ in 0..TRIES {
            let directory = self.make_directories(parent, place)?;
            match draft.place(&directory, name) {
                Ok(()) => {
                    let stat = match draft.file() {
                        Some(file) => rustix::fs::fstat(file),
                        None => rustix::fs::statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW),
                    };
                    return Ok(Ok((stat.doing(DOING)?, directory)));
                }
                // The directory was empty, and removed since it was opened.
                Err(Errno::NOENT) => {}
                Err(Errno::ISDIR | Errno::NOTEMPTY | Errno::EXIST) => return Ok(Err(Occupied)),
                Err(error) => return Err(error).doing(DOING),
            }
        }
        Err(Errno::NOENT).doing(DOING)
    }

    /// Makes a directory at a place, and the ones above it; fails when a file is there.
    pub(crate) fn place_directory(&self, place: &Place) -> Result<OwnedFd, Fault> {
        self.make_directories(&place.path, place)
    }

    /// Opens a directory, made together with the ones above it if need be. `wanted` is what it is for.
    fn make_directories(&self, path: &[u8], wanted: &Place) -> Result<OwnedFd, Fault> {
        const DOING: &str = "make a directory";
        for _ in 0..TRIES {
            match self.root.open_directory(path) {
                Ok(directory) => return Ok(directory),
                Err(Errno::NOENT) => {}
                Err(Errno::NOTDIR | Errno::LOOP) => return Err(self.blocked(wanted, path)),
                Err(error) => return Err(error).doing(DOING),
            }
            let slash = path.iter().rposition(|&byte| byte == b'/');
            let above = slash.map(|at| self.make_directories(&path[..at], wanted)).transpose()?;
            let at = above.as_ref().map_or(self.root.as_fd(), std::os::fd::AsFd::as_fd);
            let name = &path[slash.map_or(0, |at| at + 1)..];
            let make = || rustix::fs::mkdirat(at, name, Mode::from_raw_mode(0o755));
            match self.unflushed.make(at, make) {
                Ok(()) | Err(Errno::EXIST | Errno::NOENT) => {}
                Err(error) => return Err(error).doing(DOING),
            }
        }
        Err(Errno::NOENT).doing(DOING)
    }

    /// Names the file that stands where the directory `path` is needed.
    fn blocked(&self, wanted: &Place, path: &[u8]) -> Fault {
        let inner = Place { path: path.to_vec(), bucket_length: wanted.bucket_length };
        let mut chain: Vec<Place> = inner.ancestors().collect();
        chain.reverse();
        chain.push(inner);
        let is_directory = |place: &Place| matches!(self.look(place), Ok(Some((Kind::Directory, _)) | None));
        let by = chain.iter().find(|place| !is_directory(place)).unwrap_or(wanted);
        Fault::Blocked { key: wanted.key(), by: by.key(), what: "a file" }
    }

    /// Removes the file or link at a place. Returns the directory it was in, or `None` if nothing was there.
    pub(crate) fn remove(&self, place: &Place) -> Result<Option<OwnedFd>, Fault> {
        const DOING: &str = "remove a live file";
        let (parent, name) = place.split();
        let directory = match self.root.open_directory(parent) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => return Ok(None),
            Err(error) => return Err(error).doing(DOING),
        };
        match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
            Ok(()) => Ok(Some(directory)),
            Err(Errno::NOENT | Errno::ISDIR | Errno::NAMETOOLONG) => Ok(None),
            Err(error) => Err(error).doing(DOING),
        }
    }

    /// Removes the directory at a place if it is empty. Returns the one it was in, or `None` if it stays.
    pub(crate) fn remove_directory(&self, place: &Place) -> Result<Option<OwnedFd>, Fault> {
        const DOING: &str = "remove an empty directory";
        let (parent, name) = place.split();
        let directory = match self.root.open_directory(parent) {
            Ok(directory) => directory,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NAMETOOLONG) => return Ok(None),
            Err(error) => return Err(error).doing(DOING),
        };
        match rustix::fs::unlinkat(&directory, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(Some(directory)),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG) => {
                Ok(None)
            }
            Err(error) => Err(error).doing(DOING),
        }
    }

    /// The names of all buckets' directories, and of what else is beside them.
    pub(crate) fn names(&self) -> rustix::io::Result<Vec<Vec<u8>>> {
        let entries = rustix::fs::Dir::read_from(self.root.as_fd())?;
        entries.map(|entry| Ok(entry?.file_name().to_bytes().to_vec())).collect()
    }

    /// The directory at a path of a bucket, for walking.
    pub(crate) fn open_directory(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        self.root.open_directory(path)
    }
}

/// A directory stands where a file should go.
#[derive(Debug)]
pub(crate) struct Occupied;

impl Occupied {
    pub(crate) fn fault(place: &Place) -> Fault {
        Fault::Blocked { key: place.key(), by: format!("{}/", place.key()), what: "a directory" }
    }
}

/// The directories above a key, innermost first, as keys.
pub(crate) fn ancestor_keys(key: &ObjectKey) -> impl Iterator<Item = ObjectKey> {
    std::iter::successors(key.path().parent(), model::RelPath::parent).map(|path| ObjectKey::directory(&path))
}

/// The sort of thing; `None` for pipes, sockets and devices, which are no objects.
pub(crate) fn kind_of(stat: &Stat) -> Option<Kind> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Some(Kind::File),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Directory => Some(Kind::Directory),
        _ => None,
    }
}

pub(crate) fn stamp_of(stat: &Stat) -> Stamp {
    let time = |seconds, nanos| UnixNanos::from_seconds_and_nanos(seconds, nanos);
    Stamp {
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mtime: time(stat.st_mtime, crate::attributes::nanos(stat.st_mtime_nsec)),
        ctime: time(stat.st_ctime, crate::attributes::nanos(stat.st_ctime_nsec)),
        inode: stat.st_ino,
    }
}
