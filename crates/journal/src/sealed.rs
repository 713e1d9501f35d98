//! What is inside of sealed objects, which nothing in the bucket tells.
//!
//! A row belongs to a seal, which is different for everything that was ever sealed; it is written before anything is sent, so that a crash, or an
//! answer that got lost, leaves no object behind that its own writer does not know. The tag is added once the store has named it. What
//! was agreed on drops all other rows of its key, so there is about one for each sealed object.

use crate::base::row;
use crate::{Error, Journal, RouteId};
use model::{BaseEntry, ContentId, ETag, ObjectKey};
use rusqlite::{Connection, OptionalExtension, params};

/// Entries per page.
const PAGE: usize = 1024;

/// What was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// Its digest.
    pub content: ContentId,
    /// Its bytes.
    pub size: u64,
}

/// One sealed object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedObject {
    /// Where it stands, relative to the route.
    pub key: ObjectKey,
    /// Its seal.
    pub seal: String,
    /// The store's tag for it; `None` before it is there.
    pub etag: Option<ETag>,
    /// What it holds.
    pub inside: Inside,
}

impl Journal {
    /// Remembers a sealed object, in the place of what was known of the same seal at its key.
    pub fn put_sealed(&self, route: RouteId, object: &SealedObject) -> Result<(), Error> {
        let SealedObject { key, seal, etag, inside } = object;
        self.with("remembering what is sealed", |connection| {
            let put = "INSERT OR REPLACE INTO sealed (route, key, seal, etag, content, size) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let etag = etag.as_ref().map(ETag::as_str);
            let (content, size) = (inside.content.as_bytes(), inside.size.cast_signed());
            connection
                .prepare_cached(put)?
                .execute(params![route.0, key.as_str(), seal, etag, content, size])
                .map(drop)
        })
    }

    /// The sealed object with this tag at a key.
    pub fn sealed_at(
        &self,
        route: RouteId,
        key: &ObjectKey,
        etag: &ETag,
    ) -> Result<Option<SealedObject>, Error> {
        self.with("looking up what is sealed", |connection| {
            let find = "SELECT key, seal, etag, content, size FROM sealed WHERE route = ?1 AND key = ?2 AND etag = ?3";
            let values = params![route.0, key.as_str(), etag.as_str()];
            connection.prepare_cached(find)?.query_row(values, read).optional()
        })
    }

    /// An object with this seal, at whichever key.
    pub fn sealed_as(&self, route: RouteId, seal: &str) -> Result<Option<SealedObject>, Error> {
        self.first(
            route,
            "SELECT key, seal, etag, content, size FROM sealed WHERE route = ?1 AND seal = ?2 LIMIT 1",
            seal,
        )
    }

    /// An object with this tag, at whichever key. Only for tags that are digests: others may be of several objects.
    pub fn sealed_with_tag(&self, route: RouteId, etag: &ETag) -> Result<Option<SealedObject>, Error> {
        let find = "SELECT key, seal, etag, content, size FROM sealed WHERE route = ?1 AND etag = ?2 LIMIT 1";
        self.first(route, find, etag.as_str())
    }

    /// Whether any object at all is known to be sealed; or the one at `key`.
    pub fn has_sealed(&self, route: RouteId, key: Option<&ObjectKey>) -> Result<bool, Error> {
        self.with("looking for what is sealed", |connection| {
            let find = "SELECT EXISTS (SELECT 1 FROM sealed WHERE route = ?1 AND (?2 IS NULL OR key = ?2))";
            let values = params![route.0, key.map(ObjectKey::as_str)];
            connection.prepare_cached(find)?.query_row(values, |row| row.get(0))
        })
    }

    /// A page of what both sides agreed on, has no news on either, and stands in the bucket as it is, from behind `after` on in the order of
    /// the keys. Directories have nothing to seal.
    pub fn in_clear(&self, route: RouteId, after: &str) -> Result<Vec<BaseEntry>, Error> {
        self.with("looking for what is not sealed", |connection| {
            let find = concat!(
                "SELECT ",
                row::columns!(),
                " FROM base b WHERE route = ?1 AND key > ?2 AND kind <> 2
                   AND NOT EXISTS (SELECT 1 FROM sealed s
                       WHERE s.route = b.route AND s.key = b.key AND s.etag IS NOT NULL)
                   AND NOT EXISTS (SELECT 1 FROM sighting n WHERE n.route = b.route AND n.key = b.key)
                 ORDER BY key LIMIT ?3"
            );
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let mut statement = connection.prepare_cached(find)?;
            statement.query_map(params![route.0, after, page], row::read)?.collect()
        })
    }

    fn first(&self, route: RouteId, find: &str, by: &str) -> Result<Option<SealedObject>, Error> {
        self.with("looking up what is sealed", |connection| {
            connection.prepare_cached(find)?.query_row(params![route.0, by], read).optional()
        })
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<SealedObject> {
    let key = row::read_key(row, 0)?;
    let etag: Option<String> = row.get(2)?;
    let inside =
        Inside { content: ContentId::from_md5(row.get(3)?), size: row.get(4).map(i64::cast_unsigned)? };
    Ok(SealedObject { key, seal: row.get(1)?, etag: etag.as_deref().map(ETag::new), inside })
}

/// What was agreed on is the only version at its key.
pub(crate) fn agreed(connection: &Connection, route: RouteId, entry: &BaseEntry) -> rusqlite::Result<()> {
    let drop_others = "DELETE FROM sealed WHERE route = ?1 AND key = ?2 AND etag IS NOT ?3";
    let values = params![route.0, entry.key.as_str(), entry.version.etag.as_str()];
    connection.prepare_cached(drop_others)?.execute(values).map(drop)
}

pub(crate) fn forget(connection: &Connection, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
    let forget = "DELETE FROM sealed WHERE route = ?1 AND key = ?2";
    connection.prepare_cached(forget)?.execute(params![route.0, key.as_str()]).map(drop)
}

#[cfg(test)]
mod tests;
