//! What came of a sync, in words, for a log, for a person and for a program.

use super::halted::{begin_anew, halted};
use crate::failure::{Exit, Failure, LOCKED};
use crate::report::{Message, Report as Port, counted};
use bucket::Missing;
use model::ByteSize;
use serde::Serialize;
use std::fmt;
use sync::{Error, Outcome, Report, Route};

/// A finished sync of one route.
#[derive(Serialize)]
pub(crate) struct Synced {
    route: String,
    uploaded: u64,
    uploaded_bytes: u64,
    sent_bytes: u64,
    downloaded: u64,
    downloaded_bytes: u64,
    moved: u64,
    deleted_local: u64,
    deleted_remote: u64,
    conflicts: usize,
    problems: usize,
    files: u64,
}

impl Message for Synced {
    const TYPE: &'static str = "synced";
}

impl Synced {
    pub(crate) fn new(route: &Route, report: &Report) -> Self {
        Self {
            route: route.name(),
            uploaded: report.uploaded,
            uploaded_bytes: report.uploaded_bytes,
            sent_bytes: report.sent_bytes,
            downloaded: report.downloaded,
            downloaded_bytes: report.downloaded_bytes,
            moved: report.moved.local + report.moved.remote,
            deleted_local: report.deleted_local,
            deleted_remote: report.deleted_remote,
            conflicts: report.conflicts.len(),
            problems: report.problems.len(),
            files: report.unchanged,
        }
    }
}

impl Synced {
    fn uploaded(&self) -> Option<String> {
        let (sent, all) = (ByteSize(self.sent_bytes).to_string(), ByteSize(self.uploaded_bytes).to_string());
        let is_all = self.sent_bytes >= self.uploaded_bytes || sent == all;
        // Of a large file that changed, or whose upload was cut off, the store has the rest already.
        let bytes = if is_all { all } else { format!("{sent} of {all} sent") };
        moved("uploaded", self.uploaded, &bytes)
    }
}

fn moved(verb: &str, files: u64, bytes: &str) -> Option<String> {
    (files > 0).then(|| format!("{files} {verb} ({bytes})"))
}

impl fmt::Display for Synced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.route)?;
        let count = |files: u64, what: &str| (files > 0).then(|| format!("{files} {what}"));
        let parts: Vec<String> = [
            self.uploaded(),
            moved("downloaded", self.downloaded, &ByteSize(self.downloaded_bytes).to_string()),
            count(self.moved, "moved"),
            count(self.deleted_local, "deleted here"),
            count(self.deleted_remote, "deleted there"),
            count(self.conflicts as u64, "in conflict, both versions kept"),
            count(self.problems as u64, "with a problem"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() {
            let are = if self.files == 1 { "is" } else { "are" };
            // Directories that say something of their own are among them.
            write!(f, "nothing to do, {} {are} in sync", counted(self.files, "path"))
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

/// Something the matter with one path.
#[derive(Serialize)]
struct Told<'a> {
    route: &'a str,
    path: Option<String>,
    message: String,
}

macro_rules! told {
    ($name:ident, $kind:literal, $word:literal) => {
        #[derive(Serialize)]
        struct $name<'a>(Told<'a>);

        impl Message for $name<'_> {
            const TYPE: &'static str = $kind;
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($word, ": {}"), self.0.message)
            }
        }
    };
}

told!(ToldProblem, "problem", "problem");
told!(ToldRemark, "remark", "warning");
told!(ToldConflict, "conflict", "note");

/// Says what a sync came to; the exit code it deserves.
pub(crate) fn tell(port: &Port, route: &Route, outcome: Result<Outcome, Error>) -> Result<Exit, Failure> {
    match outcome {
        Ok(Outcome::Done(report)) => {
            let name = route.name();
            for conflict in &report.conflicts {
                let path = Some(conflict.key.to_string());
                port.say(&ToldConflict(Told { route: &name, path, message: conflict.to_string() }));
            }
            for problem in &report.problems {
                let path = problem.key.as_ref().map(ToString::to_string);
                port.say(&ToldProblem(Told { route: &name, path, message: problem.to_string() }));
            }
            for remark in &report.remarks {
                let path = remark.key.as_ref().map(ToString::to_string);
                port.say(&ToldRemark(Told { route: &name, path, message: remark.to_string() }));
            }
            if report.overtaken > 0 {
                port.note(format_args!(
                    "note: {} changed while being synced; the next sync sees to what changed",
                    counted(report.overtaken, "file")
                ));
            }
            port.say(&Synced::new(route, &report));
            if report.is_locked() {
                port.note(format_args!("hint: {LOCKED}"));
            }
            Ok(exit_of_report(&report))
        }
        Ok(Outcome::Planned(plan)) => {
            if plan.is_empty() {
                port.note(format_args!("{}: nothing to do", route.name()));
            } else {
                port.verbatim(&plan.to_string());
            }
            Ok(Exit::Ok)
        }
        Ok(Outcome::Halted(halt)) => Err(halted(route, &halt)),
        Err(error) => Err(failed(route, error)),
    }
}

/// Where a route leads, as a person finds it there.
pub(super) fn place(route: &Route) -> String {
    match route.prefix.as_str().trim_end_matches('/') {
        "" => route.destination.clone(),
        prefix => format!("{prefix} at {}", route.destination),
    }
}

fn failed(route: &Route, error: Error) -> Failure {
    let is_unmarked = matches!(
        error,
        Error::Remote(bucket::Error::Absent { why: Missing::Marker, .. } | bucket::Error::Emptied { .. })
    );
    let hint = folder_hint(route, &error);
    let failure = Failure::from(error).context(format!("{} could not be synced", route.name()));
    if let Some(hint) = hint {
        failure.exit(Exit::Halted).hint(hint)
    } else if is_unmarked {
        failure.hint(format!(
            "If it is a new disk or place, make sure that it is there, then begin anew with `{}`: \
             it puts both sides together, and deletes nothing.",
            begin_anew(&route.destination)
        ))
    } else {
        failure
    }
}

/// Whether the folder is not where it was: for a person to see to, like a folder that was emptied.
pub(crate) fn is_folder_gone(error: &Error) -> bool {
    matches!(error, Error::Local(disk::Error::Missing { .. } | disk::Error::NotADirectory { .. }))
}

/// What to do about a folder that is not where it was.
pub(crate) fn folder_hint(route: &Route, error: &Error) -> Option<String> {
    let folder = route.folder.display();
    match error {
        Error::Local(disk::Error::Missing { .. }) => Some(format!(
            "Heirloom never creates a folder it syncs: if {folder} lies on a disk, mount it; if it is new, create it. \
             Nothing was deleted anywhere."
        )),
        Error::Local(disk::Error::NotADirectory { .. }) => Some(format!(
            "A file or a link stands where {folder} or a folder above it was: put the folder back in its place and sync again. \
             Nothing was deleted anywhere."
        )),
        _ => None,
    }
}

/// The exit code that an outcome deserves, as far as it alone tells.
pub(crate) fn exit_of(outcome: &Result<Outcome, Error>) -> Exit {
    match outcome {
        Ok(Outcome::Done(report)) => exit_of_report(report),
        Ok(Outcome::Planned(_)) => Exit::Ok,
        Err(Error::Stopped) => Exit::Interrupted,
        Err(Error::Remote(bucket::Error::Absent { .. })) => Exit::Skipped,
        Ok(Outcome::Halted(_)) | Err(Error::Remote(bucket::Error::Emptied { .. })) => Exit::Halted,
        Err(error) if is_folder_gone(error) => Exit::Halted,
        Err(_) => Exit::Failed,
    }
}

fn exit_of_report(report: &Report) -> Exit {
    if report.is_locked() {
        Exit::WrongKey
    } else if report.is_complete() {
        Exit::Ok
    } else {
        Exit::Incomplete
    }
}

/// One line about an outcome for a daemon's log and pulse: whether it went well, and how.
pub(crate) fn summary(route: &Route, outcome: &Result<Outcome, Error>) -> (bool, String) {
    match outcome {
        // A path in trouble is for a person to see to; the machine does what it can.
        Ok(Outcome::Done(report)) => (true, Synced::new(route, report).to_string()),
        Ok(Outcome::Planned(_)) => (true, format!("{}: planned", route.name())),
        Ok(Outcome::Halted(halt)) => (false, format!("{} is halted: {halt}", route.name())),
        Err(error) => {
            let mut text = format!("{} could not be synced: {error}", route.name());
            let mut cause = std::error::Error::source(error);
            while let Some(deeper) = cause {
                text.push_str(": ");
                text.push_str(&deeper.to_string());
                cause = deeper.source();
            }
            (false, text)
        }
    }
}

#[cfg(test)]
mod tests;
