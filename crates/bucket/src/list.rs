//! Listing everything below a prefix.
//!
//! `walk` lists a stretch of keys, page by page; `wide` cuts a long listing into stretches and walks several at once.
//!
//! A sync deletes what a listing does not show, so a listing is either whole or an error. Keys must come in strictly
//! ascending order, as S3 promises; that also catches a server that repeats a page or loses its place.

pub(crate) mod walk;
mod wide;

use crate::{Bucket, Error, Listed, Prefix};
use futures::TryStreamExt as _;
use futures::stream::BoxStream;

/// A whole listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The objects, in the order of their keys.
    pub objects: Vec<Listed>,
    /// Keys below the prefix that name no path here (`a//b`, `../c`) or that are not spelt as Heirloom would spell their path:
    /// nothing can be done with them but tell a person. Relative to the prefix.
    pub unusable: Vec<String>,
    /// Directories that the store would not show, see [`Found::Unreadable`].
    pub unreadable: Vec<String>,
}

/// One find of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An object.
    Object(Listed),
    /// A key as in [`Listing::unusable`].
    Unusable(String),
    /// A directory that the store would not show to us: what is below is neither there nor gone. Only trees have directories.
    Unreadable {
        /// Its path, relative to the prefix.
        path: String,
        /// What the store said.
        why: String,
    },
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
                Found::Unreadable { path, .. } => listing.unreadable.push(path),
            }
        }
        Ok(listing)
    }

    /// As [`Bucket::list`], find by find. What fits in a few pages is listed page by page; of more than that, several parts are
    /// listed at once, with some 30,000 finds in memory at most. After an error nothing follows, and what came before must not be taken
    /// for the whole.
    #[must_use]
    pub fn list_stream(&self, prefix: &Prefix) -> BoxStream<'static, Result<Found, Error>> {
        wide::stream(self, prefix)
    }
}
