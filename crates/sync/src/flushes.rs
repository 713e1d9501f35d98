//! Flushing together what is written at the same time; see [`disk::Rounds`].

use crate::threads::blocking;
use disk::{Awaited, Error, Found, Ready, Root, Rounds};
use rustix::fd::{AsFd as _, BorrowedFd};
use std::io;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// Files in the making at once. Each is open, as is its directory.
const PLACES: usize = 128;

/// What waits to be flushed.
#[derive(Debug)]
pub(crate) struct Flushes {
    root: Root,
    rounds: Arc<Rounds<Waiting>>,
    places: Semaphore,
}

#[derive(Debug)]
struct Waiting {
    file: Ready,
    answer: oneshot::Sender<Result<Found, Error>>,
}

impl Awaited for Waiting {
    fn files(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.file.as_fd())
    }

    fn tell(self, outcome: rustix::io::Result<()>) {
        // Whoever has gone wants no file either.
        if !self.answer.is_closed() {
            drop(self.answer.send(self.file.flushed(outcome).and_then(Ready::place)));
        }
    }
}

impl Flushes {
    pub(crate) fn new(root: &Root) -> Result<Self, Error> {
        let rounds = Arc::new(root.rounds()?);
        Ok(Self { root: root.clone(), rounds, places: Semaphore::new(PLACES) })
    }

    /// A place for a file in the making, held until it has its name.
    pub(crate) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("the semaphore is never closed")
    }

    /// Gives the file its name once its bytes are on the medium. That is done where they were flushed: to go back to a thread of the folder's
    /// for it would take longer than it does.
    pub(crate) async fn place_flushed(&self, file: Ready) -> Result<Found, Error> {
        let (answer, flushed) = oneshot::channel();
        if let Some(running) = self.rounds.hand_in(Waiting { file, answer }) {
            // Not awaited: whoever waits may be dropped, and the others go on waiting.
            drop(tokio::spawn(blocking(move || running.run())));
        }
        flushed.await.unwrap_or_else(|_| {
            let source = io::Error::other("it ended early");
            Err(Error::Io { doing: "flushing what was written below", path: self.root.path().into(), source })
        })
    }
}
