//! The course of an answer: wait, read, send.
//!
//! A task of its own goes through it, so the wait costs no thread and ends when the client goes away. Reading has one thread that goes
//! ahead of the client by [`PIECES_AHEAD`] pieces and then waits for it. As long as it reads, the index cannot clear away what has been
//! overwritten since; so whoever takes nothing for [`STALL_MAX`] gets no more.
//!
//! Rejected: a visit to a thread for each piece, as for the bytes of objects. The rows that wait to be sorted belong to the
//! connection, and would have to be found again for every piece.

use super::lines::Lines;
use crate::fault::Fault;
use crate::index::{Cursor, Scope, Watcher};
use crate::store::Store;
use bytes::Bytes;
use futures::stream;
use s3s::Body;
use s3s::dto::StreamingBlob;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// How many pieces are in memory beside the one that is being made.
const PIECES_AHEAD: usize = 4;

/// How long a client may take for a piece.
const STALL_MAX: Duration = Duration::from_mins(1);

/// How often an empty line is sent while there is nothing to tell: proxies take silence for death.
const PATIENCE: Duration = Duration::from_secs(15);

type Pieces = mpsc::Sender<io::Result<Bytes>>;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) store: Arc<Store>,
    pub(super) readings: Arc<Semaphore>,
    pub(super) shutdown: CancellationToken,
    pub(super) scope: Scope,
    pub(super) since: Option<Cursor>,
}

impl Answering {
    /// Begins; if `wait` is given, not before the watcher sees something, or the time is over.
    pub(super) fn start(self, wait: Option<(Watcher, Duration)>) -> Body {
        let (pieces, mut sent) = mpsc::channel(1);
        tokio::spawn(async move {
            if let Some((watcher, wait)) = wait
                && self.wait(&watcher, wait, &pieces).await.is_break()
            {
                return;
            }
            self.read(&pieces).await;
        });
        Body::from(StreamingBlob::wrap(stream::poll_fn(move |context| sent.poll_recv(context))))
    }

    /// Breaks off if nobody is there any more.
    async fn wait(&self, watcher: &Watcher, wait: Duration, pieces: &Pieces) -> ControlFlow<()> {
        let over = tokio::time::sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = watcher.changed() => return ControlFlow::Continue(()),
                () = &mut over => return ControlFlow::Continue(()),
                () = self.shutdown.cancelled() => return ControlFlow::Continue(()),
                () = pieces.closed() => return ControlFlow::Break(()),
                () = tokio::time::sleep(PATIENCE) => {
                    if pieces.try_send(Ok(Bytes::from_static(b"\n"))).is_err() {
                        tracing::debug!("an empty line was not taken");
                    }
                }
            }
        }
    }

    async fn read(self, pieces: &Pieces) {
        let Self { store, readings, scope, since, .. } = self;
        let Ok(_reading) = readings.acquire().await else { return };
        let (read, mut ready) = mpsc::channel::<Bytes>(PIECES_AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            let mut lines = Lines::default();
            store.index.tell(&scope, since.as_ref(), |told| {
                match lines.add(told).map(|piece| read.blocking_send(piece)) {
                    Some(Err(_)) => ControlFlow::Break(()),
                    None | Some(Ok(())) => ControlFlow::Continue(()),
                }
            })
        });
        while let Some(piece) = ready.recv().await {
            match tokio::time::timeout(STALL_MAX, pieces.send(Ok(piece))).await {
                Ok(Ok(())) => {}
                // Gone, which is no error of anybody's.
                Ok(Err(_)) => return,
                Err(_) => {
                    tracing::warn!(after = ?STALL_MAX, "a client takes no more of its changes");
                    return;
                }
            }
        }
        if let Err(error) = outcome(reading.await) {
            tracing::error!(error = &error as &dyn std::error::Error, "changes cannot be told");
            // Without it, the answer would end as if it had been cut off on the way, which clients notice as well.
            drop(pieces.send(Err(error)).await);
        }
    }
}

fn outcome(reading: Result<Result<bool, Fault>, tokio::task::JoinError>) -> io::Result<()> {
    match reading {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(io::Error::other("the cursor has become unknown")),
        Ok(Err(fault)) => Err(io::Error::other(fault)),
        Err(error) => Err(io::Error::other(error)),
    }
}
