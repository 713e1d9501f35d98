//! A directory of this machine.
//!
//! Every change is on the medium when it is reported: the file first, then its name. No symlink below the root is
//! followed, since a person may have put one there.

mod flush;

use super::store::{Body, Entry, EntryKind, Failure, Named, Onto};
use crate::Cause;
use bytes::Bytes;
use flush::Flush;
use futures::{StreamExt as _, stream};
use model::UnixNanos;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, FileTimes, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes read at once.
const STEP: usize = 1 << 20;

pub(super) struct Disk {
    root: Arc<Path>,
    flush: Flush,
    /// The directory that `root` leads through, if it is held.
    _held: Option<Arc<OwnedFd>>,
}

/// A file being written.
pub(super) struct Writer {
    file: Arc<File>,
    flush: Flush,
}

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        let root: Arc<Path> = root.into();
        Self { flush: Flush::new(Arc::clone(&root)), root, _held: None }
    }

    /// The same directory, whatever is mounted over it or taken away.
    pub(super) async fn hold(&self) -> Result<Self, Failure> {
        self.run("", |root| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let held = match rustix::fs::open(&root, flags, Mode::empty()) {
                Err(Errno::NOTDIR) => return Err(ErrorKind::NotFound.into()),
                held => held?,
            };
            let root: Arc<Path> = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd())).into();
            Ok(Self { flush: Flush::new(Arc::clone(&root)), root, _held: Some(Arc::new(held)) })
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

    pub(super) async fn create(&self, path: &str) -> Result<Writer, Failure> {
        let file = self.run(path, |path| OpenOptions::new().write(true).create_new(true).open(path)).await?;
        Ok(Writer { file: Arc::new(file), flush: self.flush.clone() })
    }

    pub(super) async fn copy(&self, from: &str, to: &str, time: Option<UnixNanos>) -> Result<Entry, Failure> {
        let from = self.locate(from)?;
        let copied = self.run(to, move |to| {
            let mut file = OpenOptions::new().write(true).create_new(true).open(to)?;
            // The kernel copies, or shares the blocks where the file system can.
            io::copy(&mut File::open(from)?, &mut file)?;
            Ok(file)
        });
        Writer { file: Arc::new(copied.await?), flush: self.flush.clone() }.finish(time).await
    }

    pub(super) async fn place(&self, from: &str, to: &str, onto: Onto) -> Result<(), Failure> {
        let from = self.locate(from)?;
        let placed = self.run(to, move |to| {
            match onto {
                Onto::File => fs::rename(&from, &to)?,
                Onto::Nothing => rename_to_nothing(&from, &to)?,
            }
            directory_of(&to)
        });
        self.flush_directory(placed.await?).await
    }

    pub(super) async fn touch(&self, path: &str, time: UnixNanos) -> Result<(), Failure> {
        let touched = self.run(path, move |path| {
            let file = File::open(path)?;
            file.set_times(times(time))?;
            file.sync_all()
        });
        match touched.await {
            // A drive that keeps no such time.
            Err(Failure::Other(_) | Failure::Refused(_)) => Ok(()),
            touched => touched,
        }
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let removed = self.run(path, |path| {
            fs::remove_file(&path)?;
            directory_of(&path)
        });
        // Or it would be back after a power cut, like a file that someone put there.
        self.flush_directory(removed.await?).await
    }

    async fn flush_directory(&self, directory: File) -> Result<(), Failure> {
        self.flush.flush(directory).await.map_err(|error| failure(&error))
    }

    pub(super) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        self.run(path, |path| match fs::create_dir(&path) {
            Ok(()) => sync_directory_of(&path),
            Err(error)
                if error.kind() == ErrorKind::AlreadyExists && fs::symlink_metadata(&path)?.is_dir() =>
            {
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(ErrorKind::NotADirectory.into()),
            Err(error) => Err(error),
        })
        .await
    }

    pub(super) async fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        self.run(path, fs::remove_dir).await
    }

    async fn run<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (root, path) = (Arc::clone(&self.root), path.to_owned());
        blocking(move || work(resolve(&root, &path)?)).await
    }

    fn locate(&self, path: &str) -> Result<PathBuf, Failure> {
        resolve(&self.root, path).map_err(|error| failure(&error))
    }
}

impl Writer {
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Failure> {
        let file = Arc::clone(&self.file);
        blocking(move || (&*file).write_all(&bytes)).await
    }

    pub(super) async fn finish(self, time: Option<UnixNanos>) -> Result<Entry, Failure> {
        let Self { file, flush } = self;
        let finished = blocking(move || {
            if let Some(time) = time
                && let Err(error) = file.set_times(times(time))
            {
                tracing::debug!(%error, "the drive does not keep this time");
            }
            Ok((entry(&file.metadata()?), file.try_clone()?))
        });
        let (entry, file) = finished.await?;
        flush.flush(file).await.map_err(|error| failure(&error))?;
        Ok(entry)
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

/// Not every file system can do that in one step; two names for one file can be made on most of the others.
fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {}
        renamed => return renamed,
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Err(error),
        Err(_) if fs::symlink_metadata(to).is_ok() => Err(ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    flush::sync(&directory_of(path)?)
}

fn directory_of(path: &Path) -> io::Result<File> {
    File::open(path.parent().unwrap_or(path))
}

fn times(time: UnixNanos) -> FileTimes {
    let nanos = Duration::from_nanos(time.0.unsigned_abs());
    let time: SystemTime = if time.0 < 0 { UNIX_EPOCH - nanos } else { UNIX_EPOCH + nanos };
    FileTimes::new().set_modified(time)
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
