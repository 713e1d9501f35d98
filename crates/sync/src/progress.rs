//! How far a cycle has come, for whoever draws a bar.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// Counters that a running cycle moves and anyone may read.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicU8,
    files: AtomicU64,
    files_done: AtomicU64,
    bytes: AtomicU64,
    bytes_done: AtomicU64,
    sent: AtomicU64,
}

/// What a cycle is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet, or nothing any more.
    #[default]
    Idle,
    /// Looking at both sides.
    Observing,
    /// Reading files that may have changed.
    Digesting,
    /// Carrying out the plan.
    Applying,
}

/// One look at the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What is being done.
    pub stage: Stage,
    /// Files in this stage.
    pub files: u64,
    /// Files that are through.
    pub files_done: u64,
    /// Bytes in this stage.
    pub bytes: u64,
    /// Bytes that are through.
    pub bytes_done: u64,
}

impl Progress {
    /// A consistent enough view for a person.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            stage: match self.stage.load(Relaxed) {
                1 => Stage::Observing,
                2 => Stage::Digesting,
                3 => Stage::Applying,
                _ => Stage::Idle,
            },
            files: self.files.load(Relaxed),
            files_done: self.files_done.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            bytes_done: self.bytes_done.load(Relaxed),
        }
    }

    pub(crate) fn enter(&self, stage: Stage, files: u64, bytes: u64) {
        self.files_done.store(0, Relaxed);
        self.bytes_done.store(0, Relaxed);
        self.files.store(files, Relaxed);
        self.bytes.store(bytes, Relaxed);
        let number = match stage {
            Stage::Idle => 0,
            Stage::Observing => 1,
            Stage::Digesting => 2,
            Stage::Applying => 3,
        };
        self.stage.store(number, Relaxed);
    }

    /// Enters a stage whose extent shows on the way; nothing happens if it has been entered.
    pub(crate) fn enter_once(&self, stage: Stage) {
        if self.snapshot().stage != stage {
            self.enter(stage, 0, 0);
        }
    }

    /// More belongs to this stage.
    pub(crate) fn expect(&self, files: u64, bytes: u64) {
        self.files.fetch_add(files, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn file_done(&self) {
        self.files_done.fetch_add(1, Relaxed);
    }

    pub(crate) fn bytes_done(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Relaxed);
    }

    /// Content went to the remote side; not all that is done does, where the store has some of it.
    pub(crate) fn bytes_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Relaxed);
    }

    /// Bytes of content that went to the remote side, in all stages so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }
}
