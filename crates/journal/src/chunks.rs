//! The chunks of large files, as both sides last agreed on them.
//!
//! They are what a changed file is compared with, to send only what is new of it. A row belongs to one content: chunks of another version than
//! the one agreed upon would have bytes copied that the other side no longer holds, so they are asked for together with the
//! content, and go as soon as the agreement is about another.
//!
//! A file's chunks are one value, 36 bytes each, about that for every mebibyte. Rejected: a row for each chunk, which takes
//! twice the space and is never asked for alone.

use crate::{Error, Journal, RouteId};
use model::{BaseEntry, Chunk, ChunkDigest, ContentId, ObjectKey};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

/// Bytes of a chunk in its row: its length (big-endian), its digest.
const PACKED: usize = 4 + 32;

/// What is known of a large file beside its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// The whole of it.
    pub chunks: Vec<Chunk>,
    /// What was given beside them; nothing if that was before there was anything to give.
    pub waypoints: Vec<u8>,
}

impl Journal {
    /// The chunks of what was agreed on at a key, if that is `content` and its chunks are known.
    pub fn chunks(
        &self,
        route: RouteId,
        key: &ObjectKey,
        content: ContentId,
    ) -> Result<Option<Chunks>, Error> {
        self.with("reading chunks", |connection| {
            let find = "SELECT chunks, waypoints FROM chunk WHERE route = ?1 AND key = ?2 AND content = ?3";
            let values = params![route.0, key.as_str(), content.as_bytes()];
            let unpack = |row: &rusqlite::Row<'_>| {
                let waypoints = row.get::<_, Option<Vec<u8>>>(1)?.unwrap_or_default();
                let chunks = unpack(row.get_ref(0)?.as_blob()?);
                Ok(chunks.map(|chunks| Chunks { chunks, waypoints }))
            };
            connection.prepare_cached(find)?.query_row(values, unpack).optional().map(Option::flatten)
        })
    }
}

/// Writes what becomes of chunks, as part of a transaction.
pub(crate) struct Writer<'a> {
    keep: CachedStatement<'a>,
    outdate: CachedStatement<'a>,
    forget: CachedStatement<'a>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            keep: connection.prepare_cached(
                "INSERT OR REPLACE INTO chunk (route, key, content, chunks, waypoints) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
            outdate: connection
                .prepare_cached("DELETE FROM chunk WHERE route = ?1 AND key = ?2 AND content <> ?3")?,
            forget: connection.prepare_cached("DELETE FROM chunk WHERE route = ?1 AND key = ?2")?,
        })
    }

    pub(crate) fn keep(
        &mut self,
        route: RouteId,
        key: &ObjectKey,
        content: ContentId,
        (chunks, waypoints): (&[Chunk], &[u8]),
    ) -> rusqlite::Result<()> {
        let values = params![route.0, key.as_str(), content.as_bytes(), pack(chunks), waypoints];
        self.keep.execute(values).map(drop)
    }

    /// An agreement on another content makes the chunks worthless.
    pub(crate) fn agreed(&mut self, route: RouteId, entry: &BaseEntry) -> rusqlite::Result<()> {
        let content = entry.agreed.remote.content;
        self.outdate.execute(params![route.0, entry.key.as_str(), content.as_bytes()]).map(drop)
    }

    pub(crate) fn forget(&mut self, route: RouteId, key: &ObjectKey) -> rusqlite::Result<()> {
        self.forget.execute(params![route.0, key.as_str()]).map(drop)
    }
}

fn pack(chunks: &[Chunk]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(chunks.len() * PACKED);
    for chunk in chunks {
        packed.extend_from_slice(&chunk.length.to_be_bytes());
        packed.extend_from_slice(chunk.digest.as_bytes());
    }
    packed
}

/// `None`: not written by us, so nothing is known.
fn unpack(packed: &[u8]) -> Option<Vec<Chunk>> {
    let (chunks, rest) = packed.as_chunks::<PACKED>();
    let unpack = |chunk: &[u8; PACKED]| {
        let (length, digest) = chunk.split_first_chunk::<4>()?;
        let digest = ChunkDigest::from_blake3(digest.try_into().ok()?);
        Some(Chunk { length: u32::from_be_bytes(*length), digest })
    };
    if rest.is_empty() { chunks.iter().map(unpack).collect() } else { None }
}

#[cfg(test)]
mod tests;
