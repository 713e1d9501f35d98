//! Pages of keys, as S3 lists them (`ListObjectsV2`: prefix, delimiter, position).
//!
//! Keys that share a text up to the delimiter are told as one common prefix. The rows below it are not
//! read: one seek goes past all of them, so the first page of a bucket with a million objects in ten
//! folders costs ten seeks.

use super::Index;
use crate::fault::{Doing, Fault};
use model::{BucketName, ETag};
use rusqlite::{CachedStatement, Connection};

/// What to list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    /// Only what comes behind this key or common prefix.
    pub(crate) after: &'a str,
    pub(crate) count: usize,
}

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    pub(crate) modified_ms: i64,
}

/// One line of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listing {
    Object(Listed),
    CommonPrefix(String),
}

impl Listing {
    fn position(&self) -> &str {
        match self {
            Self::Object(listed) => &listed.key,
            Self::CommonPrefix(prefix) => prefix,
        }
    }
}

/// A part of a listing.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) lines: Vec<Listing>,
    /// Where the next page starts, if there is one.
    pub(crate) next: Option<String>,
}

impl Index {
    pub(crate) fn list(&self, bucket: &BucketName, query: Query<'_>) -> Result<Page, Fault> {
        self.read(|connection| Walk::new(connection, bucket, query)?.page()).doing("list")
    }
}

struct Walk<'a> {
    statement: CachedStatement<'a>,
    bucket: &'a BucketName,
    query: Query<'a>,
    end: Start,
}

/// From where to read on, inclusively.
type Start = Vec<u8>;

impl<'a> Walk<'a> {
    fn new(connection: &'a Connection, bucket: &'a BucketName, query: Query<'a>) -> rusqlite::Result<Self> {
        let statement = connection.prepare_cached(
            "SELECT key, size, etag, modified FROM objects
             WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key LIMIT ?4",
        )?;
        let (_, end) = bounds(query.prefix);
        Ok(Self { statement, bucket, query, end })
    }

    fn page(mut self) -> rusqlite::Result<Page> {
        let mut page = Page::default();
        if self.query.count == 0 {
            return Ok(page);
        }
        let mut start = self.first_start();
        while let Some(from) = start {
            start = self.read_from(&from, &mut page)?;
            if page.lines.len() > self.query.count {
                page.lines.truncate(self.query.count);
                page.next = page.lines.last().map(|line| line.position().to_owned());
                break;
            }
        }
        Ok(page)
    }

    /// Where this page starts: behind `after`, and behind all that a common prefix stands for.
    fn first_start(&self) -> Option<Start> {
        let Query { prefix, after, .. } = self.query;
        if after < prefix {
            return Some(prefix.as_bytes().to_vec());
        }
        match self.group_of(after) {
            Some(group) if group == after => successor(group.as_bytes()),
            _ => Some([after.as_bytes(), b"\0"].concat()),
        }
    }

    /// Adds lines until the page has one too many, a group has to be leapt over, or nothing is left.
    fn read_from(&mut self, from: &[u8], page: &mut Page) -> rusqlite::Result<Option<Start>> {
        let limit = self.query.count + 1 - page.lines.len();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut leap = None;
        let (delimiter, prefix) = (self.query.delimiter, self.query.prefix);
        let mut rows = self.statement.query((self.bucket.as_str(), from, &self.end[..], limit))?;
        while let Some(row) = rows.next()? {
            let Ok(key) = std::str::from_utf8(row.get_ref(0)?.as_blob()?) else { continue };
            if let Some(group) = group(key, prefix, delimiter) {
                page.lines.push(Listing::CommonPrefix(group.to_owned()));
                leap = successor(group.as_bytes());
                break;
            }
            page.lines.push(Listing::Object(Listed {
                key: key.to_owned(),
                size: row.get::<_, i64>(1)?.cast_unsigned(),
                etag: ETag::new(row.get_ref(2)?.as_str()?),
                modified_ms: row.get(3)?,
            }));
        }
        Ok(leap)
    }

    fn group_of<'k>(&self, key: &'k str) -> Option<&'k str> {
        group(key, self.query.prefix, self.query.delimiter)
    }
}

/// The part of a key up to the first delimiter behind the prefix.
fn group<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

/// From the first byte string of all that start with `prefix` to the first one behind them. A bound that may be missing would keep
/// the database from stopping there.
pub(super) fn bounds(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    let prefix = prefix.as_bytes();
    // No text has this byte.
    (prefix.to_vec(), successor(prefix).unwrap_or_else(|| vec![u8::MAX]))
}

/// The first byte string behind all that start with `prefix`; `None` when nothing can be behind them.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte < u8::MAX)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

#[cfg(test)]
mod tests;
