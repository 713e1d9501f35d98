use super::{Batch, Deflater, entropy_is_high, header};
use flate2::read::ZlibDecoder;
use gix::ObjectId;
use gix::objs::Kind;
use std::io::Read;

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(length)
    .collect()
}

#[test]
fn headers_are_those_of_the_format() {
    assert_eq!(header(Kind::Blob, 0), [0x30]);
    assert_eq!(header(Kind::Blob, 15), [0x3F]);
    assert_eq!(header(Kind::Tree, 16), [0xA0, 0x01]);
    assert_eq!(header(Kind::Commit, 0x1_0000_0000), [0x90, 0x80, 0x80, 0x80, 0x80, 0x01]);
}

#[test]
fn only_what_looks_random_is_stored() {
    assert!(entropy_is_high(&[&noise(100_000)]));
    assert!(entropy_is_high(&[&noise(3000)]));
    assert!(!entropy_is_high(&[&noise(1000)]), "too little to tell");
    assert!(!entropy_is_high(&[&"Many words. ".repeat(9000).into_bytes()]));
    assert!(!entropy_is_high(&[]));
    let hex: Vec<u8> = noise(50_000).iter().map(|byte| b"0123456789abcdef"[usize::from(byte & 15)]).collect();
    assert!(!entropy_is_high(&[&hex]));
}

#[test]
fn every_size_inflates_to_itself_with_one_deflater() {
    let mut deflater = Deflater::new();
    let random = noise(300_000);
    for length in [0, 1, 63, 64, 3000, 70_000, 300_000] {
        for content in [vec![b'a'; length], random[..length].to_vec()] {
            let mut batch = Batch::default();
            batch.push(&mut deflater, Kind::Blob, ObjectId::null(gix::hash::Kind::Sha1), &content);
            let mut inflated = Vec::new();
            let skip = header(Kind::Blob, length as u64).len();
            ZlibDecoder::new(&batch.bytes()[skip..]).read_to_end(&mut inflated).unwrap();
            assert!(inflated == content, "{length} bytes");
            assert!(batch.bytes().len() <= length + length / 1000 + 32, "{length} bytes grew");
        }
    }
}
