use super::{files, grouped, identity, one_line, size};

#[test]
fn numbers_read_well() {
    assert_eq!(grouped(0), "0");
    assert_eq!(grouped(999), "999");
    assert_eq!(grouped(43_047), "43,047");
    assert_eq!(grouped(1_000_000), "1,000,000");
    assert_eq!(files(1), "1 file");
    assert_eq!(size(1), "1 byte");
    assert_eq!(size(999), "999 bytes");
    assert_eq!(size(1500), "1.5 kB");
    assert_eq!(size(540_123_456), "540 MB");
    assert_eq!(size(20_000_000_000), "20 GB");
}

#[test]
fn no_name_breaks_a_commit() {
    assert_eq!(identity(" A <b>\nc\0 "), "A bc");
    assert_eq!(identity("<>"), "unknown");
    assert_eq!(one_line("a\n\nHeirloom-Machine: evil\r\n"), "a Heirloom-Machine: evil");
}
