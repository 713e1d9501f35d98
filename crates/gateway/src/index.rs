//! The index: what is known about each object, and uploads in parts.
//!
//! The files are the truth; the index saves reading them. A row that does not fit its file's stamp is made
//! anew from the file, so a lost or rolled back index costs time and the metadata that files cannot carry,
//! never content. That is why it may commit without flushing to disk (`synchronous=NORMAL`).
//!
//! Reads take a connection from a pool. Writes go to one thread, which puts whatever is waiting into one
//! transaction: a transaction costs as much as some dozens of rows, and thirty clients are seldom alone.
//!
//! Rejected: holding everything in memory. A page of a listing is one seek and a thousand steps here, about a
//! millisecond, and a million objects would cost every user's machine half a gigabyte.

mod changes;
mod epochs;
mod feed;
mod listing;
mod numbers;
mod read;
mod schema;
mod uploads;
mod watchers;
mod writer;

pub(crate) use changes::{Change, PartTag, Upload, UploadPart};
pub(crate) use epochs::Cursor;
pub(crate) use feed::{Extent, News, Scope, Told};
pub(crate) use listing::{Listed, Listing, Page, Query};
pub(crate) use watchers::Watcher;
pub(crate) use writer::{Pending, Submission};

use crate::error::Error;
use disk::Unflushed;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
pub(crate) struct Index {
    path: PathBuf,
    writer: writer::Writer,
    watchers: Arc<watchers::Watchers>,
    readers: Mutex<Vec<Connection>>,
}

impl Index {
    /// Opens the index; what is noted in `unflushed` is flushed before any change is done.
    pub(crate) fn open(path: &Path, unflushed: Arc<Unflushed>) -> Result<Self, Error> {
        let cannot = |doing| move |source| Error::Index { doing, path: path.to_owned(), source };
        let connection = schema::open(path)?;
        epochs::begin(&connection).map_err(cannot("write"))?;
        let numbers = numbers::Numbers::load(&connection).map_err(cannot("read"))?;
        let watchers = Arc::default();
        let writer = writer::Writer::start(connection, numbers, Arc::clone(&watchers), unflushed);
        Ok(Self { path: path.to_owned(), writer, watchers, readers: Mutex::default() })
    }

    /// Opens an index without live files.
    #[cfg(test)]
    fn open_alone(path: &Path) -> Self {
        let above = std::fs::File::open(path.parent().expect("because it is in a directory"));
        let unflushed = Unflushed::new(above.expect("because it exists").into());
        Self::open(path, Arc::new(unflushed)).expect("because it can be opened")
    }

    /// Hands changes over to be written. They are done when the pending answer says so.
    pub(crate) fn submit(&self, submission: Submission) -> Pending {
        self.writer.submit(submission)
    }

    /// Runs a query on a connection of its own.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let pooled = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = pooled.map_or_else(|| schema::reader(&self.path), Ok)?;
        let outcome = query(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        outcome
    }
}
