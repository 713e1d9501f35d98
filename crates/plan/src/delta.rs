//! Which parts of a changed large file are sent, and which the store copies from the version it holds.
//!
//! Both versions are known by their chunks. Stretches of the new file that stand, chunk for chunk, in the old one can be copied; everything
//! else is sent. What makes that a decision are the limits of S3: every part but the last has at least 5 MiB, and there are at most
//! 10,000. So a small change drags some of its surroundings along, and a small stretch of old chunks is not worth a copy.
//!
//! The layout that sends the fewest bytes (then: that has the fewest parts) is found exactly, as a shortest way along the borders of
//! the new file's chunks. All that is sent begins and ends at such a border, so whoever sends it can check it chunk by chunk
//! against what was announced. Rejected: borrowing single bytes from neighbouring stretches, which would send up to a chunk less and check nothing.
//!
//! Protocol: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.

mod shortest;

use model::{Chunk, ChunkDigest, Piece};
use std::collections::BTreeMap;

/// The least that a part other than the last may have.
pub const PART_MIN: u64 = 5 << 20;

/// What a part that is sent has at most, as long as that makes at most [`PARTS_MAX`] of them, and no chunk is larger
/// than the difference to [`PART_MIN`].
pub const SENT_MAX: u64 = 8 << 20;

/// Parts of one upload.
pub const PARTS_MAX: usize = 10_000;

/// What one request may copy.
const COPIED_LIMIT: u64 = 5 << 30;

/// What one request is asked to copy: the store answers only when it is done, so the less, the sooner a failure shows.
const COPIED_MAX: u64 = 256 << 20;

/// How large the parts of one layout are.
#[derive(Clone, Copy)]
struct Sizes {
    /// Every part but the last.
    least: u64,
    /// A part that is sent, unless a single chunk makes it larger.
    sent: u64,
    /// A part that is copied.
    copied: u64,
}

/// The parts of an upload that turns the version with the chunks `old` into the one with the chunks `new`.
///
/// Together they are exactly the new file. A file of more than 48 TiB, which no store takes, gets parts that no store takes.
#[must_use]
pub fn pieces(old: &[Chunk], new: &[Chunk]) -> Vec<Piece> {
    let sources = sources(old, new);
    within_limits(size_of(new), |sizes| split_copies(&shortest::way(new, &sources, sizes), sizes))
}

/// The parts of an upload that sends a file of `size` bytes whole.
#[must_use]
pub fn plain(size: u64) -> Vec<Piece> {
    within_limits(size, |sizes| {
        let offsets = (0..).map(|part| part * sizes.sent).take_while(|offset| *offset < size);
        offsets.map(|offset| Piece::Send { offset, length: sizes.sent.min(size - offset) }).collect()
    })
}

/// Bytes that cross the line.
#[must_use]
pub fn sent(pieces: &[Piece]) -> u64 {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Copy { .. } => 0,
            Piece::Send { length, .. } => *length,
        })
        .sum()
}

fn size_of(chunks: &[Chunk]) -> u64 {
    chunks.iter().map(|chunk| u64::from(chunk.length)).sum()
}

/// The layout with the smallest parts that are few enough.
fn within_limits(size: u64, layout: impl Fn(Sizes) -> Vec<Piece>) -> Vec<Piece> {
    let few = size.div_ceil(PARTS_MAX as u64).next_multiple_of(1 << 20);
    let mut sizes = Sizes { least: PART_MIN, sent: few.max(SENT_MAX), copied: (2 * few).max(COPIED_MAX) };
    loop {
        let pieces = layout(sizes);
        // With parts of this size there cannot be too many.
        if pieces.len() <= PARTS_MAX || sizes.least > few {
            return pieces;
        }
        sizes.least *= 2;
        sizes.sent = sizes.sent.max(sizes.least / 5 * 8);
    }
}

/// Where in the old file each chunk of the new one stands, if it does.
///
/// A chunk that stands there several times (zeroes, for one) is taken where it continues the chunk before it.
fn sources(old: &[Chunk], new: &[Chunk]) -> Vec<Option<u64>> {
    let mut offset = 0;
    let mut first: BTreeMap<ChunkDigest, usize> = BTreeMap::new();
    let mut offsets = Vec::with_capacity(old.len());
    for (index, chunk) in old.iter().enumerate() {
        first.entry(chunk.digest).or_insert(index);
        offsets.push(offset);
        offset += u64::from(chunk.length);
    }
    let is_at = |index: &usize, chunk: &Chunk| old.get(*index) == Some(chunk);
    let mut next = None;
    new.iter()
        .map(|chunk| {
            let continued = next.filter(|index| is_at(index, chunk));
            let found =
                continued.or_else(|| first.get(&chunk.digest).copied().filter(|index| is_at(index, chunk)));
            next = found.map(|index| index + 1);
            found.and_then(|index| offsets.get(index).copied())
        })
        .collect()
}

/// Cuts copies that are too large for one request into equal ones.
fn split_copies(pieces: &[Piece], sizes: Sizes) -> Vec<Piece> {
    let most = sizes.copied.min(COPIED_LIMIT);
    let mut split = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Piece::Copy { from } => {
                let length = from.end - from.start;
                let count = length.div_ceil(most);
                let cut = |at: u64| {
                    let exact = u128::from(length) * u128::from(at) / u128::from(count);
                    from.start + u64::try_from(exact).expect("because it is at most the length")
                };
                split.extend((0..count).map(|at| Piece::Copy { from: cut(at)..cut(at + 1) }));
            }
            sent @ Piece::Send { .. } => split.push(sent.clone()),
        }
    }
    split
}

#[cfg(test)]
mod tests;
