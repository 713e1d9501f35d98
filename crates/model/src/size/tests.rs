use super::*;

#[test]
fn sizes_people_write() {
    let table = [
        ("0", 0),
        ("17", 17),
        ("32MiB", 32 << 20),
        ("32 MiB", 32 << 20),
        ("10GB", 10_000_000_000),
        ("1tib", 1 << 40),
    ];
    for (text, bytes) in table {
        assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
    }
    for text in ["", "MiB", "-1", "1.5GiB", "12 parsecs", "99999999999TiB"] {
        assert!(text.parse::<ByteSize>().is_err(), "{text}");
    }
}

#[test]
fn sizes_people_read() {
    let table = [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_500_000, "1.4 MiB"),
        (102_400, "100 KiB"),
        (1_048_575, "1.0 MiB"),
        (u64::MAX, "16.0 EiB"),
    ];
    for (bytes, text) in table {
        assert_eq!(ByteSize(bytes).to_string(), text);
    }
}
