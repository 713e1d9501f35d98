use super::*;

/// The lengths of the runs that some bytes fall into.
fn runs(bytes: &[u8], mut offset: u64) -> Vec<(Run, usize)> {
    let mut rest = bytes;
    let mut runs = Vec::new();
    while !rest.is_empty() {
        let (run, length) = first_run(rest, offset);
        assert!(length > 0);
        assert!(run == Run::Bytes || rest[..length].iter().all(|byte| *byte == 0));
        runs.push((run, length));
        rest = &rest[length..];
        offset += length as u64;
    }
    runs
}

#[test]
fn only_whole_blocks_of_zeroes_are_holes() {
    let zeroes = vec![0; 3 * HOLE];
    assert_eq!(runs(&zeroes, 0), [(Run::Zeroes, 3 * HOLE)]);
    assert_eq!(runs(&zeroes[1..], 1), [(Run::Bytes, HOLE - 1), (Run::Zeroes, 2 * HOLE)]);
    assert_eq!(runs(&zeroes[1..HOLE], 5), [(Run::Bytes, HOLE - 1)]);
    assert_eq!(runs(&zeroes[..HOLE - 1], 0), [(Run::Bytes, HOLE - 1)]);
    assert_eq!(runs(&[7], 9), [(Run::Bytes, 1)]);
    let mut mixed = vec![0; 6 * HOLE];
    mixed[HOLE] = 1;
    mixed[3 * HOLE - 1] = 1;
    let expected = [(Run::Zeroes, HOLE), (Run::Bytes, 2 * HOLE), (Run::Zeroes, 3 * HOLE)];
    assert_eq!(runs(&mixed, 0), expected);
    assert_eq!(runs(&[], 0), []);
}

#[test]
fn a_hole_at_the_start_shows() {
    let mut bytes = vec![7; 4 * HOLE];
    assert!(!begins_sparse(&bytes));
    bytes[HOLE + 1..3 * HOLE - 1].fill(0);
    assert!(!begins_sparse(&bytes), "that is less than a block on either side of its border");
    bytes[2 * HOLE..3 * HOLE].fill(0);
    assert!(begins_sparse(&bytes));
    assert!(!begins_sparse(&bytes[..2 * HOLE]));
}
