//! How far something has come: a bar on a terminal, a line now and then elsewhere, JSON for programs.

use super::{Format, Here, Look, Port, Report, Said, Screen, Verbosity, lock};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::ByteSize;
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
    shown: Shown,
}

enum Shown {
    Not,
    Bar(ProgressBar, Mutex<Measure>),
    Lines { every: Duration, last: Mutex<Instant> },
    Far,
}

/// What a bar is as long as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Nothing,
    Files,
    Bytes,
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
                Look { screen: Screen::Terminal, .. } => {
                    Shown::Bar(bars.add(bar(action)), Mutex::new(Measure::Nothing))
                }
            },
        };
        Self { report, action, started, shown }
    }

    /// Shows how far it has come by now.
    pub(crate) fn show(&self, counts: Counts) {
        match &self.shown {
            Shown::Not => {}
            Shown::Bar(bar, measure) => draw(bar, &mut lock(measure), counts),
            Shown::Lines { every, last } => {
                let now = Instant::now();
                let mut last = lock(last);
                if now.duration_since(*last) >= *every {
                    *last = now;
                    drop(last);
                    self.line(counts);
                }
            }
            Shown::Far => self.tell(Said::Progress { action: self.action, counts }),
        }
    }

    fn line(&self, counts: Counts) {
        let elapsed = self.started.elapsed();
        match self.report.format() {
            Format::Json => {
                self.report.print(&super::json_line("status", &status(self.action, counts, elapsed)));
            }
            Format::Human => self.report.aside(&plain(self.action, counts, elapsed)),
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
            Shown::Bar(bar, _) => bar.finish_and_clear(),
            Shown::Far => self.tell(Said::NoProgress),
            Shown::Not | Shown::Lines { .. } => {}
        }
    }
}

fn status(action: Action, counts: Counts, elapsed: Duration) -> Status {
    let Counts { files_done, files, bytes_done, bytes } = counts;
    #[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
    let share = |done: u64, all: u64| (done as f64 / all as f64).min(1.0);
    let percent_done = match (bytes, files) {
        (0, 0) => 0.0,
        (0, files) => share(files_done, files),
        (bytes, _) => share(bytes_done, bytes),
    };
    Status {
        action,
        percent_done,
        files_done,
        total_files: files,
        bytes_done,
        total_bytes: bytes,
        seconds_elapsed: elapsed.as_secs(),
    }
}

fn bar(action: Action) -> ProgressBar {
    // Hidden until it joins the others, which know where to draw.
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden()).with_prefix(action.to_string())
}

/// Deletions and changed permissions have no bytes, and then the bar is as long as their number.
fn draw(bar: &ProgressBar, measure: &mut Measure, counts: Counts) {
    let wanted = if counts.bytes > 0 { Measure::Bytes } else { Measure::Files };
    if *measure != wanted {
        *measure = wanted;
        bar.set_style(style(wanted));
    }
    let (done, all) = match wanted {
        Measure::Bytes => (counts.bytes_done, counts.bytes),
        Measure::Files | Measure::Nothing => (counts.files_done, counts.files),
    };
    bar.set_length(all);
    bar.set_position(done.min(all));
    bar.set_message(files(counts));
}

fn style(measure: Measure) -> ProgressStyle {
    let template = match measure {
        Measure::Bytes => {
            "{prefix} [{bar:24}] {percent:>3}% {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {msg}"
        }
        Measure::Files | Measure::Nothing => {
            "{prefix} [{bar:24}] {percent:>3}% {pos} of {len} files, {eta} left"
        }
    };
    let style = ProgressStyle::with_template(template).expect("because the template is a constant");
    style.progress_chars("=> ")
}

fn files(counts: Counts) -> String {
    match counts.files {
        0 => format!("({} files)", counts.files_done),
        total => format!("({} of {total} files)", counts.files_done),
    }
}

fn plain(action: Action, counts: Counts, elapsed: Duration) -> String {
    let Counts { bytes_done, bytes, .. } = counts;
    let rate = u128::from(bytes_done) * 1000 / elapsed.as_millis().max(1);
    let rate = ByteSize(u64::try_from(rate).unwrap_or(u64::MAX));
    let mut line =
        format!("{action}: {} of {} {}, {rate}/s", ByteSize(bytes_done), ByteSize(bytes), files(counts));
    let left = bytes.saturating_sub(bytes_done);
    if rate.0 > 0 && left > 0 {
        line = format!("{line}, about {} left", super::time::span(left / rate.0));
    }
    line
}

#[cfg(test)]
mod tests;
