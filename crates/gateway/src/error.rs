//! Why the gateway as a whole cannot work. What goes wrong with one request is a [`Fault`](crate::fault::Fault).

use std::path::PathBuf;

/// Why the gateway could not be opened or stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another gateway works on the same data directory.
    #[error("another heirloom is using {}", path.display())]
    Busy {
        /// The data directory.
        path: PathBuf,
    },
    /// A newer Heirloom has written the index.
    #[error("the index {} has format {found}, and this version of heirloom knows formats up to {known}", path.display())]
    TooNew {
        /// The index file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format this program knows.
        known: i64,
    },
    /// The index could not be opened, read or written.
    #[error("could not {doing} the index {}", path.display())]
    Index {
        /// What was attempted.
        doing: &'static str,
        /// The index file.
        path: PathBuf,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// A file or directory of ours could not be used.
    #[error("could not {doing} {}", path.display())]
    Files {
        /// What was attempted.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Comparing the files with the index failed at one of them.
    #[error("could not compare the live files of `{bucket}` with the index")]
    Reconcile {
        /// The bucket.
        bucket: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The configured domain is not one.
    #[error("`{domain}` cannot be the domain of the S3 server")]
    Domain {
        /// As configured.
        domain: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The listener gave out.
    #[error("could not accept connections")]
    Accept {
        /// What the system said.
        source: std::io::Error,
    },
}
