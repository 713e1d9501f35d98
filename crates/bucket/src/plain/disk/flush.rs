//! Waiting for the medium, together; see [`disk::Rounds`].
//!
//! A small file costs two waits: for its bytes and its sidecar's, and for both their names.

use super::{Failure, failure};
use disk::{Awaited, Rounds, Unflushed};
use rustix::fd::{AsFd as _, BorrowedFd, OwnedFd};
use rustix::process::{Resource, getrlimit};
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit, oneshot};

/// Changes under way at once, as far as the process may have files open; the more there are, the fewer rounds it takes.
const PLACES: RangeInclusive<u64> = 64..=512;

/// Files and directories that are open for each change: two, and as many again for a moment. The others are left to whoever else is at work.
const OPEN_FOR_EACH: u64 = 8;

/// What a disk's changes wait for.
pub(super) struct Medium {
    rounds: OnceCell<Arc<Rounds<Waiting>>>,
    places: Semaphore,
}

pub(super) struct Waiting {
    files: Vec<Arc<File>>,
    answer: oneshot::Sender<rustix::io::Result<()>>,
}

impl Awaited for Waiting {
    fn files(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.files.iter().map(|file| file.as_fd())
    }

    fn tell(self, outcome: rustix::io::Result<()>) {
        // One that is gone does not want to know.
        let _gone = self.answer.send(outcome);
    }
}

/// What is written on a disk that was opened before.
#[derive(Clone)]
pub(super) struct Notes(Arc<Rounds<Waiting>>);

impl Medium {
    pub(super) fn new() -> Self {
        let open_max = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let places = (open_max / OPEN_FOR_EACH).clamp(*PLACES.start(), *PLACES.end());
        let places = usize::try_from(places).unwrap_or(usize::MAX);
        Self { rounds: OnceCell::new(), places: Semaphore::new(places) }
    }

    /// A place for a change, held until it is done.
    pub(super) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("because the semaphore is never closed")
    }

    /// Keeps the disk open from the first time on: to be called before anything is written.
    pub(super) async fn open<Fut>(&self, open: impl Fn() -> Fut) -> Result<Notes, Failure>
    where
        Fut: Future<Output = Result<OwnedFd, Failure>>,
    {
        let rounds = self.rounds.get_or_try_init(|| async { Ok(Arc::new(Rounds::new(open().await?))) });
        rounds.await.map(|rounds| Notes(Arc::clone(rounds)))
    }
}

impl Notes {
    /// Where the making of directories is noted.
    pub(super) fn unflushed(&self) -> &Unflushed {
        self.0.unflushed()
    }

    /// Returns once what was written is on the medium; of a directory, its names.
    pub(super) async fn flush(&self, files: Vec<Arc<File>>) -> Result<(), Failure> {
        let (answer, flushed) = oneshot::channel();
        if let Some(running) = self.0.hand_in(Waiting { files, answer }) {
            // Not awaited: whoever waits may be dropped, and the others go on waiting.
            drop(tokio::task::spawn_blocking(move || running.run()));
        }
        let flushed = flushed.await.map_err(|_| failure(&io::Error::other("flushing ended early")))?;
        flushed.map_err(|errno| failure(&errno.into()))
    }
}
