//! What can go wrong with a journal, sorted by what a caller does about it.

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use std::io;
use std::path::{Path, PathBuf};

/// A failed operation on a journal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached: no directory, no permission.
    #[error("failed opening the journal {path:?}")]
    Unreachable {
        /// The journal.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// A newer Heirloom has written it. Nothing was changed.
    #[error("the journal {path:?} is of version {found}, this Heirloom knows up to {known}")]
    TooNew {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// It is damaged. Opening it anew moves it aside and begins another.
    #[error("the journal {path:?} is damaged, found {doing}")]
    Damaged {
        /// What was attempted.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// The database's word on it.
        source: rusqlite::Error,
    },
    /// The disk is full.
    #[error("no space left {doing} in the journal {path:?}")]
    NoSpace {
        /// What was attempted.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// The database's word on it.
        source: rusqlite::Error,
    },
    /// Anything else the database says.
    #[error("failed {doing} in the journal {path:?}")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// The journal.
        path: PathBuf,
        /// The database's word on it.
        source: rusqlite::Error,
    },
}

impl Error {
    pub(crate) fn new(doing: &'static str, path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if crate::open::is_damage(&source) {
            return Self::Damaged { doing, path, source };
        }
        // SQLite's word for a full disk on which the file that connections share cannot grow.
        let lacks_shared_memory =
            source.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE);
        match source.sqlite_error_code() {
            _ if lacks_shared_memory => Self::NoSpace { doing, path, source },
            Some(ErrorCode::DiskFull) => Self::NoSpace { doing, path, source },
            _ => Self::Database { doing, path, source },
        }
    }
}
