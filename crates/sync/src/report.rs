//! What came of a cycle, as data for whoever tells people.

use crate::observe::View;
use model::ObjectKey;
use plan::sync::{Conflict, Halt, Left, PerSide, Plan};
use std::fmt;

/// How a cycle ended.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing was done: a person must look first.
    Halted(Halt),
    /// Nothing was done, as asked: this is what would be.
    Planned(Plan),
    /// The plan was carried out, as far as the report says.
    Done(Report),
}

/// What a carried-out plan came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Files and symlinks that were brought to the remote side.
    pub uploaded: u64,
    /// Bytes of them.
    pub uploaded_bytes: u64,
    /// Bytes that were sent for that, and for what did not come off: fewer where the store had some of a large file.
    pub sent_bytes: u64,
    /// Files and symlinks that were brought to the local side.
    pub downloaded: u64,
    /// Bytes of them.
    pub downloaded_bytes: u64,
    /// Files that got another name on a side, because they were moved on the other.
    pub moved: PerSide,
    /// Files deleted on the local side.
    pub deleted_local: u64,
    /// Files deleted on the remote side.
    pub deleted_remote: u64,
    /// Files of which only time and permissions were brought across.
    pub touched: u64,
    /// Files that both sides hold, deletions carried out.
    pub unchanged: u64,
    /// Both versions were kept.
    pub conflicts: Vec<Conflict>,
    /// Paths that are not as they should be, each with the reason.
    pub problems: Vec<Problem>,
    /// What a person should know, although nothing is left undone for it.
    pub remarks: Vec<Problem>,
    /// Paths that changed while the plan was carried out: the next cycle sees to them.
    pub overtaken: u64,
    /// Whether rules arrived that this cycle did not know yet.
    pub(crate) new_rules: bool,
}

/// Something the matter with one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub key: Option<ObjectKey>,
    /// What, in a sentence without its full stop.
    pub message: String,
    /// What it takes.
    pub nature: Nature,
}

/// What a problem takes to be solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nature {
    /// Whatever its message says.
    #[default]
    Other,
    /// An identity: the object is sealed, and none at hand opens it.
    Locked,
    /// Somebody who takes away what stands on the side that follows.
    Left,
}

impl Problem {
    /// A file that the side that follows does not get.
    pub(crate) fn left(key: &ObjectKey, left: Left) -> Self {
        let message = format!("{key} could not be brought over: {left}");
        Self { key: Some(key.clone()), message, nature: Nature::Left }
    }

    /// A failed attempt, with the chain of causes.
    pub(crate) fn failed(key: &ObjectKey, attempt: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = format!("{key} could not be {attempt}: {error}");
        let mut cause = error.source();
        while let Some(deeper) = cause {
            message.push_str(": ");
            message.push_str(&deeper.to_string());
            cause = deeper.source();
        }
        let is_locked =
            error.downcast_ref().is_some_and(|error| matches!(error, bucket::Error::Locked { .. }));
        let nature = if is_locked { Nature::Locked } else { Nature::Other };
        Self { key: Some(key.clone()), message, nature }
    }

    /// Something that was found to be the matter.
    pub(crate) fn found(key: Option<ObjectKey>, message: String) -> Self {
        Self { key, message, nature: Nature::Other }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Report {
    /// Whether anything was changed on either side.
    #[must_use]
    pub fn did_something(&self) -> bool {
        self.changes() > 0 || !self.conflicts.is_empty()
    }

    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.conflicts.is_empty() && self.overtaken == 0
    }

    /// Whether something is sealed that no identity at hand opens.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.problems.iter().any(|problem| problem.nature == Nature::Locked)
    }

    /// Whether another cycle right away has something to do.
    #[must_use]
    pub(crate) fn wants_another(&self) -> bool {
        self.overtaken > 0 || self.new_rules
    }

    pub(crate) fn wrote_remote(&self) -> bool {
        self.uploaded + self.deleted_remote + self.touched + self.moved.remote > 0
            || !self.conflicts.is_empty()
    }

    /// What both sides showed, before anything was done about it.
    pub(crate) fn begin(here: &View, there: &View) -> Self {
        Self {
            unchanged: here.seen,
            overtaken: here.overtaken + there.overtaken,
            problems: here.problems.iter().chain(&there.problems).cloned().collect(),
            remarks: here.remarks.clone(),
            ..Self::default()
        }
    }

    fn changes(&self) -> u64 {
        self.uploaded
            + self.downloaded
            + self.deleted_local
            + self.deleted_remote
            + self.touched
            + self.moved.local
            + self.moved.remote
    }

    /// Adds what a following cycle of the same run did. What it found to be the matter replaces what was
    /// the matter before, conflicts apart, which it followed up.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        Self {
            uploaded: self.uploaded + next.uploaded,
            uploaded_bytes: self.uploaded_bytes + next.uploaded_bytes,
            sent_bytes: self.sent_bytes + next.sent_bytes,
            downloaded: self.downloaded + next.downloaded,
            downloaded_bytes: self.downloaded_bytes + next.downloaded_bytes,
            moved: PerSide {
                local: self.moved.local + next.moved.local,
                remote: self.moved.remote + next.moved.remote,
            },
            deleted_local: self.deleted_local + next.deleted_local,
            deleted_remote: self.deleted_remote + next.deleted_remote,
            touched: self.touched + next.touched,
            unchanged: next.unchanged,
            conflicts: self.conflicts.into_iter().chain(next.conflicts).collect(),
            problems: next.problems,
            remarks: next.remarks,
            overtaken: next.overtaken,
            new_rules: next.new_rules,
        }
    }
}
