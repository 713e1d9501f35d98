//! A directory of this machine.
//!
//! What is written is on the medium once it was flushed, a directory that was made with the next flush. No symlink below
//! the root is followed, since a person may have put one there.

mod flush;
mod write;

use super::store::{Body, Dirty, Entry, EntryKind, Failure, Named};
use crate::Cause;
use bytes::Bytes;
use flush::Medium;
use futures::{StreamExt as _, stream};
use model::UnixNanos;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::SemaphorePermit;
pub(super) use write::Writer;

/// Bytes read at once.
const STEP: usize = 1 << 20;

pub(super) struct Disk {
    root: Arc<Path>,
    medium: Arc<Medium>,
    /// The directory that `root` leads through, if it is held.
    _held: Option<Arc<OwnedFd>>,
}

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { medium: Arc::new(Medium::new()), root: root.into(), _held: None }
    }

    /// The same directory, whatever is mounted over it or taken away.
    pub(super) async fn hold(&self) -> Result<Self, Failure> {
        self.run("", |root| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let held = match rustix::fs::open(&root, flags, Mode::empty()) {
                Err(Errno::NOTDIR) => return Err(ErrorKind::NotFound.into()),
                held => held?,
            };
            let root = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
            Ok(Self { _held: Some(Arc::new(held)), ..Self::new(root) })
        })
        .await
    }

    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Named>, Failure> {
        let is_root = directory.is_empty();
        self.run(directory, move |path| {
            // The root itself may be reached through a symlink, and is if it is held.
            let metadata = if is_root { fs::metadata(&path)? } else { fs::symlink_metadata(&path)? };
            if !metadata.is_dir() {
                return Err(ErrorKind::NotFound.into());
            }
            let mut names = Vec::new();
            for found in fs::read_dir(path)? {
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
        let is_root = path.is_empty();
        self.run(path, move |path| {
            // The root itself may be reached through a symlink: it was named by a person.
            let metadata = if is_root { fs::metadata(path)? } else { fs::symlink_metadata(path)? };
            Ok(entry(&metadata))
        })
        .await
    }

    pub(super) async fn open(&self, path: &str, from: u64) -> Result<(Entry, Body), Failure> {
        let opened = self.run(path, move |path| {
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            let flags = i32::try_from(flags.bits()).expect("because the flags of open are an int");
            let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
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

    async fn run<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (root, path) = (Arc::clone(&self.root), path.to_owned());
        blocking(move || work(resolve(&root, &path)?)).await
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

/// The path below the root, unless a symlink is on the way.
fn resolve(root: &Path, path: &str) -> io::Result<PathBuf> {
    let mut whole = root.to_owned();
    let mut components = path.split('/').filter(|component| !component.is_empty()).peekable();
    while let Some(component) = components.next() {
        whole.push(component);
        if components.peek().is_some() && fs::symlink_metadata(&whole)?.is_symlink() {
            return Err(ErrorKind::NotADirectory.into());
        }
    }
    Ok(whole)
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
