//! What an action's failure means for the rest of the cycle.

use crate::error::Error;
use crate::report::Problem;
use plan::sync::Side;
use std::sync::{Mutex, PoisonError};

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

/// Sides that ran out of space in this cycle: told once, not once for every file.
#[derive(Default)]
pub(super) struct Full {
    local: Mutex<Option<Lack>>,
    remote: Mutex<Option<Lack>>,
}

/// What did not fit on a side.
struct Lack {
    problem: Problem,
    /// Bytes of the smallest file that did not. A smaller one may, and must not wait for it.
    smallest: u64,
    /// Files besides the one that is told.
    waiting: u64,
}

impl Full {
    fn on(&self, side: Side) -> std::sync::MutexGuard<'_, Option<Lack>> {
        let state = match side {
            Side::Local => &self.local,
            Side::Remote => &self.remote,
        };
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, side: Side, bytes: u64, problem: Problem) {
        let mut state = self.on(side);
        match state.as_mut() {
            Some(lack) => {
                lack.waiting += 1;
                lack.smallest = lack.smallest.min(bytes);
            }
            None => *state = Some(Lack { problem, smallest: bytes, waiting: 0 }),
        }
    }

    /// Whether a write of so many bytes on `side` is not even tried.
    pub(super) fn skips(&self, side: Side, bytes: u64) -> bool {
        let mut state = self.on(side);
        let Some(lack) = state.as_mut().filter(|lack| lack.smallest <= bytes) else { return false };
        lack.waiting += 1;
        true
    }

    pub(super) fn problems(self) -> impl Iterator<Item = Problem> {
        let states =
            [self.local, self.remote].map(|state| state.into_inner().unwrap_or_else(PoisonError::into_inner));
        states.into_iter().flatten().map(|Lack { problem, waiting, .. }| match waiting {
            0 => problem,
            _ => Problem {
                message: match waiting {
                    1 => format!("{} (1 more file waits for space)", problem.message),
                    _ => format!("{} ({waiting} more files wait for space)", problem.message),
                },
                ..problem
            },
        })
    }
}
