//! What an action's failure means for the rest of the cycle.

use crate::error::Error;
use plan::sync::Side;

/// Why an action failed.
#[derive(Debug)]
pub(super) enum Trouble {
    Local(disk::Error),
    Remote(bucket::Error),
    Journal(journal::Error),
    /// The plan named a key that was not observed, or bytes arrived that are not the content they were said to be.
    Unseen,
    Torn(TornDownload),
}

/// The bytes that arrived are not those the store's digest is of.
#[derive(Debug, thiserror::Error)]
#[error("the bytes received are not the content the store names; nothing was changed")]
pub(super) struct TornDownload;

#[derive(Debug, thiserror::Error)]
#[error("it was not observed in this cycle")]
struct Unobserved;

/// What becomes of the cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The path changed meanwhile: the next plan sees to it.
    Overtaken,
    /// This path is in trouble, the others are not.
    Problem,
    /// Nothing as large can be written on this side; everything else goes on.
    Full(Side),
    /// No other action can succeed either.
    Fatal,
}

impl Trouble {
    pub(super) fn fate(&self) -> Fate {
        match self {
            Self::Local(error) => match error {
                disk::Error::Changed { .. } | disk::Error::Missing { .. } => Fate::Overtaken,
                disk::Error::NoSpace { .. } => Fate::Full(Side::Local),
                _ => Fate::Problem,
            },
            Self::Remote(error) => match error {
                // The last: the file changed while it was sent by parts.
                bucket::Error::Changed { .. }
                | bucket::Error::NotFound { .. }
                | bucket::Error::Other { retry: bucket::Retry::Replan, .. } => Fate::Overtaken,
                bucket::Error::NoSpace { .. } => Fate::Full(Side::Remote),
                bucket::Error::Unreachable { .. }
                | bucket::Error::WrongKey { .. }
                | bucket::Error::NoSuchBucket { .. }
                | bucket::Error::Absent { .. }
                | bucket::Error::Emptied { .. } => Fate::Fatal,
                bucket::Error::Rejected { .. }
                | bucket::Error::Locked { .. }
                | bucket::Error::Other { .. } => Fate::Problem,
            },
            Self::Journal(_) => Fate::Fatal,
            Self::Unseen | Self::Torn(_) => Fate::Problem,
        }
    }

    pub(super) fn error(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Local(error) => error,
            Self::Remote(error) => error,
            Self::Journal(error) => error,
            Self::Unseen => &Unobserved,
            Self::Torn(error) => error,
        }
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Local(error) => Error::Local(error),
            Self::Remote(error) => Error::Remote(error),
            Self::Journal(error) => Error::Journal(error),
            Self::Unseen | Self::Torn(_) => unreachable!("trouble with one path is not fatal"),
        }
    }
}

impl From<disk::Error> for Trouble {
    fn from(error: disk::Error) -> Self {
        Self::Local(error)
    }
}

impl From<bucket::Error> for Trouble {
    fn from(error: bucket::Error) -> Self {
        Self::Remote(error)
    }
}

impl From<journal::Error> for Trouble {
    fn from(error: journal::Error) -> Self {
        Self::Journal(error)
    }
}
