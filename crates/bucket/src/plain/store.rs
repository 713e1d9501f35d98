//! The three sorts of trees, and what is asked of each.
//!
//! Paths are relative to the tree's root, with `/` between components and none at either end; the root is the empty path.

use super::At;
use super::disk::{self, Disk};
use super::sftp::{self, Sftp};
use super::webdav::{self, Webdav};
use crate::{Cause, Honoured, Limiter, Limits};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::UnixNanos;
use std::fs::File;
use std::sync::Arc;
use tokio::sync::SemaphorePermit;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    File,
    Directory,
    /// A symlink, a device: nothing of ours, and nothing to follow.
    Other,
}

/// What a store tells of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) modified: Option<UnixNanos>,
    /// Which version of the file it is.
    pub(super) tag: String,
}

/// One name of a directory. What is not text is no name of ours; it is given in a form that can be shown.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: Result<String, String>,
    pub(super) entry: Entry,
}

/// Why something could not be done, sorted as far as the store tells.
#[derive(Debug)]
pub(super) enum Failure {
    NotFound,
    Exists,
    /// A file stands where a directory is needed, or the other way round.
    Blocked(Cause),
    /// Not for this name: no permission, too long.
    Refused(Cause),
    /// Not for this user.
    Locked(Cause),
    Full(Cause),
    Unreachable(Cause),
    Other(Cause),
}

impl Failure {
    /// What was to be removed is gone already.
    pub(super) fn unless_gone(self) -> Result<(), Self> {
        match self {
            Self::NotFound => Ok(()),
            failure => Err(failure),
        }
    }
}

/// What may stand where something is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onto {
    Nothing,
    /// A file, or nothing.
    File,
}

/// A file that is to have another name.
#[derive(Clone, Copy)]
pub(super) struct Move<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) onto: Onto,
}

/// Files and directories whose changes may not be on the medium yet: [`Store::flush`] sees to that. A server sees to it
/// itself, so far as it can, and leaves nothing here.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Dirty(pub(super) Vec<Arc<File>>);

impl Dirty {
    pub(super) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// A file's bytes.
pub(super) type Body = BoxStream<'static, Result<Bytes, Failure>>;

pub(super) enum Store {
    Disk(Disk),
    Webdav(Webdav, Limits),
    Sftp(Sftp, Limits),
}

/// A file being written.
pub(super) enum Writer {
    Disk(disk::Writer),
    Webdav(webdav::Writer, Option<Limiter>),
    Sftp(sftp::Writer, Option<Limiter>),
}

impl Store {
    pub(super) fn connect(at: &At, concurrency: usize, limits: &Limits) -> Result<Self, Cause> {
        match at {
            At::Disk { root } => Ok(Self::Disk(Disk::new(root.clone()))),
            At::Webdav { url, user, password } => {
                let login = user.as_deref().map(|user| (user, password.as_deref().unwrap_or_default()));
                Webdav::new(url, login, concurrency).map(|webdav| Self::Webdav(webdav, limits.clone()))
            }
            At::Sftp { .. } => Ok(Self::Sftp(Sftp::new(at.clone()), limits.clone())),
        }
    }

    /// The same, bound to what stands there now; `None` where a name is all there is to go by.
    pub(super) async fn hold(&self) -> Option<Result<Self, Failure>> {
        match self {
            Self::Disk(disk) => Some(disk.hold().await.map(Self::Disk)),
            Self::Webdav(..) | Self::Sftp(..) => None,
        }
    }

    /// Whether [`Onto::Nothing`] is the store's own decision.
    pub(super) fn creates_exclusively(&self) -> Honoured {
        match self {
            Self::Disk(_) => Honoured::Yes,
            // Both protocols say so; whether the server obeys cannot be seen.
            Self::Webdav(..) | Self::Sftp(..) => Honoured::Unknown,
        }
    }

    /// Whether a file has the same tag at another name.
    pub(super) fn moves_keep_tags(&self) -> bool {
        !matches!(self, Self::Webdav(..))
    }

    /// Whether deleting a directory fails if it is not empty.
    pub(super) fn prunes_safely(&self) -> bool {
        !matches!(self, Self::Webdav(..))
    }

    /// What a directory holds; [`Failure::NotFound`] if there is none.
    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Named>, Failure> {
        match self {
            Self::Disk(disk) => disk.list(directory).await,
            Self::Webdav(webdav, _) => webdav.list(directory).await,
            Self::Sftp(sftp, _) => sftp.list(directory).await,
        }
    }

    pub(super) async fn stat(&self, path: &str) -> Result<Entry, Failure> {
        match self {
            Self::Disk(disk) => disk.stat(path).await,
            Self::Webdav(webdav, _) => webdav.stat(path).await,
            Self::Sftp(sftp, _) => sftp.stat(path).await,
        }
    }

    /// A file's bytes from an offset on, and what the store tells of that very file.
    pub(super) async fn open(&self, path: &str, from: u64) -> Result<(Entry, Body), Failure> {
        match self {
            Self::Disk(disk) => disk.open(path, from).await,
            Self::Webdav(webdav, limits) => Ok(paced(webdav.open(path, from).await?, limits)),
            Self::Sftp(sftp, limits) => Ok(paced(sftp.open(path, from).await?, limits)),
        }
    }

    /// To be held while something is changed, where what is open at once is bounded.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        match self {
            Self::Disk(disk) => Some(disk.turn().await),
            Self::Webdav(..) | Self::Sftp(..) => None,
        }
    }

    /// Returns once what was changed is on the medium, as far as the store can tell.
    pub(super) async fn flush(&self, dirty: Dirty) -> Result<(), Failure> {
        match self {
            Self::Disk(disk) => disk.flush(dirty).await,
            Self::Webdav(..) | Self::Sftp(..) => Ok(()),
        }
    }

    /// Writes a new file whose bytes are all there.
    pub(super) async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        time: Option<UnixNanos>,
    ) -> Result<(Entry, Dirty), Failure> {
        if let Self::Disk(disk) = self {
            return disk.write(path, bytes, time).await;
        }
        let mut writer = self.create(path, bytes.len() as u64).await?;
        if !bytes.is_empty() {
            writer.write(bytes).await?;
        }
        writer.finish(time).await
    }

    /// Writes a new file, and beside it what `describe` says of it.
    pub(super) async fn write_described(
        &self,
        (path, bytes, time): (&str, Bytes, Option<UnixNanos>),
        (beside, describe): (&str, impl FnOnce(&Entry) -> Bytes + Send + 'static),
    ) -> Result<[(Entry, Dirty); 2], Failure> {
        if let Self::Disk(disk) = self {
            return disk.write_described((path, bytes, time), (beside, describe)).await;
        }
        let written = self.write(path, bytes, time).await?;
        let description = self.write(beside, describe(&written.0), None).await?;
        Ok([written, description])
    }

    /// Begins to write a new file of `size` bytes.
    pub(super) async fn create(&self, path: &str, size: u64) -> Result<Writer, Failure> {
        match self {
            Self::Disk(disk) => disk.create(path).await.map(Writer::Disk),
            Self::Webdav(webdav, limits) => {
                Ok(Writer::Webdav(webdav.create(path, size), limits.upload.clone()))
            }
            Self::Sftp(sftp, limits) => Ok(Writer::Sftp(sftp.create(path).await?, limits.upload.clone())),
        }
    }

    /// Copies a file to a new name, without its content crossing the line if the store can. The copy carries `time` where the store can.
    pub(super) async fn copy(
        &self,
        from: &str,
        to: &str,
        time: Option<UnixNanos>,
    ) -> Result<(Entry, Dirty), Failure> {
        let copied = match self {
            Self::Disk(disk) => return disk.copy(from, to, time).await,
            Self::Webdav(webdav, _) => Some(webdav.copy(from, to).await?),
            Self::Sftp(sftp, _) => sftp.copy(from, to, time).await?,
        };
        if let Some(entry) = copied {
            return Ok((entry, Dirty::default()));
        }
        let (entry, mut body) = self.open(from, 0).await?;
        let mut writer = self.create(to, entry.size).await?;
        while let Some(chunk) = body.try_next().await? {
            writer.write(chunk).await?;
        }
        writer.finish(time).await
    }

    /// Gives files other names, one after the other and each in one step where the store can, and makes the directories that are
    /// missing. What was moved before a failure stays moved.
    pub(super) async fn place(&self, moves: &[Move<'_>]) -> Result<Dirty, Failure> {
        match self {
            Self::Disk(disk) => return disk.place(moves).await,
            Self::Webdav(webdav, _) => {
                for Move { from, to, onto } in moves {
                    self.on_a_way(to, || webdav.place(from, to, *onto)).await?;
                }
            }
            Self::Sftp(sftp, _) => {
                for Move { from, to, onto } in moves {
                    self.on_a_way(to, || sftp.place(from, to, *onto)).await?;
                }
            }
        }
        Ok(Dirty::default())
    }

    /// Moves something to `to`, and makes the directory it goes to if there is none.
    async fn on_a_way<Fut>(&self, to: &str, place: impl Fn() -> Fut) -> Result<(), Failure>
    where
        Fut: Future<Output = Result<(), Failure>>,
    {
        match (place().await, to.rsplit_once('/')) {
            (Err(Failure::NotFound), Some((above, _))) => {
                self.make_directories(above).await?;
                place().await
            }
            (placed, _) => placed,
        }
    }

    /// Sets a file's own time, where the store can: as good as it can.
    pub(super) async fn touch(&self, path: &str, time: UnixNanos) -> Result<Dirty, Failure> {
        match self {
            Self::Disk(disk) => disk.touch(path, time).await,
            Self::Webdav(..) => Ok(Dirty::default()),
            Self::Sftp(sftp, _) => sftp.touch(path, time).await.map(|()| Dirty::default()),
        }
    }

    /// The tag that [`Store::touch`] would probably give.
    pub(super) fn tag_when_touched(&self, entry: &Entry, time: UnixNanos) -> Option<String> {
        match self {
            Self::Disk(_) => Some(disk::tag(entry.size, time)),
            Self::Webdav(..) => None,
            Self::Sftp(..) => sftp::seconds(time).map(|seconds| sftp::tag(entry.size, seconds)),
        }
    }

    /// Removes a file.
    pub(super) async fn remove(&self, path: &str) -> Result<Dirty, Failure> {
        match self {
            Self::Disk(disk) => return disk.remove(path).await,
            Self::Webdav(webdav, _) => webdav.remove(path).await?,
            Self::Sftp(sftp, _) => sftp.remove(path).await?,
        }
        Ok(Dirty::default())
    }

    /// Makes one directory; the one above must be there. That it exists already is no failure.
    pub(super) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        match self {
            Self::Disk(disk) => disk.make_directory(path).await,
            Self::Webdav(webdav, _) => webdav.make_directory(path).await,
            Self::Sftp(sftp, _) => sftp.make_directory(path).await,
        }
    }

    /// Removes a directory that is empty; only where [`Store::prunes_safely`].
    pub(super) async fn remove_directory(&self, path: &str) -> Result<(), Failure> {
        match self {
            Self::Disk(disk) => disk.remove_directory(path).await,
            Self::Webdav(..) => Err(Failure::Blocked(Cause::new("it might not be empty by then"))),
            Self::Sftp(sftp, _) => sftp.remove_directory(path).await,
        }
    }

    /// Makes a directory and those above it.
    pub(super) async fn make_directories(&self, path: &str) -> Result<(), Failure> {
        // From below: mostly all but the last exist.
        let mut missing = Vec::new();
        let mut next = Some(path);
        while let Some(directory) = next {
            match self.make_directory(directory).await {
                Ok(()) => break,
                Err(Failure::NotFound) => missing.push(directory),
                Err(failure) => return Err(failure),
            }
            next = directory.rsplit_once('/').map(|(above, _)| above);
        }
        for directory in missing.into_iter().rev() {
            self.make_directory(directory).await?;
        }
        Ok(())
    }
}

impl Writer {
    /// Appends.
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<(), Failure> {
        match self {
            Self::Disk(writer) => writer.write(bytes).await,
            Self::Webdav(writer, limiter) => {
                for piece in pieces(bytes, limiter.as_ref()) {
                    take(limiter.as_ref(), &piece).await;
                    writer.write(piece).await?;
                }
                Ok(())
            }
            Self::Sftp(writer, limiter) => {
                for piece in pieces(bytes, limiter.as_ref()) {
                    take(limiter.as_ref(), &piece).await;
                    writer.write(piece).await?;
                }
                Ok(())
            }
        }
    }

    /// Returns once the file is whole. It carries `time` where the store can.
    pub(super) async fn finish(self, time: Option<UnixNanos>) -> Result<(Entry, Dirty), Failure> {
        let entry = match self {
            Self::Disk(writer) => return writer.finish(time).await,
            Self::Webdav(writer, _) => writer.finish().await?,
            Self::Sftp(writer, _) => writer.finish(time).await?,
        };
        Ok((entry, Dirty::default()))
    }
}

/// A file whose bytes wait for the limit as they come.
fn paced((entry, body): (Entry, Body), limits: &Limits) -> (Entry, Body) {
    let Some(limiter) = limits.download.clone() else { return (entry, body) };
    let body = body
        .map_ok(move |chunk| {
            let limiter = limiter.clone();
            let pieces = pieces(chunk, Some(&limiter)).map(Ok);
            stream::iter(pieces).and_then(move |piece| {
                let limiter = limiter.clone();
                async move {
                    take(Some(&limiter), &piece).await;
                    Ok(piece)
                }
            })
        })
        .try_flatten()
        .boxed();
    (entry, body)
}

/// In steps of the limit, so that those who share it take turns often.
fn pieces(mut bytes: Bytes, limiter: Option<&Limiter>) -> impl Iterator<Item = Bytes> + use<> {
    let step = limiter.map_or(usize::MAX, Limiter::step);
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| bytes.split_to(step.min(bytes.len()))))
}

async fn take(limiter: Option<&Limiter>, piece: &Bytes) {
    if let Some(limiter) = limiter {
        limiter.take(piece.len()).await;
    }
}
