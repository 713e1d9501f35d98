//! Writing large objects in parts.

use crate::conditions::{Honoured, Refused};
use crate::write::{Demand, Task};
use crate::{Bucket, Cause, Error, Expect, Prefix, Retry};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use model::{ContentId, ETag, Node, ObjectKey, RemoteVersion};
use opendal::raw::Service as _;
use opendal::raw::oio::{self, Write as _};
use opendal::{Buffer, Metadata};
use std::future::Future;
use std::io;

/// What [`Bucket::put`] takes at most; anything larger is written in parts.
pub const PUT_SIZE_MAX: u64 = PART_SIZE;

/// Bytes of a part, as long as that makes at most 10,000 of them.
pub const PART_SIZE: u64 = 8 << 20;

/// Parts of one object in flight. At most two more are in memory: one being read, one waiting.
const PARTS_AT_ONCE: usize = 4;

/// What S3 allows.
const PARTS_MAX: u64 = 10_000;

impl Bucket {
    /// Writes an object in parts, if what stands there is as expected; else [`Error::Changed`].
    ///
    /// `next_part` is called for one part after the other with its offset and length, and must return exactly that many bytes. Together
    /// they must be what `node` says: else [`Error::Changed`], and nothing is left behind. The object carries its
    /// MD5 as metadata, because the tag of an object in parts is none.
    pub async fn put_parts<F, Fut>(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        next_part: F,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let task = Task { key, place: prefix.place(key), prefix, node };
        // A store that was not found to honour the condition gets a look beside it: here, before the bytes are sent,
        // and once more before they are put in place.
        let (lesson, honoured) = self.lesson(expect);
        if honoured != Honoured::Yes {
            match self.look(prefix, key, expect).await {
                Ok(()) => {}
                Err(Refused::Failed(error)) => return Err(error),
                Err(Refused::Condition | Refused::Unsupported) => return self.settle(&task).await,
            }
        }
        let demand = if honoured == Honoured::No { Demand::Nothing } else { expect.demand() };
        let mut writer = self
            .write_options(node, Some(node.content), demand, PARTS_AT_ONCE)
            .and_then(|options| self.inner.service.write(&self.inner.context, &task.place, options))
            .map_err(|error| self.attempt("write", Some(key)).failed(&error))?;
        let written = async {
            self.send_parts(&task, &mut writer, next_part).await.map_err(Refused::Failed)?;
            if honoured != Honoured::Yes {
                self.look(prefix, key, expect).await?;
            }
            writer.close().await.map_err(|error| self.refusal("write", key, &error))
        };
        match written.await {
            Ok(written) => self.etag_of(&task, &written).await,
            Err(refused) => {
                // Parts that stay behind cost space and nothing else, so the first error is the one to tell.
                if let Err(error) = writer.abort().await {
                    tracing::debug!(key = key.as_str(), %error, "parts of an abandoned upload stay behind");
                }
                match refused {
                    Refused::Failed(Error::NotFound { .. }) | Refused::Condition => self.settle(&task).await,
                    Refused::Unsupported => {
                        lesson.set(Honoured::No);
                        let cause = Cause::new("the store knows no conditions");
                        Err(self.attempt("write", Some(key)).other(Retry::Later, cause))
                    }
                    Refused::Failed(error) => Err(error),
                }
            }
        }
    }

    async fn send_parts<F, Fut>(
        &self,
        task: &Task<'_>,
        writer: &mut oio::Writer,
        mut next_part: F,
    ) -> Result<(), Error>
    where
        F: FnMut(u64, usize) -> Fut,
        Fut: Future<Output = io::Result<Bytes>>,
    {
        let torn =
            || Error::Changed { key: task.key.clone(), what: "the bytes to send are not the announced ones" };
        let attempt = self.attempt("write", Some(task.key));
        let (size, part_size) = (task.node.size, part_size(task.node.size));
        let mut hasher = Md5::new();
        let mut offset = 0;
        while offset < size {
            let length =
                usize::try_from(part_size.min(size - offset)).expect("because a part fits in memory");
            let part = next_part(offset, length).await.map_err(|error| {
                attempt.other(Retry::Replan, Cause::new(format!("reading its bytes: {error}")))
            })?;
            if part.len() != length {
                return Err(torn());
            }
            hasher.update(&part);
            offset += length as u64;
            writer.write(Buffer::from(part)).await.map_err(|error| attempt.failed(&error))?;
        }
        if ContentId::from_md5(hasher.finalize().into()) == task.node.content { Ok(()) } else { Err(torn()) }
    }

    pub(crate) async fn etag_of(&self, task: &Task<'_>, written: &Metadata) -> Result<RemoteVersion, Error> {
        match written.etag() {
            Some(etag) if !etag.is_empty() => Ok(RemoteVersion { etag: ETag::new(etag), modified: None }),
            _ => self.settle(task).await,
        }
    }
}

/// The least whole number of MiB, from [`PART_SIZE`], that makes at most [`PARTS_MAX`] parts of `size` bytes.
fn part_size(size: u64) -> u64 {
    size.div_ceil(PARTS_MAX).next_multiple_of(1 << 20).max(PART_SIZE)
}

#[cfg(test)]
mod tests;
