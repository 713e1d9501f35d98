//! The real remote side: a folder's place in a bucket.

use crate::progress::Progress;
use crate::sides::{Changes, Reading, Remote, Told};
use bucket::{
    Bucket, Cursor, Error, Expect, Feed, Found, Get, Object, PartDone, Parts, Prefix, Upload, Write,
};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{Node, ObjectKey, RemoteVersion, UploadId};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Everything below a prefix of a bucket.
#[derive(Clone)]
pub struct Place {
    bucket: Bucket,
    prefix: Prefix,
}

impl Place {
    /// The part of `bucket` below `prefix`.
    #[must_use]
    pub fn new(bucket: Bucket, prefix: Prefix) -> Self {
        Self { bucket, prefix }
    }
}

impl Remote for Place {
    type Upload = Upload;

    async fn changes(&self, since: Option<&str>, wait: Duration) -> Result<Changes, Error> {
        let since = since.map(Cursor::new);
        Ok(match self.bucket.changes(&self.prefix, since.as_ref(), wait).await? {
            bucket::Changes::Unsupported => Changes::Unsupported,
            bucket::Changes::Unknown => Changes::Unknown,
            bucket::Changes::Since(feed) => Changes::Since(told(feed)),
            bucket::Changes::Everything(feed) => Changes::Everything(told(feed)),
        })
    }

    fn list(&self) -> BoxStream<'static, Result<Found, Error>> {
        self.bucket.list_stream(&self.prefix)
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        self.bucket.head(&self.prefix, key).await
    }

    async fn get(&self, key: &ObjectKey, version: &RemoteVersion, size: u64) -> Result<Get, Error> {
        self.bucket.get_sized(&self.prefix, key, version, size).await
    }

    async fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        self.bucket.put(&self.prefix, key, node, bytes, expect).await
    }

    fn get_from(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        self.bucket.get_stream(&self.prefix, key, version, from, size)
    }

    async fn begin_upload(&self, key: &ObjectKey, node: &Node) -> Result<Upload, Error> {
        self.bucket.begin_upload(&self.prefix, key, node).await
    }

    async fn resume_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<Option<Upload>, Error> {
        self.bucket.resume_upload(&self.prefix, key, id).await
    }

    fn upload_id(upload: &Upload) -> UploadId {
        upload.id().clone()
    }

    async fn upload<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &Expect,
        upload: &Upload,
        parts: &Parts,
        source: Arc<R>,
        progress: &Progress,
    ) -> Result<RemoteVersion, Error> {
        let read = |offset, length| {
            let source = Arc::clone(&source);
            async move { source.read_at(offset, length).await.map_err(io::Error::other) }
        };
        let write = Write { prefix: &self.prefix, key, node, expect };
        let done = |part: PartDone| progress.bytes_done(part.length());
        self.bucket.upload(write, upload, parts, read, done).await
    }

    async fn abort_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<(), Error> {
        self.bucket.abort_upload(&self.prefix, key, id).await
    }

    async fn set_meta(
        &self,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        self.bucket.set_meta(&self.prefix, key, node, version).await
    }

    async fn delete(&self, key: &ObjectKey, version: &RemoteVersion) -> Result<(), Error> {
        self.bucket.delete(&self.prefix, key, version).await
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        self.bucket.copy(&self.prefix, from, version, to, node).await
    }
}

fn told(feed: Feed) -> Told {
    let cursor = feed.cursor.as_str().to_owned();
    let next = |mut feed: Feed| async move { Ok(feed.next().await?.map(|changed| (changed, feed))) };
    Told { cursor, changes: stream::try_unfold(feed, next).boxed() }
}
