//! What came of a cycle, as data for whoever tells people.

use crate::observe::View;
use model::ObjectKey;
use plan::mount::Doubt;
use plan::sync::{Conflict, Halt, Left, PerSide, Plan};
use std::fmt;

/// How a cycle ended.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing was done: a person must look first.
    Halted(Halt),
    /// Nothing was done, as asked: this is what would be, and what is the matter with paths on either side.
    Planned(Plan, Vec<Problem>),
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
    /// Paths that changed while they were looked at or brought over: the next cycle sees to them.
    pub overtaken: Overtaken,
    /// Whether rules arrived that this cycle did not know yet.
    pub(crate) new_rules: bool,
}

/// Paths that changed meanwhile. All are counted, and the first hundred named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overtaken {
    count: u64,
    named: Vec<ObjectKey>,
}

impl Overtaken {
    const NAMED_MAX: usize = 100;

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Which, as far as they are named.
    #[must_use]
    pub fn named(&self) -> &[ObjectKey] {
        &self.named
    }

    pub(crate) fn add(&mut self, key: &ObjectKey) {
        self.count += 1;
        if self.named.len() < Self::NAMED_MAX {
            self.named.push(key.clone());
        }
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        self.count += others.count;
        let room = Self::NAMED_MAX - self.named.len();
        self.named.extend(others.named.iter().take(room).cloned());
    }
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
    /// A disk, or a person's word on it: nothing is decided below the place at which it was mounted.
    Disk(Doubt),
    /// Nothing: it is a socket, a pipe or a device, which nobody misses in a backup.
    Special,
}

impl Problem {
    /// A file that the side that follows does not get.
    pub(crate) fn left(key: &ObjectKey, left: Left) -> Self {
        let message = format!("{key} could not be brought over: {left}");
        Self { key: Some(key.clone()), message, nature: Nature::Left }
    }

    /// A failed attempt, with the chain of causes.
    pub(crate) fn failed(key: &ObjectKey, attempt: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        // Key and attempt say what may not be done already.
        let denied = error.downcast_ref().and_then(|error| match error {
            disk::Error::Denied { source, .. } => Some(source as &(dyn std::error::Error + 'static)),
            _ => None,
        });
        let first = denied.unwrap_or(error);
        let mut message = format!("{key} could not be {attempt}: {first}");
        let mut cause = first.source();
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

    /// What is below this place is left alone.
    pub(crate) fn of_disk(point: ObjectKey, doubt: Doubt) -> Self {
        Self { message: doubt.said_of(&point.path()), key: Some(point), nature: Nature::Disk(doubt) }
    }

    /// What stands in the folder and never becomes a file.
    pub(crate) fn special(key: ObjectKey, message: String) -> Self {
        Self { key: Some(key), message, nature: Nature::Special }
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
        self.problems.is_empty() && self.conflicts.is_empty() && self.overtaken.count() == 0
    }

    /// Whether something is sealed that no identity at hand opens.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.problems.iter().any(|problem| problem.nature == Nature::Locked)
    }

    /// Whether another cycle right away has something to do.
    #[must_use]
    pub(crate) fn wants_another(&self) -> bool {
        self.overtaken.count() > 0 || self.new_rules
    }

    pub(crate) fn wrote_remote(&self) -> bool {
        self.uploaded + self.deleted_remote + self.touched + self.moved.remote > 0
            || !self.conflicts.is_empty()
    }

    /// Whether every path is agreed upon, but for those that only a person can move out of the way, and those on a disk that is not there: what was
    /// agreed upon with another folder or bucket is over for these as well. What a socket stands in front of is not.
    pub(crate) fn is_settled(&self) -> bool {
        self.problems.iter().all(|problem| matches!(problem.nature, Nature::Left | Nature::Disk(_)))
            && self.remarks.iter().all(|remark| remark.nature != Nature::Special)
            && self.overtaken.count() == 0
    }

    /// What both sides showed, before anything was done about it.
    pub(crate) fn begin(here: &View, there: &View) -> Self {
        let mut overtaken = here.overtaken.clone();
        overtaken.extend(&there.overtaken);
        Self {
            unchanged: here.seen,
            overtaken,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_overtaken_is_counted_in_full_and_named_in_part() {
        let mut some = Overtaken::default();
        (0..60).for_each(|n| some.add(&ObjectKey::parse(&format!("f{n}")).unwrap()));
        let others = some.clone();
        some.extend(&others);
        some.extend(&others);
        assert_eq!((some.count(), some.named().len()), (180, 100));
    }
}
