use super::*;
use crate::index::{Change, Submission};
use crate::record::{About, DIRECTORY_STAMP, Record};
use model::{ETag, Kind, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};

pub(in crate::index) fn record(tag: &str) -> Record {
    let about = About { metadata: BTreeMap::from([("mtime".into(), tag.into())]), ..About::default() };
    Record { kind: Kind::File, etag: ETag::new(tag), modified_ms: 5, stamp: DIRECTORY_STAMP, about }
}

struct World {
    _directory: tempfile::TempDir,
    index: Index,
}

fn scope(bucket: &str, prefix: &str) -> Scope {
    Scope { bucket: BucketName::new(bucket).unwrap(), prefix: prefix.into() }
}

/// What was told about keys: the tag, or nothing for one that is gone.
type Heard = Vec<(String, Option<String>)>;

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::open_alone(&directory.path().join("index.db"));
        Self { _directory: directory, index }
    }

    fn submit(&self, changes: Vec<Change>) {
        self.index.submit(Submission { changes, ..Submission::default() }).wait().unwrap();
    }

    fn put(&self, bucket: &str, key: &str, tag: &str) {
        let (bucket, key) = (BucketName::new(bucket).unwrap(), ObjectKey::parse(key).unwrap());
        self.submit(vec![Change::Put { bucket, key, record: Box::new(record(tag)) }]);
    }

    fn remove(&self, bucket: &str, key: &str) {
        let (bucket, key) = (BucketName::new(bucket).unwrap(), ObjectKey::parse(key).unwrap());
        self.submit(vec![Change::Remove { bucket, key }]);
    }

    fn hear(&self, scope: &Scope, since: Option<&Cursor>) -> (Cursor, Heard) {
        let (mut here, mut heard, mut end) = (None, Vec::new(), None);
        let whole = self.index.tell(scope, since, |told| {
            match told {
                Told::Head { cursor, extent } => {
                    assert_eq!(extent == Extent::Since, since.is_some());
                    here = Some(cursor);
                }
                Told::Put { key, etag, .. } => heard.push((key.to_owned(), Some(etag.to_owned()))),
                Told::Gone { key } => heard.push((key.to_owned(), None)),
                Told::End { count } => end = Some(count),
            }
            ControlFlow::Continue(())
        });
        assert!(whole.unwrap());
        assert_eq!(end, Some(heard.len() as u64));
        (here.unwrap(), heard)
    }
}

fn heard(pairs: &[(&str, Option<&str>)]) -> Heard {
    pairs.iter().map(|(key, tag)| ((*key).to_owned(), tag.map(str::to_owned))).collect()
}

#[test]
fn each_change_is_told_once_as_it_is_now() {
    let world = World::new();
    let all = scope("alice", "");
    assert_eq!(world.hear(&all, None).1, []);
    for key in ["b", "a/x", "c", "a/y", "d"] {
        world.put("alice", key, "1");
    }
    let (cursor, everything) = world.hear(&all, None);
    assert_eq!(
        everything.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        ["a/x", "a/y", "b", "c", "d"]
    );
    assert_eq!(world.hear(&all, Some(&cursor)), (cursor.clone(), vec![]));
    world.put("bob", "a/x", "theirs");
    world.put("alice", "a/x", "2");
    world.put("alice", "a/x", "3");
    world.remove("alice", "b");
    world.remove("alice", "c");
    world.put("alice", "c", "back");
    world.remove("alice", "never there");
    world.put("alice", "new", "1");
    world.remove("alice", "new");
    let told = [("a/x", Some("3")), ("b", None), ("c", Some("back")), ("new", None)];
    assert_eq!(world.hear(&all, Some(&cursor)).1, heard(&told));
    assert_eq!(world.hear(&scope("alice", "a/"), Some(&cursor)).1, heard(&[("a/x", Some("3"))]));
    assert_eq!(world.hear(&scope("alice", "d"), Some(&cursor)).1, []);
    assert_eq!(world.hear(&scope("nobody", ""), Some(&cursor)).1, []);
    assert_eq!(world.hear(&scope("bob", ""), None).1, heard(&[("a/x", Some("theirs"))]));
}

#[test]
fn an_answer_is_one_state() {
    let world = World::new();
    let all = scope("alice", "");
    for key in ["a", "b", "c"] {
        world.put("alice", key, "1");
    }
    let (mut cursor, mut keys) = (None, Vec::new());
    let whole = world.index.tell(&all, None, |told| {
        match told {
            // From here on, others change what has not been told.
            Told::Head { cursor: here, .. } => {
                cursor = Some(here);
                world.put("alice", "0", "1");
            }
            Told::Put { key: "a", .. } => {
                world.put("alice", "c", "2");
                world.put("alice", "d", "1");
                world.remove("alice", "b");
            }
            Told::Put { key, etag, .. } => keys.push((key.to_owned(), etag.to_owned())),
            Told::Gone { .. } => panic!("nothing is gone"),
            Told::End { count } => assert_eq!(count, 3),
        }
        ControlFlow::Continue(())
    });
    assert!(whole.unwrap());
    assert_eq!(keys, [("b".to_owned(), "1".to_owned()), ("c".to_owned(), "1".to_owned())]);
    let (_, next) = world.hear(&all, cursor.as_ref());
    assert_eq!(next, heard(&[("0", Some("1")), ("b", None), ("c", Some("2")), ("d", Some("1"))]));
}

#[test]
fn whoever_breaks_off_gets_no_more() {
    let world = World::new();
    world.put("alice", "a", "1");
    world.put("alice", "b", "1");
    let mut told = 0;
    let whole = world.index.tell(&scope("alice", ""), None, |_| {
        told += 1;
        if told == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((whole.unwrap(), told), (false, 2));
    // The connection is free again for others.
    assert_eq!(world.hear(&scope("alice", ""), None).1.len(), 2);
}

/// Whatever happens, both ways of finding changes tell what the states differ by.
#[test]
fn both_plans_tell_the_difference() {
    let world = World::new();
    let scopes = ["", "k1", "k1/", "z"].map(|prefix| scope("alice", prefix));
    let mut state: BTreeMap<String, String> = BTreeMap::new();
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut past: Vec<(Cursor, BTreeSet<String>)> = Vec::new();
    for round in 0..200 {
        let key = format!("k{}/{}", next(3), next(4));
        let is_news = if next(3) == 0 {
            world.remove("alice", &key);
            state.remove(&key).is_some()
        } else {
            let tag = round.to_string();
            world.put("alice", &key, &tag);
            state.insert(key.clone(), tag);
            true
        };
        if is_news {
            for (_, touched) in &mut past {
                touched.insert(key.clone());
            }
        }
        if round % 20 == 0 {
            past.push((world.hear(&scopes[0], None).0, BTreeSet::new()));
        }
    }
    for (cursor, touched) in &past {
        for scope in &scopes {
            let wanted: Heard = touched
                .iter()
                .filter(|key| key.starts_with(&scope.prefix))
                .map(|key| (key.clone(), state.get(key).cloned()))
                .collect();
            assert_eq!(world.hear(scope, Some(cursor)).1, wanted);
            let by_key = world.index.read(|connection| {
                let mut keys = Vec::new();
                tell_rows(connection, &changed(Plan::ByKey), scope, cursor.sequence, &mut |told| {
                    match told {
                        Told::Put { key, etag, .. } => keys.push((key.to_owned(), Some(etag.to_owned()))),
                        Told::Gone { key } => keys.push((key.to_owned(), None)),
                        Told::Head { .. } | Told::End { .. } => {}
                    }
                    ControlFlow::Continue(())
                })?;
                Ok(keys)
            });
            assert_eq!(by_key.unwrap(), wanted);
        }
    }
}

/// The planner may not turn to reading the whole table, or the wrong index.
#[test]
fn few_changes_are_found_by_their_numbers() {
    let world = World::new();
    let details = |query: String| {
        world
            .index
            .read(|connection| {
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
                let detail = |row: &Row<'_>| row.get::<_, String>(3);
                statement.query_map(("alice", b"a", b"b", 0), detail)?.collect::<Result<Vec<_>, _>>()
            })
            .unwrap()
            .join("\n")
    };
    let by_number = details(changed(Plan::ByNumber));
    assert!(by_number.contains("objects_by_sequence (bucket=? AND sequence>?"), "{by_number}");
    assert!(by_number.contains("tombstones_by_sequence (sequence>?"), "{by_number}");
    for query in [changed(Plan::ByKey), everything()] {
        let by_key = details(query);
        assert!(by_key.contains("objects USING PRIMARY KEY (bucket=? AND key>? AND key<?)"), "{by_key}");
        assert!(!by_key.contains("TEMP B-TREE"), "nothing has to be sorted: {by_key}");
    }
}

#[tokio::test]
async fn a_watcher_sees_what_it_watches() {
    let world = World::new();
    let watcher = world.index.watch(&scope("alice", "a/"));
    let other = world.index.watch(&scope("alice", "b/"));
    let neighbour = world.index.watch(&scope("bob", "a/"));
    world.put("alice", "a/x", "1");
    watcher.changed().await;
    assert_eq!(world.index.news(&scope("alice", "a/"), None).unwrap(), News::Some);
    world.put("alice", "b/x", "1");
    other.changed().await;
    world.remove("alice", "a/x");
    watcher.changed().await;
    // None of this was theirs.
    assert!(futures::FutureExt::now_or_never(neighbour.changed()).is_none());
    assert!(futures::FutureExt::now_or_never(watcher.changed()).is_none());
}
