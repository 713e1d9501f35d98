//! The parts on their way, a few at once.

use super::parts::{Announced, Digest, Part, PartDone, Parts, Whole};
use super::width::Width;
use super::{Held, Upload};
use crate::conditions::Refused;
use crate::write::Task;
use crate::{Bucket, Cause, Error, Retry};
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ETag, Piece};
use std::future::Future;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

/// A part that the store has.
pub(super) struct Stored {
    pub(super) number: u16,
    pub(super) etag: ETag,
    pub(super) tag: Tag,
}

/// What a part's tag is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// It is the MD5 of what was sent, or the part was copied.
    Proof,
    Other,
}

/// What goes into a part.
enum Matter {
    Copied(Range<u64>),
    Read { bytes: Bytes, digest: Digest },
}

impl Bucket {
    /// Gets all parts into the store; in the order of their numbers.
    pub(super) async fn store_parts<F, Fut>(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        parts: &Parts,
        mut source: F,
        done: impl Fn(PartDone) + Sync,
    ) -> Result<Vec<Stored>, Refused>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let is_hashed = matches!(parts.announced, Announced::Content) && task.node.content.is_known();
        let mut whole = is_hashed.then(Whole::default);
        let mut storing = FuturesUnordered::new();
        let mut stored = Vec::new();
        let mut width = Width::default();
        let mut keep = |(part, how, took): (Stored, PartDone, Duration), width: &mut Width| {
            done(how);
            stored.push(part);
            width.learn(took);
        };
        for (part, piece) in parts.numbered() {
            while storing.len() >= width.for_a(&piece)
                && let Some(part) = storing.try_next().await?
            {
                keep(part, &mut width);
            }
            let matter = {
                let reading = self.read_piece(task, upload, parts, &piece, &mut source, &mut whole);
                tokio::pin!(reading);
                loop {
                    tokio::select! {
                        matter = &mut reading => break matter?,
                        Some(part) = storing.next() => keep(part?, &mut width),
                    }
                }
            };
            storing.push(self.store_part(task, upload, parts, part, matter));
        }
        if whole.is_some_and(|whole| whole.finish() != task.node.content) {
            return Err(torn(task));
        }
        while let Some(part) = storing.try_next().await? {
            keep(part, &mut width);
        }
        stored.sort_unstable_by_key(|part| part.number);
        Ok(stored)
    }

    /// Reads a part, and compares it with what was announced. One after the other: hashing is faster than any line, and each part
    /// that is read at the same time is one more in memory.
    async fn read_piece<F, Fut>(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        parts: &Parts,
        piece: &Piece,
        source: &mut F,
        whole: &mut Option<Whole>,
    ) -> Result<Matter, Refused>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let (offset, length) = match piece {
            Piece::Copy { from } => return Ok(Matter::Copied(from.clone())),
            Piece::Send { offset, length } => (*offset, *length),
        };
        let length = usize::try_from(length).expect("because a part that is sent fits in memory");
        let read = source(offset, length).await;
        let bytes = read.map_err(|error| {
            let cause = Cause::new(format!("reading its bytes: {error}"));
            Refused::Failed(self.attempt("write", Some(task.key)).other(Retry::Replan, cause))
        })?;
        if bytes.len() != length {
            return Err(torn(task));
        }
        let (announced, checked, is_ours) = (parts.announced.clone(), bytes.clone(), upload.is_ours);
        let check = tokio::task::spawn_blocking(move || announced.check(offset, &checked, is_ours));
        let hash = whole.take().map(|whole| whole.update(bytes.clone()));
        let digest = check.await.map_err(|_| self.ending(task))?.ok_or_else(|| torn(task))?;
        if let Some(hash) = hash {
            *whole = Some(hash.await.map_err(|_| self.ending(task))?);
        }
        Ok(Matter::Read { bytes, digest })
    }

    /// The same as [`Bucket::store_matter`], and how long it took.
    async fn store_part(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        parts: &Parts,
        part: Part,
        matter: Matter,
    ) -> Result<(Stored, PartDone, Duration), Refused> {
        let begun = Instant::now();
        let (stored, done) = self.store_matter(task, upload, parts, part, matter).await?;
        Ok((stored, done, begun.elapsed()))
    }

    async fn store_matter(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        parts: &Parts,
        part: Part,
        matter: Matter,
    ) -> Result<(Stored, PartDone), Refused> {
        let number = part.number;
        let (bytes, digest) = match matter {
            Matter::Copied(from) => {
                let base = parts.base().expect("because copies were seen to have a base");
                let length = from.end - from.start;
                let etag = self.ask_to_copy_part(task, upload, part, base, from).await?;
                return Ok((Stored { number, etag, tag: Tag::Proof }, PartDone::Copied(length)));
            }
            Matter::Read { bytes, digest } => (bytes, digest),
        };
        let length = bytes.len() as u64;
        if let Some(held) = upload.held.get(&number).filter(|held| is_same(held, length, &digest)) {
            let stored = Stored { number, etag: held.etag.clone(), tag: Tag::Proof };
            return Ok((stored, PartDone::Held(length)));
        }
        let etag = self.ask_to_keep_part(task, upload, part, bytes, &digest).await?;
        let tag = if digest.is_in(&etag) { Tag::Proof } else { Tag::Other };
        Ok((Stored { number, etag, tag }, PartDone::Sent(length)))
    }

    fn ending(&self, task: &Task<'_>) -> Refused {
        let cause = Cause::new("the program is ending");
        Refused::Failed(self.attempt("write", Some(task.key)).other(Retry::Later, cause))
    }
}

fn torn(task: &Task<'_>) -> Refused {
    let what = "the bytes to send are not the announced ones";
    Refused::Failed(Error::Changed { key: task.key.clone(), what })
}

fn is_same(held: &Held, length: u64, digest: &Digest) -> bool {
    held.size == length && digest.is_in(&held.etag)
}
