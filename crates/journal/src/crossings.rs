//! Contents that each side still holds, under a name that the other one has given up.
//!
//! Whoever carried over both would leave such a content nowhere, though nobody has done away with all of it: two people deleted one of two twins
//! each, or moved a file past each other. So one of its names is kept.
//!
//! Where both names are deleted, contents alone tell it ([`Journal::given_up`]). Where a name was not deleted but given to something else, they do
//! not: a person may edit one twin while another one deletes the other. Then only what was moved counts ([`find`]), which is known by its inode
//! here, and there by the time that went with it.

use crate::base::row::read_key;
use crate::moves::MovedOn;
use crate::{Commit, Error, Journal, RouteId};
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
         WHERE o.route = ?1 AND o.side = 1 - ?2 AND o.kind IS NOT NULL AND b.kind = 0
           AND (s.key IS NULL OR s.content = l.content)
           AND CASE ?2 WHEN 0 THEN coalesce(s.inode, b.stamp_inode) = d.stamp_inode ELSE s.mtime = d.remote_mtime END
           AND NOT EXISTS (SELECT 1 FROM temp.staying k WHERE k.content = l.content AND k.size = l.size)
         GROUP BY b.key",
    )?;
    let crossing = |row: &rusqlite::Row<'_>| Ok(Crossing { key: read_key(row, 0)?, left: read_key(row, 1)? });
    statement.query_map(params![route.0, on.number()], crossing)?.collect()
}

const GIVEN_UP: &str = "
    CREATE TEMP TABLE given_up (
        content BLOB, size INTEGER, side INTEGER, key TEXT, PRIMARY KEY (content, size, side, key)
    ) WITHOUT ROWID";

impl Journal {
    /// Contents that both sides hold, each only where the other one has deleted it: for each a name that the local side has it under, and one that it
    /// has given up.
    pub fn given_up(&self, route: RouteId) -> Result<Vec<Crossing>, Error> {
        self.with_commit("finding what each side has given up", Commit::Temporary, |connection| {
            let transaction = connection.transaction()?;
            let found = given_up(&transaction, route)?;
            transaction.commit()?;
            Ok(found)
        })
    }
}

fn given_up(connection: &Connection, route: RouteId) -> rusqlite::Result<Vec<Crossing>> {
    let has_table = "SELECT 1 FROM temp.sqlite_schema WHERE name = 'given_up'";
    if !connection.prepare_cached(has_table)?.exists([])? {
        connection.execute_batch(GIVEN_UP)?;
    }
    connection.prepare_cached("DELETE FROM temp.given_up")?.execute([])?;
    for side in [MovedOn::Local, MovedOn::Remote] {
        if connection.prepare_cached(COLLECT)?.execute(params![route.0, side.number()])? == 0 {
            return Ok(Vec::new());
        }
    }
    connection.prepare_cached(SPARE_OF_ONE_SIDE)?.execute([])?;
    connection.prepare_cached(SPARE_SURVIVING)?.execute([route.0])?;
    let find = "SELECT min(l.key), min(r.key) FROM temp.given_up l
         JOIN temp.given_up r ON r.content = l.content AND r.size = l.size AND r.side = 1
         WHERE l.side = 0 GROUP BY l.content, l.size";
    let mut statement = connection.prepare_cached(find)?;
    let crossing = |row: &rusqlite::Row<'_>| Ok(Crossing { key: read_key(row, 0)?, left: read_key(row, 1)? });
    statement.query_map([], crossing)?.collect()
}

/// What a side has, as agreed or with other times and permissions (`s`), and the other side shows to be deleted (`o`).
const COLLECT: &str = "
    INSERT INTO temp.given_up
    SELECT CASE ?2 WHEN 0 THEN b.content ELSE coalesce(b.remote_content, b.content) END AS held, b.size, ?2, b.key
    FROM sighting o
    JOIN base b ON b.route = o.route AND b.key = o.key
    LEFT JOIN sighting s ON s.route = o.route AND s.key = o.key AND s.side = ?2
    WHERE o.route = ?1 AND o.side = 1 - ?2 AND o.kind IS NULL AND b.kind = 0 AND b.size > 0
      AND (s.key IS NULL OR s.content = held)";

const SPARE_OF_ONE_SIDE: &str = "
    DELETE FROM temp.given_up WHERE NOT EXISTS (
        SELECT 1 FROM temp.given_up o
        WHERE o.content = given_up.content AND o.size = given_up.size AND o.side = 1 - given_up.side)";

/// As long as any name of it stays or is new on a side, nothing is lost. The base is read only if anything is left to be looked for.
const SPARE_SURVIVING: &str = "
    DELETE FROM temp.given_up WHERE (content, size) IN (
        SELECT b.content, b.size FROM base b CROSS JOIN temp.given_up g ON g.content = b.content AND g.size = b.size
        WHERE b.route = ?1 AND b.kind = 0 AND EXISTS (SELECT 1 FROM temp.given_up)
          AND NOT EXISTS (
              SELECT 1 FROM sighting s
              WHERE s.route = b.route AND s.key = b.key AND s.side < 2 AND (s.kind IS NULL OR s.content <> b.content))
        UNION ALL
        SELECT s.content, s.size FROM sighting s CROSS JOIN temp.given_up g ON g.content = s.content AND g.size = s.size
        WHERE s.route = ?1 AND s.kind = 0 AND EXISTS (SELECT 1 FROM temp.given_up)
          AND NOT EXISTS (
              SELECT 1 FROM sighting o
              WHERE o.route = s.route AND o.key = s.key AND o.side = 1 - s.side AND o.kind IS NULL))";
