//! A large file as the pieces in which it is compared, sent and remembered.

use std::fmt;
use std::ops::Range;

/// One of the pieces into which a file's content falls by itself: their borders move with the bytes around them, so a
/// change in the middle of a file leaves all others as they are. Chunks follow one another without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// Bytes.
    pub length: u32,
    /// What it holds.
    pub digest: ChunkDigest,
}

/// What a chunk holds, as its BLAKE3 digest.
///
/// It alone decides that bytes need not be sent, so it is kept whole: twelve bytes fewer of every mebibyte would save nothing, and halve
/// the work of whoever wants two chunks to look the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkDigest([u8; 32]);

impl ChunkDigest {
    /// Wraps a BLAKE3 digest.
    #[must_use]
    pub fn from_blake3(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ChunkDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkDigest(")?;
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// One part of an upload. Parts follow one another without a gap, so a part's place in the new file is where the last one ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The store takes it from the version it already holds.
    Copy {
        /// Bytes of that version; not empty.
        from: Range<u64>,
    },
    /// It crosses the line.
    Send {
        /// Where it begins in the new file.
        offset: u64,
        /// Bytes; not 0.
        length: u64,
    },
}

impl Piece {
    /// Bytes of the new file.
    #[must_use]
    pub fn length(&self) -> u64 {
        match self {
            Self::Copy { from } => from.end - from.start,
            Self::Send { length, .. } => *length,
        }
    }
}

/// The name that a store gave to an upload in parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(String);

impl UploadId {
    /// Takes what the store said.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What the store said.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
