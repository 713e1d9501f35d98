//! What can go wrong with a local tree, sorted by what a caller does about it.

use rustix::io::Errno;
use std::io;
use std::path::PathBuf;

/// A failed operation on a local tree. Paths are whole, so that a message needs no further context.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing at the path: a root that is not mounted or was deleted.
    #[error("{path:?} does not exist")]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// The path, or one on the way to it, is not a directory. A symlink below the root counts as such.
    #[error("{path:?} is not reached through directories alone")]
    NotADirectory {
        /// What was to be reached.
        path: PathBuf,
    },
    /// What stands at the path is not what the caller expected; nothing was changed. Scan and plan again.
    #[error("{path:?} changed in the meantime")]
    Changed {
        /// Where.
        path: PathBuf,
    },
    /// The file system or the user's quota is full.
    #[error("no space left {doing} {path:?}")]
    NoSpace {
        /// What was attempted.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file system does not let this user do so.
    #[error("no permission for {doing} {path:?}")]
    Denied {
        /// What was attempted.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
    /// The file system cannot hold such a thing: a symlink on FAT, a target that no symlink can have.
    #[error("the file system cannot hold what belongs at {path:?}")]
    Unsupported {
        /// Where.
        path: PathBuf,
    },
    /// Anything else the system says.
    #[error("failed {doing} {path:?}")]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
}

impl Error {
    /// Sorts the system's error.
    pub(crate) fn new(doing: &'static str, path: PathBuf, errno: Errno) -> Self {
        let source = io::Error::from(errno);
        match errno {
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace { doing, path, source },
            Errno::ACCESS | Errno::PERM | Errno::ROFS => Self::Denied { doing, path, source },
            Errno::NOTDIR | Errno::LOOP => Self::NotADirectory { path },
            _ => Self::Io { doing, path, source },
        }
    }
}
