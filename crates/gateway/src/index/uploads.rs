//! Reading uploads in parts.

use super::Index;
use super::changes::{PartTag, Upload, UploadPart};
use crate::fault::{Doing, Fault};
use crate::record::About;
use model::{BucketName, ObjectKey};
use rusqlite::{OptionalExtension, Row};

/// What is known of a part.
const PART: &str = "number, size, md5, modified, place, is_other";

impl Index {
    pub(crate) fn upload(&self, id: &str) -> Result<Option<Upload>, Fault> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT id, bucket, key, started, about FROM uploads WHERE id = ?1")?
                .query_row([id], upload)
                .optional()
        })
        .doing("read")
        .map(Option::flatten)
    }

    /// Up to `count` uploads of a bucket behind (`after_key`, `after_id`), by key and id.
    pub(crate) fn uploads(
        &self,
        bucket: &BucketName,
        prefix: &str,
        (after_key, after_id): (&str, &str),
        count: usize,
    ) -> Result<Vec<Upload>, Fault> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, bucket, key, started, about FROM uploads
                 WHERE bucket = ?1 AND (key, id) > (?2, ?3) AND substr(key, 1, length(?4)) = ?4
                 ORDER BY key, id LIMIT ?5",
            )?;
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            let range = (bucket.as_str(), after_key.as_bytes(), after_id, prefix.as_bytes(), count);
            statement.query_map(range, upload)?.filter_map(Result::transpose).collect()
        })
        .doing("list")
    }

    /// The ids of uploads begun before this time, in milliseconds since 1970.
    pub(crate) fn uploads_before(&self, time_ms: i64) -> Result<Vec<String>, Fault> {
        self.read(|connection| {
            let mut query = connection.prepare_cached("SELECT id FROM uploads WHERE started < ?1")?;
            query.query_map([time_ms], |row| row.get(0))?.collect()
        })
        .doing("look for old uploads")
    }

    /// The ids of all uploads.
    pub(crate) fn upload_ids(&self) -> Result<Vec<String>, Fault> {
        self.read(|connection| {
            connection.prepare_cached("SELECT id FROM uploads")?.query_map([], |row| row.get(0))?.collect()
        })
        .doing("list")
    }

    /// All parts of an upload by number; at most 10,000.
    pub(crate) fn parts(&self, upload: &str) -> Result<Vec<UploadPart>, Fault> {
        self.read(|connection| {
            let all = format!("SELECT {PART} FROM parts WHERE upload = ?1 ORDER BY number");
            connection.prepare_cached(&all)?.query_map([upload], part)?.collect()
        })
        .doing("list")
    }

    /// The part of an upload with this number, if there is one.
    pub(crate) fn part(&self, upload: &str, number: u16) -> Result<Option<UploadPart>, Fault> {
        self.read(|connection| {
            let one = format!("SELECT {PART} FROM parts WHERE upload = ?1 AND number = ?2");
            connection.prepare_cached(&one)?.query_row((upload, number), part).optional()
        })
        .doing("read")
    }
}

fn part(row: &Row<'_>) -> rusqlite::Result<UploadPart> {
    let md5 = row.get(2)?;
    Ok(UploadPart {
        number: row.get(0)?,
        size: row.get::<_, i64>(1)?.cast_unsigned(),
        tag: if row.get(5)? { PartTag::Other(md5) } else { PartTag::Md5(md5) },
        place: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        modified_ms: row.get(3)?,
    })
}

fn upload(row: &Row<'_>) -> rusqlite::Result<Option<Upload>> {
    let bucket = BucketName::new(row.get_ref(1)?.as_str()?).ok();
    let key = std::str::from_utf8(row.get_ref(2)?.as_blob()?).ok().map(ObjectKey::parse);
    let Some((bucket, key)) = bucket.zip(key.and_then(Result::ok)) else { return Ok(None) };
    let about = About::from_column(row.get_ref(4)?.as_str_or_null()?);
    Ok(Some(Upload { id: row.get(0)?, bucket, key, started_ms: row.get(3)?, about }))
}
