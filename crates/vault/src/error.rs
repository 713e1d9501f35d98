//! What can go wrong with sealing and opening, sorted by what a caller does about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// Why something could not be sealed or opened. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text that was given as a recipient is none.
    #[error(
        "{text} is no recipient: {reason}; accepted are `age1…`, `ssh-ed25519 …` and `ssh-rsa …` (2048 to 4096 bits)"
    )]
    Recipient {
        /// The text in backquotes, shortened; of a secret only what it is.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The recipients do not make a set.
    #[error("cannot seal for these recipients: {problem}")]
    Recipients {
        /// Why not.
        problem: &'static str,
    },
    /// A text that should hold identities does not.
    #[error("cannot read the identities: {reason}{}", at_line(*line))]
    Identity {
        /// The line, from 1; 0 if it is about the whole.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A protected identity does not open with the passphrase, or none was given.
    #[error("the identity at line {line} is protected, and {}", if *given { "the passphrase does not open it" } else { "no passphrase was given" })]
    Protected {
        /// The line at which it begins, from 1.
        line: usize,
        /// Whether a passphrase was given.
        given: bool,
    },
    /// None of the identities opens it.
    #[error("{lock}, and none of the identities opens it")]
    NoIdentity {
        /// What it would take.
        lock: Lock,
    },
    /// It is no age file: perhaps it was never sealed.
    #[error("it is not sealed: it does not begin as an age file does")]
    NotSealed,
    /// It is not what was sealed: bytes are missing, changed or too many.
    #[error("what was sealed is damaged")]
    Damaged {
        /// What was found.
        source: Cause,
    },
    /// Its passphrase asks for more work than is reasonable.
    #[error("it asks for 2^{asked} steps of scrypt, and at most 2^{most} are accepted")]
    TooMuchWork {
        /// The exponent it asks for.
        asked: u8,
        /// The exponent accepted.
        most: u8,
    },
}

/// What it takes to open something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// One of several keys.
    Keys,
    /// A passphrase.
    Passphrase,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys => "it is sealed for keys",
            Self::Passphrase => "it is sealed with a passphrase",
        })
    }
}

fn at_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(" (line {line})") }
}

/// What lies behind an [`Error`], in one line.
#[derive(Debug)]
pub struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}

impl Error {
    pub(crate) fn damaged(what: impl fmt::Display) -> Self {
        Self::Damaged { source: Cause(what.to_string()) }
    }

    /// The error inside an [`io::Error`] of [`OpenRead`](crate::OpenRead); an error of the reader below is given back.
    pub fn from_io(error: io::Error) -> Result<Self, io::Error> {
        error.downcast::<Self>()
    }

    pub(crate) fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}
