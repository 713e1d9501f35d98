//! Which place it is that stands under a destination's name.
//!
//! A mount point without its disk is an empty directory like any other, and so is what a server shows of a volume that is
//! not there. Taken for the destination, it would have lost every file. So a marker is left there at the first use, with an
//! id: without it there is no destination, and with another id there is another one.

use super::store::{Failure, Move, Onto};
use super::{At, Inner, Plain};
use crate::{Cause, Error, Missing, Retry};
use bytes::Bytes;
use futures::TryStreamExt as _;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

const MARKER: &str = ".heirloom/place";

/// What its first line says; the id follows on the second.
const TITLE: &str =
    "This is a destination of Heirloom's. Do not delete this file: without it, nothing is written here.";

/// More than any marker has.
const SIZE_MAX: u64 = 4096;

/// Which place it is: 32 hexadecimal digits, drawn when it was first used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlaceId(String);

impl PlaceId {
    /// Takes what [`PlaceId::as_str`] gave.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Plain {
    /// Holds on to what stands there now. Of a disk, what is done through the returned tree is done on that very disk: one that is
    /// pulled or unmounted meanwhile makes an error, never a copy in its mount point. Keep it no longer than a piece of work
    /// takes, because it keeps the disk from being unmounted. [`Error::Absent`] if there is no such directory.
    pub async fn hold(&self) -> Result<Self, Error> {
        let Some(held) = self.inner.store.hold().await else { return Ok(self.clone()) };
        let inner = Inner {
            options: self.inner.options.clone(),
            store: held.map_err(|failure| self.failed("open", None, failure))?,
            session: Arc::clone(&self.inner.session),
            incoming: OnceCell::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Which place it is; `None` if it carries no marker. [`Error::Absent`], [`Error::NoSuchBucket`]: there is no such directory.
    pub async fn id(&self) -> Result<Option<PlaceId>, Error> {
        self.probe().await?;
        self.read_marker().await.map_err(|failure| self.failed("read the marker of", None, failure))
    }

    /// Leaves a marker, and says which place it is from now on. One that is marked already stays as it is.
    pub async fn mark(&self) -> Result<PlaceId, Error> {
        let failed = |failure| self.failed("mark", None, failure);
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| failed(Failure::Other(Cause::new(error.to_string()))))?;
        let id = PlaceId(format!("{:032x}", u128::from_be_bytes(bytes)));
        let content = Bytes::from(format!("{TITLE}\n{id}\n"));
        let draft = self.draft(content, None).await.map_err(failed)?;
        let marked = async {
            self.inner.store.flush(draft.dirty).await?;
            self.place_all(&[Move { from: &draft.path, to: MARKER, onto: Onto::Nothing }]).await
        };
        match marked.await {
            Ok(()) => Ok(id),
            Err(Failure::Exists) => {
                self.give_up(&draft.path).await;
                let there = self.read_marker().await.map_err(failed)?;
                there.ok_or_else(|| failed(Failure::Other(Cause::new("its marker came and went"))))
            }
            Err(failure) => {
                self.give_up(&draft.path).await;
                Err(failed(failure))
            }
        }
    }

    /// What is to be said of a place without a marker that had one.
    #[must_use]
    pub fn unmarked(&self) -> Error {
        let place = self.inner.options.at.address();
        match self.inner.options.at {
            At::Disk { .. } => Error::Absent { place, why: Missing::Marker },
            At::Webdav { .. } | At::Sftp { .. } => Error::Emptied { place },
        }
    }

    /// Fails if this is no longer the place that it was: a volume behind a server may go at any moment.
    pub(super) async fn is_still(&self, id: Option<&PlaceId>) -> Result<(), Error> {
        match id {
            Some(id) if self.id().await?.as_ref() != Some(id) => Err(self.unmarked()),
            _ => Ok(()),
        }
    }

    async fn read_marker(&self) -> Result<Option<PlaceId>, Failure> {
        let (entry, body) = match self.inner.store.open(MARKER, 0).await {
            Ok(opened) => opened,
            Err(Failure::NotFound) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let text: Vec<Bytes> = if entry.size > SIZE_MAX { Vec::new() } else { body.try_collect().await? };
        let text = String::from_utf8(text.concat()).unwrap_or_default();
        let is_id = |id: &&str| id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit());
        match text.lines().nth(1).filter(is_id) {
            Some(id) => Ok(Some(PlaceId(id.to_owned()))),
            None => {
                Err(Failure::Other(Cause::new(format!("{MARKER} is damaged; put it back, or delete it"))))
            }
        }
    }

    /// Not there: a disk may come back, of which a server's missing directory gives no hope.
    pub(super) fn no_such_place(&self) -> Error {
        let place = self.inner.options.at.address();
        match self.inner.options.at {
            At::Disk { .. } => Error::Absent { place, why: Missing::Directory },
            At::Webdav { .. } | At::Sftp { .. } => Error::NoSuchBucket { at: self.called(), endpoint: place },
        }
    }

    pub(super) fn other(&self, verb: &str, retry: Retry, source: Cause) -> Error {
        Error::Other { attempt: format!("{verb} {}", self.called()), retry, source }
    }
}
