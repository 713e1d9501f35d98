//! What can go wrong, by what a caller does about it.

use crate::SnapshotId;
use std::io;
use std::path::{Path, PathBuf};

/// Why the archive could not do what it was asked; the cause is in `source`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no archive at this place.
    #[error("there is no archive at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process or thread is writing to the archive.
    #[error("the archive {} is being written to", path.display())]
    Busy {
        /// The archive.
        path: PathBuf,
    },
    /// No snapshot, or more than one, goes by this name.
    #[error("`{}` does not name one snapshot", name.escape_debug())]
    UnknownSnapshot {
        /// What was asked for.
        name: String,
    },
    /// A file is larger than the caller was willing to hold in memory.
    #[error("{path} holds {size} bytes, more than the {limit} asked for at most")]
    TooLarge {
        /// The file.
        path: String,
        /// Its bytes.
        size: u64,
        /// What the caller allowed.
        limit: u64,
    },
    /// The remote's history does not continue ours; nothing was moved.
    #[error("the remote history {theirs} does not continue the history {ours} that is kept here")]
    NotFastForward {
        /// The latest snapshot here.
        ours: SnapshotId,
        /// The latest snapshot there.
        theirs: SnapshotId,
    },
    /// The remote does not accept the credentials.
    #[error("{url} does not accept this key")]
    Denied {
        /// The remote.
        url: String,
    },
    /// A file operation failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was attempted, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// An operation on the git repository failed.
    #[error("cannot {doing}")]
    Git {
        /// What was attempted on what.
        doing: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// For `map_err` behind a file operation.
    pub(crate) fn io(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.as_ref().to_owned(), source }
    }

    /// For `map_err` behind a file operation by `rustix`.
    pub(crate) fn os(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |source| Self::Io { doing, path: path.as_ref().to_owned(), source: source.into() }
    }

    /// For `map_err` behind a git operation.
    pub(crate) fn git<E>(doing: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Git { doing: doing.into(), source: source.into() }
    }
}
