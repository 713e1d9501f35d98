//! Which new file on a side is one that went from another name there, or a copy of one that stays.
//!
//! Told by content alone, among the keys that one side no longer has and those it newly has: so the bytes can be taken
//! from where the other side still keeps them. A move need not show at once: of a renamed directory, a store tells the new names first, and is asked
//! again before it has told that the old ones are gone. So what newly stands on the remote side may also be a copy of what both sides keep; and what
//! is gone from a side may be kept by both under another name. All that is in temporary tables for as long as the plan that asked is carried out.

use crate::base::row::read_key;
use crate::{Commit, Crossing, Error, Journal, RouteId, crossings};
use model::ObjectKey;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

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
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Local => 0,
            Self::Remote => 1,
        }
    }
}

/// How much of the news on one side is none to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Files that went to another name.
    pub moved: u64,
    /// New files whose content the other side has under a name that stays.
    pub copied: u64,
    /// Files that are no news, and whose content would be left nowhere.
    pub crossed: Vec<Crossing>,
}

/// Where the content of a new file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was moved, from here.
    Left(ObjectKey),
    /// The same stands here, and stays.
    Stays(ObjectKey),
}

const TABLES: &str = "
    CREATE TEMP TABLE moved (
        route INTEGER, side INTEGER, target TEXT, origin TEXT, stays INTEGER,
        PRIMARY KEY (route, side, target)
    ) WITHOUT ROWID;
    CREATE INDEX temp.by_origin ON moved (origin);
    CREATE TEMP TABLE kept (route INTEGER, side INTEGER, key TEXT, PRIMARY KEY (route, side, key)) WITHOUT ROWID;
    CREATE TEMP TABLE leaving (content BLOB, size INTEGER, key TEXT, PRIMARY KEY (content, size, key)) WITHOUT ROWID;
    CREATE TEMP TABLE arriving (content BLOB, size INTEGER, key TEXT, PRIMARY KEY (content, size, key)) WITHOUT ROWID;
    CREATE TEMP TABLE staying (content BLOB, size INTEGER, PRIMARY KEY (content, size)) WITHOUT ROWID;";

impl Journal {
    /// Finds the moves on one side of a route, and what of its news is known under another name. Forgets those found before.
    pub fn find_moves(&self, route: RouteId, on: MovedOn) -> Result<Moves, Error> {
        self.with_commit("finding moves", Commit::Temporary, |connection| {
            let transaction = connection.transaction()?;
            if !has_tables(&transaction)? {
                transaction.execute_batch(TABLES)?;
            }
            clear(&transaction, route, on)?;
            let leaving = leave(&transaction, route, on)?;
            arrive(&transaction, route, on)?;
            let moved = if leaving == 0 { 0 } else { pair(&transaction, route, on)? };
            let copied = if on == MovedOn::Remote { copy(&transaction, route)? } else { 0 };
            let mut crossed = Vec::new();
            if leaving as u64 > moved {
                keep(&transaction, route, on)?;
                crossed = crossings::find(&transaction, route, on)?;
            }
            transaction.commit()?;
            Ok(Moves { moved, copied, crossed })
        })
    }

    /// Where the content of the new file at `target` is already, as far as that was found.
    pub fn origin(&self, route: RouteId, on: MovedOn, target: &ObjectKey) -> Result<Option<Origin>, Error> {
        self.with("looking up a move", |connection| {
            let find = "SELECT origin, stays FROM temp.moved WHERE route = ?1 AND side = ?2 AND target = ?3";
            let origin = |row: &rusqlite::Row<'_>| {
                let key = read_key(row, 0)?;
                Ok(if row.get(1)? { Origin::Stays(key) } else { Origin::Left(key) })
            };
            let values = params![route.0, on.number(), target.as_str()];
            connection.prepare_cached(find)?.query_row(values, origin).optional()
        })
    }

    /// How many of these keys, gone from a side, were found to have been moved there, or to be kept by both under another name.
    pub fn count_kept(&self, route: RouteId, gone_from: MovedOn, keys: &[ObjectKey]) -> Result<u64, Error> {
        self.with("looking up what is kept", |connection| {
            let find = "SELECT 1 FROM temp.kept WHERE route = ?1 AND side = ?2 AND key = ?3 UNION ALL
                        SELECT 1 FROM temp.moved WHERE route = ?1 AND side = ?2 AND origin = ?3 AND NOT stays";
            let mut statement = connection.prepare_cached(find)?;
            let mut kept = 0;
            for key in keys {
                kept += u64::from(statement.exists(params![route.0, gone_from.number(), key.as_str()])?);
            }
            Ok(kept)
        })
    }
}

fn has_tables(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM temp.sqlite_schema WHERE name = 'moved'")?.exists([])
}

/// Emptied, not made anew: a new table makes every statement on this connection be prepared again.
fn clear(transaction: &Transaction<'_>, route: RouteId, on: MovedOn) -> rusqlite::Result<()> {
    for table in ["leaving", "arriving", "staying"] {
        transaction.prepare_cached(&format!("DELETE FROM temp.{table}"))?.execute([])?;
    }
    for table in ["moved", "kept"] {
        let clear = format!("DELETE FROM temp.{table} WHERE route = ?1 AND side = ?2");
        transaction.prepare_cached(&clear)?.execute(params![route.0, on.number()])?;
    }
    Ok(())
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

/// Collects what one side has and neither side ever had before; nothing where nothing was ever agreed on, because nothing can be known then.
fn arrive(connection: &Connection, route: RouteId, on: MovedOn) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO temp.arriving SELECT s.content, s.size, s.key FROM sighting s
             WHERE s.route = ?1 AND s.side = ?2 AND s.kind = 0 AND s.size > 0
               AND EXISTS (SELECT 1 FROM base b WHERE b.route = ?1)
               AND NOT EXISTS (SELECT 1 FROM base b WHERE b.route = s.route AND b.key = s.key)
               AND NOT EXISTS (SELECT 1 FROM sighting o WHERE o.route = s.route AND o.key = s.key AND o.side <> ?2)",
        )?
        .execute(params![route.0, on.number()])
}

fn pair(connection: &Connection, route: RouteId, on: MovedOn) -> rusqlite::Result<u64> {
    let mut arrivals = connection.prepare_cached("SELECT key, content, size FROM temp.arriving")?;
    let mut rows = arrivals.query([])?;
    let mut found = 0;
    while let Some(row) = rows.next()? {
        let target: String = row.get(0)?;
        let (content, size): ([u8; 16], i64) = (row.get(1)?, row.get(2)?);
        let Some(origin) = origin_of(connection, &target, content, size)? else { continue };
        connection
            .prepare_cached("DELETE FROM temp.leaving WHERE content = ?1 AND size = ?2 AND key = ?3")?
            .execute(params![content, size, origin])?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO temp.moved VALUES (?1, ?2, ?3, ?4, FALSE)")?
            .execute(params![route.0, on.number(), target, origin])?;
        found += 1;
    }
    Ok(found)
}

/// Finds, for what newly stands on the remote side, a file on the local one that is as agreed. One pass over all that was agreed on, which costs
/// less than an index by content would at every agreement.
fn copy(connection: &Connection, route: RouteId) -> rusqlite::Result<u64> {
    let copied = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO temp.moved SELECT ?1, ?2, a.key, min(b.key), TRUE
             FROM base b CROSS JOIN temp.arriving a ON a.content = b.content AND a.size = b.size
             WHERE b.route = ?1 AND b.kind = 0 AND EXISTS (SELECT 1 FROM temp.arriving)
               AND NOT EXISTS (SELECT 1 FROM sighting s WHERE s.route = b.route AND s.key = b.key AND s.side = 0)
             GROUP BY a.key",
        )?
        .execute(params![route.0, MovedOn::Remote.number()])?;
    Ok(copied as u64)
}

/// Finds what is gone from a side and went nowhere, but stands on both under another name.
fn keep(connection: &Connection, route: RouteId, on: MovedOn) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO temp.staying SELECT l.content, l.size
             FROM base b CROSS JOIN temp.leaving l ON l.size = b.size
              AND l.content = CASE ?2 WHEN 0 THEN coalesce(b.remote_content, b.content) ELSE b.content END
             WHERE b.route = ?1 AND b.kind = 0
               AND NOT EXISTS (SELECT 1 FROM sighting s WHERE s.route = b.route AND s.key = b.key)",
        )?
        .execute(params![route.0, on.number()])?;
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO temp.kept SELECT ?1, ?2, l.key FROM temp.leaving l
             JOIN temp.staying s ON s.content = l.content AND s.size = l.size",
        )?
        .execute(params![route.0, on.number()])
        .map(drop)
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
