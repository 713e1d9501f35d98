//! The numbers of changes, which go up across all buckets, and how many deletions are remembered.

use model::BucketName;
use rusqlite::Connection;

/// How many deletions are remembered. Whoever asks for changes from before that gets a list of what stands, which costs a second or two
/// for some hundred thousand objects: so seldom, that this is worth less than the space for more.
const TOMBSTONES_MAX: i64 = 100_000;

/// The writer's own count of what it has written. Part of each transaction: after one that failed, the count from before it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    last: i64,
    tombstones: i64,
    tombstones_max: i64,
}

impl Numbers {
    /// Goes on where the index is.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        Self::load_with(connection, TOMBSTONES_MAX)
    }

    pub(super) fn load_with(connection: &Connection, tombstones_max: i64) -> rusqlite::Result<Self> {
        let last =
            connection.query_row("SELECT coalesce(max(last), 0) FROM sequences", [], |row| row.get(0))?;
        let tombstones = connection.query_row("SELECT count(*) FROM tombstones", [], |row| row.get(0))?;
        Ok(Self { last, tombstones, tombstones_max })
    }

    /// The number of the next change, which is one of this bucket.
    pub(super) fn next(&mut self, connection: &Connection, bucket: &BucketName) -> rusqlite::Result<i64> {
        self.last += 1;
        connection
            .prepare_cached("INSERT OR REPLACE INTO sequences VALUES (?1, ?2)")?
            .execute((bucket.as_str(), self.last))?;
        Ok(self.last)
    }

    /// Remembers a deletion.
    pub(super) fn bury(
        &mut self,
        connection: &Connection,
        bucket: &BucketName,
        key: &[u8],
    ) -> rusqlite::Result<()> {
        let sequence = self.next(connection, bucket)?;
        self.tombstones += 1;
        connection.prepare_cached("INSERT OR REPLACE INTO tombstones VALUES (?1, ?2, ?3)")?.execute((
            bucket.as_str(),
            key,
            sequence,
        ))?;
        Ok(())
    }

    /// Something stands at the key again.
    pub(super) fn unbury(
        &mut self,
        connection: &Connection,
        bucket: &BucketName,
        key: &[u8],
    ) -> rusqlite::Result<()> {
        let removed = connection
            .prepare_cached("DELETE FROM tombstones WHERE bucket = ?1 AND key = ?2")?
            .execute((bucket.as_str(), key))?;
        self.tombstones -= removed.cast_signed() as i64;
        Ok(())
    }

    /// Forgets the oldest deletions when there are too many: as many as came with this transaction, so none has to wait for long.
    pub(super) fn forget(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let excess = self.tombstones - self.tombstones_max;
        if excess <= 0 {
            return Ok(());
        }
        let up_to: i64 = connection
            .prepare_cached("SELECT sequence FROM tombstones ORDER BY sequence LIMIT 1 OFFSET ?1")?
            .query_row([excess - 1], |row| row.get(0))?;
        connection.prepare_cached("DELETE FROM tombstones WHERE sequence <= ?1")?.execute([up_to])?;
        connection.prepare_cached("UPDATE forgotten SET sequence = ?1")?.execute([up_to])?;
        self.tombstones = self.tombstones_max;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
