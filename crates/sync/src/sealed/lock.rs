//! What is remembered of sealed objects, and told of them instead of what the store says.

use super::Keys;
use bucket::{Error, Object};
use journal::{Inside, Journal, RouteId, SealedObject};
use model::{ContentId, ETag, Kind, Node, ObjectKey, RemoteVersion};
use std::sync::Arc;
use vault::Seal;

/// What lies over a place.
pub(super) struct Lock {
    pub(super) keys: Keys,
    pub(super) journal: Arc<Journal>,
    pub(super) route: RouteId,
}

impl Lock {
    pub(super) fn remember(
        &self,
        key: &ObjectKey,
        seal: &Seal,
        etag: Option<ETag>,
        node: &Node,
    ) -> Result<SealedObject, Error> {
        let inside = Inside { content: node.content, size: node.size };
        let object = SealedObject { key: key.clone(), seal: seal.as_str().to_owned(), etag, inside };
        self.put(&object, key)?;
        Ok(object)
    }

    pub(super) fn put(&self, object: &SealedObject, key: &ObjectKey) -> Result<(), Error> {
        self.journal.put_sealed(self.route, object).map_err(|error| forgotten(key, &error))
    }

    /// What is inside of what begins with `seal` and has `size` bytes, if this machine sealed or opened the like before: a copy of it, then.
    pub(super) fn recognize(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        seal: &Seal,
        size: u64,
    ) -> Result<Option<Inside>, Error> {
        let known = self.journal.sealed_as(self.route, seal.as_str());
        let known = known.map_err(|error| forgotten(key, &error))?;
        // The seal is its beginning only. One that was cut off is not what it was.
        let Some(known) = known.filter(|known| seal.sealed_size(known.inside.size) == size) else {
            return Ok(None);
        };
        let inside = known.inside;
        let etag = Some(version.etag.clone());
        self.put(&SealedObject { key: key.clone(), etag, ..known }, key)?;
        Ok(Some(inside))
    }

    /// An object as it was listed, with what is known of its content instead of what the store says of the bytes that it holds.
    pub(super) fn disclose(&self, key: &ObjectKey, mut object: Object) -> Object {
        object.meta.sealed = false;
        if object.kind == Kind::Directory || object.size == 0 {
            return object;
        }
        // What cannot be looked up counts as unknown, and is read if that matters.
        object.content = match self.known(key, &object.version.etag) {
            Ok(Some(Inside { content, size })) => {
                object.size = size;
                Some(content)
            }
            Ok(None) | Err(_) => None,
        };
        object
    }

    fn known(&self, key: &ObjectKey, etag: &ETag) -> Result<Option<Inside>, journal::Error> {
        if let Some(object) = self.journal.sealed_at(self.route, key, etag)? {
            return Ok(Some(object.inside));
        }
        if ContentId::from_hex(etag.as_str()).is_none() {
            return Ok(None);
        }
        // Another machine has moved or copied it here.
        let Some(object) = self.journal.sealed_with_tag(self.route, etag)? else { return Ok(None) };
        self.journal.put_sealed(self.route, &SealedObject { key: key.clone(), ..object.clone() })?;
        Ok(Some(object.inside))
    }
}

/// The journal did not take or give what it was to remember.
pub(super) fn forgotten(key: &ObjectKey, error: &journal::Error) -> Error {
    Error::Other {
        attempt: format!("remember what `{key}` holds"),
        retry: bucket::Retry::Later,
        source: bucket::Cause::new(error.to_string()),
    }
}
