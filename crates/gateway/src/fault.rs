//! What can be wrong with one request, in the words of files and objects; `s3::answer` puts it into S3's.

use std::io;

/// Why an operation on an object did not happen. Nothing has changed when one is returned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is no object with this key")]
    NoSuchKey,
    #[error("there is no such upload")]
    NoSuchUpload,
    #[error("the object is not in the state that the request asks for ({condition})")]
    PreconditionFailed { condition: &'static str },
    /// The request contradicts itself or the protocol; the text is for a person.
    #[error("{0}")]
    Invalid(String),
    /// The bytes are not the ones that the client meant to send.
    #[error("the content does not have the {0} that the request promises")]
    BadDigest(&'static str),
    /// A part that the request names is not there, or is another one.
    #[error("part {0} has not been uploaded, or with another ETag")]
    InvalidPart(u16),
    #[error("the parts are not in ascending order")]
    PartOrder,
    #[error("part {0} is smaller than 5 MiB, and only the last part may be")]
    PartTooSmall(u16),
    #[error("the key `{0}` is reserved for Heirloom")]
    Reserved(String),
    /// A file is where a directory is needed, or the reverse.
    #[error("`{key}` cannot be stored, because `{by}` is {what} in the same place")]
    Blocked { key: String, by: String, what: &'static str },
    #[error("a part of the key is longer than a file name may be")]
    NameTooLong,
    #[error("the object is too large to be part of a batch")]
    TooLargeForBatch,
    #[error("there is no space left for this object")]
    NoSpace,
    #[error("could not {doing}")]
    Files { doing: &'static str, source: io::Error },
    #[error("could not {doing} the index")]
    Index { doing: &'static str, source: rusqlite::Error },
}

impl Fault {
    /// The same for another request that failed together with the one this is for.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::NoSpace => Self::NoSpace,
            other => Self::Files { doing: "store the change", source: io::Error::other(other.to_string()) },
        }
    }
}

/// Names what was attempted, and recognises what the client can do something about.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Fault>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Fault::NoSpace,
            io::ErrorKind::InvalidFilename => Fault::NameTooLong,
            _ => Fault::Files { doing, source },
        })
    }
}

impl<T> Doing<T> for rustix::io::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(io::Error::from).doing(doing)
    }
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Fault> {
        self.map_err(|source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Fault::NoSpace,
            _ => Fault::Index { doing, source },
        })
    }
}
