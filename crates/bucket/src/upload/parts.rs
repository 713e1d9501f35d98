//! What the parts of an upload are, and how the file that they make was announced.

use crate::object::content_of_tag;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use model::{Chunk, ContentId, ETag, ObjectKey, Piece, RemoteVersion};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Bytes of a part of a file that is sent whole, as long as that makes at most 10,000 of them.
pub const PART_SIZE: u64 = 8 << 20;

/// What S3 allows.
const PARTS_MAX: u64 = 10_000;

/// The parts of an upload.
#[derive(Clone, Debug)]
pub struct Parts {
    pieces: Arc<[Piece]>,
    pub(super) announced: Announced,
    base: Option<(ObjectKey, RemoteVersion)>,
}

/// What is known of the file beside its content id.
#[derive(Clone, Debug)]
pub(super) enum Announced {
    /// Nothing: all of it is sent, and hashed on the way.
    Content,
    /// Its chunks, by the offsets at which they begin.
    Chunks(Arc<[(u64, Chunk)]>),
}

/// Which part of an upload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) number: u16,
    /// Where in the file it begins.
    pub(super) offset: u64,
}

/// How one part came to be in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartDone {
    /// So many bytes were sent.
    Sent(u64),
    /// So many bytes were there from an earlier attempt.
    Held(u64),
    /// So many bytes were copied by the store.
    Copied(u64),
}

impl PartDone {
    /// Bytes of the file, whichever way they went.
    #[must_use]
    pub fn length(self) -> u64 {
        let (Self::Sent(length) | Self::Held(length) | Self::Copied(length)) = self;
        length
    }
}

impl Parts {
    /// Those of a file of which nothing but its content id and size is known: all of it is sent.
    #[must_use]
    pub fn plain(size: u64) -> Self {
        let length = part_size(size);
        let offsets = (0..size.div_ceil(length)).map(|part| part * length);
        let pieces =
            offsets.map(|offset| Piece::Send { offset, length: length.min(size - offset) }).collect();
        Self { pieces, announced: Announced::Content, base: None }
    }

    /// `pieces` of the file with these chunks, at whose borders everything that is sent must begin and end. What is copied is taken
    /// from `base`: a version of an object below the same prefix.
    #[must_use]
    pub fn along(chunks: &[Chunk], pieces: Vec<Piece>, base: Option<(ObjectKey, RemoteVersion)>) -> Self {
        let copies = pieces.iter().any(|piece| matches!(piece, Piece::Copy { .. }));
        assert!(base.is_some() || !copies, "what is copied is copied from something");
        let mut offset = 0;
        let placed = chunks.iter().map(|chunk| {
            let at = offset;
            offset += u64::from(chunk.length);
            (at, *chunk)
        });
        let announced = Announced::Chunks(placed.collect());
        Self { pieces: pieces.into(), announced, base: base.filter(|_| copies) }
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }

    pub(super) fn base(&self) -> Option<&(ObjectKey, RemoteVersion)> {
        self.base.as_ref()
    }

    /// The parts in their order.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (Part, Piece)> + use<> {
        let pieces = Arc::clone(&self.pieces);
        let mut offset = 0;
        (1..).zip(0..pieces.len()).map(move |(number, at)| {
            let (part, piece) = (Part { number, offset }, pieces[at].clone());
            offset += piece.length();
            (part, piece)
        })
    }
}

/// What a part holds, as the store checks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Md5(ContentId),
    Blake3([u8; 32]),
}

impl Digest {
    fn of(part: &[u8], is_ours: bool) -> Self {
        if is_ours {
            Self::Blake3(*blake3::hash(part).as_bytes())
        } else {
            Self::Md5(ContentId::from_md5(Md5::digest(part).into()))
        }
    }

    /// Whether a part with this tag, which the store made, holds the same.
    pub(super) fn is_in(&self, etag: &ETag) -> bool {
        match self {
            Self::Md5(content) => content_of_tag(etag) == Some(*content),
            Self::Blake3(digest) => {
                let half =
                    |text| ContentId::from_hex(text).is_some_and(|half| digest.starts_with(half.as_bytes()));
                etag.as_str().strip_suffix("-1").is_some_and(half)
            }
        }
    }
}

impl Announced {
    /// Hashes a part for the store; `None`: it is not what was announced.
    pub(super) fn check(&self, offset: u64, part: &[u8], is_ours: bool) -> Option<Digest> {
        if let Self::Chunks(chunks) = self {
            let first = chunks.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
            let mut rest = part;
            for (_, chunk) in &chunks[first..] {
                if rest.is_empty() {
                    break;
                }
                let (now, behind) = rest.split_at_checked(chunk.length as usize)?;
                if blake3::hash(now).as_bytes() != chunk.digest.as_bytes() {
                    return None;
                }
                rest = behind;
            }
            if !rest.is_empty() {
                return None;
            }
        }
        Some(Digest::of(part, is_ours))
    }
}

/// Hashes a whole file that goes by in parts.
#[derive(Default)]
pub(super) struct Whole(Md5);

impl Whole {
    /// Takes the next part, on another thread.
    pub(super) fn update(mut self, part: Bytes) -> JoinHandle<Self> {
        tokio::task::spawn_blocking(move || {
            self.0.update(&part);
            self
        })
    }

    pub(super) fn finish(self) -> ContentId {
        ContentId::from_md5(self.0.finalize().into())
    }
}

/// The least whole number of MiB, from [`PART_SIZE`], that makes at most [`PARTS_MAX`] parts of `size` bytes.
fn part_size(size: u64) -> u64 {
    size.div_ceil(PARTS_MAX).next_multiple_of(1 << 20).max(PART_SIZE)
}

#[cfg(test)]
mod tests;
