//! What came of a sync, in words, for a log, for a person and for a program.

use super::halted::{Ways, begin_anew, halted};
use super::{away, planned};
use crate::failure::{Exit, Failure, LOCKED};
use crate::report::{Message, Report as Port, counted};
use bucket::Missing;
use model::{ByteSize, ObjectKey};
use serde::Serialize;
use std::fmt;
use sync::{Error, Nature, Outcome, Problem, Report, Route};

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
    /// Of which only time and permissions were brought over.
    updated: u64,
    conflicts: usize,
    problems: usize,
    /// Left to the next sync, because they changed meanwhile.
    overtaken: u64,
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
            updated: report.touched,
            conflicts: report.conflicts.len(),
            problems: report.problems.len(),
            overtaken: report.overtaken.count(),
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
            count(self.updated, "updated"),
            count(self.conflicts as u64, "in conflict, both versions kept"),
            count(self.problems as u64, "with a problem"),
            count(self.overtaken, "left to the next sync"),
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
                write!(f, concat!($word, ": {}: {}"), self.0.route, self.0.message)
            }
        }
    };
}

told!(ToldProblem, "problem", "problem");
told!(ToldRemark, "remark", "warning");
told!(ToldConflict, "conflict", "note");
told!(ToldOvertaken, "overtaken", "note");

/// Says what a sync came to; the exit code it deserves.
pub(crate) fn tell(port: &Port, route: &Route, outcome: Result<Outcome, Error>) -> Result<Exit, Failure> {
    match outcome {
        Ok(Outcome::Done(report)) => {
            particulars(port, route, &report);
            port.say(&Synced::new(route, &report));
            if report.is_locked() {
                port.note(format_args!("hint: {LOCKED}"));
            }
            Ok(exit_of_report(&report))
        }
        Ok(Outcome::Planned(plan, problems)) => {
            tell_problems(port, route, &problems);
            planned::tell(port, route, &plan);
            Ok(exit_of_plan(&problems))
        }
        Ok(Outcome::Halted(halt)) => Err(halted(route, &halt)),
        Err(error) => Err(failed(route, error)),
    }
}

/// Says what there is to say of single paths.
fn particulars(port: &Port, route: &Route, report: &Report) {
    let name = route.name();
    let told = |key: Option<&ObjectKey>, message: String| Told {
        route: &name,
        path: key.map(ToString::to_string),
        message,
    };
    for conflict in &report.conflicts {
        port.say(&ToldConflict(told(Some(&conflict.key), conflict.to_string())));
    }
    tell_problems(port, route, &report.problems);
    for remark in &report.remarks {
        port.say(&ToldRemark(told(remark.key.as_ref(), remark.to_string())));
    }
    let overtaken = &report.overtaken;
    for key in overtaken.named() {
        port.say(&ToldOvertaken(told(Some(key), overtaken_by_a_change(key))));
    }
    let unnamed = overtaken.count() - overtaken.named().len() as u64;
    if unnamed > 0 {
        port.note(format_args!("note: so did {}", counted(unnamed, "more path")));
    }
}

fn tell_problems(port: &Port, route: &Route, problems: &[Problem]) {
    let name = route.name();
    for problem in problems {
        let path = problem.key.as_ref().map(ToString::to_string);
        port.say(&ToldProblem(Told { route: &name, path, message: problem.to_string() }));
    }
    for hint in away::hints(problems, &Ways::of(route)) {
        port.note(format_args!("hint: {hint}"));
    }
}

/// What is said of a path that was left to the next sync.
pub(super) fn overtaken_by_a_change(key: &ObjectKey) -> String {
    format!("{key} changed while it was synced; it goes with the next sync")
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
        Ok(Outcome::Planned(_, problems)) => exit_of_plan(problems),
        Err(Error::Stopped) => Exit::Interrupted,
        Err(Error::Remote(bucket::Error::Absent { .. })) => Exit::Skipped,
        Ok(Outcome::Halted(_)) | Err(Error::Remote(bucket::Error::Emptied { .. })) => Exit::Halted,
        Err(error) if is_folder_gone(error) => Exit::Halted,
        Err(_) => Exit::Failed,
    }
}

fn exit_of_plan(problems: &[Problem]) -> Exit {
    if problems.iter().any(|problem| problem.nature == Nature::Locked) {
        Exit::WrongKey
    } else if problems.is_empty() {
        Exit::Ok
    } else {
        Exit::Incomplete
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
        Ok(Outcome::Planned(..)) => (true, format!("{}: planned", route.name())),
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
