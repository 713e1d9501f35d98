use super::{CacheReader, CacheWriter, CachedFile, Record, completion_order};
use gix::ObjectId;
use std::cmp::Ordering;

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[byte; 20])
}

fn record(path: &str) -> Record {
    let file = CachedFile {
        name: b"file\xff".to_vec(),
        mode: 0o10_0644,
        size: 1 << 40,
        mtime: -5,
        ctime: 7,
        inode: u64::MAX,
        id: id(4),
        is_racy: false,
    };
    Record {
        path: path.into(),
        tree: Some(id(1)),
        metadata: id(2),
        metadata_file: id(3),
        mode: 0o4_0755,
        mtime: 9,
        files: vec![file],
        directories: vec![b"below".to_vec()],
    }
}

#[test]
fn records_come_back_in_the_order_of_completion() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stat-cache");
    let paths = ["a/b", "a", "a.b/c", "a.b", ""];
    assert!(
        paths.is_sorted_by(|one, other| completion_order(one.as_bytes(), other.as_bytes()) == Ordering::Less)
    );

    let mut writer = CacheWriter::create(&path).unwrap();
    for turn in [3, 0, 1, 4, 2] {
        writer.put(turn, &record(paths[usize::try_from(turn).unwrap()])).unwrap();
    }
    writer.finish(id(9)).unwrap();

    assert!(CacheReader::open(&path, id(8)).is_none(), "it belongs to another commit");
    let mut reader = CacheReader::open(&path, id(9)).unwrap();
    for (wanted, found) in [("a/a", false), ("a/b", true), ("a.b", true), ("z", false), ("", true)] {
        assert_eq!(reader.find(wanted.as_bytes()), found.then(|| record(wanted)), "{wanted}");
    }
}

#[test]
fn a_damaged_cache_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stat-cache");
    let mut writer = CacheWriter::create(&path).unwrap();
    writer.put(0, &record("")).unwrap();
    writer.finish(id(9)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        assert!(CacheReader::open(&path, id(9)).is_none(), "byte {at}");
        std::fs::write(&path, &whole[..at]).unwrap();
        assert!(CacheReader::open(&path, id(9)).is_none(), "cut at {at}");
    }
}

#[test]
fn what_changed_just_now_is_racy() {
    let directory = tempfile::tempdir().unwrap();
    let writer = CacheWriter::create(&directory.path().join("stat-cache")).unwrap();
    let started = writer.started;
    assert!(writer.is_racy(started));
    assert!(writer.is_racy(started + 1_000_000));
    assert!(!writer.is_racy((started - 60_000_000) | 1));
    assert!(writer.is_racy((started / 1_000_000_000 - 1) * 1_000_000_000), "whole seconds say little");
}
