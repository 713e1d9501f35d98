//! What can go wrong with a bucket, sorted by what a caller can do about it.
//!
//! A store's answer is sorted here once. Rejected: passing `OpenDAL`'s errors on, whose kinds mix "the key is wrong" with
//! "this key may not write here", and whose text is a page of response headers.

use crate::transport::Failure;
use http::StatusCode;
use model::{BucketName, ObjectKey};
use opendal::ErrorKind;
use std::error::Error as StdError;
use std::fmt;

/// Why something could not be done with a bucket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer: no route, no server, a broken or dead connection, or a server in trouble.
    #[error("cannot reach {at} at {endpoint}")]
    Unreachable {
        /// The server's address.
        endpoint: String,
        /// Where.
        at: Called,
        /// What happened.
        source: Cause,
    },
    /// The server does not accept the key, or not for this bucket.
    #[error("{}", locked(at, access_key_id))]
    WrongKey {
        /// Where.
        at: Called,
        /// The key.
        access_key_id: String,
        /// What the server said.
        source: Cause,
    },
    /// The server has no such bucket.
    #[error("{}", nowhere(at, endpoint))]
    NoSuchBucket {
        /// Where.
        at: Called,
        /// The server's address.
        endpoint: String,
    },
    /// A disk is not there: not plugged in, not mounted.
    #[error("{place} is not there: {why}")]
    Absent {
        /// Where it should be.
        place: String,
        /// What is missing.
        why: Missing,
    },
    /// What stands there is not the place it was.
    #[error("{place} has lost the marker that was left there, so it was emptied or is another place")]
    Emptied {
        /// Its address.
        place: String,
    },
    /// What an operation expected is no longer so: plan again.
    #[error("`{key}` has changed: {what}")]
    Changed {
        /// The object.
        key: ObjectKey,
        /// Which expectation failed.
        what: &'static str,
    },
    /// There is no such object.
    #[error("there is no object `{key}`")]
    NotFound {
        /// The object.
        key: ObjectKey,
    },
    /// The store is full, or the bucket's quota is used up.
    #[error("there is no space left in {at}")]
    NoSpace {
        /// Where.
        at: Called,
        /// What the server said.
        source: Cause,
    },
    /// The server refuses this one object: no permission, a name too long, a size too large.
    #[error("the store refuses `{key}`")]
    Rejected {
        /// The object.
        key: ObjectKey,
        /// What the server said.
        source: Cause,
    },
    /// The object is sealed, and nothing that this machine has opens it. Told by whoever opens what a bucket holds.
    #[error("`{key}` is sealed and stays closed")]
    Locked {
        /// The object.
        key: ObjectKey,
        /// What is missing.
        source: Cause,
    },
    /// Anything else.
    #[error("cannot {attempt}")]
    Other {
        /// What was attempted, on what.
        attempt: String,
        /// Whether another attempt may help.
        retry: Retry,
        /// What happened.
        source: Cause,
    },
}

/// What people call the store that an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// A bucket of an S3 server.
    Bucket(BucketName),
    /// A plain tree, by its name in the configuration.
    Destination(String),
}

/// What is missing where a disk should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The directory itself.
    Directory,
    /// The marker in it: a mount point without its disk, or a new disk.
    Marker,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "there is no such directory",
            Self::Marker => {
                "the directory does not carry the marker that was left there, so the disk may not be mounted"
            }
        })
    }
}

impl From<BucketName> for Called {
    fn from(bucket: BucketName) -> Self {
        Self::Bucket(bucket)
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bucket(name) => write!(f, "the bucket `{name}`"),
            Self::Destination(name) => write!(f, "the destination `{name}`"),
        }
    }
}

fn locked(at: &Called, user: &str) -> String {
    match at {
        Called::Bucket(_) => format!("{at} does not open with the key `{user}`"),
        Called::Destination(_) if user.is_empty() => format!("{at} lets nobody in without a name"),
        Called::Destination(_) => format!("{at} does not let `{user}` in"),
    }
}

fn nowhere(at: &Called, endpoint: &str) -> String {
    match at {
        Called::Bucket(name) => format!("there is no bucket `{name}` at {endpoint}"),
        Called::Destination(_) => format!("there is no directory at {endpoint}"),
    }
}

/// When doing the same again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not before a person has changed something.
    Never,
    /// After a pause, as it is.
    Later,
    /// At once, but from a new look at both sides.
    Replan,
}

impl Error {
    /// When doing the same again may help.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::NoSpace { .. } | Self::Absent { .. } => Retry::Later,
            Self::WrongKey { .. }
            | Self::NoSuchBucket { .. }
            | Self::Emptied { .. }
            | Self::Rejected { .. }
            | Self::Locked { .. } => Retry::Never,
            Self::Changed { .. } | Self::NotFound { .. } => Retry::Replan,
            Self::Other { retry, .. } => *retry,
        }
    }
}

/// What lies behind an [`Error`], in one line.
#[derive(Debug)]
pub struct Cause(String);

impl Cause {
    /// A cause in one line; a stand-in for a bucket fails with it too.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}

/// What an operation was about, for sorting its failure.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) bucket: &'a BucketName,
    pub(crate) access_key_id: &'a str,
    pub(crate) verb: &'static str,
    pub(crate) key: Option<&'a ObjectKey>,
}

/// Codes with which a server says that it does not know who is asking.
const KEY_CODES: [&str; 9] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "AuthorizationHeaderMalformed",
    "RequestTimeTooSkewed",
    "NotSignedUp",
    "AccountProblem",
    "UnauthorizedAccess",
];

/// Codes with which servers say that they are full; S3 itself never is, so each has its own.
const SPACE_CODES: [&str; 8] = [
    "InsufficientStorage",
    "NoSpace",
    "StorageFull",
    "QuotaExceeded",
    "BucketQuotaExceeded",
    "ServiceQuotaExceeded",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
];

/// Codes with which a server asks for another try.
const TROUBLE_CODES: [&str; 5] =
    ["InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "TooManyRequests"];

impl Attempt<'_> {
    /// Sorts an error of `OpenDAL`.
    pub(crate) fn failed(&self, error: &opendal::Error) -> Error {
        tracing::debug!(verb = self.verb, key = self.key.map(ObjectKey::as_str), %error, "request failed");
        let (at, endpoint) = (Called::from(self.bucket.clone()), self.endpoint.to_owned());
        let (code, status) = (code_of(error), status_of(error));
        let code = code.as_deref().unwrap_or_default();
        let source = cause_of(error);
        match (error.kind(), self.key) {
            _ if SPACE_CODES.contains(&code) || status == Some(507) => Error::NoSpace { at, source },
            _ if KEY_CODES.contains(&code) => self.wrong_key(source),
            _ if code == "NoSuchBucket" => Error::NoSuchBucket { at, endpoint },
            (ErrorKind::PermissionDenied, Some(key)) if !code.is_empty() => {
                Error::Rejected { key: key.clone(), source }
            }
            // A refusal that names no object, or gives no reason, is about the bucket as a whole.
            (ErrorKind::PermissionDenied, _) => self.wrong_key(source),
            (ErrorKind::ConditionNotMatch | ErrorKind::Conflict, Some(key)) => {
                Error::Changed { key: key.clone(), what: "another version stands there" }
            }
            (ErrorKind::NotFound, Some(key)) => Error::NotFound { key: key.clone() },
            _ if is_trouble(error, code, status) => Error::Unreachable { endpoint, at, source },
            (_, Some(key)) if status.is_some() => Error::Rejected { key: key.clone(), source },
            // A server that answers nonsense may be another one tomorrow; one that says no goes on saying it.
            _ if status.is_none() && !is_unsendable(error) => self.other(Retry::Later, source),
            _ => self.other(Retry::Never, source),
        }
    }

    /// An error that no store told.
    pub(crate) fn other(&self, retry: Retry, source: Cause) -> Error {
        let attempt = match self.key {
            Some(key) => format!("{} `{key}`", self.verb),
            None => format!("{} the bucket `{}`", self.verb, self.bucket),
        };
        Error::Other { attempt, retry, source }
    }

    fn wrong_key(&self, source: Cause) -> Error {
        Error::WrongKey {
            at: self.bucket.clone().into(),
            access_key_id: self.access_key_id.to_owned(),
            source,
        }
    }
}

/// Whether nobody answered, or only to say that the server is not up to it now.
fn is_trouble(error: &opendal::Error, code: &str, status: Option<u16>) -> bool {
    match status {
        Some(501) => false,
        Some(408 | 429 | 500..) => true,
        // An error may hide behind a 200: the store had begun to answer before it was done.
        Some(_) => TROUBLE_CODES.contains(&code),
        None => {
            error.kind() == ErrorKind::RateLimited
                || failure_of(error).is_some_and(|failure| !failure.is_ours())
        }
    }
}

fn is_unsendable(error: &opendal::Error) -> bool {
    failure_of(error).is_some_and(Failure::is_ours)
}

fn failure_of(error: &opendal::Error) -> Option<&Failure> {
    error.source()?.downcast_ref()
}

/// The status of the answer, which `OpenDAL` keeps only in its text; none if there was no answer, or a broken one.
fn status_of(error: &opendal::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("response: Parts { status: ")?;
    rest.get(..3)?.parse().ok()
}

/// The code of a store's XML error, which `OpenDAL` keeps only as text.
pub(crate) fn code_of(error: &opendal::Error) -> Option<String> {
    field(error.message(), "code").filter(|code| !code.is_empty())
}

/// An answer to a request of our own, in the form in which `OpenDAL` reports one to its requests.
pub(crate) fn answer_error(
    status: StatusCode,
    code: Option<String>,
    message: Option<String>,
) -> opendal::Error {
    let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
    let (kind, passing) = match (status.as_u16(), code.as_str()) {
        (_, "NoSuchBucket") => (ErrorKind::ConfigInvalid, false),
        (412, _) | (_, "PreconditionFailed") => (ErrorKind::ConditionNotMatch, false),
        (409, _) => (ErrorKind::Conflict, true),
        (403, _) => (ErrorKind::PermissionDenied, false),
        (404, _) => (ErrorKind::NotFound, false),
        (429 | 500 | 502..=504, _) | (_, "InternalError" | "SlowDown") => (ErrorKind::Unexpected, true),
        _ => (ErrorKind::Unexpected, false),
    };
    let text = if code.is_empty() {
        format!("the server answered {status}")
    } else {
        format!("S3Error {{ code: {code:?}, message: {message:?} }}")
    };
    let response = format!("Parts {{ status: {} }}", status.as_u16());
    opendal::Error::new(kind, text).with_context("response", response).with_temporary(passing)
}

fn cause_of(error: &opendal::Error) -> Cause {
    if let Some(code) = code_of(error) {
        return Cause(match field(error.message(), "message") {
            Some(message) if !message.is_empty() => format!("{message} ({code})"),
            _ => code,
        });
    }
    // The last in the chain says it plainest: "connection refused", not "error sending request".
    let mut root: Option<&(dyn StdError + 'static)> = error.source();
    while let Some(deeper) = root.and_then(StdError::source) {
        root = Some(deeper);
    }
    match (root, error.message()) {
        (Some(root), _) => Cause(root.to_string()),
        (None, "") => Cause(format!("the server answered: {}", error.kind())),
        (None, message) => Cause(message.to_owned()),
    }
}

/// The value of a text field in `S3Error { code: "…", message: "…", … }`.
fn field(debug: &str, name: &str) -> Option<String> {
    let start = debug.strip_prefix("S3Error {")?;
    let value = start.split_once(&format!(" {name}: \""))?.1;
    let mut text = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(text),
            '\\' => text.extend(chars.next()),
            _ => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests;
