//! Writing down what is agreed, in batches, while the cycle goes on.
//!
//! An entry is written only after its effect is on the medium: first the effect, then the names of what was placed, then the
//! base. So the base never claims more than is true, and a crash costs at most looking again.

use crate::Error;
use crate::sides::Local;
use journal::{Change, Journal, RouteId};
use model::RelPath;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Entries written in one transaction, at most.
const BATCH_MAX: usize = 1_000;

/// Something to remember.
pub(crate) struct Note {
    pub(crate) change: Change,
    /// A local path whose name must be on the medium first.
    pub(crate) placed: Option<RelPath>,
}

/// Where effects hand in what they achieved.
#[derive(Clone)]
pub(crate) struct Notes(mpsc::UnboundedSender<Note>);

impl Notes {
    /// If the writer is gone, it failed, and its error ends the cycle.
    pub(crate) fn hand_in(&self, note: Note) {
        let _gone = self.0.send(note);
    }
}

/// Begins to write; ends when every [`Notes`] is dropped.
pub(crate) fn begin<L: Local>(
    local: L,
    journal: Arc<Journal>,
    route: RouteId,
) -> (Notes, tokio::task::JoinHandle<Result<(), Error>>) {
    let (sender, mut notes) = mpsc::unbounded_channel();
    let writing = tokio::spawn(async move {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while notes.recv_many(&mut batch, BATCH_MAX).await > 0 {
            write(&local, &journal, route, std::mem::take(&mut batch)).await?;
        }
        Ok(())
    });
    (Notes(sender), writing)
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
    tokio::task::spawn_blocking(move || journal.record(route, &changes))
        .await
        .expect("recording does not panic")
        .map_err(Error::Journal)
}
