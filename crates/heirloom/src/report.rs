//! The output port: everything a command has to say goes through here.
//!
//! Results go to standard output, for people or as JSON lines; notes, progress and errors go to standard error. A
//! command hands over *what* there is to say, as a [`Message`]; how it looks is decided once, from `--json`, `-q`
//! and whether anyone is looking at a terminal.
//!
//! A command that runs inside the daemon for another process says what it has to say as [`Said`], which the other process repeats on a port
//! of its own ([`Report::repeat`]): how things look is decided where somebody reads them.
//!
//! Printing never fails at the place of the call: the first error is kept and comes out of [`Report::finish`], so that
//! `heirloom key list | head -1` ends quietly and a full disk does not.

mod progress;
mod said;
mod table;
pub(crate) mod time;

pub(crate) use progress::{Action, Counts, Progress};
pub(crate) use said::{Repeated, Said};

use crate::failure::{Colour, Failure};
use indicatif::MultiProgress;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many of something, in words: "1 file", "2 files". The word is the singular, and regular.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {one}{ending}")
}

/// Something to say: fields for programs, [`Display`] for people.
pub(crate) trait Message: Serialize + Display {
    /// The `message_type`.
    const TYPE: &'static str;
}

/// One line of a table; for programs, a message of its own.
pub(crate) trait Row: Serialize {
    /// The `message_type`.
    const TYPE: &'static str;
    /// What stands above the columns.
    const HEADERS: &'static [&'static str];
    /// One text for each column.
    fn cells(&self) -> Vec<String>;
}

/// Who reads the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A person.
    Human,
    /// A program.
    Json,
}

/// How much is said beside results and errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Nothing.
    Quiet,
    /// What is worth a note.
    Normal,
}

/// Whether standard error is a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    /// It is: progress is a bar that moves.
    Terminal,
    /// It is not: progress is a line now and then.
    Plain,
}

/// How things look here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Who reads the results.
    pub(crate) format: Format,
    /// How much is said beside them.
    pub(crate) verbosity: Verbosity,
    /// Where the rest goes.
    pub(crate) screen: Screen,
    /// Whether errors are coloured.
    pub(crate) colour: Colour,
}

/// The output port; clones write to the same place.
#[derive(Clone)]
pub(crate) struct Report {
    port: Arc<Port>,
    results: ResultsGo,
}

/// Where results for people go. Programs read theirs from standard output always, and tell them by their type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ResultsGo {
    Out,
    WithTheNotes,
}

enum Port {
    Here(Here),
    /// In another process.
    Far(Box<dyn Fn(Said) + Send + Sync>),
}

struct Here {
    look: Look,
    bars: MultiProgress,
    results: Mutex<Results>,
    notes: Mutex<Box<dyn Write + Send>>,
}

struct Results {
    to: Box<dyn Write + Send>,
    broken: Option<io::Error>,
}

impl Report {
    /// Writes results to `results` and everything else to `notes`. On a terminal, bars go to standard error.
    pub(crate) fn new(look: Look, results: Box<dyn Write + Send>, notes: Box<dyn Write + Send>) -> Self {
        let results = Mutex::new(Results { to: results, broken: None });
        let here = Here { look, bars: MultiProgress::new(), results, notes: Mutex::new(notes) };
        Self { port: Arc::new(Port::Here(here)), results: ResultsGo::Out }
    }

    /// Hands everything to `far`, for a port in another process to repeat.
    pub(crate) fn far(far: impl Fn(Said) + Send + Sync + 'static) -> Self {
        Self { port: Arc::new(Port::Far(Box::new(far))), results: ResultsGo::Out }
    }

    /// The same port, where what would be a result is a note to a person: for a step on the way to the result.
    pub(crate) fn on_the_way(&self) -> Self {
        Self { port: Arc::clone(&self.port), results: ResultsGo::WithTheNotes }
    }

    /// Who reads the results.
    pub(crate) fn format(&self) -> Format {
        match &*self.port {
            Port::Here(here) => here.look.format,
            Port::Far(_) => Format::Human,
        }
    }

    /// Prints a result.
    pub(crate) fn say<M: Message>(&self, message: &M) {
        match &*self.port {
            Port::Far(far) => {
                far(Said::Result { text: message.to_string(), json: json_line(M::TYPE, message) });
            }
            Port::Here(Here { look: Look { format: Format::Human, .. }, .. }) => {
                self.print(&message.to_string());
            }
            Port::Here(_) => self.print(&json_line(M::TYPE, message)),
        }
    }

    /// Prints a table; `nothing` is what a person reads when it is empty.
    pub(crate) fn table<R: Row>(&self, rows: &[R], nothing: &str) {
        match self.format() {
            Format::Json => rows.iter().for_each(|row| self.print(&json_line(R::TYPE, row))),
            Format::Human if rows.is_empty() => self.note(nothing),
            Format::Human => {
                let cells: Vec<Vec<String>> = rows.iter().map(Row::cells).collect();
                self.print(table::aligned(R::HEADERS, &cells).trim_end());
            }
        }
    }

    /// Prints a text as it is, whatever the format: a generated script, say.
    pub(crate) fn verbatim(&self, text: &str) {
        match &*self.port {
            Port::Here(_) => self.print(text.trim_end_matches('\n')),
            Port::Far(far) => far(Said::Verbatim { text: text.to_owned() }),
        }
    }

    /// Tells a person something that is not a result.
    pub(crate) fn note(&self, text: impl Display) {
        match &*self.port {
            Port::Here(here)
                if here.look.format == Format::Human && here.look.verbosity >= Verbosity::Normal =>
            {
                here.aside(&text.to_string());
            }
            Port::Here(_) => {}
            Port::Far(far) => far(Said::Note { text: text.to_string() }),
        }
    }

    /// Shows how something failed.
    pub(crate) fn fail(&self, failure: &Failure) {
        match &*self.port {
            Port::Here(here) => match here.look.format {
                Format::Json => here.aside(&failure.json()),
                Format::Human => here.aside(failure.text(here.look.colour).trim_end()),
            },
            Port::Far(far) => far(Said::Failure(failure.told())),
        }
    }

    /// Starts showing how far something has come.
    pub(crate) fn progress(&self, action: Action) -> Progress {
        Progress::new(self.clone(), action)
    }

    /// Ends all output. The error is what the first failed write said; a reader that went away is none.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let Port::Here(here) = &*self.port else { return Ok(()) };
        let mut results = lock(&here.results);
        let flushed = results.to.flush();
        match results.broken.take().map_or(flushed, Err) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// Writes a line beside the results. There is nowhere left to say that standard error cannot be written.
    pub(crate) fn aside(&self, text: &str) {
        match &*self.port {
            Port::Here(here) => here.aside(text),
            Port::Far(far) => far(Said::Aside { text: text.to_owned() }),
        }
    }

    fn print(&self, text: &str) {
        let Port::Here(here) = &*self.port else { return self.verbatim(text) };
        if self.results == ResultsGo::WithTheNotes && here.look.format == Format::Human {
            return self.note(text);
        }
        here.steadily(|| {
            let mut results = lock(&here.results);
            if results.broken.is_none() {
                let outcome = writeln!(results.to, "{text}").and_then(|()| results.to.flush());
                results.broken = outcome.err();
            }
        });
    }
}

impl Here {
    fn aside(&self, text: &str) {
        self.steadily(|| {
            let mut notes = lock(&self.notes);
            drop(writeln!(notes, "{text}").and_then(|()| notes.flush()));
        });
    }

    /// The bars step aside while something is written, else the line would tear them.
    fn steadily(&self, write: impl FnOnce()) {
        match self.look.screen {
            Screen::Terminal => self.bars.suspend(write),
            Screen::Plain => write(),
        }
    }
}

/// Takes whole log lines, so that they and the bars do not tear each other.
impl Write for Report {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.aside(String::from_utf8_lossy(line).trim_end_matches('\n'));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn json_line<T: Serialize>(message_type: &'static str, fields: &T) -> String {
    #[derive(Serialize)]
    struct Line<'m, T> {
        message_type: &'static str,
        #[serde(flatten)]
        fields: &'m T,
    }
    serde_json::to_string(&Line { message_type, fields }).expect("because messages are maps with text keys")
}

/// A panic while printing leaves nothing half done that the next line would mind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
