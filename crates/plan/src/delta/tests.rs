use super::*;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

/// A chunk of so many KiB, told from others by a number.
fn chunk(number: u64, kib: u32) -> Chunk {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    digest[8..12].copy_from_slice(&kib.to_be_bytes());
    Chunk { length: kib << 10, digest: ChunkDigest::from_blake3(digest) }
}

/// Chunks of 1 MiB with these numbers.
fn mebibytes(numbers: impl IntoIterator<Item = u64>) -> Vec<Chunk> {
    numbers.into_iter().map(|number| chunk(number, 1024)).collect()
}

/// The byte at an offset, as its chunk and its place therein.
fn byte_at(chunks: &[Chunk], offset: u64) -> (ChunkDigest, u64) {
    let mut left = offset;
    for chunk in chunks {
        if left < u64::from(chunk.length) {
            return (chunk.digest, left);
        }
        left -= u64::from(chunk.length);
    }
    panic!("no byte at {offset}");
}

/// Checks that the pieces make the new file and that a store takes them.
fn check(old: &[Chunk], new: &[Chunk], pieces: &[Piece]) {
    let borders: Vec<u64> = std::iter::once(0)
        .chain(new.iter().scan(0, |offset, chunk| {
            *offset += u64::from(chunk.length);
            Some(*offset)
        }))
        .collect();
    let mut at = 0;
    for (number, piece) in pieces.iter().enumerate() {
        let end = at + piece.length();
        assert!(piece.length() > 0);
        assert!(number + 1 == pieces.len() || piece.length() >= PART_MIN, "{number} of {pieces:?}");
        assert!(piece.length() <= COPIED_LIMIT);
        match piece {
            Piece::Send { offset, length } => {
                assert_eq!(*offset, at);
                assert!(borders.binary_search(&at).is_ok() && borders.binary_search(&end).is_ok());
                let largest = new.iter().map(|chunk| u64::from(chunk.length)).max().unwrap_or(0);
                let few = size_of(new).div_ceil(PARTS_MAX as u64).next_multiple_of(MIB);
                let usual = SENT_MAX.max(PART_MIN + largest - 1);
                assert!(*length <= usual.max(4 * few + largest), "{length}");
            }
            Piece::Copy { from } => {
                let within = borders.iter().filter(|&&border| at < border && border < end);
                for new_offset in within.flat_map(|&border| [border - 1, border]).chain([at, end - 1]) {
                    let old_offset = from.start + (new_offset - at);
                    assert_eq!(byte_at(new, new_offset), byte_at(old, old_offset));
                }
            }
        }
        at = end;
    }
    assert_eq!(at, size_of(new));
    assert!(pieces.len() <= PARTS_MAX);
}

/// The fewest bytes that any layout along the borders sends, by trying them all.
fn fewest(new: &[Chunk], sources: &[Option<u64>]) -> u64 {
    let mut best: Vec<u64> = vec![u64::MAX; new.len() + 1];
    best[new.len()] = 0;
    for from in (0..new.len()).rev() {
        for to in from + 1..=new.len() {
            let length = size_of(&new[from..to]);
            let sent_alone = length <= SENT_MAX || size_of(&new[from..to - 1]) < PART_MIN;
            if best[to] == u64::MAX || (to < new.len() && length < PART_MIN) {
                continue;
            }
            let copied = (from + 1..to).all(|at| {
                sources[at].is_some()
                    && sources[at] == sources[at - 1].map(|source| source + u64::from(new[at - 1].length))
            });
            if copied && sources[from].is_some() {
                best[from] = best[from].min(best[to]);
            } else if sent_alone {
                best[from] = best[from].min(best[to] + length);
            }
        }
    }
    best[0]
}

/// An old version, and a new one made of stretches of it and of chunks of its own.
fn versions(count: usize) -> impl Strategy<Value = (Vec<Chunk>, Vec<Chunk>)> {
    let old = prop::collection::vec((0_u64..12, 256_u32..3072), 0..count);
    let edit = (any::<prop::sample::Index>(), 0_usize..count / 2, prop::collection::vec(256_u32..3072, 0..4));
    (old, prop::collection::vec(edit, 0..6)).prop_map(|(old, edits)| {
        let old: Vec<Chunk> = old.into_iter().map(|(number, kib)| chunk(number, kib)).collect();
        let mut new = Vec::new();
        for (number, (from, length, fresh)) in edits.into_iter().enumerate() {
            if !old.is_empty() {
                let from = from.index(old.len());
                new.extend_from_slice(&old[from..old.len().min(from + length)]);
            }
            new.extend(fresh.into_iter().map(|kib| chunk(1000 + number as u64, kib)));
        }
        (old, new)
    })
}

proptest! {
    #[test]
    fn pieces_make_the_new_file_within_the_limits((old, new) in versions(60)) {
        check(&old, &new, &pieces(&old, &new));
    }

    #[test]
    fn no_layout_sends_less((old, new) in versions(14)) {
        let pieces = pieces(&old, &new);
        prop_assert_eq!(sent(&pieces), fewest(&new, &sources(&old, &new)));
    }

    #[test]
    fn a_file_of_any_size_is_sent_in_few_parts(size in 0_u64..(40 << 40)) {
        let pieces = plain(size);
        prop_assert!(pieces.len() <= PARTS_MAX);
        prop_assert_eq!(sent(&pieces), size);
        prop_assert!(pieces.iter().rev().skip(1).all(|piece| piece.length() >= SENT_MAX));
    }
}

#[test]
fn a_small_change_in_the_middle_sends_little() {
    let old = mebibytes(0..1024);
    let replaced = mebibytes((0..500).chain([5000]).chain(501..1024));
    let inserted = mebibytes((0..500).chain([5000]).chain(500..1024));
    let removed = mebibytes((0..500).chain(501..1024));
    for (new, least) in [(replaced, 5), (inserted, 5), (removed, 0)] {
        let pieces = pieces(&old, &new);
        check(&old, &new, &pieces);
        assert_eq!(sent(&pieces), least * MIB);
    }
}

#[test]
fn a_change_at_an_end_sends_what_changed() {
    let old = mebibytes(0..100);
    let longer = mebibytes((0..100).chain([500]));
    assert_eq!(
        pieces(&old, &longer),
        [Piece::Copy { from: 0..100 * MIB }, Piece::Send { offset: 100 * MIB, length: MIB }]
    );
    let earlier = mebibytes([500].into_iter().chain(0..100));
    let layout = pieces(&old, &earlier);
    assert_eq!(layout[0], Piece::Send { offset: 0, length: 5 * MIB });
    check(&old, &earlier, &layout);
    let shorter = mebibytes(0..50);
    assert_eq!(pieces(&old, &shorter), [Piece::Copy { from: 0..50 * MIB }]);
}

#[test]
fn what_shares_nothing_is_sent_in_plain_parts() {
    let new = mebibytes(0..20);
    for old in [Vec::new(), mebibytes(100..120)] {
        let layout = pieces(&old, &new);
        assert_eq!(layout.iter().map(|piece| piece.length() / MIB).collect::<Vec<_>>().len(), 3);
        assert_eq!(sent(&layout), 20 * MIB);
        check(&old, &new, &layout);
    }
    assert_eq!(pieces(&new, &[]), []);
    assert_eq!(plain(0), []);
}

#[test]
fn a_large_copy_is_several() {
    let old = mebibytes(0..1000);
    let layout = pieces(&old, &old);
    assert_eq!(layout.len(), 4);
    assert!(layout.iter().all(|piece| piece.length() == 250 * MIB));
    check(&old, &old, &layout);
}

#[test]
fn zeroes_are_taken_where_they_continue() {
    let zero = chunk(0, 3072);
    let old = [vec![zero; 50], mebibytes(1..50), vec![zero; 50]].concat();
    let new = [vec![zero; 60], mebibytes(1..50), vec![zero; 50]].concat();
    let layout = pieces(&old, &new);
    check(&old, &new, &layout);
    assert_eq!(sent(&layout), 0);
}

#[test]
fn a_huge_file_in_shreds_has_few_enough_parts() {
    // Every eighth mebibyte changed, in a file of 60 GB.
    let old = mebibytes(0..60_000);
    let new = mebibytes((0..60_000).map(|number| if number % 8 == 0 { number + 1_000_000 } else { number }));
    let layout = pieces(&old, &new);
    assert!(layout.len() <= PARTS_MAX, "{}", layout.len());
    assert_eq!(layout.iter().map(Piece::length).sum::<u64>(), size_of(&new));
    assert!(layout.iter().rev().skip(1).all(|piece| piece.length() >= PART_MIN));
}
