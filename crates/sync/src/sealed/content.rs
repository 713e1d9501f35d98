//! What an object holds: opened if it is sealed, as it is if not.

use super::lock::Lock;
use crate::sides::inside_of;
use crate::threads::blocking;
use bucket::{Cause, Error, Object, Retry};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use journal::{Inside, SealedObject};
use md5::{Digest as _, Md5};
use model::{ContentId, ObjectKey, RemoteVersion};
use std::sync::Arc;
use vault::{Opener, Seal};

type Body = BoxStream<'static, Result<Bytes, Error>>;

/// An object of which so much was read that it is clear whether it is sealed.
pub(super) struct Begun {
    /// `None`: it is in clear.
    pub(super) seal: Option<Seal>,
    pub(super) first: Bytes,
    pub(super) rest: Body,
}

/// Reads an object's beginning.
pub(super) async fn begin(body: Body, key: &ObjectKey) -> Result<Begun, Error> {
    let (begun, damage) = peek(body).await?;
    damage.map_or(Ok(begun), |error| Err(told(key, error)))
}

/// An object as it is, where there are no keys. [`Error::Locked`] if it was sealed here, or may have been: at once, or as soon as `body` shows it.
pub(super) fn guarded(key: &ObjectKey, object: &Object, body: Body) -> Result<Body, Error> {
    if object.meta.sealed {
        return Err(keyless(key));
    }
    let is_said_to_be = key.as_str().rsplit_once('.').is_some_and(|(_, extension)| extension == "age");
    if is_ours(object) || is_said_to_be {
        return Ok(body);
    }
    let key = key.clone();
    let looked_at = async move {
        let (Begun { seal, first, rest }, _) = peek(body).await?;
        if seal.is_some() {
            return Err(keyless(&key));
        }
        Ok(stream::iter((!first.is_empty()).then_some(Ok(first))).chain(rest))
    };
    Ok(stream::once(looked_at).try_flatten().boxed())
}

/// Whether Heirloom wrote an object, or a client that takes metadata along: nobody else says its mode.
pub(super) fn is_ours(object: &Object) -> bool {
    object.meta.mode.is_some()
}

fn keyless(key: &ObjectKey) -> Error {
    let source = Cause::new("this state names no identity to open it with");
    Error::Locked { key: key.clone(), source }
}

/// An object's beginning; and what is wrong with it, if it looks sealed and cannot be.
async fn peek(mut body: Body) -> Result<(Begun, Option<vault::Error>), Error> {
    let mut first = BytesMut::new();
    loop {
        match Seal::of(&first) {
            Ok(Some(seal)) => {
                return Ok((Begun { seal: Some(seal), first: first.freeze(), rest: body }, None));
            }
            Ok(None) => {}
            Err(error) => {
                let damage = (!matches!(error, vault::Error::NotSealed)).then_some(error);
                return Ok((Begun { seal: None, first: first.freeze(), rest: body }, damage));
            }
        }
        match body.try_next().await? {
            // One chunk is nearly always enough.
            Some(chunk) if first.is_empty() => first = BytesMut::from(chunk),
            Some(chunk) => first.extend_from_slice(&chunk),
            // Shorter than any header: it is something else.
            None => return Ok((Begun { seal: None, first: first.freeze(), rest: body }, None)),
        }
    }
}

/// What an object holds, on its way.
pub(super) struct Content {
    lock: Arc<Lock>,
    key: ObjectKey,
    version: RemoteVersion,
    /// The store's digest of its bytes, if it has one.
    stored: Option<ContentId>,
    seal: Option<Seal>,
    first: Option<Bytes>,
    rest: Body,
    /// `None`: it is in clear, or at its end.
    opener: Option<Opener>,
    hasher: Md5,
    size: u64,
    ended: bool,
}

impl Content {
    /// [`Error::Locked`] if it is sealed and there is nothing to open it with.
    pub(super) fn of(
        lock: Arc<Lock>,
        key: &ObjectKey,
        version: &RemoteVersion,
        stored: Option<ContentId>,
        Begun { seal, first, rest }: Begun,
    ) -> Result<Self, Error> {
        if seal.is_some() && lock.keys.identities.is_empty() {
            let source = Cause::new("this machine has no identity to open it with");
            return Err(Error::Locked { key: key.clone(), source });
        }
        let opener = seal.is_some().then(|| Opener::new(&lock.keys.identities));
        let (key, version, first) = (key.clone(), version.clone(), Some(first));
        let (hasher, size, ended) = (Md5::new(), 0, false);
        Ok(Self { lock, key, version, stored, seal, first, rest, opener, hasher, size, ended })
    }

    /// The content. Only its end says that nothing is missing.
    pub(super) fn into_stream(self) -> Body {
        let next = |mut content: Self| async move { Ok(content.next().await?.map(|chunk| (chunk, content))) };
        stream::try_unfold(self, next).boxed()
    }

    /// The content from the byte `from` on.
    pub(super) fn into_stream_behind(self, from: u64) -> Body {
        let mut before = from;
        let behind = self.into_stream().map_ok(move |mut chunk| {
            let skipped = before.min(chunk.len() as u64);
            before -= skipped;
            chunk.split_off(usize::try_from(skipped).expect("because it is at most a chunk's length"))
        });
        behind.try_filter(|chunk| std::future::ready(!chunk.is_empty())).boxed()
    }

    /// Reads all of it, to know what it is.
    pub(super) async fn read_through(self) -> Result<Inside, Error> {
        inside_of(self.into_stream()).await
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while !self.ended {
            let chunk = match self.first.take() {
                Some(first) => Some(first),
                None => self.rest.try_next().await?,
            };
            let plain = match (chunk, self.opener.take()) {
                (Some(chunk), Some(opener)) => self.open(chunk, opener).await?,
                (Some(chunk), None) => chunk,
                (None, opener) => {
                    self.ended = true;
                    self.rest_of(opener).await?
                }
            };
            self.size += plain.len() as u64;
            let (hasher, bytes) = (std::mem::take(&mut self.hasher), plain.clone());
            self.hasher = blocking(move || hasher.chain_update(&bytes)).await;
            if self.ended {
                self.conclude().await?;
            }
            if !plain.is_empty() {
                return Ok(Some(plain));
            }
        }
        Ok(None)
    }

    async fn open(&mut self, chunk: Bytes, mut opener: Opener) -> Result<Bytes, Error> {
        let (plain, opener) = blocking(move || (opener.push(chunk), opener)).await;
        self.opener = Some(opener);
        plain.map_err(|error| told(&self.key, error))
    }

    async fn rest_of(&mut self, opener: Option<Opener>) -> Result<Bytes, Error> {
        let Some(opener) = opener else { return Ok(Bytes::new()) };
        let end = blocking(move || opener.finish()).await;
        end.map(|end| end.rest).map_err(|error| told(&self.key, error))
    }

    /// Remembers what was inside of a seal; of what is in clear, the store's own digest must be that of its bytes.
    async fn conclude(&mut self) -> Result<(), Error> {
        let content = ContentId::from_md5(std::mem::take(&mut self.hasher).finalize().into());
        let Some(seal) = &self.seal else {
            return match self.stored {
                Some(stored) if stored != content => {
                    Err(failed(&self.key, "its bytes are not what the store says"))
                }
                _ => Ok(()),
            };
        };
        let object = SealedObject {
            key: self.key.clone(),
            seal: seal.as_str().to_owned(),
            etag: Some(self.version.etag.clone()),
            inside: Inside { content, size: self.size },
        };
        let (lock, key) = (Arc::clone(&self.lock), self.key.clone());
        blocking(move || lock.put(&object, &key)).await
    }
}

/// What opening failed of.
fn told(key: &ObjectKey, error: vault::Error) -> Error {
    use vault::Error as Failed;
    match error {
        Failed::NoIdentity { .. } | Failed::TooMuchWork { .. } => {
            Error::Locked { key: key.clone(), source: Cause::new(error.to_string()) }
        }
        error => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            failed(key, &format!("{error}{}", cause.unwrap_or_default()))
        }
    }
}

fn failed(key: &ObjectKey, why: &str) -> Error {
    Error::Other { attempt: format!("open `{key}`"), retry: Retry::Later, source: Cause::new(why) }
}
