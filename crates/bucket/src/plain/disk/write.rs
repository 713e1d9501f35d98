//! Changing a directory of this machine. What a change leaves to be flushed, it returns.

use super::flush::Notes;
use super::{Disk, blocking, entry, failure, resolve};
use crate::plain::store::{Dirty, Entry, Failure, Move, Onto};
use bytes::Bytes;
use model::UnixNanos;
use rustix::fs::{CWD, Mode, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file being written.
pub(in crate::plain) struct Writer(Arc<File>);

impl Disk {
    /// Writes a small file in one go.
    pub(in crate::plain) async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        time: Option<UnixNanos>,
    ) -> Result<(Entry, Dirty), Failure> {
        self.change(path, move |path, _| {
            let mut file = create_new(path)?;
            file.write_all(&bytes)?;
            finished(file, time)
        })
        .await
    }

    pub(in crate::plain) async fn create(&self, path: &str) -> Result<Writer, Failure> {
        self.change(path, |path, _| create_new(path)).await.map(|file| Writer(Arc::new(file)))
    }

    pub(in crate::plain) async fn copy(
        &self,
        from: &str,
        to: &str,
        time: Option<UnixNanos>,
    ) -> Result<(Entry, Dirty), Failure> {
        let from = resolve(&self.root, from).map_err(|error| failure(&error))?;
        self.change(to, move |to, _| {
            let mut file = create_new(to)?;
            // The kernel copies, or shares the blocks where the file system can.
            io::copy(&mut File::open(from)?, &mut file)?;
            finished(file, time)
        })
        .await
    }

    /// Moves files, one after the other, and makes the directories that are missing.
    pub(in crate::plain) async fn place(&self, moves: &[Move<'_>]) -> Result<Dirty, Failure> {
        let moves: Vec<_> = moves
            .iter()
            .map(|Move { from, to, onto }| ((*from).to_owned(), (*to).to_owned(), *onto))
            .collect();
        self.change("", move |root, notes| {
            let mut directories = Vec::with_capacity(moves.len());
            for (from, to, onto) in moves {
                directories.push(place(root, &from, &to, onto, notes)?);
            }
            Ok(Dirty(directories))
        })
        .await
    }

    pub(in crate::plain) async fn touch(&self, path: &str, time: UnixNanos) -> Result<Dirty, Failure> {
        let touched = self.change(path, move |path, _| {
            let file = File::open(path)?;
            file.set_times(times(time))?;
            Ok(Dirty(vec![file]))
        });
        match touched.await {
            // A drive that keeps no such time.
            Err(Failure::Other(_) | Failure::Refused(_)) => Ok(Dirty::default()),
            touched => touched,
        }
    }

    pub(in crate::plain) async fn remove(&self, path: &str) -> Result<Dirty, Failure> {
        self.change(path, |path, _| {
            fs::remove_file(path)?;
            // Or it would be back after a power cut, like a file that someone put there.
            Ok(Dirty(vec![directory_of(path)?]))
        })
        .await
    }

    /// The next flush of anything is one of this directory's name as well.
    pub(in crate::plain) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        self.change(path, make_directory).await
    }

    pub(in crate::plain) async fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        self.change(path, |path, _| fs::remove_dir(path)).await
    }

    pub(in crate::plain) async fn flush(&self, dirty: Dirty) -> Result<(), Failure> {
        self.medium.flush(&self.root, dirty).await
    }

    async fn change<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Path, &Notes) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let notes = self.medium.open(&self.root).await?;
        self.run(path, move |path| work(&path, &notes)).await
    }
}

impl Writer {
    pub(in crate::plain) async fn write(&mut self, bytes: Bytes) -> Result<(), Failure> {
        let file = Arc::clone(&self.0);
        blocking(move || (&*file).write_all(&bytes)).await
    }

    pub(in crate::plain) async fn finish(self, time: Option<UnixNanos>) -> Result<(Entry, Dirty), Failure> {
        blocking(move || finished(self.0.try_clone()?, time)).await
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn finished(file: File, time: Option<UnixNanos>) -> io::Result<(Entry, Dirty)> {
    if let Some(time) = time
        && let Err(error) = file.set_times(times(time))
    {
        tracing::debug!(%error, "the drive does not keep this time");
    }
    Ok((entry(&file.metadata()?), Dirty(vec![file])))
}

/// Moves a file, and returns the directory that it is in now.
fn place(root: &Path, from: &str, to: &str, onto: Onto, notes: &Notes) -> io::Result<File> {
    let rename = || {
        let (from, to) = (resolve(root, from)?, resolve(root, to)?);
        match onto {
            Onto::File => fs::rename(from, &to)?,
            Onto::Nothing => rename_to_nothing(&from, &to)?,
        }
        directory_of(&to)
    };
    match (rename(), to.rsplit_once('/')) {
        (Err(error), Some((above, _))) if error.kind() == ErrorKind::NotFound => {
            make_directories(root, above, notes)?;
            rename()
        }
        (renamed, _) => renamed,
    }
}

fn make_directories(root: &Path, path: &str, notes: &Notes) -> io::Result<()> {
    let made = resolve(root, path).and_then(|whole| make_directory(&whole, notes));
    match (made, path.rsplit_once('/')) {
        (Err(error), Some((above, _))) if error.kind() == ErrorKind::NotFound => {
            make_directories(root, above, notes)?;
            make_directory(&resolve(root, path)?, notes)
        }
        (made, _) => made,
    }
}

fn make_directory(path: &Path, notes: &Notes) -> io::Result<()> {
    let above = directory_of(path)?;
    let make = || rustix::fs::mkdir(path, Mode::from_raw_mode(0o777));
    match notes.unflushed().make(above, make) {
        Err(Errno::EXIST) if fs::symlink_metadata(path)?.is_dir() => Ok(()),
        Err(Errno::EXIST) => Err(ErrorKind::NotADirectory.into()),
        made => Ok(made?),
    }
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

fn directory_of(path: &Path) -> io::Result<File> {
    File::open(path.parent().unwrap_or(path))
}

fn times(time: UnixNanos) -> FileTimes {
    let nanos = Duration::from_nanos(time.0.unsigned_abs());
    let time: SystemTime = if time.0 < 0 { UNIX_EPOCH - nanos } else { UNIX_EPOCH + nanos };
    FileTimes::new().set_modified(time)
}
