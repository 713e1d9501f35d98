//! A base entry as the columns of its row.

use crate::RouteId;
use model::{
    Agreed, BaseEntry, ContentId, ETag, Kind, Meta, Mode, Node, ObjectKey, Owner, RemoteVersion, Stamp,
    UnixNanos,
};
use rusqlite::types::{ToSqlOutput, Type, Value, ValueRef};
use rusqlite::{CachedStatement, ToSql, params};

/// The columns in the order in which [`read`] and [`Row::insert`] take them.
macro_rules! columns {
    () => {
        "key, kind, content, size, local_mtime, local_mode, local_uid, local_gid, \
         remote_kind, remote_content, remote_size, remote_mtime, remote_mode, remote_uid, remote_gid, \
         stamp_size, stamp_mtime, stamp_ctime, stamp_inode, etag, modified"
    };
}
pub(crate) use columns;

/// A base entry on its way into the database.
pub(super) struct Row<'a> {
    entry: &'a BaseEntry,
    etag: Tag<'a>,
}

enum Tag<'a> {
    RemoteContent,
    Digest([u8; 16]),
    Text(&'a str),
}

impl<'a> Row<'a> {
    pub(super) fn of(entry: &'a BaseEntry) -> Self {
        let text = entry.version.etag.as_str();
        let etag = match parse_hex(text) {
            Some(digest) if digest == *entry.agreed.remote.content.as_bytes() => Tag::RemoteContent,
            Some(digest) => Tag::Digest(digest),
            None => Tag::Text(text),
        };
        Self { entry, etag }
    }

    pub(super) fn insert(&self, statement: &mut CachedStatement<'_>, route: RouteId) -> rusqlite::Result<()> {
        let BaseEntry { key, agreed: Agreed { local, remote }, stamp, version } = self.entry;
        statement.execute(params![
            route.0,
            key.as_str(),
            kind_number(local.kind),
            local.content.as_bytes(),
            local.size.cast_signed(),
            local.meta.mtime.map(|time| time.0),
            local.meta.mode.map(Mode::bits),
            local.meta.owner.map(|owner| owner.uid),
            local.meta.owner.map(|owner| owner.gid),
            unless(local.kind == remote.kind, kind_number(remote.kind)),
            unless(local.content == remote.content, remote.content.as_bytes()),
            unless(local.size == remote.size, remote.size.cast_signed()),
            remote.meta.mtime.map(|time| time.0),
            remote.meta.mode.map(Mode::bits),
            remote.meta.owner.map(|owner| owner.uid),
            remote.meta.owner.map(|owner| owner.gid),
            unless(stamp.size == local.size, stamp.size.cast_signed()),
            unless(Some(stamp.mtime) == local.meta.mtime, stamp.mtime.0),
            stamp.ctime.0,
            stamp.inode.cast_signed(),
            self.etag,
            version.modified.map(|time| time.0),
        ])?;
        Ok(())
    }
}

impl ToSql for Tag<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::RemoteContent => ToSqlOutput::Owned(Value::Null),
            Self::Digest(digest) => ToSqlOutput::Borrowed(ValueRef::Blob(digest)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

fn unless<T>(repeats: bool, value: T) -> Option<T> {
    (!repeats).then_some(value)
}

/// The key in a column.
pub(crate) fn read_key(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<ObjectKey> {
    ObjectKey::parse(row.get_ref(column)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// A base entry from its row.
pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<BaseEntry> {
    let key = read_key(row, 0)?;
    let local = Node {
        kind: read_kind(row, 1)?.ok_or_else(|| unfit(row, 1))?,
        content: ContentId::from_md5(row.get(2)?),
        size: row.get(3).map(i64::cast_unsigned)?,
        meta: read_meta(row, 4)?,
    };
    let remote_content: Option<[u8; 16]> = row.get(9)?;
    let remote_size: Option<i64> = row.get(10)?;
    let remote = Node {
        kind: read_kind(row, 8)?.unwrap_or(local.kind),
        content: remote_content.map_or(local.content, ContentId::from_md5),
        size: remote_size.map_or(local.size, i64::cast_unsigned),
        meta: read_meta(row, 11)?,
    };
    let stamp_size: Option<i64> = row.get(15)?;
    let stamp_mtime: Option<i64> = row.get(16)?;
    let stamp = Stamp {
        size: stamp_size.map_or(local.size, i64::cast_unsigned),
        mtime: stamp_mtime.map(UnixNanos).or(local.meta.mtime).ok_or_else(|| unfit(row, 16))?,
        ctime: UnixNanos(row.get(17)?),
        inode: row.get(18).map(i64::cast_unsigned)?,
    };
    let etag = match row.get_ref(19)? {
        ValueRef::Null => ETag::new(&hex(*remote.content.as_bytes())),
        text @ ValueRef::Text(_) => ETag::new(text.as_str()?),
        _ => ETag::new(&hex(row.get(19)?)),
    };
    let modified: Option<i64> = row.get(20)?;
    let version = RemoteVersion { etag, modified: modified.map(UnixNanos) };
    Ok(BaseEntry { key, agreed: Agreed { local, remote }, stamp, version })
}

pub(crate) fn read_meta(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Meta> {
    let mtime: Option<i64> = row.get(from)?;
    let mode: Option<u32> = row.get(from + 1)?;
    let uid: Option<u32> = row.get(from + 2)?;
    let gid: Option<u32> = row.get(from + 3)?;
    Ok(Meta {
        mtime: mtime.map(UnixNanos),
        mode: mode.map(Mode::from_st_mode),
        owner: uid.zip(gid).map(|(uid, gid)| Owner { uid, gid }),
        sealed: false,
    })
}

pub(crate) fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::File => 0,
        Kind::Symlink => 1,
        Kind::Directory => 2,
    }
}

pub(crate) fn read_kind(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Kind>> {
    let number: Option<i64> = row.get(at)?;
    match number {
        None => Ok(None),
        Some(0) => Ok(Some(Kind::File)),
        Some(1) => Ok(Some(Kind::Symlink)),
        Some(2) => Ok(Some(Kind::Directory)),
        Some(_) => Err(unfit(row, at)),
    }
}

pub(crate) fn unfit(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Error {
    let name = row.as_ref().column_name(at).unwrap_or_default().to_owned();
    rusqlite::Error::InvalidColumnType(at, name, Type::Integer)
}

/// Reads exactly 32 lower-case hexadecimal digits: what [`hex`] writes, and nothing else.
fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn hex(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
