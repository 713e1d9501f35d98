//! One object as a pack holds it: a header with kind and size, then a zlib stream.

use flate2::{Compress, Compression, FlushCompress, Status};
use gix::ObjectId;
use gix::objs::Kind;

/// zlib level for what compresses. Level 6 takes half as long again and saves 4 %, which a later repack gets anyway;
/// level 1 is quick but a third larger, and makes random data grow.
const LEVEL: u32 = 3;
/// Bits per byte from which content counts as compressed already.
const ENTROPY_HIGH: f64 = 7.85;
const SAMPLE: usize = 1024;
/// Deflated bytes go through a buffer of this size.
const ROOM: usize = 64 << 10;

/// Deflated objects, ready to be appended to a pack.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    objects: Vec<(ObjectId, u32, u64)>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Id, CRC-32 and offset within the batch of each object.
    pub(super) fn objects(&self) -> impl Iterator<Item = (ObjectId, u32, u64)> {
        self.objects.iter().copied()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.objects.clear();
    }

    /// Deflates an object behind the others.
    pub(crate) fn push(&mut self, deflater: &mut Deflater, kind: Kind, id: ObjectId, content: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&header(kind, content.len() as u64));
        deflater.choose(entropy_is_high(&[content]));
        deflater.feed(content, FlushCompress::Finish, &mut self.bytes);
        let crc32 = crc32fast::hash(&self.bytes[start..]);
        self.objects.push((id, crc32, start as u64));
    }
}

/// zlib states that are kept from object to object: making one costs more than deflating a small file.
pub(crate) struct Deflater {
    tight: Compress,
    stored: Compress,
    is_stored: bool,
    room: Box<[u8]>,
}

impl Deflater {
    pub(crate) fn new() -> Self {
        Self {
            tight: Compress::new(Compression::new(LEVEL), true),
            stored: Compress::new(Compression::none(), true),
            is_stored: false,
            room: vec![0; ROOM].into(),
        }
    }

    /// Starts a new zlib stream, stored or deflated.
    pub(crate) fn choose(&mut self, incompressible: bool) {
        self.is_stored = incompressible;
        if incompressible { self.stored.reset() } else { self.tight.reset() }
    }

    /// Deflates all of `input` to the end of `out`; with [`FlushCompress::Finish`] the stream ends.
    pub(crate) fn feed(&mut self, mut input: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
        let compress = if self.is_stored { &mut self.stored } else { &mut self.tight };
        loop {
            let (taken, given) = (compress.total_in(), compress.total_out());
            // Not `compress_vec`: it clears all the room a vector has left, for every object.
            let status = compress
                .compress(input, &mut self.room, flush)
                .expect("a deflate stream in order does not fail");
            let count =
                |now: u64, before: u64| usize::try_from(now - before).expect("no more than it was given");
            input = &input[count(compress.total_in(), taken)..];
            let produced = count(compress.total_out(), given);
            out.extend_from_slice(&self.room[..produced]);
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                // Room left means that nothing is waiting inside.
                _ => input.is_empty() && produced < self.room.len(),
            };
            if done {
                return;
            }
        }
    }
}

/// Kind and size: seven bits of size per byte, the lowest four beside the kind.
pub(super) fn header(kind: Kind, size: u64) -> Vec<u8> {
    let number = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |bits: u64| u8::try_from(bits).expect("masked to seven bits");
    let mut byte = (number << 4) | low(size & 0x0F);
    let mut rest = size >> 4;
    let mut bytes = Vec::with_capacity(10);
    while rest > 0 {
        bytes.push(byte | 0x80);
        byte = low(rest & 0x7F);
        rest >>= 7;
    }
    bytes.push(byte);
    bytes
}

/// Whether deflating would only cost time: judged by three samples of each piece.
pub(crate) fn entropy_is_high(pieces: &[&[u8]]) -> bool {
    let mut counts = [0_u32; 256];
    let mut total = 0_u32;
    for piece in pieces {
        // Samples of less cannot reach the limit, and deflating so little is cheap.
        let starts = if piece.len() <= 3 * SAMPLE {
            [0, piece.len(), piece.len()]
        } else {
            [0, (piece.len() - SAMPLE) / 2, piece.len() - SAMPLE]
        };
        let length = if piece.len() <= 3 * SAMPLE { piece.len() } else { SAMPLE };
        for sample in starts.map(|start| &piece[start..(start + length).min(piece.len())]) {
            for &byte in sample {
                counts[usize::from(byte)] += 1;
                total += 1;
            }
        }
    }
    if total < 2048 {
        return false;
    }
    let total = f64::from(total);
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum();
    entropy > ENTROPY_HIGH
}

#[cfg(test)]
mod tests;
