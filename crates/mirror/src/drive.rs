//! The drive and its marker.
//!
//! A mount point without its drive is an empty directory like any other, and a mirror that writes into it fills the
//! machine's own disk while the drive stays stale. So the marker, a file that only [`Drive::init`] writes, is looked for
//! every time, and what is written goes through the very directory in which it was found ([`Held`]): a drive that is
//! pulled meanwhile makes an error, never a copy in its mount point. Rejected: comparing device numbers, which change with
//! every plugging in, and holding the directory open between writes, which would keep a person from unmounting.

use crate::Error;
use model::BucketName;
use rustix::fs::{Mode, OFlags};
use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

const MARKER: &str = ".heirloom-drive";
const GUIDE: &str = "START-HERE.html";
const FILES: &str = "files";
const ARCHIVES: &str = "archives";

/// What the marker's first line says; the id follows on the second.
const MARKER_TITLE: &str =
    "This is an Heirloom drive. Do not delete this file: without it, nothing is written here.";

/// A drive that is there and carries the marker.
#[derive(Clone, Debug)]
pub struct Drive {
    root: PathBuf,
    id: DriveId,
}

/// Which drive this is: 32 hexadecimal digits, drawn when it was initialised. Another drive at the same mount point is a
/// fresh mirror, not one whose files were all deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DriveId(String);

impl fmt::Display for DriveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a drive was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initialised {
    /// The marker was written.
    Now,
    /// It was there; nothing was changed.
    Before,
}

impl Drive {
    /// Marks the existing directory `root` as a drive. One that is marked already stays as it is.
    pub fn init(root: &Path) -> Result<(Self, Initialised), Error> {
        match Self::open(root) {
            Ok(drive) => return Ok((drive, Initialised::Before)),
            Err(Error::Absent { .. }) if root.is_dir() => {}
            Err(error) => return Err(error),
        }
        let id = DriveId(random_hex());
        for directory in [FILES, ARCHIVES] {
            let path = root.join(directory);
            fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        }
        write_whole(&root.join(MARKER), format!("{MARKER_TITLE}\n{id}\n").as_bytes())?;
        Ok((Self { root: root.to_owned(), id }, Initialised::Now))
    }

    /// Finds the drive at `root`; [`Error::Absent`] if it is not there, and nothing is created then.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let absent = |why| Error::Absent { path: root.to_owned(), why };
        if !root.is_dir() {
            return Err(absent("there is no such directory"));
        }
        let marker = root.join(MARKER);
        let text = match fs::read_to_string(&marker) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(absent(
                    "the directory does not carry the marker, so the drive may not be mounted",
                ));
            }
            Err(error) => return Err(Error::io("read", marker)(error)),
        };
        let id = text
            .lines()
            .nth(1)
            .filter(|id| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match id {
            Some(id) => Ok(Self { root: root.to_owned(), id: DriveId(id.to_owned()) }),
            None => Err(Error::DamagedMarker { path: marker }),
        }
    }

    /// Which drive it is.
    #[must_use]
    pub fn id(&self) -> &DriveId {
        &self.id
    }

    /// Where the files of a bucket are mirrored to, for people. To write there, [`Drive::hold`] the drive.
    #[must_use]
    pub fn files(&self, bucket: &BucketName) -> PathBuf {
        self.root.join(FILES).join(bucket.as_str())
    }

    /// Where the archive of a bucket lies, for people.
    #[must_use]
    pub fn archive(&self, bucket: &BucketName) -> PathBuf {
        self.root.join(ARCHIVES).join(format!("{bucket}.git"))
    }

    /// Holds on to the drive for one piece of work; [`Error::Absent`] if it is not there any more, or another one is.
    pub fn hold(&self) -> Result<Held, Error> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(&self.root, flags, Mode::empty())
            .map_err(|errno| Error::io("open", &self.root)(errno.into()))?;
        let held = Held {
            path: PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())),
            _directory: directory,
        };
        // Looked for through the held directory: the marker that counts is the one beside which things are written.
        match Self::open(&held.path) {
            Ok(there) if there.id == self.id => Ok(held),
            Ok(_) => Err(Error::Absent { path: self.root.clone(), why: "another drive is there" }),
            Err(Error::Absent { why, .. }) => Err(Error::Absent { path: self.root.clone(), why }),
            Err(error) => Err(error),
        }
    }
}

/// A drive that cannot go away unnoticed. Keep it no longer than a piece of work takes: it keeps the drive from being
/// unmounted.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    _directory: OwnedFd,
}

impl Held {
    /// Where to write the files of a bucket; created if need be.
    pub fn files(&self, bucket: &BucketName) -> Result<PathBuf, Error> {
        let path = self.path.join(FILES).join(bucket.as_str());
        fs::create_dir_all(&path).map_err(Error::io("create", &path))?;
        Ok(path)
    }

    /// Where the archive of a bucket lies.
    #[must_use]
    pub fn archive(&self, bucket: &BucketName) -> PathBuf {
        self.path.join(ARCHIVES).join(format!("{bucket}.git"))
    }

    /// Replaces the page for strangers, if it says something new.
    pub fn write_guide(&self, html: &str) -> Result<(), Error> {
        let path = self.path.join(GUIDE);
        if fs::read(&path).is_ok_and(|old| old == html.as_bytes()) {
            return Ok(());
        }
        write_whole(&path, html.as_bytes())
    }
}

/// The file is there with all its bytes or as it was before.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let staged = path.with_extension("heirloom-tmp");
    let write = || {
        let mut file = File::create(&staged)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&staged, path)?;
        File::open(path.parent().unwrap_or(path))?.sync_all()
    };
    write().map_err(Error::io("write", path))
}

fn random_hex() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system hands out randomness");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests;
