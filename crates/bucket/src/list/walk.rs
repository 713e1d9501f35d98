//! One listing, page by page, of a stretch of keys.

use super::Found;
use crate::object::nanos_of;
use crate::{Bucket, Cause, Error, Listed, Prefix, Retry};
use model::{ETag, ObjectKey, RemoteVersion};
use opendal::Metadata;
use opendal::options::ListOptions;
use opendal::raw::Service as _;
use opendal::raw::oio::{self, List as _};
use std::sync::atomic::Ordering;

/// What is ours at the bucket's root.
const OURS: &str = ".heirloom/";

/// How the names of files in transit start, in every directory.
const IN_TRANSIT: &str = ".heirloom-tmp-";

/// A part of the order of keys. Full keys, not relative ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stretch {
    /// What comes behind this key, which is not part of it.
    pub(super) after: Option<String>,
    /// The last key that may be part of it.
    pub(super) until: Option<String>,
}

/// A listing of a stretch on its way.
pub(super) struct Walk {
    bucket: Bucket,
    prefix: Prefix,
    stretch: Stretch,
    /// The key seen last, which the next one must come after.
    last: Option<String>,
    lister: Option<oio::Lister>,
}

impl Walk {
    pub(super) fn new(bucket: Bucket, prefix: Prefix, stretch: Stretch) -> Self {
        Self { bucket, prefix, last: stretch.after.clone(), stretch, lister: None }
    }

    /// What of the stretch is left.
    pub(super) fn rest(self) -> Stretch {
        Stretch { after: self.last, until: self.stretch.until }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Found>, Error> {
        loop {
            let Some(entry) =
                self.entry().await.map_err(|error| self.bucket.attempt("list", None).failed(&error))?
            else {
                return Ok(None);
            };
            let key = entry.path();
            if self.last.as_deref().is_some_and(|last| last >= key) {
                if self.last == self.stretch.after {
                    // It begins where it likes, so the next listing takes everything in one stretch.
                    self.bucket.inner.lists_in_one.store(true, Ordering::Relaxed);
                }
                return Err(self.untrusted(format!("the server lists `{key}` out of order")));
            }
            if self.stretch.until.as_deref().is_some_and(|until| until < key) {
                return Ok(None);
            }
            let before = self.last.replace(key.to_owned());
            let Some(below) = key.strip_prefix(self.prefix.as_str()) else {
                return Err(
                    self.untrusted(format!("the server lists `{key}`, which is not below `{}`", self.prefix))
                );
            };
            if below.is_empty() || is_ours(key) {
                continue;
            }
            let below = match self.bucket.stood_for(below) {
                // Finds come in order, and a directory is before all that is in it. One that comes late is known to those only who ask for it.
                Some(_) if before.is_some_and(|before| before.starts_with(directory_of(key))) => continue,
                Some(directory) => directory,
                None => below,
            };
            // A key that is not its path's own spelling cannot be asked for by that path.
            let found = match ObjectKey::parse(below) {
                Ok(parsed) if parsed.as_str() == below => {
                    Found::Object(self.listed(parsed, entry.metadata())?)
                }
                Ok(_) | Err(_) => Found::Unusable(below.to_owned()),
            };
            return Ok(Some(found));
        }
    }

    async fn entry(&mut self) -> opendal::Result<Option<oio::Entry>> {
        let lister = match &mut self.lister {
            Some(lister) => lister,
            none => {
                let start_after = self.stretch.after.clone();
                let options = ListOptions { recursive: true, start_after, ..ListOptions::default() };
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

/// The part of a key up to its last slash.
fn directory_of(key: &str) -> &str {
    key.rfind('/').map_or("", |slash| &key[..=slash])
}

/// Whether a full key belongs to Heirloom itself, or to a file that is still being written.
pub(crate) fn is_ours(key: &str) -> bool {
    key.starts_with(OURS) || key.split('/').any(|component| component.starts_with(IN_TRANSIT))
}
