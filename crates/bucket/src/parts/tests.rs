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
