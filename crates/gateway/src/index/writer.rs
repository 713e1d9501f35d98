//! The one thread that writes.

use super::changes::Change;
use super::numbers::Numbers;
use super::watchers::Watchers;
use crate::fault::{Doing, Fault};
use crate::locks::Guard;
use disk::Unflushed;
use futures::channel::oneshot;
use rusqlite::Connection;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// How many submissions share a transaction at most, so that the first of them does not wait for ever.
const BATCH_MAX: usize = 512;

/// Changes that belong together, and what has to happen before they count as done.
#[derive(Debug, Default)]
pub(crate) struct Submission {
    pub(crate) changes: Vec<Change>,
    /// Directories whose entries changed. They are flushed to disk first, each once for all submissions of a
    /// batch that changed it.
    pub(crate) directories: Vec<OwnedFd>,
    /// Released once the changes are visible.
    pub(crate) guards: Vec<Guard>,
}

/// The answer to a submission.
#[derive(Debug)]
pub(crate) struct Pending(oneshot::Receiver<Result<(), Fault>>);

impl Pending {
    /// Waits until the changes are on disk and visible to every reader.
    pub(crate) async fn done(self) -> Result<(), Fault> {
        self.0.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// The same for a thread that may block. That may be one of the runtime's, where somebody opens a gateway before
    /// it serves; hence this channel and not tokio's, which refuses to block there, and which yields to the
    /// runtime after some hundred messages and so would wait for ever.
    pub(crate) fn wait(self) -> Result<(), Fault> {
        futures::executor::block_on(self.done())
    }
}

fn stopped() -> Fault {
    Fault::Files {
        doing: "write the index: its thread has ended",
        source: std::io::ErrorKind::BrokenPipe.into(),
    }
}

type Queued = (Submission, oneshot::Sender<Result<(), Fault>>);

#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<SyncSender<Queued>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        numbers: Numbers,
        watchers: Arc<Watchers>,
        unflushed: Arc<Unflushed>,
    ) -> Self {
        let (queue, submissions) = sync_channel(BATCH_MAX * 4);
        let run = move || run(&connection, numbers, &watchers, &unflushed, &submissions);
        let thread = std::thread::Builder::new()
            .name("heirloom-index".into())
            .spawn(run)
            .expect("because a process that just started has room for a thread");
        Self { queue: Some(queue), thread: Some(thread) }
    }

    pub(crate) fn submit(&self, submission: Submission) -> Pending {
        let (answer, pending) = oneshot::channel();
        let queue = self.queue.as_ref().expect("because the queue lives until the writer is dropped");
        // When the thread is gone, so is the sender of the answer, and whoever waits learns it there.
        drop(queue.send((submission, answer)));
        Pending(pending)
    }
}

impl Drop for Writer {
    /// Ends the thread after what is queued has been written.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(
    connection: &Connection,
    mut numbers: Numbers,
    watchers: &Watchers,
    unflushed: &Unflushed,
    submissions: &Receiver<Queued>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while let Ok(first) = submissions.recv() {
        batch.push(first);
        while batch.len() < BATCH_MAX
            && let Ok(next) = submissions.try_recv()
        {
            batch.push(next);
        }
        let flushed = flush(&batch, unflushed);
        let written = write(connection, &mut numbers, &batch);
        if written.is_ok() {
            watchers.wake(changes(&batch));
        }
        answer(&mut batch, flushed, written);
    }
}

/// Flushes the directories of all, and those in which directories were made.
fn flush(batch: &[Queued], unflushed: &Unflushed) -> Result<(), Fault> {
    let directories: Vec<&OwnedFd> =
        batch.iter().flat_map(|(submission, _)| &submission.directories).collect();
    unflushed.flush(&directories).doing("flush a directory to disk")
}

fn changes(batch: &[Queued]) -> impl Iterator<Item = &Change> {
    batch.iter().flat_map(|(submission, _)| &submission.changes)
}

fn write(connection: &Connection, numbers: &mut Numbers, batch: &[Queued]) -> Result<(), Fault> {
    if changes(batch).next().is_none() {
        return Ok(());
    }
    connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([])).doing("write")?;
    let mut counted = *numbers;
    let outcome = changes(batch)
        .try_for_each(|change| change.apply(connection, &mut counted))
        .and_then(|()| counted.forget(connection))
        .and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(drop));
    match outcome {
        Ok(()) => *numbers = counted,
        Err(_) if connection.is_autocommit() => {}
        Err(_) => connection.execute_batch("ROLLBACK").doing("roll back")?,
    }
    outcome.doing("write")
}

/// Locks are released before the answers, so that whoever gets one may go on with the same key at once.
fn answer(batch: &mut Vec<Queued>, flushed: Result<(), Fault>, written: Result<(), Fault>) {
    let outcome = flushed.and(written);
    if let Err(fault) = &outcome {
        tracing::error!(error = fault as &dyn std::error::Error, changes = batch.len(), "index not written");
    }
    for (submission, sender) in batch.drain(..) {
        drop(submission);
        // Nobody waits when the client has gone; the change is done all the same.
        drop(sender.send(outcome.as_ref().copied().map_err(Fault::again)));
    }
}
