//! Large objects written in one go: an upload that nobody remembers.

use crate::upload::{PART_SIZE, Parts, Upload, Write};
use crate::{Bucket, Error, Expect, Prefix};
use bytes::Bytes;
use model::{Node, ObjectKey, RemoteVersion, UploadId};
use std::future::Future;
use std::io;

/// What [`Bucket::put`] takes at most; anything larger is written in parts.
pub const PUT_SIZE_MAX: u64 = PART_SIZE;

impl Bucket {
    /// Writes an object in parts, if what stands there is as expected; else [`Error::Changed`].
    ///
    /// As [`Bucket::upload`], but nothing of a failed or dropped attempt is kept to go on with. The object carries its
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
        if node.size == 0 {
            // No upload has no parts.
            return self.put(prefix, key, node, Bytes::new(), expect).await;
        }
        let upload = self.begin_upload(prefix, key, node).await?;
        let mut forgotten = Forgotten::new(self, prefix, key, &upload);
        let write = Write { prefix, key, node, expect };
        let outcome = self.upload(write, &upload, &Parts::plain(node.size), next_part, |_| {}).await;
        if !outcome.as_ref().is_err_and(Error::leaves_upload) {
            forgotten.upload = None;
        }
        outcome
    }
}

/// An upload that is aborted when this is dropped.
struct Forgotten {
    bucket: Bucket,
    prefix: Prefix,
    key: ObjectKey,
    upload: Option<UploadId>,
}

impl Forgotten {
    fn new(bucket: &Bucket, prefix: &Prefix, key: &ObjectKey, upload: &Upload) -> Self {
        let upload = Some(upload.id().clone());
        Self { bucket: bucket.clone(), prefix: prefix.clone(), key: key.clone(), upload }
    }
}

impl Drop for Forgotten {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.upload.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (bucket, prefix, key) = (self.bucket.clone(), self.prefix.clone(), self.key.clone());
        runtime.spawn(async move {
            if let Err(error) = bucket.abort_upload(&prefix, &key, &id).await {
                tracing::debug!(key = key.as_str(), %error, "parts of a dropped upload stay behind");
            }
        });
    }
}
