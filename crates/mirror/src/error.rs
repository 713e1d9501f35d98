//! What can go wrong with a drive.

use std::io;
use std::path::PathBuf;

/// Why a drive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no directory, or one without the marker: the drive is not plugged in or not mounted.
    #[error("no Heirloom drive at {}: {why}", path.display())]
    Absent {
        /// Where it should be.
        path: PathBuf,
        /// What is missing.
        why: &'static str,
    },
    /// The marker is there but does not say which drive this is.
    #[error("the marker {} is damaged", path.display())]
    DamagedMarker {
        /// The marker file.
        path: PathBuf,
    },
    /// The drive cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was attempted.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The archive on the drive, or the one it is fetched from, cannot be used.
    #[error("the archive of `{bucket}` could not be fetched")]
    Archive {
        /// Whose archive.
        bucket: model::BucketName,
        /// The cause.
        source: archive::Error,
    },
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
