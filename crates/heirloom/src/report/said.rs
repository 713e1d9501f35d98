//! What a command says inside the daemon, on its way to the process that asked.

use super::progress::{Action, Counts, Progress};
use super::{Format, Report};
use crate::failure::Told;
use serde::{Deserialize, Serialize};

/// One thing that was said. Both renderings of a result travel, because the reader alone knows which one is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "snake_case")]
pub(crate) enum Said {
    /// A result.
    Result {
        /// For people.
        text: String,
        /// For programs, one line.
        json: String,
    },
    /// A text that is the same for both.
    Verbatim {
        /// The text.
        text: String,
    },
    /// Something that is not a result.
    Note {
        /// The text.
        text: String,
    },
    /// The same, to be said in any case.
    Aside {
        /// The text.
        text: String,
    },
    /// How something failed.
    Failure(Told),
    /// How far something has come.
    Progress {
        /// What goes on.
        action: Action,
        /// How far.
        #[serde(flatten)]
        counts: Counts,
    },
    /// What went on has ended.
    NoProgress,
}

/// The progress that is being repeated.
#[derive(Default)]
pub(crate) struct Repeated(Option<(Action, Progress)>);

impl Report {
    /// Says here what was said elsewhere.
    pub(crate) fn repeat(&self, said: Said, shown: &mut Repeated) {
        match said {
            Said::Result { text, json } => match self.format() {
                Format::Human => self.print(&text),
                Format::Json => self.print(&json),
            },
            Said::Verbatim { text } => self.verbatim(&text),
            Said::Note { text } => self.note(text),
            Said::Aside { text } => self.aside(&text),
            Said::Failure(told) => self.fail(&told.failure()),
            Said::Progress { action, counts } => {
                if shown.0.as_ref().is_none_or(|(shown, _)| *shown != action) {
                    shown.0 = Some((action, self.progress(action)));
                }
                if let Some((_, progress)) = &shown.0 {
                    progress.show(counts);
                }
            }
            Said::NoProgress => shown.0 = None,
        }
    }
}
