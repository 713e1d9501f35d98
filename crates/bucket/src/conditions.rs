//! Does this store honour conditions on writes and deletions?
//!
//! A store that ignores `If-Match` answers as if all were well, so the only way to know is to send a condition that
//! cannot hold. That is done once per kind of change, on the way, with a change that is wanted anyhow and whose
//! expectation has just been confirmed by looking:
//!
//! - an honest store refuses the impossible condition, takes the real one, and is trusted from then on;
//! - a careless store has just done what was wanted; from then on every change looks right before it acts;
//! - a store that knows no conditions (501) gets none, and the same look.
//!
//! Rejected: a table of products and versions, and a probe object, which needs a place to stand and a permission.

use crate::Error;
use model::{ETag, RemoteVersion};
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Mutex;

/// Whether a store does what a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honoured {
    /// Not found out yet: no such change was made so far.
    Unknown,
    /// Yes: two machines cannot overwrite each other's changes.
    Yes,
    /// No: a change between our look and our write is lost. The look comes right before the write.
    No,
}

/// What is known so far about a store's conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// `If-None-Match: *` on a write.
    pub create: Honoured,
    /// `If-Match` on a write.
    pub replace: Honoured,
    /// `x-amz-copy-source-if-match` on a copy, which is how metadata is replaced.
    pub relabel: Honoured,
    /// `If-Match` on a deletion.
    pub delete: Honoured,
}

/// How a single conditional request went, if not well.
pub(crate) enum Refused {
    /// The condition does not hold.
    Condition,
    /// The store knows no such condition.
    Unsupported,
    /// Something else.
    Failed(Error),
}

/// A tag that no object has: the MD5 of nothing anybody knows.
fn impossible() -> RemoteVersion {
    RemoteVersion { etag: ETag::new("00000000000000000000000000000000"), modified: None }
}

/// What a [`Bucket`](crate::Bucket) has found out, kept for as long as it lives.
pub(crate) struct Learned {
    pub(crate) create: Lesson,
    pub(crate) replace: Lesson,
    pub(crate) relabel: Lesson,
    pub(crate) delete: Lesson,
}

impl Default for Learned {
    fn default() -> Self {
        // Said once: a store that does not honour the one does not honour the other.
        let guarding = || Lesson { guards_writes: true, ..Lesson::default() };
        Self {
            create: guarding(),
            replace: Lesson::default(),
            relabel: Lesson::default(),
            delete: Lesson::default(),
        }
    }
}

impl Learned {
    pub(crate) fn conditions(&self) -> Conditions {
        Conditions {
            create: self.create.get(),
            replace: self.replace.get(),
            relabel: self.relabel.get(),
            delete: self.delete.get(),
        }
    }
}

/// One thing to find out.
#[derive(Default)]
pub(crate) struct Lesson {
    state: AtomicU8,
    /// Whether two machines may overwrite each other where this is not honoured.
    guards_writes: bool,
    /// Held by the one that is finding out, so that a hundred uploads do not try it all at once.
    pub(crate) turn: Mutex<()>,
}

impl Lesson {
    pub(crate) fn get(&self) -> Honoured {
        match self.state.load(Ordering::Acquire) {
            0 => Honoured::Unknown,
            1 => Honoured::Yes,
            _ => Honoured::No,
        }
    }

    pub(crate) fn set(&self, honoured: Honoured) {
        let before = self.state.swap(honoured as u8, Ordering::AcqRel);
        // Of conditions on deleting and re-labelling most stores know nothing; of those on writing they should.
        if self.guards_writes && honoured == Honoured::No && before != honoured as u8 {
            tracing::info!(
                "this store does not honour conditions on writes: Heirloom looks right before it writes, but of two machines \
                 that change one file in the same moment, one may overwrite the other"
            );
        }
    }

    /// Changes an object that must still be `version`: `change` makes the request, with or without a condition, and
    /// `look` confirms what stands there.
    pub(crate) async fn change<T, Look, Change>(
        &self,
        version: &RemoteVersion,
        look: impl FnOnce() -> Look,
        change: impl Fn(Option<RemoteVersion>) -> Change,
    ) -> Result<T, Refused>
    where
        Look: Future<Output = Result<(), Refused>>,
        Change: Future<Output = Result<T, Refused>>,
    {
        let turn = match self.get() {
            Honoured::Unknown => Some(self.turn.lock().await),
            Honoured::Yes | Honoured::No => None,
        };
        match self.get() {
            Honoured::Yes => {
                drop(turn);
                change(Some(version.clone())).await
            }
            Honoured::No => {
                drop(turn);
                look().await?;
                change(None).await
            }
            Honoured::Unknown => {
                look().await?;
                match change(Some(impossible())).await {
                    Err(Refused::Condition) => {
                        let changed = change(Some(version.clone())).await?;
                        // Only now: a lost answer to the first request looks like a failed condition as well.
                        self.set(Honoured::Yes);
                        Ok(changed)
                    }
                    Ok(changed) => {
                        self.set(Honoured::No);
                        Ok(changed)
                    }
                    Err(Refused::Unsupported) => {
                        self.set(Honoured::No);
                        change(None).await
                    }
                    Err(failed) => Err(failed),
                }
            }
        }
    }
}
