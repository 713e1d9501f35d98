//! How far something has come: a bar on a terminal, a line now and then elsewhere, JSON for programs.

mod line;
mod pace;

use super::{Format, Here, Look, Port, Report, Said, Screen, Verbosity, lock};
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use line::Line;
use pace::Pace;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What is going on, as a person reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Action {
    /// Looking at what is there.
    Scanning,
    /// Bringing files up and down.
    Syncing,
    /// Writing a snapshot.
    Snapshotting,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scanning => "scanning",
            Self::Syncing => "syncing",
            Self::Snapshotting => "snapshotting",
        })
    }
}

/// How far something has come, and how far it has to go as far as that is known by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Whole files that are done.
    pub(crate) files_done: u64,
    /// All of them.
    pub(crate) files: u64,
    /// Bytes that are done.
    pub(crate) bytes_done: u64,
    /// All of them.
    pub(crate) bytes: u64,
}

/// How often a line is written where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often programs hear of it.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Something that goes on and is shown until dropped.
pub(crate) struct Progress {
    report: Report,
    action: Action,
    started: Instant,
    pace: Mutex<Pace>,
    shown: Shown,
}

enum Shown {
    Not,
    Bar(ProgressBar),
    Lines { every: Duration, last: Mutex<Instant> },
    Far,
}

#[derive(Serialize)]
struct Status {
    action: Action,
    percent_done: f64,
    files_done: u64,
    total_files: u64,
    bytes_done: u64,
    total_bytes: u64,
    seconds_elapsed: u64,
}

impl Progress {
    pub(super) fn new(report: Report, action: Action) -> Self {
        let started = Instant::now();
        let lines = |every| Shown::Lines { every, last: Mutex::new(started) };
        let shown = match &*report.port {
            Port::Far(_) => Shown::Far,
            Port::Here(Here { look, bars, .. }) => match look {
                Look { verbosity: Verbosity::Quiet, .. } => Shown::Not,
                Look { format: Format::Json, .. } => lines(STATUS_EVERY),
                Look { screen: Screen::Plain, .. } => lines(LINE_EVERY),
                Look { screen: Screen::Terminal, .. } => Shown::Bar(bars.add(bar())),
            },
        };
        Self { report, action, started, pace: Mutex::default(), shown }
    }

    /// Shows how far it has come by now.
    pub(crate) fn show(&self, counts: Counts) {
        let rate = lock(&self.pace).at(Instant::now(), counts.measured().0);
        let line = Line { action: self.action, counts, rate };
        match &self.shown {
            Shown::Not => {}
            Shown::Bar(bar) => bar.set_message(line.drawn(columns())),
            Shown::Lines { every, last } => {
                let now = Instant::now();
                let mut last = lock(last);
                if now.duration_since(*last) >= *every {
                    *last = now;
                    drop(last);
                    self.write(&line);
                }
            }
            Shown::Far => self.tell(Said::Progress { action: self.action, counts }),
        }
    }

    fn write(&self, line: &Line) {
        match self.report.format() {
            Format::Json => {
                let status = status(self.action, line.counts, self.started.elapsed());
                self.report.print(&super::json_line("status", &status));
            }
            Format::Human => self.report.aside(&line.plain()),
        }
    }

    fn tell(&self, said: Said) {
        if let Port::Far(far) = &*self.report.port {
            far(said);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match &self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Far => self.tell(Said::NoProgress),
            Shown::Not | Shown::Lines { .. } => {}
        }
    }
}

fn status(action: Action, counts: Counts, elapsed: Duration) -> Status {
    let Counts { files_done, files, bytes_done, bytes } = counts;
    Status {
        action,
        percent_done: counts.share(),
        files_done,
        total_files: files,
        bytes_done,
        total_bytes: bytes,
        seconds_elapsed: elapsed.as_secs(),
    }
}

fn bar() -> ProgressBar {
    // The line is ours, because only we know what of it can be spared; cut off rather than wrapped if the terminal shrinks meanwhile.
    let style = ProgressStyle::with_template("{wide_msg}").expect("because the template is a constant");
    // Hidden until it joins the others, which know where to draw.
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_style(style)
}

/// How wide the terminal is that bars are drawn on; some do not tell.
fn columns() -> usize {
    Term::stderr().size_checked().map_or(80, |(_, columns)| columns.into())
}

#[cfg(test)]
mod tests;
