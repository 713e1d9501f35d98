//! What can be written to the index.

use super::numbers::Numbers;
use crate::record::{About, Record};
use model::{BucketName, ContentId, ETag, Kind, ObjectKey};
use rusqlite::{Connection, params};
use std::ops::Range;

/// The end of a tag that is no MD5, as S3 has it.
const OTHER: &str = "-1";

/// One change. Several in one submission happen together or not at all.
#[derive(Debug)]
pub(crate) enum Change {
    Put { bucket: BucketName, key: ObjectKey, record: Box<Record> },
    Remove { bucket: BucketName, key: ObjectKey },
    StartUpload(Upload),
    PutPart { upload: String, part: UploadPart },
    DropUpload { id: String },
}

/// An upload in parts that is not finished.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) bucket: BucketName,
    pub(crate) key: ObjectKey,
    /// Milliseconds since 1970.
    pub(crate) started_ms: i64,
    pub(crate) about: About,
}

/// One part of an upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadPart {
    /// 1 to 10,000.
    pub(crate) number: u16,
    pub(crate) size: u64,
    pub(crate) tag: PartTag,
    /// Where in the object it is written already; `None`: it is a file of its own.
    pub(crate) place: Option<u64>,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
}

/// Which bytes a part holds.
///
/// Copied ones are not read to be hashed: the version of the object they are from and the range tell as well. A client compares a tag with
/// an MD5 only if it looks like one, so the others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PartTag {
    /// The MD5 of the bytes.
    Md5([u8; 16]),
    /// Half of another digest of the bytes, or of what names their origin.
    Other([u8; 16]),
}

impl PartTag {
    /// That of a range of a version.
    pub(crate) fn of_origin(version: &ETag, range: &Range<u64>) -> Self {
        let origin = format!("{} {}-{}", version.as_str(), range.start, range.end);
        Self::of_digest(blake3::hash(origin.as_bytes()).as_bytes())
    }

    /// That of bytes with this BLAKE3 digest.
    pub(crate) fn of_digest(digest: &[u8; 32]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self::Other(half)
    }

    /// What [`PartTag::etag`] made of it.
    pub(crate) fn parse(etag: &ETag) -> Option<Self> {
        let bytes = |text| ContentId::from_hex(text).map(|content| *content.as_bytes());
        match etag.as_str().strip_suffix(OTHER) {
            Some(text) => bytes(text).map(Self::Other),
            None => bytes(etag.as_str()).map(Self::Md5),
        }
    }

    /// The 16 bytes of which the object's own tag is made.
    pub(crate) fn bytes(&self) -> &[u8; 16] {
        let (Self::Md5(bytes) | Self::Other(bytes)) = self;
        bytes
    }

    /// As clients see it.
    pub(crate) fn etag(&self) -> ETag {
        let text = ContentId::from_md5(*self.bytes()).to_string();
        match self {
            Self::Md5(_) => ETag::new(&text),
            Self::Other(_) => ETag::new(&format!("{text}{OTHER}")),
        }
    }
}

pub(crate) fn kind_column(kind: Kind) -> i64 {
    match kind {
        Kind::File => 0,
        Kind::Symlink => 1,
        Kind::Directory => 2,
    }
}

pub(crate) fn kind_from_column(column: i64) -> Kind {
    match column {
        1 => Kind::Symlink,
        2 => Kind::Directory,
        _ => Kind::File,
    }
}

impl Change {
    /// The object that changes, if one does.
    pub(super) fn object(&self) -> Option<(&BucketName, &ObjectKey)> {
        match self {
            Self::Put { bucket, key, .. } | Self::Remove { bucket, key } => Some((bucket, key)),
            Self::StartUpload(_) | Self::PutPart { .. } | Self::DropUpload { .. } => None,
        }
    }

    /// Writes the change into the transaction that is open.
    pub(super) fn apply(&self, connection: &Connection, numbers: &mut Numbers) -> rusqlite::Result<()> {
        match self {
            Self::Put { bucket, key, record } => put(connection, numbers, bucket, key, record),
            Self::Remove { bucket, key } => remove(connection, numbers, bucket, key),
            Self::StartUpload(upload) => start_upload(connection, upload),
            Self::PutPart { upload, part } => put_part(connection, upload, part),
            Self::DropUpload { id } => {
                connection.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([id])?;
                Ok(())
            }
        }
    }
}

fn put(
    connection: &Connection,
    numbers: &mut Numbers,
    bucket: &BucketName,
    key: &ObjectKey,
    record: &Record,
) -> rusqlite::Result<()> {
    let sequence = numbers.next(connection, bucket)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO objects VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            bucket.as_str(),
            key.as_str().as_bytes(),
            kind_column(record.kind),
            record.stamp.size.cast_signed(),
            record.etag.as_str(),
            record.modified_ms,
            record.stamp.mtime.0,
            record.stamp.ctime.0,
            record.stamp.inode.cast_signed(),
            sequence,
            record.about.to_column(),
        ])?;
    numbers.unbury(connection, bucket, key.as_str().as_bytes())
}

/// An object that the index does not have was told to nobody, so its end is no news.
fn remove(
    connection: &Connection,
    numbers: &mut Numbers,
    bucket: &BucketName,
    key: &ObjectKey,
) -> rusqlite::Result<()> {
    let row = (bucket.as_str(), key.as_str().as_bytes());
    let removed =
        connection.prepare_cached("DELETE FROM objects WHERE bucket = ?1 AND key = ?2")?.execute(row)?;
    if removed == 0 { Ok(()) } else { numbers.bury(connection, bucket, row.1) }
}

fn start_upload(connection: &Connection, upload: &Upload) -> rusqlite::Result<()> {
    let about = upload.about.to_column();
    let row = (&upload.id, upload.bucket.as_str(), upload.key.as_str().as_bytes(), upload.started_ms, about);
    connection.prepare_cached("INSERT INTO uploads VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(row)?;
    Ok(())
}

fn put_part(connection: &Connection, upload: &str, part: &UploadPart) -> rusqlite::Result<()> {
    let is_other = matches!(part.tag, PartTag::Other(_));
    let (size, place) = (part.size.cast_signed(), part.place.map(u64::cast_signed));
    let row = (upload, part.number, size, part.tag.bytes(), part.modified_ms, place, is_other);
    let put = "INSERT OR REPLACE INTO parts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(put)?.execute(row)?;
    Ok(())
}
