//! Writing down what is seen and agreed, in batches, while the cycle goes on.
//!
//! An agreement is written only after its effect is on the medium: first the effect, then the names of what was placed, then the
//! base. So the base never claims more than is true, and a crash costs at most looking again.

use crate::Error;
use crate::sides::Local;
use crate::threads::blocking;
use journal::{Change, Journal, RouteId};
use model::RelPath;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Entries written in one transaction, at most.
const BATCH_MAX: usize = 1_000;

/// Notes that wait to be written: whoever has more waits as well.
const WAITING_MAX: usize = 4 * BATCH_MAX;

/// Something to remember.
pub(crate) struct Note {
    pub(crate) change: Change,
    /// A local path whose name must be on the medium first.
    pub(crate) placed: Option<RelPath>,
}

/// Where observations and effects are handed in.
#[derive(Clone)]
pub(crate) struct Notes(mpsc::Sender<Note>);

impl Notes {
    /// If the writer is gone, it failed, and its error ends the cycle.
    pub(crate) async fn hand_in(&self, note: Note) {
        let _gone = self.0.send(note).await;
    }
}

/// Writes on a task of its own, until every [`Notes`] is dropped. If this is dropped before, the cycle was given up, and nothing of it goes on.
pub(crate) struct Writing(AbortOnDropHandle<Result<(), Error>>);

impl Writing {
    /// Waits until everything handed in is written. Every [`Notes`] must be gone.
    pub(crate) async fn finish(self) -> Result<(), Error> {
        self.0.await.expect("the writer does not panic")
    }
}

/// Begins to write.
pub(crate) fn begin<L: Local>(local: L, journal: Arc<Journal>, route: RouteId) -> (Notes, Writing) {
    let (sender, mut notes) = mpsc::channel(WAITING_MAX);
    let writing = tokio::spawn(async move {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while notes.recv_many(&mut batch, BATCH_MAX).await > 0 {
            write(&local, &journal, route, std::mem::take(&mut batch)).await?;
        }
        Ok(())
    });
    (Notes(sender), Writing(AbortOnDropHandle::new(writing)))
}

async fn write<L: Local>(
    local: &L,
    journal: &Arc<Journal>,
    route: RouteId,
    batch: Vec<Note>,
) -> Result<(), Error> {
    let (placed, changes): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|note| (note.placed, note.change)).unzip();
    let placed: Vec<RelPath> = placed.into_iter().flatten().collect();
    if !placed.is_empty() {
        local.make_durable(placed).await.map_err(Error::Local)?;
    }
    let journal = Arc::clone(journal);
    blocking(move || journal.record(route, &changes)).await.map_err(Error::Journal)
}
