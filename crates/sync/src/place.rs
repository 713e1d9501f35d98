//! The real remote side: a folder's place in a bucket, or in a plain tree of files.
//!
//! One type for both, because they answer the same questions in the same nouns. Where they differ: a bucket may tell what changed, takes large
//! files by parts that outlive a crash, and has nothing but its name to be known by; a tree is always listed, takes a large file in one go, and
//! carries a marker.

use crate::progress::Progress;
use crate::sides::{Changes, Held, Reading, Remote, Standing, Told};
use bucket::plain::PlaceId;
use bucket::{
    Bucket, Cursor, Error, Expect, Feed, Found, Get, Object, PartDone, Parts, Plain, Prefix, Upload, Write,
};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use model::{Node, ObjectKey, RemoteVersion, UploadId};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Everything below a prefix of a bucket or a tree.
#[derive(Clone)]
pub struct Place {
    store: Store,
    prefix: Prefix,
}

/// What a place is in.
#[derive(Clone)]
pub enum Store {
    /// A bucket of an S3 server.
    Bucket(Bucket),
    /// A tree of files.
    Plain(Plain),
}

impl From<Bucket> for Store {
    fn from(bucket: Bucket) -> Self {
        Self::Bucket(bucket)
    }
}

impl From<Plain> for Store {
    fn from(plain: Plain) -> Self {
        Self::Plain(plain)
    }
}

/// A large file on its way.
pub enum Sending {
    /// By parts that the store knows.
    Parts(Upload),
    /// In one go, of which nothing stays behind if it breaks.
    Whole,
}

/// Calls the same method on either.
macro_rules! either {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match &$self.store {
            Store::Bucket(bucket) => bucket.$method(&$self.prefix, $($argument),*).await,
            Store::Plain(plain) => plain.$method(&$self.prefix, $($argument),*).await,
        }
    };
}

impl Place {
    /// The part of `store` below `prefix`.
    #[must_use]
    pub fn new(store: impl Into<Store>, prefix: Prefix) -> Self {
        Self { store: store.into(), prefix }
    }
}

impl Remote for Place {
    type Upload = Sending;

    async fn hold(&self) -> Result<Held<Self>, Error> {
        let Store::Plain(plain) = &self.store else {
            return Ok(Held { remote: self.clone(), standing: Standing::Named });
        };
        let held = plain.hold().await?;
        let standing = match held.id().await? {
            Some(id) => Standing::Marked(id),
            None => Standing::Unmarked(plain.unmarked()),
        };
        Ok(Held { remote: Self { store: held.into(), prefix: self.prefix.clone() }, standing })
    }

    fn may_forget(&self) -> bool {
        matches!(self.store, Store::Plain(_))
    }

    async fn mark(&self) -> Result<PlaceId, Error> {
        match &self.store {
            Store::Plain(plain) => plain.mark().await,
            Store::Bucket(_) => unreachable!("because a bucket is known by its name"),
        }
    }

    async fn changes(&self, since: Option<&str>, wait: Duration) -> Result<Changes, Error> {
        let Store::Bucket(bucket) = &self.store else { return Ok(Changes::Unsupported) };
        let since = since.map(Cursor::new);
        Ok(match bucket.changes(&self.prefix, since.as_ref(), wait).await? {
            bucket::Changes::Unsupported => Changes::Unsupported,
            bucket::Changes::Unknown => Changes::Unknown,
            bucket::Changes::Since(feed) => Changes::Since(told(feed)),
            bucket::Changes::Everything(feed) => Changes::Everything(told(feed)),
        })
    }

    fn list(&self) -> BoxStream<'static, Result<Found, Error>> {
        match &self.store {
            Store::Bucket(bucket) => bucket.list_stream(&self.prefix),
            Store::Plain(plain) => plain.list_stream(&self.prefix),
        }
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<Object>, Error> {
        either!(self.head(key))
    }

    async fn get(&self, key: &ObjectKey, version: &RemoteVersion, size: u64) -> Result<Get, Error> {
        match &self.store {
            Store::Bucket(bucket) => bucket.get_sized(&self.prefix, key, version, size).await,
            Store::Plain(plain) => plain.get(&self.prefix, key, version).await,
        }
    }

    async fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        either!(self.put(key, node, bytes, expect))
    }

    fn get_from(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        match &self.store {
            Store::Bucket(bucket) => bucket.get_stream(&self.prefix, key, version, from, size),
            Store::Plain(plain) => plain.get_stream(&self.prefix, key, version, from, size),
        }
    }

    async fn begin_upload(&self, key: &ObjectKey, node: &Node) -> Result<Sending, Error> {
        match &self.store {
            Store::Bucket(bucket) => bucket.begin_upload(&self.prefix, key, node).await.map(Sending::Parts),
            Store::Plain(_) => Ok(Sending::Whole),
        }
    }

    async fn resume_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<Option<Sending>, Error> {
        match &self.store {
            Store::Bucket(bucket) => {
                Ok(bucket.resume_upload(&self.prefix, key, id).await?.map(Sending::Parts))
            }
            Store::Plain(_) => Ok(None),
        }
    }

    fn upload_id(upload: &Sending) -> UploadId {
        match upload {
            Sending::Parts(upload) => upload.id().clone(),
            Sending::Whole => UploadId::new(""),
        }
    }

    async fn upload<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &Expect,
        upload: &Sending,
        parts: &Parts,
        source: Arc<R>,
        progress: &Progress,
    ) -> Result<RemoteVersion, Error> {
        let read = |offset, length| {
            let source = Arc::clone(&source);
            async move { source.read_at(offset, length).await.map_err(io::Error::other) }
        };
        match (&self.store, upload) {
            (Store::Bucket(bucket), Sending::Parts(upload)) => {
                let write = Write { prefix: &self.prefix, key, node, expect };
                let done = |part: PartDone| {
                    progress.bytes_done(part.length());
                    if let PartDone::Sent(length) = part {
                        progress.bytes_sent(length);
                    }
                };
                bucket.upload(write, upload, parts, read, done).await
            }
            (Store::Plain(plain), _) => {
                let counted = |offset, length: usize| {
                    progress.bytes_done(length as u64);
                    progress.bytes_sent(length as u64);
                    read(offset, length)
                };
                plain.put_parts(&self.prefix, key, node, counted, expect).await
            }
            (Store::Bucket(_), Sending::Whole) => {
                unreachable!("because a bucket's uploads are begun by it")
            }
        }
    }

    async fn abort_upload(&self, key: &ObjectKey, id: &UploadId) -> Result<(), Error> {
        match &self.store {
            Store::Bucket(bucket) => bucket.abort_upload(&self.prefix, key, id).await,
            Store::Plain(_) => Ok(()),
        }
    }

    async fn set_meta(
        &self,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        either!(self.set_meta(key, node, version))
    }

    async fn delete(&self, key: &ObjectKey, version: &RemoteVersion) -> Result<(), Error> {
        either!(self.delete(key, version))
    }

    async fn copy(
        &self,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        either!(self.copy(from, version, to, node))
    }
}

fn told(feed: Feed) -> Told {
    let cursor = feed.cursor.as_str().to_owned();
    let next = |mut feed: Feed| async move { Ok(feed.next().await?.map(|changed| (changed, feed))) };
    Told { cursor, changes: stream::try_unfold(feed, next).boxed() }
}
