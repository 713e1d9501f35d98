//! A directory of this machine.
//!
//! What is written is on the medium once it was flushed, a directory that was made with the next flush. No symlink below
//! the root is followed, since a person may have put one there.

mod flush;
mod write;

use super::INCOMING;
use super::store::{Body, Entry, EntryKind, Failure, Named};
use crate::Cause;
use crate::Hands;
use bytes::Bytes;
use flush::Medium;
use futures::{StreamExt as _, stream};
use model::UnixNanos;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::SemaphorePermit;
pub(super) use write::Writer;

/// Bytes read at once.
const STEP: usize = 1 << 20;

/// Threads that read a disk at the same time: more would only wait for it.
const HANDS: usize = 16;

/// Threads that change it: what they write waits in memory, and the directory for what is in transit takes one at a time.
const HANDS_CHANGING: usize = 4;

pub(super) struct Disk {
    root: Arc<Path>,
    /// The directory at `root`, if it is held.
    held: Option<Arc<OwnedFd>>,
    medium: Arc<Medium>,
    hands: Hands,
    changing: Hands,
    transit: Transit,
}

/// The directory for what is in transit, open for as long as the disk is held: half of all steps begin there.
#[derive(Clone, Default)]
struct Transit(Arc<Mutex<Option<Arc<File>>>>);

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root: root.into(),
            held: None,
            medium: Arc::new(Medium::new()),
            hands: Hands::new(HANDS),
            changing: Hands::new(HANDS_CHANGING),
            transit: Transit::default(),
        }
    }

    /// The same directory, whatever is mounted over it or taken away.
    pub(super) async fn hold(&self) -> Result<Self, Failure> {
        let held = self.run(|top| Ok(Arc::clone(&top.root))).await?;
        Ok(Self { held: Some(held), ..Self::new(self.root.to_path_buf()) })
    }

    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Named>, Failure> {
        let directory = directory.to_owned();
        self.run(move |top| {
            let opened = match top.open(&directory, OFlags::RDONLY | OFlags::DIRECTORY) {
                Err(error) if error.kind() == ErrorKind::NotADirectory => {
                    return Err(ErrorKind::NotFound.into());
                }
                opened => opened?,
            };
            let mut names = Vec::new();
            for found in fs::read_dir(format!("/proc/self/fd/{}", opened.as_raw_fd()))? {
                let found = found?;
                match found.metadata() {
                    Ok(metadata) => {
                        let name = found.file_name().into_string();
                        let name = name.map_err(|name| name.to_string_lossy().into_owned());
                        names.push(Named { name, entry: entry(&metadata) });
                    }
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(names)
        })
        .await
    }

    pub(super) async fn stat(&self, path: &str) -> Result<Entry, Failure> {
        let path = path.to_owned();
        self.run(move |top| Ok(entry(&top.open(&path, OFlags::PATH)?.metadata()?))).await
    }

    pub(super) async fn open(&self, path: &str, from: u64) -> Result<(Entry, Body), Failure> {
        let path = path.to_owned();
        let opened = self.run(move |top| {
            // A pipe that somebody put there keeps nobody waiting.
            let mut file = top.open(&path, OFlags::RDONLY | OFlags::NONBLOCK)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(ErrorKind::IsADirectory.into());
            }
            file.seek(SeekFrom::Start(from))?;
            Ok((entry(&metadata), file))
        });
        let (entry, file) = opened.await?;
        let body = stream::try_unfold(file, |mut file| async move {
            let read = blocking(move || {
                let mut chunk = Vec::new();
                (&mut file).take(STEP as u64).read_to_end(&mut chunk)?;
                Ok((chunk, file))
            });
            let (chunk, file) = read.await?;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
        });
        Ok((entry, body.boxed()))
    }

    /// Waits until there is a place for another change.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.medium.place().await
    }

    /// Reads when there is a hand for it.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Top) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.run_by(&self.hands, work).await
    }

    async fn run_by<T: Send + 'static>(
        &self,
        hands: &Hands,
        work: impl FnOnce(&Top) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (path, held, transit) = (Arc::clone(&self.root), self.held.clone(), self.transit.clone());
        let done = hands.run(move || {
            let top = match held {
                Some(root) => Top { root, transit: Some(transit) },
                None => Top::at(&path)?,
            };
            work(&top)
        });
        done.await.map_err(|error: io::Error| failure(&error))
    }
}

/// The root, opened. Everything is reached beneath it.
struct Top {
    root: Arc<OwnedFd>,
    /// `None`: the root may be another one the next time.
    transit: Option<Transit>,
}

impl Top {
    /// The root itself may be reached through a symlink: it was named by a person.
    fn at(root: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(root, flags, Mode::empty()) {
            Err(Errno::NOTDIR) => {
                let what = format!("{} is not a directory", root.display());
                Err(io::Error::new(ErrorKind::NotADirectory, what))
            }
            opened => Ok(Self { root: Arc::new(opened?), transit: None }),
        }
    }

    /// Opens what is at a path, no symlink.
    fn open(&self, path: &str, flags: OFlags) -> io::Result<File> {
        let path = if path.is_empty() { "." } else { path };
        match disk::open_beneath(&self.root, path.as_bytes(), flags | OFlags::NOFOLLOW) {
            Err(Errno::LOOP) => Err(ErrorKind::NotADirectory.into()),
            opened => Ok(opened?.into()),
        }
    }

    /// Opens the directory that a path is in, and tells the name there.
    fn place<'a>(&self, path: &'a str) -> io::Result<(Arc<File>, &'a str)> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let open = || Ok(Arc::new(self.open(above, OFlags::RDONLY | OFlags::DIRECTORY)?));
        let directory = match &self.transit {
            Some(transit) if above == INCOMING => transit.get_or(open)?,
            _ => open()?,
        };
        Ok((directory, name))
    }
}

impl Transit {
    /// The directory, unless it was deleted meanwhile: then it may have been made again.
    fn get_or(&self, open: impl FnOnce() -> io::Result<Arc<File>>) -> io::Result<Arc<File>> {
        let mut transit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(directory) = &*transit {
            return Ok(Arc::clone(directory));
        }
        let opened = open()?;
        *transit = Some(Arc::clone(&opened));
        Ok(opened)
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// The version of a file. Not its inode or change time: a drive that is mounted again may give other ones.
pub(super) fn tag(size: u64, modified: UnixNanos) -> String {
    format!("{size:x}.{:x}", modified.0)
}

fn entry(metadata: &Metadata) -> Entry {
    let kind = match metadata.file_type() {
        kind if kind.is_file() => EntryKind::File,
        kind if kind.is_dir() => EntryKind::Directory,
        _ => EntryKind::Other,
    };
    let nanos = u32::try_from(metadata.mtime_nsec()).unwrap_or(0);
    let modified = UnixNanos::from_seconds_and_nanos(metadata.mtime(), nanos);
    let size = metadata.len();
    Entry { kind, size, modified: Some(modified), tag: tag(size, modified) }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("because work on a disk does not panic").map_err(|error| failure(&error))
}

fn failure(error: &io::Error) -> Failure {
    let cause = Cause::new(error.to_string());
    match error.kind() {
        ErrorKind::NotFound => Failure::NotFound,
        ErrorKind::AlreadyExists => Failure::Exists,
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::DirectoryNotEmpty => {
            Failure::Blocked(cause)
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::InvalidFilename => {
            Failure::Refused(cause)
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Failure::Full(cause),
        _ => Failure::Other(cause),
    }
}
