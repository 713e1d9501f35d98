//! Looking at a bucket and at single objects.

use crate::{Bucket, Cause, Error, Get, Object, Prefix, Retry};
use futures::{StreamExt as _, stream};
use model::{Kind, ObjectKey, RemoteVersion};
use opendal::BytesRange;
use opendal::options::{ListOptions, ReaderOptions};
use opendal::raw::oio::{List as _, Read as _, ReadStream as _};
use opendal::raw::{OpRead, OpStat, Service as _};
use std::ops::Range;

impl Bucket {
    /// Asks for one key of the bucket, to learn whether it can be reached and opened:
    /// [`Error::Unreachable`], [`Error::WrongKey`] and [`Error::NoSuchBucket`] are told apart.
    pub async fn probe(&self) -> Result<(), Error> {
        let options = ListOptions { recursive: true, limit: Some(1), ..ListOptions::default() };
        let first = async {
            // Only a page is asked for, and a listing reads the next one only when asked on.
            self.inner.service.list(&self.inner.context, "", options.into())?.next().await
        };
        first.await.map(drop).map_err(|error| self.attempt("open", None).failed(&error))
    }

    /// What stands at `key`; `None` if nothing does.
    pub async fn head(&self, prefix: &Prefix, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let attempt = self.attempt("look at", Some(key));
        let answer =
            self.inner.service.stat(&self.inner.context, &self.place(prefix, key), OpStat::default()).await;
        match answer {
            Ok(answer) => match Object::from_headers(key, &answer.into_metadata()) {
                // A marker that lost the slash at its end: taken for a file, it would replace the directory everywhere.
                Some(object) if object.kind == Kind::Directory && !key.is_directory() => {
                    let source = Cause::new("it is a directory that this store has made a file of");
                    Err(Error::Rejected { key: key.clone(), source })
                }
                Some(object) => Ok(Some(object)),
                None => Err(attempt.other(Retry::Later, Cause::new("the server names no ETag"))),
            },
            Err(error) => match attempt.failed(&error) {
                Error::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Reads an object, if it still is `version`; else [`Error::Changed`], or [`Error::NotFound`].
    pub async fn get(&self, prefix: &Prefix, key: &ObjectKey, version: &RemoteVersion) -> Result<Get, Error> {
        self.read(prefix, key, version, BytesRange::default()).await
    }

    /// As [`Bucket::get`], only the bytes of `range`, which must not be empty. The [`Object`] is still the whole one.
    pub async fn get_range(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        range: Range<u64>,
    ) -> Result<Get, Error> {
        self.read(prefix, key, version, BytesRange::from(range)).await
    }

    async fn read(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        range: BytesRange,
    ) -> Result<Get, Error> {
        let attempt = self.attempt("read", Some(key));
        let failed = |error| attempt.failed(&error);
        let options = ReaderOptions { if_match: Some(version.etag.quoted()), ..ReaderOptions::default() };
        let (read, _): (OpRead, _) = options.into();
        let reader =
            self.inner.service.read(&self.inner.context, &self.place(prefix, key), read).map_err(failed)?;
        let (answer, bytes) = reader.open(range).await.map_err(failed)?;
        let object = answer
            .metadata()
            .and_then(|headers| Object::from_headers(key, headers))
            .ok_or_else(|| attempt.other(Retry::Later, Cause::new("the server names no ETag")))?;
        // For stores that do not look at the condition.
        if object.version.etag != version.etag {
            return Err(Error::Changed { key: key.clone(), what: "another version stands there" });
        }
        let (bucket, key) = (self.clone(), key.clone());
        let body = stream::try_unfold((bytes, bucket, key), |(mut bytes, bucket, key)| async move {
            let chunk =
                bytes.read().await.map_err(|error| bucket.attempt("read", Some(&key)).failed(&error))?;
            Ok((!chunk.is_empty()).then(|| (chunk.to_bytes(), (bytes, bucket, key))))
        });
        Ok(Get { object, body: body.boxed() })
    }
}
