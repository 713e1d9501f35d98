//! Uploads in parts that were begun and are not known to be finished.
//!
//! A store keeps the parts of an upload until it is completed or aborted, for money in some places. So what was begun is
//! remembered before the first part is sent: the next run goes on with it if the file is still the same, and else
//! gives it up. Which parts the store has is not remembered: the store is asked.
//!
//! Times and permissions are given to an object when its upload begins, so an upload belongs to a whole [`Node`].

use crate::base::row::read_key;
use crate::{Error, Journal, RouteId};
use model::{ContentId, Kind, Meta, Mode, Node, ObjectKey, Owner, UnixNanos, UploadId};
use rusqlite::{OptionalExtension, Row, params};

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What is uploaded, relative to the route.
    pub key: ObjectKey,
    /// The store's name for the upload.
    pub id: UploadId,
    /// The file that it was begun for.
    pub node: Node,
}

impl Journal {
    /// The upload that was begun at a key.
    pub fn upload(&self, route: RouteId, key: &ObjectKey) -> Result<Option<Upload>, Error> {
        self.with("reading an upload", |connection| {
            let find = "SELECT key, id, content, size, mtime, mode, uid, gid FROM upload WHERE route = ?1 AND key = ?2";
            connection.prepare_cached(find)?.query_row(params![route.0, key.as_str()], read).optional()
        })
    }

    /// Every upload of a route, in the order of the keys.
    pub fn uploads(&self, route: RouteId) -> Result<Vec<Upload>, Error> {
        self.with("reading uploads", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, id, content, size, mtime, mode, uid, gid FROM upload WHERE route = ?1 ORDER BY key",
            )?;
            statement.query_map([route.0], read)?.collect()
        })
    }

    /// Remembers an upload, in the place of an earlier one at its key.
    pub fn put_upload(&self, route: RouteId, upload: &Upload) -> Result<(), Error> {
        let Upload { key, id, node } = upload;
        self.with("remembering an upload", |connection| {
            let put = "INSERT OR REPLACE INTO upload (route, key, id, content, size, mtime, mode, uid, gid)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            connection
                .prepare_cached(put)?
                .execute(params![
                    route.0,
                    key.as_str(),
                    id.as_str(),
                    node.content.as_bytes(),
                    node.size.cast_signed(),
                    node.meta.mtime.map(|time| time.0),
                    node.meta.mode.map(Mode::bits),
                    node.meta.owner.map(|owner| owner.uid),
                    node.meta.owner.map(|owner| owner.gid),
                ])
                .map(drop)
        })
    }

    /// Forgets the upload at a key: it is completed, or aborted.
    pub fn remove_upload(&self, route: RouteId, key: &ObjectKey) -> Result<(), Error> {
        self.with("forgetting an upload", |connection| {
            let remove = "DELETE FROM upload WHERE route = ?1 AND key = ?2";
            connection.prepare_cached(remove)?.execute(params![route.0, key.as_str()]).map(drop)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let key = read_key(row, 0)?;
    let mtime: Option<i64> = row.get(4)?;
    let mode: Option<u32> = row.get(5)?;
    let owner: Option<(u32, u32)> = row.get::<_, Option<u32>>(6)?.zip(row.get(7)?);
    let meta = Meta {
        mtime: mtime.map(UnixNanos),
        mode: mode.map(Mode::from_st_mode),
        owner: owner.map(|(uid, gid)| Owner { uid, gid }),
        sealed: false,
    };
    let content = ContentId::from_md5(row.get(2)?);
    let node = Node { kind: Kind::File, content, size: row.get(3).map(i64::cast_unsigned)?, meta };
    Ok(Upload { key, id: UploadId::new(row.get_ref(1)?.as_str()?), node })
}

#[cfg(test)]
mod tests;
