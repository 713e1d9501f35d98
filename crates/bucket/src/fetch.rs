//! Reading a large object: several ranges at once, handed on in order.
//!
//! One connection carries what its window allows, which over a long line is a fraction of what the line could. So a few ranges are
//! read ahead, all of one version, and each is handed on when it is whole and its turn has come. A reader that is slow holds
//! them up: no more is read than it has room for. Rejected: ranges handed on in any order, which a digest cannot be computed over.

use crate::{Bucket, Cause, Error, Prefix, Retry};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ObjectKey, RemoteVersion};
use std::ops::Range;

/// Bytes that are read in one request.
const RANGE: usize = 8 << 20;

/// Requests at once, and ranges in memory.
const RANGES_AT_ONCE: usize = 4;

impl Bucket {
    /// Reads an object of `size` bytes from the byte `from` on, if it still is `version`; else [`Error::Changed`], or
    /// [`Error::NotFound`]. At most 32 MiB of it are in memory. An error ends the stream; what came before it is right as far as it goes.
    pub fn get_stream(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        let (bucket, prefix, key, version) = (self.clone(), prefix.clone(), key.clone(), version.clone());
        let ranges = (from..size).step_by(RANGE).map(move |start| start..size.min(start + RANGE as u64));
        let read = move |range| {
            let (bucket, prefix, key, version) =
                (bucket.clone(), prefix.clone(), key.clone(), version.clone());
            async move { bucket.range_of(&prefix, &key, &version, range).await }
        };
        stream::iter(ranges.map(Ok)).map_ok(read).try_buffered(RANGES_AT_ONCE).boxed()
    }

    async fn range_of(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        range: Range<u64>,
    ) -> Result<Bytes, Error> {
        let length = usize::try_from(range.end - range.start).expect("because a range fits in memory");
        let mut body = self.get_range(prefix, key, version, range).await?.body;
        let mut bytes = BytesMut::with_capacity(length);
        while let Some(chunk) = body.try_next().await? {
            if bytes.len() + chunk.len() > length {
                return Err(self.not_the_range(key));
            }
            bytes.extend_from_slice(&chunk);
        }
        if bytes.len() == length { Ok(bytes.freeze()) } else { Err(self.not_the_range(key)) }
    }

    fn not_the_range(&self, key: &ObjectKey) -> Error {
        let cause = Cause::new("the server sends another range than the one it was asked for");
        self.attempt("read", Some(key)).other(Retry::Later, cause)
    }
}
