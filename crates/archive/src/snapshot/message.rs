//! The commit that a snapshot becomes.

use super::{Counts, SnapshotContext, walk::Walked};
use crate::SnapshotId;
use model::StateName;
use trailers::{INCOMPLETE, MACHINE, STATES};

/// Names of paths that could not be recorded; more are only counted.
const PROBLEMS_LISTED: usize = 20;
/// Seconds; git takes dates from 1970 on.
const NANOS: i64 = 1_000_000_000;

/// Trailers of a snapshot's commit.
pub(crate) mod trailers {
    pub(crate) const MACHINE: &str = "Heirloom-Machine";
    pub(crate) const STATES: &str = "Heirloom-States";
    pub(crate) const INCOMPLETE: &str = "Heirloom-Incomplete";
}

/// What a commit is made of.
pub(super) struct Commit<'a> {
    pub(super) context: &'a SnapshotContext,
    pub(super) walked: &'a Walked,
    pub(super) parent: Option<SnapshotId>,
}

impl Commit<'_> {
    /// The commit object's content.
    pub(super) fn encode(&self) -> Vec<u8> {
        let SnapshotContext { author, author_email, .. } = self.context;
        let (date, committer) = (self.date(), self.committer());
        let author = format!("{} <{}> {date}", identity(author), identity(author_email));
        let mut lines = vec![format!("tree {}", self.walked.tree)];
        lines.extend(self.parent.map(|parent| format!("parent {parent}")));
        lines.push(format!("author {author}\ncommitter {committer}\n\n{}\n", self.subject()));
        lines.extend(self.problems());
        lines.extend(self.trailers());
        lines.push(String::new());
        lines.join("\n").into_bytes()
    }

    pub(super) fn committer(&self) -> String {
        format!("Heirloom <heirloom@{}> {}", self.context.machine, self.date())
    }

    fn date(&self) -> String {
        let seconds = self.context.time.0.div_euclid(NANOS).max(0);
        let minutes = self.context.utc_offset_seconds / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let minutes = minutes.unsigned_abs();
        format!("{seconds} {sign}{:02}{:02}", (minutes / 60).min(99), minutes % 60)
    }

    /// What changed, in a few words.
    pub(super) fn subject(&self) -> String {
        let Counts { added, modified, deleted } = self.walked.counts;
        if self.parent.is_none() {
            return format!("First snapshot: {}, {}", files(self.walked.files), size(self.walked.bytes));
        }
        let parts: Vec<String> = [(added, "added"), (modified, "changed"), (deleted, "deleted")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", grouped(*count)))
            .collect();
        if parts.is_empty() {
            "No content changed, only times, permissions or empty folders".into()
        } else {
            parts.join(", ")
        }
    }

    /// A paragraph about what could not be recorded.
    fn problems(&self) -> Option<String> {
        let problems = &self.walked.problems;
        let listed = problems.iter().take(PROBLEMS_LISTED);
        let mut lines: Vec<String> =
            listed.map(|problem| format!("- {}: {}", problem.path, one_line(&problem.reason))).collect();
        if let Some(more @ 1..) = problems.len().checked_sub(PROBLEMS_LISTED) {
            lines.push(format!("- and {more} more"));
        }
        (!lines.is_empty()).then(|| format!("Not recorded as they are:\n{}\n", lines.join("\n")))
    }

    fn trailers(&self) -> Vec<String> {
        let mut lines = vec![format!("{MACHINE}: {}", self.context.machine)];
        let roots = self.walked.roots.iter().map(String::as_str);
        let states: Vec<&str> = roots.filter(|name| StateName::new(name).is_ok()).collect();
        if !states.is_empty() {
            lines.push(format!("{STATES}: {}", states.join(", ")));
        }
        lines.extend(
            self.context.incomplete.iter().map(|reason| format!("{INCOMPLETE}: {}", one_line(reason))),
        );
        match self.walked.problems.len() {
            0 => {}
            1 => lines.push(format!("{INCOMPLETE}: 1 path could not be recorded")),
            more => lines.push(format!("{INCOMPLETE}: {more} paths could not be recorded")),
        }
        lines
    }
}

/// A name as git's commit header can carry it.
fn identity(name: &str) -> String {
    let clean: String = name.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>')).collect();
    let clean = clean.trim();
    if clean.is_empty() { "unknown".into() } else { clean.to_owned() }
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn files(count: u64) -> String {
    if count == 1 { "1 file".into() } else { format!("{} files", grouped(count)) }
}

/// `43047` as `43,047`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in decimal units, as disks are sold: `540 MB`.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) if bytes < 10 * unit => {
            format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
        }
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None if bytes == 1 => "1 byte".into(),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests;
