use super::{pack_checksum, write};
use crate::pack::Placed;
use gix::ObjectId;

/// Offsets beyond 2 GiB and 4 GiB, read back by an independent reader.
#[test]
fn offsets_of_a_huge_pack_are_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pack-1.idx");
    let offsets = [12, (1 << 31) - 1, 1 << 31, (1 << 32) + 7, 1 << 40];
    let id = |number: usize| {
        let mut bytes = [0_u8; 20];
        bytes[0] = u8::try_from(number * 60).unwrap();
        bytes[19] = 1;
        ObjectId::from_bytes_or_panic(&bytes)
    };
    let mut placed: Vec<Placed> = offsets
        .iter()
        .enumerate()
        .rev()
        .map(|(number, &offset)| Placed { id: id(number), crc32: u32::try_from(number).unwrap(), offset })
        .collect();
    write(&path, &mut placed, id(3)).unwrap();

    let index = gix::odb::pack::index::File::at(&path, gix::hash::Kind::Sha1).unwrap();
    for (number, &offset) in offsets.iter().enumerate() {
        let at = index.lookup(id(number)).expect("every object is found");
        assert_eq!(index.pack_offset_at_index(at), offset);
        assert_eq!(index.crc32_at_index(at), Some(u32::try_from(number).unwrap()));
    }
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(pack_checksum(&bytes), Some(id(3)));
    assert_eq!(pack_checksum(&bytes[..bytes.len() - 1]), None);
}
