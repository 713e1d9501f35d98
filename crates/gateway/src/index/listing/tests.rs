use super::*;
use crate::index::{Change, Submission};
use crate::record::{About, DIRECTORY_STAMP, Record};
use model::{Kind, ObjectKey};

struct World {
    _directory: tempfile::TempDir,
    index: Index,
    bucket: BucketName,
}

fn world(keys: &[&str]) -> World {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::open_alone(&directory.path().join("index.db"));
    let bucket = BucketName::new("alice").unwrap();
    let put = |key: &&str| Change::Put {
        bucket: bucket.clone(),
        key: ObjectKey::parse(key).unwrap(),
        record: Box::new(Record {
            kind: Kind::File,
            etag: ETag::new("x"),
            modified_ms: 0,
            stamp: DIRECTORY_STAMP,
            about: About::default(),
        }),
    };
    let changes = keys.iter().map(put).collect();
    index.submit(Submission { changes, ..Submission::default() }).wait().unwrap();
    World { _directory: directory, index, bucket }
}

/// All pages in a row, and how many there were.
fn all(world: &World, prefix: &str, delimiter: Option<&str>, count: usize) -> (Vec<String>, usize) {
    let (mut lines, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let query = Query { prefix, delimiter, after: &after, count };
        let page = world.index.list(&world.bucket, query).unwrap();
        assert!(page.lines.len() <= count);
        pages += 1;
        lines.extend(page.lines.iter().map(|line| line.position().to_owned()));
        match page.next {
            Some(next) => after = next,
            None => return (lines, pages),
        }
    }
}

/// What S3's documentation says, computed the slow way.
fn expected(keys: &[&str], prefix: &str, delimiter: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> = keys
        .iter()
        .filter(|key| key.starts_with(prefix))
        .map(|key| group(key, prefix, delimiter).unwrap_or(key).to_owned())
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn every_page_size_prefix_and_delimiter_tells_the_same() {
    let keys = [
        "a", "a-b", "a.txt", "a/", "a/b", "a/b/c", "a/b/d", "a0", "b/x/1", "b/x/2", "b/y", "c", "ü/ö", "ü/ä",
    ];
    let world = world(&keys);
    for prefix in ["", "a", "a/", "a/b", "b/", "b/x/", "nothing", "ü", "ü/", "zzz"] {
        for delimiter in [None, Some("/"), Some("b"), Some("")] {
            let expected = expected(&keys, prefix, delimiter);
            for count in 1..=keys.len() + 1 {
                let (lines, pages) = all(&world, prefix, delimiter, count);
                assert_eq!(lines, expected, "{prefix:?} {delimiter:?} {count}");
                assert_eq!(pages, expected.len().div_ceil(count).max(1), "{prefix:?} {delimiter:?} {count}");
            }
        }
    }
}

#[test]
fn other_buckets_are_not_listed() {
    let world = world(&["a"]);
    let query = Query { prefix: "", delimiter: None, after: "", count: 10 };
    let page = world.index.list(&BucketName::new("bob").unwrap(), query).unwrap();
    assert!(page.lines.is_empty() && page.next.is_none());
}

#[test]
fn nothing_is_asked_for_and_nothing_is_told() {
    let world = world(&["a"]);
    let query = Query { prefix: "", delimiter: None, after: "", count: 0 };
    let page = world.index.list(&world.bucket, query).unwrap();
    assert!(page.lines.is_empty() && page.next.is_none());
}

#[test]
fn successors_leave_nothing_out() {
    assert_eq!(successor(b"a/").unwrap(), b"a0");
    assert_eq!(successor(b"a\xff").unwrap(), b"b");
    assert_eq!(successor(b"\xff"), None);
    assert_eq!(successor(b""), None);
}
