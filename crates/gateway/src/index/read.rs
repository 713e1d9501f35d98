//! Looking up single objects, and walking them in order.

use super::Index;
use super::changes::kind_from_column;
use crate::fault::{Doing, Fault};
use crate::record::{About, Record};
use model::{BucketName, ETag, ObjectKey, Stamp, UnixNanos};
use rusqlite::{OptionalExtension, Row};

const COLUMNS: &str = "kind, size, etag, modified, mtime, ctime, inode, about";

impl Index {
    pub(crate) fn get(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Option<Record>, Fault> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {COLUMNS} FROM objects WHERE bucket = ?1 AND key = ?2"))?
                .query_row((bucket.as_str(), key.as_str().as_bytes()), record)
                .optional()
        })
        .doing("read")
    }

    /// Up to `count` objects behind `after` in key order.
    pub(crate) fn following(
        &self,
        bucket: &BucketName,
        after: &str,
        count: usize,
    ) -> Result<Vec<(ObjectKey, Record)>, Fault> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS}, key FROM objects WHERE bucket = ?1 AND key > ?2 ORDER BY key LIMIT ?3"
            ))?;
            let rows = statement.query_map(
                (bucket.as_str(), after.as_bytes(), i64::try_from(count).unwrap_or(i64::MAX)),
                |row| {
                    let key = std::str::from_utf8(row.get_ref(8)?.as_blob()?).ok().map(ObjectKey::parse);
                    Ok(key.and_then(Result::ok).zip(Some(record(row)?)))
                },
            )?;
            rows.filter_map(Result::transpose).collect()
        })
        .doing("read")
    }

    /// Every bucket that has an object.
    pub(crate) fn buckets(&self) -> Result<Vec<BucketName>, Fault> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT bucket FROM sequences")?;
            let rows = statement.query_map([], |row| Ok(BucketName::new(row.get_ref(0)?.as_str()?).ok()))?;
            rows.filter_map(Result::transpose).collect()
        })
        .doing("read")
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        kind: kind_from_column(row.get(0)?),
        stamp: Stamp {
            size: row.get::<_, i64>(1)?.cast_unsigned(),
            mtime: UnixNanos(row.get(4)?),
            ctime: UnixNanos(row.get(5)?),
            inode: row.get::<_, i64>(6)?.cast_unsigned(),
        },
        etag: ETag::new(row.get_ref(2)?.as_str()?),
        modified_ms: row.get(3)?,
        about: About::from_column(row.get_ref(7)?.as_str_or_null()?),
    })
}
