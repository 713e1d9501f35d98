//! Where bytes stay until they are whole: `<data_dir>/incoming/`, on the same file system as the live files.
//!
//! A draft is renamed into place when it is complete and correct, so no reader ever sees half an object; one that
//! is dropped removes itself, and what a crash left behind is removed at the next start. Parts of an upload
//! wait below `parts/<upload>/` until it is completed or aborted, also across restarts.

mod parts;
mod slots;

use crate::attributes::Attributes;
use crate::error::Error;
use crate::fault::{Doing, Fault};
use model::{Kind, UnixNanos};
use parts::PARTS;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid};
use slots::{Slot, Slots};
use std::fs::{DirBuilder, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(crate) struct Incoming {
    path: PathBuf,
    directory: Arc<OwnedFd>,
    next: AtomicU64,
    /// Only root may give a file to somebody else.
    may_chown: bool,
    slots: Arc<Slots>,
}

/// A file or link that is not in place yet.
#[derive(Debug)]
pub(crate) struct Draft {
    directory: Arc<OwnedFd>,
    name: String,
    file: Option<File>,
    /// Whether the name is not ours to remove any more.
    placed: bool,
    /// Where in an upload's whole file it is, if it is no file of its own.
    slot: Option<Slot>,
}

impl Incoming {
    /// Opens the directory, and removes what a crash left there.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let cannot = |doing| move |source| Error::Files { doing, path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path.join(PARTS)).map_err(cannot("create"))?;
        for entry in std::fs::read_dir(path).map_err(cannot("read"))? {
            let entry = entry.map_err(cannot("read"))?;
            if entry.file_name() != PARTS {
                std::fs::remove_file(entry.path()).map_err(cannot("clear"))?;
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| cannot("open")(e.into()))?;
        Ok(Self {
            path: path.to_owned(),
            directory: Arc::new(directory),
            next: AtomicU64::new(0),
            may_chown: rustix::process::geteuid().is_root(),
            slots: Arc::default(),
        })
    }

    /// Starts a file.
    pub(crate) fn file(&self) -> Result<Draft, Fault> {
        let name = self.fresh_name();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o644);
        let file = rustix::fs::openat(&self.directory, &name, flags, mode).doing("start a file")?;
        Ok(self.draft(name, Some(File::from(file))))
    }

    /// Makes a symbolic link.
    pub(crate) fn symlink(&self, target: &[u8]) -> Result<Draft, Fault> {
        let name = self.fresh_name();
        rustix::fs::symlinkat(target, &self.directory, &name).doing("make a symbolic link")?;
        Ok(self.draft(name, None))
    }

    fn draft(&self, name: String, file: Option<File>) -> Draft {
        Draft { directory: Arc::clone(&self.directory), name, file, placed: false, slot: None }
    }

    /// Gives the draft its times, permissions and owner.
    pub(crate) fn furnish(&self, draft: &Draft, attributes: Attributes) -> Result<(), Fault> {
        const DOING: &str = "finish a file";
        if let Some(file) = &draft.file {
            return self.apply(file.as_fd(), Kind::File, attributes);
        }
        let (at, flags) = (&draft.directory, AtFlags::SYMLINK_NOFOLLOW);
        if let Some((uid, gid)) = self.owner(attributes) {
            rustix::fs::chownat(at, &draft.name, uid, gid, flags).doing(DOING)?;
        }
        match attributes.mtime {
            Some(mtime) => rustix::fs::utimensat(at, &draft.name, &times(mtime), flags).doing(DOING),
            None => Ok(()),
        }
    }

    /// Gives an open file or directory its times, permissions and owner.
    pub(crate) fn apply(&self, fd: impl AsFd, kind: Kind, attributes: Attributes) -> Result<(), Fault> {
        const DOING: &str = "set times and permissions";
        if let Some((uid, gid)) = self.owner(attributes) {
            rustix::fs::fchown(&fd, uid, gid).doing(DOING)?;
        }
        if let Some(bits) = attributes.permissions(kind) {
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(bits)).doing(DOING)?;
        }
        match attributes.mtime {
            Some(mtime) if kind != Kind::Directory => rustix::fs::futimens(&fd, &times(mtime)).doing(DOING),
            _ => Ok(()),
        }
    }

    fn owner(&self, attributes: Attributes) -> Option<(Option<Uid>, Option<Gid>)> {
        let (uid, gid) = (attributes.uid.map(Uid::from_raw), attributes.gid.map(Gid::from_raw));
        (self.may_chown && (uid.is_some() || gid.is_some())).then_some((uid, gid))
    }

    fn fresh_name(&self) -> String {
        format!("draft-{}", self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl Draft {
    /// Puts drafts on the disk. A link is there as soon as its directory is.
    pub(crate) fn flush<'a>(drafts: impl IntoIterator<Item = &'a Self>) -> Result<(), Fault> {
        let drafts: Vec<&Self> = drafts.into_iter().collect();
        let Some(first) = drafts.first() else { return Ok(()) };
        let files: Vec<&File> = drafts.iter().filter_map(|draft| draft.file.as_ref()).collect();
        disk::flush(&first.directory, &files).doing("write a file to disk")
    }

    /// The file to write to; a link has none.
    pub(crate) fn file(&self) -> Option<&File> {
        self.file.as_ref()
    }

    /// Renames the draft to `name` in `directory`, over what is there.
    pub(crate) fn place(&mut self, directory: &OwnedFd, name: &[u8]) -> rustix::io::Result<()> {
        rustix::fs::renameat(&self.directory, &self.name, directory, name)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed now is removed at the next start.
            let _left_over = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

fn times(mtime: UnixNanos) -> Timestamps {
    let (seconds, nanos) = mtime.seconds_and_nanos();
    let modified = Timespec { tv_sec: seconds, tv_nsec: nanos.into() };
    let untouched = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_OMIT };
    Timestamps { last_access: untouched, last_modification: modified }
}
