use super::*;
use crate::testing::noise;
use std::collections::BTreeSet;

fn chunks_of(bytes: &[u8]) -> Vec<Chunk> {
    let mut chunker = Chunker::new();
    chunker.update(bytes);
    chunker.finish()
}

#[test]
fn chunks_are_the_file_without_a_gap() {
    for size in [0, 1, 1000, LENGTH_MIN, LENGTH_MAX + 1, 20_000_001] {
        let bytes = noise(1, size);
        let chunks = chunks_of(&bytes);
        let mut rest = bytes.as_slice();
        for chunk in &chunks {
            let (now, later) = rest.split_at(chunk.length as usize);
            assert_eq!(*blake3::hash(now).as_bytes(), *chunk.digest.as_bytes());
            assert!(now.len() <= LENGTH_MAX && (later.is_empty() || now.len() >= LENGTH_MIN));
            rest = later;
        }
        assert!(rest.is_empty());
    }
}

#[test]
fn how_the_bytes_arrive_does_not_matter() {
    let bytes = noise(2, 30_000_000);
    let whole = chunks_of(&bytes);
    for step in [4_097, 1 << 20, WINDOW + 1] {
        let mut chunker = Chunker::new();
        bytes.chunks(step).for_each(|part| chunker.update(part));
        assert_eq!(chunker.finish(), whole, "{step}");
    }
    let usual = bytes.len() / whole.len();
    assert!((LENGTH_USUAL * 3 / 4..LENGTH_USUAL * 3 / 2).contains(&usual), "{usual}");
}

#[test]
fn what_was_not_touched_keeps_its_chunks() {
    let bytes = noise(3, 40_000_000);
    let old: BTreeSet<_> = chunks_of(&bytes).into_iter().map(|chunk| chunk.digest).collect();
    let inserted = [&bytes[..20_000_000], b"a few bytes more", &bytes[20_000_000..]].concat();
    let fresh: u64 = chunks_of(&inserted)
        .iter()
        .filter(|chunk| !old.contains(&chunk.digest))
        .map(|chunk| u64::from(chunk.length))
        .sum();
    assert!(fresh < 8_000_000, "{fresh}");
}
