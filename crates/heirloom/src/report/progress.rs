//! How far something has come: a bar on a terminal, a line now and then elsewhere, JSON for programs.

use super::{Format, Report, Screen, Verbosity, lock};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::ByteSize;
use serde::Serialize;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is going on, as a person reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

/// How often a line is written where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How often programs hear of it.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Something that goes on and is shown until dropped. Counting is cheap and may be done from any thread.
pub(crate) struct Progress {
    report: Report,
    action: Action,
    started: Instant,
    shown: Shown,
    counts: Counts,
}

enum Shown {
    Not,
    Bar(ProgressBar),
    Lines { every: Duration, last: Mutex<Instant> },
}

#[derive(Default)]
struct Counts {
    files_done: AtomicU64,
    files_total: AtomicU64,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
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
        let port = report.port();
        let shown = match (port.format, port.verbosity, port.screen) {
            (_, Verbosity::Quiet, _) => Shown::Not,
            (Format::Json, ..) => Shown::Lines { every: STATUS_EVERY, last: Mutex::new(started) },
            (Format::Human, _, Screen::Plain) => {
                Shown::Lines { every: LINE_EVERY, last: Mutex::new(started) }
            }
            (Format::Human, _, Screen::Terminal) => Shown::Bar(port.bars.add(bar(action))),
        };
        Self { report, action, started, shown, counts: Counts::default() }
    }

    /// Sets how much there is to do, as far as it is known by now.
    pub(crate) fn expect(&self, files: u64, bytes: u64) {
        self.counts.files_total.store(files, Ordering::Relaxed);
        self.counts.bytes_total.store(bytes, Ordering::Relaxed);
        if let Shown::Bar(bar) = &self.shown {
            bar.set_length(bytes);
        }
        self.show();
    }

    /// Some bytes of a file are done.
    pub(crate) fn bytes(&self, bytes: u64) {
        self.counts.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.show();
    }

    /// A whole file is done; its bytes are counted by [`Self::bytes`].
    pub(crate) fn file(&self) {
        self.counts.files_done.fetch_add(1, Ordering::Relaxed);
        self.show();
    }

    fn show(&self) {
        match &self.shown {
            Shown::Not => {}
            Shown::Bar(bar) => {
                let status = self.status();
                bar.set_position(status.bytes_done);
                bar.set_message(files(&status));
            }
            Shown::Lines { every, last } => {
                let now = Instant::now();
                let mut last = lock(last);
                if now.duration_since(*last) >= *every {
                    *last = now;
                    drop(last);
                    self.line();
                }
            }
        }
    }

    fn line(&self) {
        let status = self.status();
        match self.report.format() {
            Format::Json => self.report.print(&super::json_line("status", &status)),
            Format::Human => self.report.aside(&plain(&status, self.started.elapsed())),
        }
    }

    fn status(&self) -> Status {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (bytes_done, total_bytes) = (load(&self.counts.bytes_done), load(&self.counts.bytes_total));
        #[expect(clippy::cast_precision_loss, reason = "a share for people to read")]
        let percent_done =
            if total_bytes == 0 { 0.0 } else { (bytes_done as f64 / total_bytes as f64).min(1.0) };
        Status {
            action: self.action,
            percent_done,
            files_done: load(&self.counts.files_done),
            total_files: load(&self.counts.files_total),
            bytes_done,
            total_bytes,
            seconds_elapsed: self.started.elapsed().as_secs(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn bar(action: Action) -> ProgressBar {
    let template =
        "{prefix} [{bar:24}] {percent:>3}% {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {msg}";
    let style = ProgressStyle::with_template(template).expect("because the template is a constant");
    // Hidden until it joins the others, which know where to draw.
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden())
        .with_style(style.progress_chars("=> "))
        .with_prefix(action.to_string())
}

fn files(status: &Status) -> String {
    match status.total_files {
        0 => format!("({} files)", status.files_done),
        total => format!("({} of {total} files)", status.files_done),
    }
}

fn plain(status: &Status, elapsed: Duration) -> String {
    let rate = u128::from(status.bytes_done) * 1000 / elapsed.as_millis().max(1);
    let rate = ByteSize(u64::try_from(rate).unwrap_or(u64::MAX));
    let mut line = format!(
        "{}: {} of {} {}, {rate}/s",
        status.action,
        ByteSize(status.bytes_done),
        ByteSize(status.total_bytes),
        files(status)
    );
    let left = status.total_bytes.saturating_sub(status.bytes_done);
    if rate.0 > 0 && left > 0 {
        line = format!("{line}, about {} left", span(left / rate.0));
    }
    line
}

fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
