//! Changing a directory of this machine. What a change leaves to be flushed, it returns.

use super::flush::Notes;
use super::{Disk, Top, blocking, entry};
use crate::plain::store::{Dirty, Entry, Failure, Move, Onto};
use bytes::Bytes;
use model::UnixNanos;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, linkat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use std::fs::{File, FileTimes};
use std::io::{self, ErrorKind, Write as _};
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
        let path = path.to_owned();
        self.change(move |top, _| {
            let mut file = create_new(top, &path)?;
            file.write_all(&bytes)?;
            finished(file, time)
        })
        .await
    }

    /// Writes two small files in one go, the second about the first.
    pub(in crate::plain) async fn write_described(
        &self,
        (path, bytes, time): (&str, Bytes, Option<UnixNanos>),
        (beside, describe): (&str, impl FnOnce(&Entry) -> Bytes + Send + 'static),
    ) -> Result<[(Entry, Dirty); 2], Failure> {
        let (path, beside) = (path.to_owned(), beside.to_owned());
        self.change(move |top, _| {
            let mut file = create_new(top, &path)?;
            file.write_all(&bytes)?;
            let written = finished(file, time)?;
            let mut file = create_new(top, &beside)?;
            file.write_all(&describe(&written.0))?;
            Ok([written, finished(file, None)?])
        })
        .await
    }

    pub(in crate::plain) async fn create(&self, path: &str) -> Result<Writer, Failure> {
        let path = path.to_owned();
        self.change(move |top, _| Ok(Writer(Arc::new(create_new(top, &path)?)))).await
    }

    pub(in crate::plain) async fn copy(
        &self,
        from: &str,
        to: &str,
        time: Option<UnixNanos>,
    ) -> Result<(Entry, Dirty), Failure> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.change(move |top, _| {
            let mut file = create_new(top, &to)?;
            // The kernel copies, or shares the blocks where the file system can.
            io::copy(&mut top.open(&from, OFlags::RDONLY | OFlags::NONBLOCK)?, &mut file)?;
            finished(file, time)
        })
        .await
    }

    /// Moves files, one after the other, and makes the directories that are missing.
    pub(in crate::plain) async fn place(&self, moves: &[Move<'_>]) -> Result<Dirty, Failure> {
        let owned = |Move { from, to, onto }: &Move<'_>| ((*from).to_owned(), (*to).to_owned(), *onto);
        let moves: Vec<_> = moves.iter().map(owned).collect();
        self.change(move |top, notes| {
            let placed = moves.iter().map(|(from, to, onto)| place(top, from, to, *onto, notes));
            placed.collect::<io::Result<_>>().map(Dirty)
        })
        .await
    }

    pub(in crate::plain) async fn touch(&self, path: &str, time: UnixNanos) -> Result<Dirty, Failure> {
        let path = path.to_owned();
        let touched = self.change(move |top, _| {
            let file = top.open(&path, OFlags::RDONLY | OFlags::NONBLOCK)?;
            file.set_times(times(time))?;
            Ok(Dirty(vec![file.into()]))
        });
        match touched.await {
            // A drive that keeps no such time.
            Err(Failure::Other(_) | Failure::Refused(_)) => Ok(Dirty::default()),
            touched => touched,
        }
    }

    pub(in crate::plain) async fn remove(&self, path: &str) -> Result<Dirty, Failure> {
        let path = path.to_owned();
        self.change(move |top, _| {
            let (directory, name) = top.place(&path)?;
            unlinkat(&directory, name, AtFlags::empty())?;
            // Or it would be back after a power cut, like a file that someone put there.
            Ok(Dirty(vec![directory]))
        })
        .await
    }

    /// The next flush of anything is one of this directory's name as well.
    pub(in crate::plain) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        let path = path.to_owned();
        self.change(move |top, notes| make_directory(top, &path, notes)).await
    }

    pub(in crate::plain) async fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        let path = path.to_owned();
        self.change(move |top, _| {
            let (directory, name) = top.place(&path)?;
            Ok(unlinkat(directory, name, AtFlags::REMOVEDIR)?)
        })
        .await
    }

    pub(in crate::plain) async fn flush(&self, Dirty(files): Dirty) -> Result<(), Failure> {
        if files.is_empty() { Ok(()) } else { self.notes().await?.flush(files).await }
    }

    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Top, &Notes) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let notes = self.notes().await?;
        let work = move |top: &Top| {
            let done = work(top, &notes);
            if let (Err(error), Some(transit)) = (&done, &top.transit)
                && error.kind() == ErrorKind::NotFound
            {
                transit.forget();
            }
            done
        };
        self.run_by(&self.changing, work).await
    }

    /// Opens the disk before anything is written.
    async fn notes(&self) -> Result<Notes, Failure> {
        self.medium.open(|| self.run(|top| top.root.try_clone())).await
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

fn create_new(top: &Top, path: &str) -> io::Result<File> {
    let (directory, name) = top.place(path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o666))?.into())
}

fn finished(file: File, time: Option<UnixNanos>) -> io::Result<(Entry, Dirty)> {
    if let Some(time) = time
        && let Err(error) = file.set_times(times(time))
    {
        tracing::debug!(%error, "the drive does not keep this time");
    }
    Ok((entry(&file.metadata()?), Dirty(vec![file.into()])))
}

/// Moves a file, and returns the directory that it is in now.
fn place(top: &Top, from: &str, to: &str, onto: Onto, notes: &Notes) -> io::Result<Arc<File>> {
    let rename = || -> io::Result<Arc<File>> {
        let ((source, old), (target, new)) = (top.place(from)?, top.place(to)?);
        match onto {
            Onto::File => renameat(&source, old, &target, new)?,
            Onto::Nothing => rename_to_nothing((&source, old), (&target, new))?,
        }
        Ok(target)
    };
    match (rename(), to.rsplit_once('/')) {
        (Err(error), Some((above, _))) if error.kind() == ErrorKind::NotFound => {
            make_directories(top, above, notes)?;
            rename()
        }
        (renamed, _) => renamed,
    }
}

fn make_directories(top: &Top, path: &str, notes: &Notes) -> io::Result<()> {
    match (make_directory(top, path, notes), path.rsplit_once('/')) {
        (Err(error), Some((above, _))) if error.kind() == ErrorKind::NotFound => {
            make_directories(top, above, notes)?;
            make_directory(top, path, notes)
        }
        (made, _) => made,
    }
}

fn make_directory(top: &Top, path: &str, notes: &Notes) -> io::Result<()> {
    let (directory, name) = top.place(path)?;
    let make = || rustix::fs::mkdirat(&directory, name, Mode::from_raw_mode(0o777));
    match notes.unflushed().make(&directory, make) {
        Err(Errno::EXIST) => {
            let there = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
            let is_directory = FileType::from_raw_mode(there.st_mode) == FileType::Directory;
            if is_directory { Ok(()) } else { Err(ErrorKind::NotADirectory.into()) }
        }
        done => Ok(done?),
    }
}

/// Not every file system can do that in one step; two names for one file can be made on most of the others.
fn rename_to_nothing((source, old): (&File, &str), (target, new): (&File, &str)) -> rustix::io::Result<()> {
    match renameat_with(source, old, target, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        renamed => return renamed,
    }
    match linkat(source, old, target, new, AtFlags::empty()) {
        Ok(()) => unlinkat(source, old, AtFlags::empty()),
        Err(errno @ (Errno::EXIST | Errno::NOENT)) => Err(errno),
        Err(_) if statat(target, new, AtFlags::SYMLINK_NOFOLLOW).is_ok() => Err(Errno::EXIST),
        Err(_) => renameat(source, old, target, new),
    }
}

fn times(time: UnixNanos) -> FileTimes {
    let nanos = Duration::from_nanos(time.0.unsigned_abs());
    let time: SystemTime = if time.0 < 0 { UNIX_EPOCH - nanos } else { UNIX_EPOCH + nanos };
    FileTimes::new().set_modified(time)
}
