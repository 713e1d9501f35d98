//! Contents that went from one name to another on one side, and back on the other.
//!
//! A side has moved a content to a name under which the same was before; there the other side has replaced or deleted it, as it still has it under the
//! first. By their contents alone, the one name is given up and nothing happened at the other, and whoever carried over both would leave the content
//! nowhere. A moved file is known by its inode here, and there by the time that went with it: of one that was there all the time this is no
//! matter, because a person may edit it while another one deletes its twin.

use crate::RouteId;
use crate::base::row::read_key;
use crate::moves::MovedOn;
use model::ObjectKey;
use rusqlite::{Connection, params};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// Where the content is still held.
    pub key: ObjectKey,
    /// Where it was given up.
    pub left: ObjectKey,
}

/// Those whose content leaves a side, by the tables that the moves on that side have filled.
pub(crate) fn find(connection: &Connection, route: RouteId, on: MovedOn) -> rusqlite::Result<Vec<Crossing>> {
    // `o` is what the other side shows, `s` what this one does, if not all is as agreed; `d` is where it was given up.
    let mut statement = connection.prepare_cached(
        "SELECT b.key, min(l.key) FROM sighting o
         JOIN base b ON b.route = o.route AND b.key = o.key
         LEFT JOIN sighting s ON s.route = o.route AND s.key = o.key AND s.side = ?2
         JOIN temp.leaving l ON l.size = b.size
          AND l.content = CASE ?2 WHEN 0 THEN b.content ELSE coalesce(b.remote_content, b.content) END
         JOIN base d ON d.route = b.route AND d.key = l.key
         WHERE o.route = ?1 AND o.side = 1 - ?2 AND b.kind = 0
           AND (s.key IS NULL OR s.content = l.content)
           AND CASE ?2 WHEN 0 THEN coalesce(s.inode, b.stamp_inode) = d.stamp_inode ELSE s.mtime = d.remote_mtime END
           AND NOT EXISTS (SELECT 1 FROM temp.staying k WHERE k.content = l.content AND k.size = l.size)
         GROUP BY b.key",
    )?;
    let crossing = |row: &rusqlite::Row<'_>| Ok(Crossing { key: read_key(row, 0)?, left: read_key(row, 1)? });
    statement.query_map(params![route.0, on.number()], crossing)?.collect()
}
