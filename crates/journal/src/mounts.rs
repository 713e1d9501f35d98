//! What was mounted below a folder when it was last looked at, and what is known below such a place.

use crate::base::row::read_key;
use crate::{Change, Error, Journal, RouteId};
use model::{DiskId, ObjectKey, RelPath};
use plan::mount::{Below, Doubt, Doubts, outermost};
use rusqlite::{Connection, params};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rows per page.
const PAGE: usize = 1024;

/// A directory on which something is mounted, or was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mount {
    /// The disk that was synced there, if that can be told.
    pub disk: Option<DiskId>,
    /// What is the matter now.
    pub doubt: Option<Doubt>,
}

/// All of a route.
pub type Mounts = BTreeMap<ObjectKey, Mount>;

impl Journal {
    /// All that are remembered.
    pub fn mounts(&self, route: RouteId) -> Result<Mounts, Error> {
        self.with("reading mounts", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT key, disk, doubt FROM mount WHERE route = ?1")?;
            let mounts = statement.query_map([route.0], |row| {
                let disk: Option<String> = row.get(1)?;
                let doubt = row.get::<_, Option<i64>>(2)?.map(doubt);
                Ok((read_key(row, 0)?, Mount { disk: disk.as_deref().map(DiskId::new), doubt }))
            })?;
            mounts.collect()
        })
    }

    /// Remembers these, and no others.
    pub fn set_mounts(&self, route: RouteId, mounts: &Mounts) -> Result<(), Error> {
        self.with("remembering mounts", |connection| {
            let transaction = connection.transaction()?;
            transaction.execute("DELETE FROM mount WHERE route = ?1", [route.0])?;
            for (key, Mount { disk, doubt }) in mounts {
                let disk = disk.as_ref().map(DiskId::as_str);
                let doubt = doubt.map(number);
                let add = "INSERT INTO mount (route, key, disk, doubt) VALUES (?1, ?2, ?3, ?4)";
                transaction.execute(add, params![route.0, key.as_str(), disk, doubt])?;
            }
            transaction.commit()
        })
    }

    /// The mount points at which something is the matter. What lies below another one of these is not told: nobody can see it.
    pub fn mount_doubts(&self, route: RouteId) -> Result<Doubts, Error> {
        let doubts = self.mounts(route)?.into_iter();
        Ok(outermost(doubts.filter_map(|(point, mount)| Some((point, mount.doubt?))).collect()))
    }

    /// The mount point at a path or above it, if something is the matter there.
    pub fn mount_doubt_at(
        &self,
        route: RouteId,
        path: &RelPath,
    ) -> Result<Option<(ObjectKey, Doubt)>, Error> {
        let key = ObjectKey::directory(path);
        let is_there = |(point, _): &(ObjectKey, Doubt)| key.as_str().starts_with(point.as_str());
        Ok(self.mount_doubts(route)?.into_iter().find(is_there))
    }

    /// What the local side shows of the files at a mount point or below it.
    pub fn below(&self, route: RouteId, point: &ObjectKey) -> Result<Below, Error> {
        self.with("counting what is below a mount", |connection| {
            let agreed = "SELECT count(*), count(s.key) - count(s.kind), count(s.kind), count(r.key) FILTER (WHERE s.key IS NULL)
                 FROM base b LEFT JOIN sighting s ON s.route = b.route AND s.key = b.key AND s.side = 0
                             LEFT JOIN sighting r ON r.route = b.route AND r.key = b.key AND r.side = 2
                 WHERE b.route = ?1 AND b.kind <> 2 AND (b.key = rtrim(?2, '/') OR b.key > ?2 AND b.key < ?2 || char(0x10FFFF))";
            let waiting = "SELECT count(*) FROM sighting t
                 WHERE t.route = ?1 AND t.side = 1 AND t.kind <> 2 AND (t.key = rtrim(?2, '/') OR t.key > ?2 AND t.key < ?2 || char(0x10FFFF))
                   AND NOT EXISTS (SELECT 1 FROM base b WHERE b.route = t.route AND b.key = t.key)
                   AND NOT EXISTS (SELECT 1 FROM sighting s WHERE s.route = t.route AND s.key = t.key AND s.side = 0)";
            let values = params![route.0, point.as_str()];
            let mut below = connection.prepare_cached(agreed)?.query_row(values, |row| {
                let number = |at| row.get(at).map(i64::cast_unsigned);
                let (all, gone, changed, resting) = (number(0)?, number(1)?, number(2)?, number(3)?);
                Ok(Below { intact: all - gone - changed - resting, changed, gone, resting, waiting: 0, is_covered: false })
            })?;
            let count = |row: &rusqlite::Row<'_>| row.get(0).map(i64::cast_unsigned);
            below.waiting = connection.prepare_cached(waiting)?.query_row(values, count)?;
            Ok(below)
        })
    }

    /// Has what was agreed upon at a mount point and below it count for nothing any more, but for what lies below these others. On the medium
    /// once this returns; should it break off, that of some files does count.
    pub fn part_below(&self, route: RouteId, point: &ObjectKey, others: &[&ObjectKey]) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let page = self.with("reading the base", |connection| page(connection, route, point, &after))?;
            let Some(last) = page.last() else { return Ok(()) };
            last.as_str().clone_into(&mut after);
            let is_own = |key: &&ObjectKey| {
                let directory = ObjectKey::directory(&key.path());
                !others.iter().any(|other| directory.as_str().starts_with(other.as_str()))
            };
            let mut parting = Vec::new();
            for key in page.iter().filter(is_own) {
                let known = self.known_at(route, key)?;
                parting.extend(known.map(|known| {
                    let (local, remote) = (known.local(), known.remote());
                    Change::Part { key: known.key, local, remote }
                }));
            }
            self.record_durably(route, &parting)?;
        }
    }
}

fn number(doubt: Doubt) -> i64 {
    match doubt {
        Doubt::Away { lost } => lost.cast_signed(),
        Doubt::Unagreed { waiting } => -waiting.cast_signed(),
        Doubt::Another => 0,
    }
}

fn doubt(number: i64) -> Doubt {
    let count = number.unsigned_abs();
    match number.cmp(&0) {
        Ordering::Greater => Doubt::Away { lost: count },
        Ordering::Less => Doubt::Unagreed { waiting: count },
        Ordering::Equal => Doubt::Another,
    }
}

/// The next keys at a mount point or below it that were agreed upon.
fn page(
    connection: &Connection,
    route: RouteId,
    point: &ObjectKey,
    after: &str,
) -> rusqlite::Result<Vec<ObjectKey>> {
    let find = "SELECT key FROM base WHERE route = ?1 AND key > ?3
                  AND (key = rtrim(?2, '/') OR key >= ?2 AND key < ?2 || char(0x10FFFF)) ORDER BY key LIMIT ?4";
    let mut statement = connection.prepare_cached(find)?;
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let keys = statement.query_map(params![route.0, point.as_str(), after, limit], |row| read_key(row, 0))?;
    keys.collect()
}

#[cfg(test)]
mod tests;
