//! Telling what changed below a prefix, or what stands there, in the order of keys and from one state of the index.
//!
//! The rows go out as they are read, inside one transaction: what others write meanwhile is not seen, and memory holds one row. Up to
//! [`SORTED_MAX`] changes are found by their numbers and sorted; with more of them it costs less to pass over all keys and leave out
//! what did not change.

use super::Index;
use super::epochs::{self, Cursor, Standing};
use super::listing::bounds;
use super::watchers::Watcher;
use crate::fault::{Doing, Fault};
use model::BucketName;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::ops::ControlFlow;

/// Up to how many changes are sorted; some megabytes.
const SORTED_MAX: i64 = 16_384;

/// Which objects of a bucket are asked about.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) bucket: BucketName,
    pub(crate) prefix: String,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All that stands.
    Everything,
    /// What changed since the cursor: each key once, as it is now.
    Since,
}

/// One piece of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told<'a> {
    /// Comes first: where those who have heard everything are.
    Head { cursor: Cursor, extent: Extent },
    /// An object as it is.
    Put { key: &'a str, etag: &'a str, size: u64, modified_ms: i64, about: Option<&'a str> },
    /// Nothing stands at this key any more.
    Gone { key: &'a str },
    /// Comes last: how many pieces came between.
    End { count: u64 },
}

/// What an answer would hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The cursor is unknown.
    Unknown,
    /// Nothing; whoever is at the cursor is here as well.
    None(Cursor),
    Some,
}

impl Index {
    /// Sees changes that are written from now on.
    pub(crate) fn watch(&self, scope: &Scope) -> Watcher {
        self.watchers.watch(scope.bucket.clone(), scope.prefix.clone())
    }

    /// Whether there is something to tell.
    pub(crate) fn news(&self, scope: &Scope, since: Option<&Cursor>) -> Result<News, Fault> {
        let Some(since) = since else { return Ok(News::Some) };
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            Ok(match epochs::standing(&transaction, since)? {
                Standing::Unknown => News::Unknown,
                Standing::Forgotten => News::Some,
                Standing::Known if has_changed(&transaction, scope, since.sequence)? => News::Some,
                Standing::Known => News::None(epochs::here(&transaction)?),
            })
        })
        .doing("read")
    }

    /// Tells what changed, or what stands where there is no cursor or not enough is known about its time, until `tell` breaks off.
    /// `false` if it did, or if the cursor is unknown.
    pub(crate) fn tell(
        &self,
        scope: &Scope,
        since: Option<&Cursor>,
        mut tell: impl FnMut(Told<'_>) -> ControlFlow<()>,
    ) -> Result<bool, Fault> {
        self.read(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let since = match since.map(|since| Ok((since.sequence, epochs::standing(&transaction, since)?)))
            {
                None | Some(Ok((_, Standing::Forgotten))) => None,
                Some(Ok((since, Standing::Known))) => Some(since),
                Some(Ok((_, Standing::Unknown))) => return Ok(false),
                Some(Err(error)) => return Err(error),
            };
            let cursor = epochs::here(&transaction)?;
            let extent = if since.is_some() { Extent::Since } else { Extent::Everything };
            if tell(Told::Head { cursor, extent }).is_break() {
                return Ok(false);
            }
            let told = match since {
                None => tell_rows(&transaction, &everything(), scope, 0, &mut tell)?,
                Some(since) => {
                    let plan = plan(&transaction, scope, since)?;
                    tell_rows(&transaction, &changed(plan), scope, since, &mut tell)?
                }
            };
            Ok(told.is_some_and(|count| tell(Told::End { count }).is_continue()))
        })
        .doing("read")
    }
}

/// `bucket`, `start` and `end` of the keys, and the number of the cursor.
const BELOW: &str = "bucket = ?1 AND key >= ?2 AND key < ?3";

fn everything() -> String {
    format!("SELECT key, etag, size, modified, about FROM objects WHERE {BELOW} AND ?4 = 0 ORDER BY key")
}

/// How to find changes.
#[derive(Clone, Copy)]
enum Plan {
    ByNumber,
    ByKey,
}

fn plan(connection: &Connection, scope: &Scope, since: i64) -> rusqlite::Result<Plan> {
    let changes: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM objects INDEXED BY objects_by_sequence
                                   WHERE bucket = ?1 AND sequence > ?2 LIMIT ?3)",
        )?
        .query_row((scope.bucket.as_str(), since, SORTED_MAX + 1), |row| row.get(0))?;
    Ok(if changes > SORTED_MAX { Plan::ByKey } else { Plan::ByNumber })
}

/// Objects and tombstones, merged. A plus hides a column from the planner, which would else take what is ordered by number for what
/// is fewer.
fn changed(plan: Plan) -> String {
    let (objects, tombstones, sequence) = match plan {
        Plan::ByNumber => ("INDEXED BY objects_by_sequence", "INDEXED BY tombstones_by_sequence", "sequence"),
        Plan::ByKey => ("", "", "+sequence"),
    };
    format!(
        "SELECT key, etag, size, modified, about FROM objects {objects} WHERE {BELOW} AND {sequence} > ?4
         UNION ALL
         SELECT key, NULL, NULL, NULL, NULL FROM tombstones {tombstones} WHERE {BELOW} AND {sequence} > ?4
         ORDER BY key"
    )
}

/// `None` if it was broken off.
fn tell_rows(
    connection: &Connection,
    query: &str,
    scope: &Scope,
    since: i64,
    tell: &mut impl FnMut(Told<'_>) -> ControlFlow<()>,
) -> rusqlite::Result<Option<u64>> {
    let (start, end) = bounds(&scope.prefix);
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query((scope.bucket.as_str(), start, end, since))?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let Ok(key) = std::str::from_utf8(row.get_ref(0)?.as_blob()?) else { continue };
        if tell(told(key, row)?).is_break() {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}

fn told<'a>(key: &'a str, row: &'a Row<'_>) -> rusqlite::Result<Told<'a>> {
    let ValueRef::Text(etag) = row.get_ref(1)? else { return Ok(Told::Gone { key }) };
    Ok(Told::Put {
        key,
        etag: std::str::from_utf8(etag)?,
        size: row.get::<_, i64>(2)?.cast_unsigned(),
        modified_ms: row.get(3)?,
        about: row.get_ref(4)?.as_str_or_null()?,
    })
}

/// Costs one step while the bucket is quiet; else as many as there were changes elsewhere in it.
fn has_changed(connection: &Connection, scope: &Scope, since: i64) -> rusqlite::Result<bool> {
    let last: i64 = connection
        .prepare_cached("SELECT coalesce(max(last), 0) FROM sequences WHERE bucket = ?1")?
        .query_row([scope.bucket.as_str()], |row| row.get(0))?;
    if last <= since {
        return Ok(false);
    }
    let (start, end) = bounds(&scope.prefix);
    connection
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM objects INDEXED BY objects_by_sequence WHERE {BELOW} AND sequence > ?4)
                 OR EXISTS (SELECT 1 FROM tombstones INDEXED BY tombstones_by_sequence
                            WHERE {BELOW} AND sequence > ?4)"
        ))?
        .query_row((scope.bucket.as_str(), start, end, since), |row| row.get(0))
}

#[cfg(test)]
pub(in crate::index) mod tests;
