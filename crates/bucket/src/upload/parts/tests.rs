use super::*;

#[test]
fn parts_are_few_enough_and_no_larger_than_needed() {
    let gib = 1 << 30;
    for size in [0, 1, PART_SIZE, 80 * gib - 1, 80 * gib, 81 * gib, 1024 * gib, 5 * 1024 * gib] {
        let part = part_size(size);
        assert!(part >= PART_SIZE && part.is_multiple_of(1 << 20), "{size}");
        assert!(size.div_ceil(part) <= PARTS_MAX, "{size}");
        assert!(part == PART_SIZE || size.div_ceil(part - (1 << 20)) > PARTS_MAX, "{size}");
    }
}

fn chunk_of(bytes: &[u8]) -> Chunk {
    let digest = model::ChunkDigest::from_blake3(*blake3::hash(bytes).as_bytes());
    Chunk { length: u32::try_from(bytes.len()).unwrap(), digest }
}

#[test]
fn a_part_is_what_was_announced_or_nothing() {
    let chunks = [chunk_of(b"one"), chunk_of(b"three"), chunk_of(b"2")];
    let pieces = vec![Piece::Send { offset: 0, length: 3 }, Piece::Send { offset: 3, length: 6 }];
    let parts = Parts::along(&chunks, pieces, None);
    assert_eq!(parts.size(), 9);
    let check = |offset, part: &[u8]| parts.announced.check(offset, part, false);
    assert_eq!(check(3, b"three2"), Some(Digest::of(b"three2", false)));
    assert!(check(0, b"one").is_some());
    for (offset, wrong) in
        [(0, &b"two"[..]), (3, b"three3"), (3, b"three"), (3, b"thre"), (1, b"ne"), (8, b"2more")]
    {
        assert_eq!(check(offset, wrong).is_some(), (offset, wrong) == (3, b"three"), "{wrong:?}");
    }
}

#[test]
fn plain_parts_are_the_file() {
    for size in [0, 1, PART_SIZE, PART_SIZE + 1, 100 << 30] {
        let parts = Parts::plain(size);
        assert_eq!(parts.size(), size);
        assert!(parts.numbered().all(|(_, piece)| piece.length() > 0 && piece.length() <= part_size(size)));
    }
}

#[test]
fn a_tag_tells_what_a_part_holds() {
    let digests = [Digest::of(b"three", false), Digest::of(b"three", true)];
    let blake3 = blake3::hash(b"three").to_hex();
    let tags = ["35d6d33467aae9a2e3dccb4b6b027878".to_owned(), format!("{}-1", &blake3[..32])];
    for (at, digest) in digests.iter().enumerate() {
        for (other, tag) in tags.iter().enumerate() {
            assert_eq!(digest.is_in(&ETag::new(tag)), at == other, "{digest:?} {tag}");
        }
        assert!(
            !digest.is_in(&ETag::new(&blake3[..32]))
                && !digest.is_in(&ETag::new(&tags[1].replace("-1", "-2")))
        );
    }
}
