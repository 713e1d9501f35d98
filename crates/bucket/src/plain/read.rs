//! Reading a file of a plain tree.

use super::Plain;
use super::store::{Body, Failure};
use crate::{Error, Get, Prefix};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use model::{ObjectKey, RemoteVersion};
use std::ops::Range;
use std::time::Duration;

/// How often a connection may break while one file is read.
const BREAKS_MOST: u32 = 4;

const PAUSE_FIRST: Duration = Duration::from_millis(200);

impl Plain {
    /// Reads an object, if it still is `version`; else [`Error::Changed`], or [`Error::NotFound`].
    pub async fn get(&self, prefix: &Prefix, key: &ObjectKey, version: &RemoteVersion) -> Result<Get, Error> {
        self.read(prefix, key, version, 0..u64::MAX).await
    }

    /// As [`Plain::get`], only the bytes of `range`, which must not be empty. The [`Object`](crate::Object) is still the
    /// whole one.
    pub async fn get_range(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        range: Range<u64>,
    ) -> Result<Get, Error> {
        self.read(prefix, key, version, range).await
    }

    /// The bytes of one version of an object of `size` bytes from the byte `from` on. A line that breaks is gone on with, a few times.
    #[must_use]
    pub fn get_stream(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, Error>> {
        if from >= size {
            return stream::empty().boxed();
        }
        let (plain, prefix, key, version) = (self.clone(), prefix.clone(), key.clone(), version.clone());
        let opened = async move { Ok(plain.get_range(&prefix, &key, &version, from..size).await?.body) };
        opened.into_stream().try_flatten().boxed()
    }

    async fn read(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        range: Range<u64>,
    ) -> Result<Get, Error> {
        let place = prefix.place(key);
        let seen = self.look(&place, key).await?;
        let object = seen.object(key).ok_or_else(|| Error::NotFound { key: key.clone() })?;
        let changed = || Error::Changed { key: key.clone(), what: "another version stands there" };
        if object.version.etag != version.etag {
            return Err(changed());
        }
        let Some(entry) = seen.entry.filter(|_| !key.is_directory()) else {
            return Ok(Get { object, body: stream::empty().boxed() });
        };
        let opened = self.inner.store.open(&place, range.start).await;
        let (opened, body) = opened.map_err(|failure| self.failed("read", Some(key), failure))?;
        if opened.tag != entry.tag {
            return Err(changed());
        }
        let reading = Reading {
            plain: self.clone(),
            key: key.clone(),
            place,
            tag: entry.tag,
            at: range.start,
            end: range.end.min(entry.size),
            body: Some(body),
            breaks: 0,
        };
        Ok(Get { object, body: stream::try_unfold(reading, Reading::next).boxed() })
    }
}

/// A file on its way.
struct Reading {
    plain: Plain,
    key: ObjectKey,
    place: String,
    tag: String,
    at: u64,
    end: u64,
    /// `None` after the connection broke.
    body: Option<Body>,
    breaks: u32,
}

impl Reading {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, Error> {
        loop {
            if self.at >= self.end {
                return Ok(None);
            }
            let failure = match &mut self.body {
                Some(body) => match body.next().await {
                    Some(Ok(chunk)) if chunk.is_empty() => continue,
                    Some(Ok(mut chunk)) => {
                        let wanted = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
                        chunk.truncate(wanted);
                        self.at += chunk.len() as u64;
                        return Ok(Some((chunk, self)));
                    }
                    Some(Err(failure)) => failure,
                    None => Failure::Unreachable(crate::Cause::new("the file ended early")),
                },
                None => match self.plain.inner.store.open(&self.place, self.at).await {
                    Ok((entry, _)) if entry.tag != self.tag => {
                        let what = "another version stands there";
                        return Err(Error::Changed { key: self.key, what });
                    }
                    Ok((_, body)) => {
                        self.body = Some(body);
                        continue;
                    }
                    Err(failure) => failure,
                },
            };
            self.body = None;
            self.breaks += 1;
            if !matches!(failure, Failure::Unreachable(_)) || self.breaks > BREAKS_MOST {
                return Err(self.plain.failed("read", Some(&self.key), failure));
            }
            tracing::debug!(key = self.key.as_str(), at = self.at, ?failure, "reading on after a break");
            tokio::time::sleep(PAUSE_FIRST * 2_u32.pow(self.breaks - 1)).await;
        }
    }
}
