//! Uploads in parts, which a crash does not undo.
//!
//! ```text
//! begin_upload ──► Upload (its id is remembered) ──► upload ──► the object's version
//! resume_upload ─┘                                     │
//!                                  each part: sent, or copied by the store, or held already
//! ```
//!
//! `OpenDAL` writes in parts as well, but keeps the upload's id to itself, so that what a crash interrupts starts anew and its parts stay behind.
//!
//! # How it is known that the store holds the right bytes
//!
//! - **What is sent is what was announced.** Each part's bytes are compared chunk by chunk with the announced digests, or, where no chunks
//!   are known, all bytes are hashed in their order and compared with the announced content before the upload is completed. Where not even that is
//!   known ([`ContentId::UNKNOWN`](model::ContentId::UNKNOWN)), the source answers for the bytes that it gives.
//! - **A part that was sent arrived as it was sent.** It carries its MD5 (`Content-MD5`), with which a store refuses anything else, and the store's tag for
//!   it is that MD5. Where it is not (some stores encrypt), the whole object is read back, once, to learn that tags are no digests there.
//! - **A part that was copied is the range of the version that was meant.** Each copy says `x-amz-copy-source-if-match`. A store that is not known to look at it is
//!   looked at when all copies are made: if the version then still stands, every copy was made of it.
//!   That this version holds the announced bytes there is the caller's knowledge: both sides agreed on it, and on its chunks.
//! - **A part that is held already** has the size and the MD5 of the bytes that would be sent, which are read and hashed for that.
//! - **The parts are joined in their order**, by number and tag, under the same condition as any other write.
//!
//! # What stays behind
//!
//! An upload that cannot be gone on with is aborted, so that the store forgets its parts. One that failed for a reason that may pass is left
//! as it is ([`Error::leaves_upload`]), for [`Bucket::resume_upload`]. A begun upload that nobody remembers any more (a crash between two lines) is
//! what [`Bucket::abort_old_uploads`] is for.

mod ask;
mod old;
mod parts;
mod send;
mod width;

pub use parts::{PART_SIZE, PartDone, Parts};

use crate::conditions::{Honoured, Refused};
use crate::write::{Demand, Task};
use crate::{Bucket, Cause, Error, Expect, Prefix, Retry};
use bytes::Bytes;
use model::{ETag, Node, ObjectKey, RemoteVersion, UploadId};
use send::Tag;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::atomic::Ordering;

/// What is to be written where, and what must stand there.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The route's place.
    pub prefix: &'a Prefix,
    /// The key, relative to the prefix.
    pub key: &'a ObjectKey,
    /// The file.
    pub node: &'a Node,
    /// What must stand at the key when the write happens.
    pub expect: &'a Expect,
}

/// An upload that the store knows. Its id is what a caller remembers of it.
#[derive(Clone, Debug)]
pub struct Upload {
    id: UploadId,
    /// What the store has of it, by the parts' numbers.
    held: BTreeMap<u16, Held>,
    /// Whether a gateway of ours takes it: told where in the object a part belongs, it writes it there at once, and it checks parts by a digest
    /// that costs less than an MD5.
    is_ours: bool,
}

/// A part that the store has.
#[derive(Clone, Debug)]
struct Held {
    size: u64,
    etag: ETag,
}

impl Upload {
    /// The store's name for it.
    #[must_use]
    pub fn id(&self) -> &UploadId {
        &self.id
    }

    /// Bytes that the store has of it.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held.values().map(|held| held.size).sum()
    }
}

impl Error {
    /// Whether an upload that failed so was left as it is, to be gone on with; if not, it was aborted.
    #[must_use]
    pub fn leaves_upload(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::WrongKey { .. } => true,
            Self::Other { retry, .. } => *retry == Retry::Later,
            Self::NoSuchBucket { .. }
            | Self::Absent { .. }
            | Self::Emptied { .. }
            | Self::Changed { .. }
            | Self::NotFound { .. }
            | Self::NoSpace { .. }
            | Self::Rejected { .. }
            | Self::Locked { .. } => false,
        }
    }
}

impl Bucket {
    /// Begins an upload. It belongs to `node` as it is, time and permissions included. Remember the id before anything is sent.
    pub async fn begin_upload(&self, prefix: &Prefix, key: &ObjectKey, node: &Node) -> Result<Upload, Error> {
        self.ask_to_begin(prefix, key, node).await
    }

    /// Looks for an upload begun earlier. `None`: the store does not know it any more; begin anew.
    ///
    /// Go on with it only for the very node that it was begun for; else abort it.
    pub async fn resume_upload(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        id: &UploadId,
    ) -> Result<Option<Upload>, Error> {
        self.ask_for_parts(prefix, key, id).await
    }

    /// Makes the object of an upload's parts, of which there is at least one, if what stands there is as expected; else [`Error::Changed`].
    ///
    /// `source` is called for one part after the other with its offset and length, and must return exactly that many bytes. If they are not what
    /// was announced: [`Error::Changed`], and no object comes of it. At most four parts are in memory.
    /// `done` hears of each part.
    pub async fn upload<F, Fut>(
        &self,
        write: Write<'_>,
        upload: &Upload,
        parts: &Parts,
        source: F,
        done: impl Fn(PartDone) + Sync,
    ) -> Result<RemoteVersion, Error>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let Write { prefix, key, node, expect } = write;
        assert_eq!(parts.size(), node.size, "the parts are those of the file");
        let task = Task { key, place: self.place(prefix, key), prefix, node };
        let refused = match self.store_and_join(&task, expect, upload, parts, source, done).await {
            Ok(version) => return Ok(version),
            Err(refused) => refused,
        };
        let outcome = match refused {
            // Someone else was faster; or we were, and did not hear of it.
            Refused::Condition | Refused::Failed(Error::NotFound { .. }) => self.settle(&task).await,
            Refused::Unsupported => {
                let cause = Cause::new("the store cannot write in parts");
                Err(self.attempt("write", Some(key)).other(Retry::Never, cause))
            }
            Refused::Failed(error) => Err(error),
        };
        if !outcome.as_ref().is_err_and(Error::leaves_upload) {
            self.give_up(&task, &upload.id).await;
        }
        outcome
    }
}

impl Bucket {
    async fn store_and_join<F, Fut>(
        &self,
        task: &Task<'_>,
        expect: &Expect,
        upload: &Upload,
        parts: &Parts,
        source: F,
        done: impl Fn(PartDone) + Sync,
    ) -> Result<RemoteVersion, Refused>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        // A store that was not found to honour the condition gets a look beside it: here, before the bytes are sent,
        // and once more before they are put in place.
        let (lesson, honoured) = self.lesson(expect);
        if honoured != Honoured::Yes {
            self.look(task.prefix, task.key, expect).await?;
        }
        let stored = self.store_parts(task, upload, parts, source, done).await?;
        self.confirm_base(task, parts).await?;
        if lesson.get() != Honoured::Yes {
            self.look(task.prefix, task.key, expect).await?;
        }
        let demand = if lesson.get() == Honoured::No { Demand::Nothing } else { expect.demand() };
        let version = match self.ask_to_join(task, &upload.id, &stored, demand).await {
            Err(Refused::Unsupported) => {
                lesson.set(Honoured::No);
                self.ask_to_join(task, &upload.id, &stored, Demand::Nothing).await?
            }
            joined => joined?,
        };
        // What was announced by nothing can be compared with nothing: each part went with its own digest.
        let doubtful = task.node.content.is_known() && stored.iter().any(|part| part.tag == Tag::Other);
        match version {
            _ if doubtful && !self.inner.opaque_tags.load(Ordering::Relaxed) => {
                self.read_back(task, expect).await.map_err(Refused::Failed)
            }
            Some(version) => Ok(version),
            None => self.settle(task).await.map_err(Refused::Failed),
        }
    }

    /// Makes sure that what was copied was the version that was meant, where the store may not have looked itself.
    async fn confirm_base(&self, task: &Task<'_>, parts: &Parts) -> Result<(), Refused> {
        match parts.base() {
            Some((key, version)) if self.inner.learned.relabel.get() != Honoured::Yes => {
                self.look(task.prefix, key, &Expect::Version(version.clone())).await
            }
            _ => Ok(()),
        }
    }
}
