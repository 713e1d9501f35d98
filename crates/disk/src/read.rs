//! Bytes out of the tree, each with the guarantee that they belong to one version of a file.
//!
//! The stamp is compared with the open file before the first byte and after the last. That alone would
//! miss a write of equal length within one tick of the file system's clock, so a file that changed only just
//! now is given the tick before it is read.

use crate::beneath;
use crate::entry::Status;
use crate::{Error, Found, Root};
use md5::{Digest, Md5};
use model::{ContentId, RelPath, Stamp};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::time::{Duration, SystemTime};

/// What a kernel's coarse clock may lag behind: twice its slowest usual tick.
const TICK: Duration = Duration::from_millis(20);
/// Enough to keep the system calls out of a profile; little enough to stay in a core's cache.
const CHUNK: usize = 128 * 1024;

/// The content id of bytes in memory.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> ContentId {
    ContentId::from_md5(Md5::digest(bytes).into())
}

impl Root {
    /// What stands at `path`, if anything: a file, symlink or directory.
    ///
    /// [`Error::Unsupported`]: something that is none of these.
    pub fn observe(&self, path: &RelPath) -> Result<Option<Found>, Error> {
        let status = match self.place(path) {
            Ok(place) => Status::of_any(&place.directory, &place.name),
            Err(errno) => Err(errno),
        };
        match status {
            Ok(None) | Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Ok(Some(status)) => {
                let kind = status.kind().map_err(|_| Error::Unsupported { path: self.locate(path) })?;
                Ok(Some(status.found(path, kind)))
            }
            Err(errno) => Err(self.failed("examining", path, errno)),
        }
    }

    /// The content id of a file or symlink; [`Error::Changed`] unless `stamp` holds before and after.
    pub fn digest(&self, path: &RelPath, stamp: &Stamp) -> Result<ContentId, Error> {
        match beneath::open(self.as_fd(), &path.to_os_bytes(), beneath::READING) {
            Ok(file) => self.witnessed(path, stamp, file)?.digest(),
            Err(Errno::LOOP) => self.digest_link(path, stamp),
            Err(errno) => Err(self.failed_or_changed("opening", path, errno)),
        }
    }

    /// A whole file in memory; [`Error::Changed`] unless `stamp` holds before and after.
    pub fn read_small(&self, path: &RelPath, stamp: &Stamp) -> Result<Vec<u8>, Error> {
        let length = usize::try_from(stamp.size).map_err(|_| self.failed("reading", path, Errno::FBIG))?;
        self.open_file(path, stamp)?.read_at(0, length)
    }

    /// Opens a file for reading in parts; [`Error::Changed`] unless `stamp` holds.
    pub fn open_file(&self, path: &RelPath, stamp: &Stamp) -> Result<OpenFile, Error> {
        let file = beneath::open(self.as_fd(), &path.to_os_bytes(), beneath::READING)
            .map_err(|errno| self.failed_or_changed("opening", path, errno))?;
        self.witnessed(path, stamp, file)
    }

    /// A symlink's target; [`Error::Changed`] if there is no symlink.
    pub fn read_link(&self, path: &RelPath) -> Result<Vec<u8>, Error> {
        self.place(path)
            .and_then(|place| rustix::fs::readlinkat(&place.directory, &place.name, Vec::new()))
            .map(std::ffi::CString::into_bytes)
            .map_err(|errno| match errno {
                Errno::INVAL => self.changed(path),
                errno => self.failed_or_changed("reading the symlink", path, errno),
            })
    }

    fn digest_link(&self, path: &RelPath, stamp: &Stamp) -> Result<ContentId, Error> {
        // A symlink's target never changes; another symlink has another inode or ctime.
        let target = self.read_link(path)?;
        match self.observe(path)? {
            Some(found) if found.stamp == *stamp => Ok(digest_of(&target)),
            _ => Err(self.changed(path)),
        }
    }

    fn witnessed(&self, path: &RelPath, stamp: &Stamp, file: OwnedFd) -> Result<OpenFile, Error> {
        let file = OpenFile { root: self.clone(), path: path.clone(), stamp: *stamp, file };
        file.check()?;
        if let Some(rest) = unsettled(stamp) {
            std::thread::sleep(rest);
            file.check()?;
        }
        Ok(file)
    }
}

/// How long a write could still go unnoticed for having the same time as the last.
fn unsettled(stamp: &Stamp) -> Option<Duration> {
    let (seconds, nanos) = stamp.ctime.seconds_and_nanos();
    let changed = SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(seconds).ok()?, nanos);
    // A time in the future comes from another machine's clock and says nothing.
    TICK.checked_sub(SystemTime::now().duration_since(changed).ok()?)
}

/// One version of a file, open for reading; several threads may read at once.
#[derive(Debug)]
pub struct OpenFile {
    root: Root,
    path: RelPath,
    stamp: Stamp,
    file: OwnedFd,
}

impl OpenFile {
    /// Bytes of content.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Exactly `length` bytes from `offset` on; [`Error::Changed`] where the file ends earlier, or is no
    /// longer the version that was opened. So once the last part was read, all parts belong together.
    pub fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes, offset, length)?;
        Ok(bytes)
    }

    /// As [`OpenFile::read_at`], into memory that is there already and holds nothing.
    pub fn read_into(&self, bytes: &mut Vec<u8>, offset: u64, length: usize) -> Result<(), Error> {
        bytes.reserve_exact(length);
        while bytes.len() < length {
            let at = offset + bytes.len() as u64;
            let room = rustix::buffer::spare_capacity(bytes);
            let read = match rustix::io::pread(&self.file, room, at) {
                Ok(read) => read,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(self.failed(errno)),
            };
            if read == 0 {
                return Err(self.root.changed(&self.path));
            }
        }
        bytes.truncate(length);
        self.check()
    }

    fn digest(self) -> Result<ContentId, Error> {
        match digest_file(&self.file, self.stamp.size) {
            Ok(Some(content)) => self.check().map(|()| content),
            Ok(None) => Err(self.root.changed(&self.path)),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Whether the file is still the version that was opened; [`Error::Changed`] if not.
    pub fn check(&self) -> Result<(), Error> {
        let status = Status::of_open(&self.file).map_err(|errno| self.failed(errno))?;
        let same = status.kind() == Ok(model::Kind::File) && status.stamp() == self.stamp;
        if same { Ok(()) } else { Err(self.root.changed(&self.path)) }
    }

    fn failed(&self, errno: Errno) -> Error {
        self.root.failed("reading", &self.path, errno)
    }
}

/// The content id of a file's first `size` bytes; `None` if it holds fewer.
pub(crate) fn digest_file(file: &OwnedFd, size: u64) -> Result<Option<ContentId>, Errno> {
    let mut hasher = Md5::new();
    let mut at = 0;
    let mut buffer = vec![0; usize::try_from(size).map_or(CHUNK, |size| size.min(CHUNK))];
    while at < size {
        match rustix::io::pread(file, &mut buffer, at) {
            Ok(0) => return Ok(None),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                at += read as u64;
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(Some(ContentId::from_md5(hasher.finalize().into())))
}

#[cfg(test)]
mod tests;
