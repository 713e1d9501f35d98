//! Which new file on a side is one that went from another name there.
//!
//! Told by content alone, among the keys that one side no longer has and those it newly has: so the bytes can be taken
//! from where the other side still keeps them. Pairs are kept in a temporary table for as long as the plan that asked is carried out.

use crate::base::row::read_key;
use crate::{Error, Journal, RouteId};
use model::ObjectKey;
use rusqlite::{Connection, OptionalExtension, params};

/// Candidates that are looked at for one arrival: identical files may be many.
const CANDIDATES: i64 = 64;

/// The side on which something was moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedOn {
    /// The local side.
    Local,
    /// The remote side.
    Remote,
}

impl MovedOn {
    fn number(self) -> i64 {
        match self {
            Self::Local => 0,
            Self::Remote => 1,
        }
    }
}

impl Journal {
    /// Finds the moves on one side of a route; how many there are. Forgets those found before.
    pub fn find_moves(&self, route: RouteId, on: MovedOn) -> Result<u64, Error> {
        self.with("finding moves", |connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(
                "CREATE TEMP TABLE IF NOT EXISTS moved (
                     route INTEGER, side INTEGER, target TEXT, origin TEXT,
                     PRIMARY KEY (route, side, target)
                 ) WITHOUT ROWID;
                 CREATE TEMP TABLE IF NOT EXISTS leaving (content BLOB, size INTEGER, key TEXT,
                     PRIMARY KEY (content, size, key)) WITHOUT ROWID;",
            )?;
            // Emptied, not made anew: a new table makes every statement on this connection be prepared again.
            transaction.prepare_cached("DELETE FROM temp.leaving")?.execute([])?;
            transaction.execute(
                "DELETE FROM temp.moved WHERE route = ?1 AND side = ?2",
                params![route.0, on.number()],
            )?;
            let leaving = leave(&transaction, route, on)?;
            let found = if leaving == 0 { 0 } else { pair(&transaction, route, on)? };
            transaction.commit()?;
            Ok(found)
        })
    }

    /// From which key the new file at `target` came, if it was moved.
    pub fn moved_from(
        &self,
        route: RouteId,
        on: MovedOn,
        target: &ObjectKey,
    ) -> Result<Option<ObjectKey>, Error> {
        self.with("looking up a move", |connection| {
            let find = "SELECT origin FROM temp.moved WHERE route = ?1 AND side = ?2 AND target = ?3";
            let found = connection
                .prepare_cached(find)?
                .query_row(params![route.0, on.number(), target.as_str()], |row| read_key(row, 0));
            found.optional()
        })
    }
}

/// Collects what one side no longer has and the other has unchanged, with the other's content.
fn leave(connection: &Connection, route: RouteId, on: MovedOn) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO temp.leaving
             SELECT CASE ?2 WHEN 0 THEN coalesce(b.remote_content, b.content) ELSE b.content END, b.size, b.key
             FROM sighting s JOIN base b ON b.route = s.route AND b.key = s.key
             WHERE s.route = ?1 AND s.side = ?2 AND s.kind IS NULL AND b.kind = 0 AND b.size > 0
               AND NOT EXISTS (SELECT 1 FROM sighting o WHERE o.route = s.route AND o.key = s.key AND o.side <> ?2)",
        )?
        .execute(params![route.0, on.number()])
}

fn pair(connection: &Connection, route: RouteId, on: MovedOn) -> rusqlite::Result<u64> {
    let mut arrivals = connection.prepare_cached(
        "SELECT s.key, s.content, s.size FROM sighting s
         WHERE s.route = ?1 AND s.side = ?2 AND s.kind = 0 AND s.size > 0
           AND NOT EXISTS (SELECT 1 FROM base b WHERE b.route = s.route AND b.key = s.key)
           AND NOT EXISTS (SELECT 1 FROM sighting o WHERE o.route = s.route AND o.key = s.key AND o.side <> ?2)",
    )?;
    let mut rows = arrivals.query(params![route.0, on.number()])?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        let target: String = row.get(0)?;
        let (content, size): ([u8; 16], i64) = (row.get(1)?, row.get(2)?);
        let Some(origin) = origin_of(connection, &target, content, size)? else { continue };
        connection
            .prepare_cached("DELETE FROM temp.leaving WHERE content = ?1 AND size = ?2 AND key = ?3")?
            .execute(params![content, size, origin])?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO temp.moved VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![route.0, on.number(), target, origin])?;
        found += 1;
    }
    Ok(found)
}

/// Of several with the same content, one of the same name: a directory was moved then.
fn origin_of(
    connection: &Connection,
    target: &str,
    content: [u8; 16],
    size: i64,
) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM temp.leaving WHERE content = ?1 AND size = ?2 ORDER BY key LIMIT ?3",
    )?;
    let candidates = statement.query_map(params![content, size, CANDIDATES], |row| row.get(0))?;
    let candidates = candidates.collect::<rusqlite::Result<Vec<String>>>()?;
    let same_name = |key: &&String| name_of(key) == name_of(target);
    Ok(candidates.iter().find(same_name).or(candidates.first()).cloned())
}

fn name_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests;
