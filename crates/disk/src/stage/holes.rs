//! Zeroes that need not be written.

/// Bytes of the blocks that become holes, at whole multiples of it in the file: smaller ones would cut a file into shreds.
const HOLE: usize = 64 << 10;

/// What the beginning of some bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Run {
    Bytes,
    /// Whole blocks.
    Zeroes,
}

/// Whether there is a hole in the first bytes of a file. Images of disks have one within a mebibyte: behind the table of partitions, or among what a
/// file system keeps at its start.
#[must_use]
pub fn begins_sparse(bytes: &[u8]) -> bool {
    bytes.chunks_exact(HOLE).any(is_zero)
}

/// How the bytes that belong at `offset` begin, and for how long; `bytes` is not empty.
pub(super) fn first_run(bytes: &[u8], offset: u64) -> (Run, usize) {
    let into_block = usize::try_from(offset % HOLE as u64).expect("because a block fits in memory");
    let to_border = (HOLE - into_block) % HOLE;
    let Some((_, blocks)) = bytes.split_at_checked(to_border) else { return (Run::Bytes, bytes.len()) };
    let mut blocks = blocks.chunks_exact(HOLE);
    if to_border == 0 {
        let zeroes = blocks.clone().take_while(|block| is_zero(block)).count();
        if zeroes > 0 {
            return (Run::Zeroes, zeroes * HOLE);
        }
    }
    match blocks.position(is_zero) {
        Some(before) => (Run::Bytes, to_border + before * HOLE),
        None => (Run::Bytes, bytes.len()),
    }
}

/// Most blocks show at their first byte that they are not; a whole one is looked at many bytes at once.
fn is_zero(block: &[u8]) -> bool {
    block[0] == 0 && block.chunks(4096).all(|part| part.iter().fold(0, |any, byte| any | byte) == 0)
}

#[cfg(test)]
mod tests;
