//! Flushing together what is written at the same time.
//!
//! A file gets its name after its bytes are on the medium, and to wait for that costs the same for one file as for a hundred. So whoever has
//! written one hands it in; whatever was handed in while the disk was busy is flushed at once when it is free.

use crate::threads::blocking;
use disk::Ready;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

/// Files in the making at once. Each is open, as is its directory.
const PLACES: usize = 128;

/// What waits to be flushed.
#[derive(Debug)]
pub(crate) struct Flushes {
    line: Mutex<Line>,
    places: Semaphore,
}

#[derive(Debug, Default)]
struct Line {
    waiting: Vec<Waiting>,
    is_moving: bool,
}

#[derive(Debug)]
struct Waiting {
    file: Ready,
    answer: oneshot::Sender<Result<Ready, disk::Error>>,
}

impl Default for Flushes {
    fn default() -> Self {
        Self { line: Mutex::default(), places: Semaphore::new(PLACES) }
    }
}

impl Flushes {
    /// A place for a file in the making, held until it has its name.
    pub(crate) async fn place(&self) -> SemaphorePermit<'_> {
        self.places.acquire().await.expect("the semaphore is never closed")
    }

    /// Returns the file once its bytes are on the medium.
    pub(crate) async fn flush(self: &Arc<Self>, file: Ready) -> Result<Ready, disk::Error> {
        let (answer, flushed) = oneshot::channel();
        if self.hand_in(Waiting { file, answer }) {
            tokio::spawn(Arc::clone(self).flush_all());
        }
        flushed.await.expect("whatever was handed in is flushed")
    }

    /// Whether somebody has to begin flushing.
    fn hand_in(&self, waiting: Waiting) -> bool {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.waiting.push(waiting);
        !std::mem::replace(&mut line.is_moving, true)
    }

    async fn flush_all(self: Arc<Self>) {
        while let Some(all) = self.next() {
            blocking(move || flush(all)).await;
        }
    }

    fn next(&self) -> Option<Vec<Waiting>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.is_moving = !line.waiting.is_empty();
        line.is_moving.then(|| std::mem::take(&mut line.waiting))
    }
}

fn flush(all: Vec<Waiting>) {
    let together = Ready::flush(all.iter().map(|waiting| &waiting.file));
    for Waiting { file, answer } in all {
        // What cannot be flushed together may be in trouble for one of them.
        let flushed = together.as_ref().map_or_else(|_| Ready::flush([&file]), |()| Ok(()));
        // Whoever has gone wants no file either.
        drop(answer.send(flushed.map(|()| file)));
    }
}
