//! The one place where an error becomes text and an exit code.
//!
//! Commands return errors as they are; [`advice`] knows what each means for the exit code and what a person can do.
//! Rejected: an exit code in each crate's error. Whether a missing file is a failure or a skip is for
//! the command to say, not for the crate that found it missing.

mod advice;

pub(crate) use advice::LOCKED;

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::process::ExitCode;

/// How a command ended, as other programs see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All is well.
    Ok = 0,
    /// It failed.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// It finished, but something is left out: an unreadable file, a conflict, a failed hook.
    Incomplete = 3,
    /// There is no archive.
    NoRepository = 10,
    /// Something else is at it.
    Busy = 11,
    /// The key is wrong or revoked.
    WrongKey = 12,
    /// It refused to act until a person has looked.
    Halted = 20,
    /// There was nothing to do it with: the drive is not there.
    Skipped = 75,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl Exit {
    /// The one of two that stands for both: what failed before what waits for a person, that before what is merely incomplete, and all of it
    /// before a disk that is not there. Of two failures, the first.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Ok => 0,
            Self::Skipped => 1,
            Self::Incomplete => 2,
            Self::Halted => 3,
            Self::Failed | Self::Usage | Self::NoRepository | Self::Busy | Self::WrongKey => 4,
            Self::Interrupted => 5,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl Exit {
    const ALL: [Self; 10] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Incomplete,
        Self::NoRepository,
        Self::Busy,
        Self::WrongKey,
        Self::Halted,
        Self::Skipped,
        Self::Interrupted,
    ];

    /// The way to end that has this number; one that a later version added is at least no success.
    pub(crate) fn of_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| exit.code() == code).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error on its way to a person.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Exit,
    error: anyhow::Error,
    hints: Vec<String>,
}

/// A failure on its way to another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    code: u8,
    /// The message, then what caused it.
    messages: Vec<String>,
    hints: Vec<String>,
}

impl Told {
    /// The failure that was told.
    pub(crate) fn failure(self) -> Failure {
        let mut messages = self.messages.into_iter().rev();
        let deepest = anyhow::Error::msg(messages.next().unwrap_or_else(|| "it failed".to_owned()));
        let error = messages.fold(deepest, anyhow::Error::context);
        Failure { kind: Exit::of_code(self.code), error, hints: self.hints }
    }
}

/// Whether escape sequences for colours may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// They may: a terminal that did not ask to be spared.
    On,
    /// They may not.
    Off,
}

/// Every error gets the exit code and hints that [`advice`] has for it.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let advice = advice::about(&error);
        Self { kind: advice.kind, error, hints: advice.hints }
    }
}

impl Failure {
    /// A failure that no crate has an error for.
    pub(crate) fn new(kind: Exit, message: impl Into<String>) -> Self {
        Self { kind, error: anyhow::Error::msg(message.into()), hints: Vec::new() }
    }

    /// Adds a hint: a full sentence about what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says what was attempted; the error becomes its cause.
    #[must_use]
    pub(crate) fn context(mut self, attempted: impl Into<String>) -> Self {
        self.error = self.error.context(attempted.into());
        self
    }

    /// Ends with this exit code instead.
    #[must_use]
    pub(crate) fn exit(mut self, kind: Exit) -> Self {
        self.kind = kind;
        self
    }

    /// The exit code.
    pub(crate) fn kind(&self) -> Exit {
        self.kind
    }

    /// The error of this type in the chain, if there is one.
    pub(crate) fn cause<E: std::error::Error + Send + Sync + 'static>(&self) -> Option<&E> {
        self.error.chain().find_map(|cause| cause.downcast_ref())
    }

    /// For people: the message, what caused it line by line, and the hints.
    pub(crate) fn text(&self, colour: Colour) -> String {
        let paint = |code: &str, word: &str| match colour {
            Colour::On => format!("\x1b[{code}m{word}\x1b[0m"),
            Colour::Off => word.to_owned(),
        };
        let mut text = format!("{} {}\n", paint("1;31", "error:"), self.error);
        for cause in self.error.chain().skip(1) {
            writeln!(text, "  caused by: {cause}").expect("because a String takes every write");
        }
        for hint in &self.hints {
            let hint = hint.replace('\n', "\n      ");
            writeln!(text, "{} {hint}", paint("1;36", "hint:")).expect("because a String takes every write");
        }
        // Indented lines that are empty would be trailing spaces.
        text.replace("\n      \n", "\n\n")
    }

    /// For a log: the message and what caused it on one line.
    pub(crate) fn line(&self) -> String {
        self.error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }

    /// For another process, which makes the same failure of it.
    pub(crate) fn told(&self) -> Told {
        let messages = self.error.chain().map(ToString::to_string).collect();
        Told { code: self.kind.code(), messages, hints: self.hints.clone() }
    }

    /// For programs: one line of JSON.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        struct ExitError<'f> {
            message_type: &'static str,
            code: u8,
            message: String,
            hints: &'f [String],
        }
        let line = ExitError {
            message_type: "exit_error",
            code: self.kind.code(),
            message: self.line(),
            hints: &self.hints,
        };
        serde_json::to_string(&line).expect("because strings and numbers are always JSON")
    }
}

/// Adds to the error of a result what the command knows about it.
pub(crate) trait Explain<T> {
    /// Adds a hint to the error.
    fn hint(self, hint: impl Into<String>) -> Result<T, Failure>;
    /// Ends with this exit code.
    fn exit(self, kind: Exit) -> Result<T, Failure>;
    /// Says what was attempted.
    fn attempting(self, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Explain<T> for Result<T, E> {
    fn hint(self, hint: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().hint(hint))
    }

    fn exit(self, kind: Exit) -> Result<T, Failure> {
        self.map_err(|error| error.into().exit(kind))
    }

    fn attempting(self, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| error.into().context(what))
    }
}

#[cfg(test)]
mod tests;
