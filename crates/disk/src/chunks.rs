//! Cutting a file where its content says so, so that both versions of a changed file have most chunks in common.
//!
//! `FastCDC` of 2020: a hash of the last 64 bytes decides where a chunk ends. Normalised, so that most chunks are of about
//! the same size. A chunk has at most 3 MiB, because an upload's parts of at least 5 MiB are made of whole chunks, and then have
//! at most 8. The sizes are no format: after another choice, every changed file is sent whole once.

use fastcdc::v2020::{Normalization, get_gear_with_seed, select_masks};
use model::{Chunk, ChunkDigest};
use std::borrow::Cow;

/// Bytes of a chunk, unless the file ends.
const LENGTH_MIN: usize = 256 << 10;
/// Bytes that most chunks have, or a few more.
const LENGTH_USUAL: usize = 1 << 20;
/// Bytes of the largest chunk.
const LENGTH_MAX: usize = 3 << 20;

/// What is looked at at once: what was left over is moved to the front for every so many bytes.
const WINDOW: usize = 8 << 20;

/// Cuts a stream of bytes into chunks, holding at most 8 MiB of it.
#[derive(Debug)]
pub struct Chunker {
    window: Vec<u8>,
    chunks: Vec<Chunk>,
    masks: (u64, u64),
    gear: (Cow<'static, [u64]>, Cow<'static, [u64]>),
}

impl Default for Chunker {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunker {
    /// Begins a file.
    #[must_use]
    pub fn new() -> Self {
        let masks = select_masks(LENGTH_USUAL, Normalization::Level2);
        Self { window: Vec::new(), chunks: Vec::new(), masks, gear: get_gear_with_seed(0) }
    }

    /// Goes on behind these chunks of a file. Where a chunk ends depends on nothing in front of it.
    #[must_use]
    pub fn behind(chunks: Vec<Chunk>) -> Self {
        Self { chunks, ..Self::new() }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = WINDOW - self.window.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.window.extend_from_slice(now);
            bytes = later;
            if self.window.len() == WINDOW {
                // A chunk is only certain where it could not be longer.
                self.cut(LENGTH_MAX);
            }
        }
    }

    /// The chunks of the whole file, in order and without a gap.
    #[must_use]
    pub fn finish(mut self) -> Vec<Chunk> {
        self.cut(1);
        self.chunks
    }

    /// Cuts chunks off while there are at least so many bytes.
    fn cut(&mut self, least: usize) {
        let mut rest = self.window.as_slice();
        while rest.len() >= least {
            let ((small, large), (gear, shifted)) = (self.masks, &self.gear);
            let (_, length) = fastcdc::v2020::cut_gear(
                rest,
                LENGTH_MIN,
                LENGTH_USUAL,
                LENGTH_MAX,
                small,
                large,
                small << 1,
                large << 1,
                gear,
                shifted,
            );
            let (chunk, behind) = rest.split_at(length);
            let length = u32::try_from(length).expect("because a chunk has at most 3 MiB");
            let digest = ChunkDigest::from_blake3(*blake3::hash(chunk).as_bytes());
            self.chunks.push(Chunk { length, digest });
            rest = behind;
        }
        let done = self.window.len() - rest.len();
        self.window.drain(..done);
    }
}

#[cfg(test)]
mod tests;
