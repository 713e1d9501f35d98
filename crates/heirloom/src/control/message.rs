//! What travels over the control socket: lines of JSON.

use crate::profile::attempt::Wanted;
use crate::profile::status::Status;
use crate::profile::words::Word;
use crate::report::Said;
use model::StateName;
use serde::{Deserialize, Serialize};

/// The language that this program speaks. A daemon of another version is told by it; there is no speaking two at once, because
/// both are the same file on disk, and one of them is about to be started anew.
pub(crate) const VERSION: u32 = 3;

/// A request, the only line that a command sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Request {
    version: u32,
    #[serde(flatten)]
    ask: Ask,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// How the machine is doing.
    Status,
    /// To sync now.
    Sync {
        /// Only these states; none: all.
        states: Vec<String>,
        /// Only with this destination; none: with all.
        destination: Option<String>,
        /// Only say what would be done.
        dry_run: bool,
        /// What is said of halts.
        word: Word,
    },
    /// To fetch the history now.
    Fetch,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Something was said.
    Said {
        /// What.
        what: Said,
    },
    /// How the machine is doing.
    Status {
        /// So.
        status: Box<Status>,
    },
    /// It ended; no further line follows.
    End {
        /// The exit code.
        code: u8,
    },
}

/// Why a line is no request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misunderstood {
    #[error("the daemon speaks version {VERSION} of the control socket's language, the command version {0}")]
    Version(u32),
    #[error("the daemon does not understand this request: {0}")]
    Unknown(String),
}

impl Request {
    /// A request in this program's language.
    pub(crate) fn new(ask: Ask) -> Self {
        Self { version: VERSION, ask }
    }

    /// As a line, its end included.
    pub(crate) fn line(&self) -> String {
        line(self)
    }

    /// What a line asks for.
    pub(crate) fn parse(line: &str) -> Result<Ask, Misunderstood> {
        #[derive(Deserialize)]
        struct Spoken {
            version: u32,
        }
        let unknown = |error: serde_json::Error| Misunderstood::Unknown(error.to_string());
        // The version first: what another one asks for may not even have a name here.
        let Spoken { version } = serde_json::from_str(line).map_err(unknown)?;
        if version != VERSION {
            return Err(Misunderstood::Version(version));
        }
        serde_json::from_str::<Self>(line).map(|request| request.ask).map_err(unknown)
    }
}

impl Ask {
    /// To sync.
    pub(crate) fn sync(states: &[StateName], wanted: &Wanted) -> Self {
        let Wanted { destination, dry_run, word } = wanted.clone();
        Self::Sync { states: states.iter().map(ToString::to_string).collect(), destination, dry_run, word }
    }
}

impl Answer {
    /// As a line, its end included.
    pub(crate) fn line(&self) -> String {
        line(self)
    }

    /// The answer on a line.
    pub(crate) fn parse(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}

fn line(message: &impl Serialize) -> String {
    let mut line = serde_json::to_string(message).expect("because messages are maps with text keys");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests;
