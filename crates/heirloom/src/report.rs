//! The output port: everything a command has to say goes through here.
//!
//! Results go to standard output, for people or as JSON lines; notes, progress and errors go to standard error. A
//! command hands over *what* there is to say, as a [`Message`]; how it looks is decided once, from `--json`, `-q`
//! and whether anyone is looking at a terminal.
//!
//! Printing never fails at the place of the call: the first error is kept and comes out of [`Report::finish`], so that
//! `heirloom key list | head -1` ends quietly and a full disk does not.

mod progress;
mod table;

pub(crate) use progress::{Action, Progress};

use indicatif::MultiProgress;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

struct Port {
    format: Format,
    verbosity: Verbosity,
    screen: Screen,
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
    pub(crate) fn new(
        format: Format,
        verbosity: Verbosity,
        screen: Screen,
        results: Box<dyn Write + Send>,
        notes: Box<dyn Write + Send>,
    ) -> Self {
        let results = Mutex::new(Results { to: results, broken: None });
        let bars = MultiProgress::new();
        let port = Port { format, verbosity, screen, bars, results, notes: Mutex::new(notes) };
        Self { port: Arc::new(port), results: ResultsGo::Out }
    }

    /// The same port, where what would be a result is a note to a person: for a step on the way to the result.
    pub(crate) fn on_the_way(&self) -> Self {
        Self { port: Arc::clone(&self.port), results: ResultsGo::WithTheNotes }
    }

    /// Who reads the results.
    pub(crate) fn format(&self) -> Format {
        self.port.format
    }

    /// Prints a result.
    pub(crate) fn say<M: Message>(&self, message: &M) {
        match self.port.format {
            Format::Human => self.print(&message.to_string()),
            Format::Json => self.print(&json_line(M::TYPE, message)),
        }
    }

    /// Prints a table; `nothing` is what a person reads when it is empty.
    pub(crate) fn table<R: Row>(&self, rows: &[R], nothing: &str) {
        match self.port.format {
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
        self.print(text.trim_end_matches('\n'));
    }

    /// Tells a person something that is not a result.
    pub(crate) fn note(&self, text: impl Display) {
        if self.port.format == Format::Human && self.port.verbosity >= Verbosity::Normal {
            self.aside(&text.to_string());
        }
    }

    /// Starts showing how far something has come.
    pub(crate) fn progress(&self, action: Action) -> Progress {
        Progress::new(self.clone(), action)
    }

    /// Ends all output. The error is what the first failed write said; a reader that went away is none.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut results = lock(&self.port.results);
        let flushed = results.to.flush();
        match results.broken.take().map_or(flushed, Err) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome,
        }
    }

    /// Writes a line beside the results. There is nowhere left to say that standard error cannot be written.
    pub(crate) fn aside(&self, text: &str) {
        let write = || {
            let mut notes = lock(&self.port.notes);
            drop(writeln!(notes, "{text}").and_then(|()| notes.flush()));
        };
        match self.port.screen {
            // The bars step aside, else the line would tear them.
            Screen::Terminal => self.port.bars.suspend(write),
            Screen::Plain => write(),
        }
    }

    fn print(&self, text: &str) {
        if self.results == ResultsGo::WithTheNotes && self.port.format == Format::Human {
            return self.note(text);
        }
        let write = || {
            let mut results = lock(&self.port.results);
            if results.broken.is_none() {
                let outcome = writeln!(results.to, "{text}").and_then(|()| results.to.flush());
                results.broken = outcome.err();
            }
        };
        match self.port.screen {
            Screen::Terminal => self.port.bars.suspend(write),
            Screen::Plain => write(),
        }
    }

    fn port(&self) -> &Port {
        &self.port
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
