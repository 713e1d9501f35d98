//! Listing everything below a prefix.
//!
//! A sync deletes what a listing does not show, so a listing is either whole or an error. Keys must come in strictly
//! ascending order, as S3 promises; that also catches a server that repeats a page or loses its place.

use crate::object::nanos_of;
use crate::{Bucket, Cause, Error, Listed, Prefix, Retry};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use model::{ETag, ObjectKey, RemoteVersion};
use opendal::Metadata;
use opendal::options::ListOptions;
use opendal::raw::Service as _;
use opendal::raw::oio::{self, List as _};

/// What is ours at the bucket's root.
const OURS: &str = ".heirloom/";

/// How the names of files in transit start, in every directory.
const IN_TRANSIT: &str = ".heirloom-tmp-";

/// A whole listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in the order of their keys.
    pub objects: Vec<Listed>,
    /// Keys below the prefix that name no path here (`a//b`, `../c`) or that are not spelt as Heirloom would spell their path:
    /// nothing can be done with them but tell a person. Relative to the prefix.
    pub unusable: Vec<String>,
}

/// One find of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An object.
    Object(Listed),
    /// A key as in [`Listing::unusable`].
    Unusable(String),
}

impl Bucket {
    /// Everything below `prefix`, in the order of keys. A marker for the prefix itself is not part of it, nor is anything of
    /// Heirloom's own.
    pub async fn list(&self, prefix: &Prefix) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut found = self.list_stream(prefix);
        while let Some(found) = found.try_next().await? {
            match found {
                Found::Object(listed) => listing.objects.push(listed),
                Found::Unusable(key) => listing.unusable.push(key),
            }
        }
        Ok(listing)
    }

    /// As [`Bucket::list`], find by find, holding one page (1,000 keys) in memory. After an error nothing follows, and
    /// what came before must not be taken for the whole.
    pub fn list_stream(&self, prefix: &Prefix) -> BoxStream<'static, Result<Found, Error>> {
        let walk = Walk { bucket: self.clone(), prefix: prefix.clone(), last: None, lister: None };
        stream::try_unfold(walk, Walk::next).boxed()
    }
}

/// A listing on its way.
struct Walk {
    bucket: Bucket,
    prefix: Prefix,
    /// The key seen last, which the next one must come after.
    last: Option<String>,
    lister: Option<oio::Lister>,
}

impl Walk {
    async fn next(mut self) -> Result<Option<(Found, Self)>, Error> {
        loop {
            let Some(entry) =
                self.entry().await.map_err(|error| self.bucket.attempt("list", None).failed(&error))?
            else {
                return Ok(None);
            };
            let key = entry.path();
            if self.last.as_deref().is_some_and(|last| last >= key) {
                return Err(self.untrusted(format!("the server lists `{key}` out of order")));
            }
            self.last = Some(key.to_owned());
            let Some(below) = key.strip_prefix(self.prefix.as_str()) else {
                return Err(
                    self.untrusted(format!("the server lists `{key}`, which is not below `{}`", self.prefix))
                );
            };
            if below.is_empty() || is_ours(key) {
                continue;
            }
            // A key that is not its path's own spelling cannot be asked for by that path.
            let found = match ObjectKey::parse(below) {
                Ok(parsed) if parsed.as_str() == below => {
                    Found::Object(self.listed(parsed, entry.metadata())?)
                }
                Ok(_) | Err(_) => Found::Unusable(below.to_owned()),
            };
            return Ok(Some((found, self)));
        }
    }

    async fn entry(&mut self) -> opendal::Result<Option<oio::Entry>> {
        let lister = match &mut self.lister {
            Some(lister) => lister,
            none => {
                let options = ListOptions { recursive: true, ..ListOptions::default() };
                let inner = &self.bucket.inner;
                none.insert(inner.service.list(&inner.context, self.prefix.as_str(), options.into())?)
            }
        };
        lister.next().await
    }

    fn listed(&self, key: ObjectKey, said: &Metadata) -> Result<Listed, Error> {
        let Some(etag) = said.etag() else {
            return Err(self.untrusted(format!("the server lists `{key}` without an ETag")));
        };
        let version = RemoteVersion { etag: ETag::new(etag), modified: said.last_modified().map(nanos_of) };
        let size = if key.is_directory() { 0 } else { said.content_length() };
        Ok(Listed { key, size, version })
    }

    fn untrusted(&self, what: String) -> Error {
        self.bucket.attempt("list", None).other(Retry::Later, Cause::new(what))
    }
}

/// Whether a full key belongs to Heirloom itself, or to a file that is still being written.
pub(crate) fn is_ours(key: &str) -> bool {
    key.starts_with(OURS) || key.split('/').any(|component| component.starts_with(IN_TRANSIT))
}
