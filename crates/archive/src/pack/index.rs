//! The index beside a pack, version 2 (`gitformat-pack`): where each object lies.

use super::Placed;
use gix::ObjectId;
use gix::hash::Kind::Sha1;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Offsets from here on stand in a table of 64-bit numbers.
const LARGE_OFFSET: u64 = 1 << 31;

/// Writes the index durably.
pub(super) fn write(path: &Path, placed: &mut [Placed], pack_checksum: ObjectId) -> io::Result<()> {
    placed.sort_unstable_by_key(|placed| placed.id);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)?;
    let mut out = Hashed { inner: BufWriter::with_capacity(1 << 18, file), hasher: gix::hash::hasher(Sha1) };
    encode(placed, pack_checksum, &mut out)?;
    let Hashed { mut inner, hasher } = out;
    let checksum = hasher.try_finalize().map_err(io::Error::other)?;
    inner.write_all(checksum.as_slice())?;
    inner.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// The checksum of the pack that an index belongs to, if the index is complete.
pub(super) fn pack_checksum(index: &[u8]) -> Option<ObjectId> {
    let body = index.len().checked_sub(20)?;
    let mut hasher = gix::hash::hasher(Sha1);
    hasher.update(&index[..body]);
    let complete = hasher.try_finalize().ok()?.as_slice() == &index[body..];
    let checksum = index.get(body.checked_sub(20)?..body)?;
    complete.then(|| ObjectId::from_bytes_or_panic(checksum))
}

fn encode(placed: &[Placed], pack_checksum: ObjectId, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"\xfftOc\0\0\0\x02")?;
    let mut upto = 0;
    for first in 0..=255_u8 {
        upto += placed[upto..].partition_point(|placed| placed.id.as_slice()[0] <= first);
        out.write_all(&as_u32(upto as u64).to_be_bytes())?;
    }
    for placed in placed {
        out.write_all(placed.id.as_slice())?;
    }
    for placed in placed {
        out.write_all(&placed.crc32.to_be_bytes())?;
    }
    let mut large = Vec::new();
    for placed in placed {
        let offset = if placed.offset < LARGE_OFFSET {
            as_u32(placed.offset)
        } else {
            large.push(placed.offset);
            as_u32(LARGE_OFFSET | (large.len() as u64 - 1))
        };
        out.write_all(&offset.to_be_bytes())?;
    }
    for offset in large {
        out.write_all(&offset.to_be_bytes())?;
    }
    out.write_all(pack_checksum.as_slice())
}

fn as_u32(number: u64) -> u32 {
    u32::try_from(number).expect("a pack holds less than 2^31 objects")
}

/// Hashes what passes through.
struct Hashed<W> {
    inner: W,
    hasher: gix::hash::Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
