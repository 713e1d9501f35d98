//! Reading a large object: several ranges at once, handed on in order.
//!
//! One connection carries what its window allows, which over a long line is a fraction of what the line could. So a few ranges are
//! read ahead, all of one version, and each is handed on when it is whole and its turn has come. A reader that is slow holds
//! them up: no more is read than it has room for. Rejected: ranges handed on in any order, which a digest cannot be computed over.

use crate::{Bucket, Cause, Error, Prefix, Retry};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ObjectKey, RemoteVersion};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::task::AbortOnDropHandle;

/// Bytes that are read in one request.
const RANGE: usize = 8 << 20;

/// Requests at once, and ranges in memory.
const RANGES_AT_ONCE: usize = 4;

const OTHER_RANGE: &str = "the server sends another range than the one it was asked for";

impl Bucket {
    /// Reads an object of `size` bytes from the byte `from` on, if it still is `version`; else [`Error::Changed`], or
    /// [`Error::NotFound`]. At most 32 MiB of it are in memory. An error ends the stream; what came before it is right as far as it goes.
    ///
    /// It reads ahead in tasks of its own, so it is to be taken from within a runtime.
    #[must_use]
    pub fn get_stream(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        let (bucket, prefix) = (self.clone(), prefix.clone());
        let reader =
            Reader { bucket, prefix, key: key.clone(), version: version.clone(), used: Used::default() };
        let ranges = (from..size).step_by(RANGE).map(move |start| start..size.min(start + RANGE as u64));
        // Each in a task, because it is to go on while whoever takes the ranges is busy with one.
        let read = move |range| {
            let (read, reader) = (reader.clone(), reader.clone());
            let task = AbortOnDropHandle::new(tokio::spawn(async move { read.read(range).await }));
            async move { task.await.unwrap_or_else(|_| Err(reader.failed("the program is ending"))) }
        };
        stream::iter(ranges).map(read).buffered(RANGES_AT_ONCE).boxed()
    }
}

/// Reads ranges of one version.
#[derive(Clone)]
struct Reader {
    bucket: Bucket,
    prefix: Prefix,
    key: ObjectKey,
    version: RemoteVersion,
    used: Used,
}

/// Memory of ranges that were taken, to be used again: asking the system for it anew costs more than what is done with it.
type Used = Arc<Mutex<Vec<Vec<u8>>>>;

/// A range on loan.
struct Lent {
    bytes: Vec<u8>,
    used: Used,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

impl Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let Self { bucket, prefix, key, version, used } = self;
        let length = usize::try_from(range.end - range.start).expect("because a range fits in memory");
        let mut body = bucket.get_range(prefix, key, version, range).await?.body;
        let free = used.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lent = Lent { bytes: free.unwrap_or_default(), used: Arc::clone(used) };
        let bytes = &mut lent.bytes;
        bytes.reserve_exact(length);
        while let Some(chunk) = body.try_next().await? {
            if bytes.len() + chunk.len() > length {
                return Err(self.failed(OTHER_RANGE));
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.len() == length { Ok(Bytes::from_owner(lent)) } else { Err(self.failed(OTHER_RANGE)) }
    }

    fn failed(&self, why: &str) -> Error {
        self.bucket.attempt("read", Some(&self.key)).other(Retry::Later, Cause::new(why))
    }
}
