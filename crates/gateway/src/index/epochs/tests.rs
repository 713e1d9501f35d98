use super::*;
use crate::index::feed::{News, Scope};
use crate::index::{Change, Index, Submission, Told};
use model::{BucketName, ObjectKey};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

struct World {
    directory: tempfile::TempDir,
    index: Option<Index>,
}

fn scope() -> Scope {
    Scope { bucket: BucketName::new("alice").unwrap(), prefix: String::new() }
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let index = Some(Index::open_alone(&directory.path().join("index.db")));
        Self { directory, index }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("index.db")
    }

    fn index(&self) -> &Index {
        self.index.as_ref().unwrap()
    }

    fn write(&self, keys: &[&str]) -> Cursor {
        let bucket = scope().bucket;
        let put = |key: &&str| {
            let record = Box::new(crate::index::feed::tests::record("x"));
            Change::Put { bucket: bucket.clone(), key: ObjectKey::parse(key).unwrap(), record }
        };
        let changes = keys.iter().map(put).collect();
        self.index().submit(Submission { changes, ..Submission::default() }).wait().unwrap();
        self.here()
    }

    fn here(&self) -> Cursor {
        let mut here = None;
        let told = self.index().tell(&scope(), None, |told| {
            if let Told::Head { cursor, .. } = told {
                here = Some(cursor);
            }
            ControlFlow::Continue(())
        });
        assert!(told.unwrap());
        here.unwrap()
    }

    /// Stops, lets `meanwhile` work on the file, and starts again.
    fn restart(&mut self, meanwhile: impl FnOnce(&Path)) {
        self.index = None;
        meanwhile(&self.path());
        self.index = Some(Index::open_alone(&self.path()));
    }

    fn is_known(&self, cursor: &Cursor) -> bool {
        self.index().news(&scope(), Some(cursor)).unwrap() != News::Unknown
    }
}

#[test]
fn a_cursor_outlives_restarts() {
    let mut world = World::new();
    let cursors: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .map(|key| {
            let cursor = world.write(&[key]);
            world.restart(|_| ());
            cursor
        })
        .collect();
    assert!(cursors.iter().all(|cursor| world.is_known(cursor)));
    let news = |cursor| world.index().news(&scope(), Some(cursor)).unwrap();
    assert_eq!((news(&cursors[1]), news(&cursors[2])), (News::Some, News::None(world.here())));
}

#[test]
fn an_index_put_back_knows_nothing_of_what_came_after() {
    let mut world = World::new();
    let before = world.write(&["a", "b"]);
    // The backup is made while the index is in use, so what comes next belongs to an epoch that the backup has.
    let backup = world.directory.path().join("backup.db");
    let connection = rusqlite::Connection::open(world.path()).unwrap();
    connection.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    drop(connection);
    let same_epoch = world.write(&["c"]);
    assert_eq!(before.epoch, same_epoch.epoch);
    world.restart(|_| ());
    let next_epoch = world.write(&["d"]);
    assert!(world.is_known(&same_epoch) && world.is_known(&next_epoch));

    let put_back = |path: &Path| assert!(std::fs::copy(&backup, path).unwrap() > 0);
    world.restart(put_back);
    let keys: Vec<_> = (0..20).map(|at| format!("other{at}")).collect();
    for _ in 0..2 {
        assert!(world.is_known(&before), "it is a place in this state as well");
        assert!(!world.is_known(&same_epoch));
        assert!(!world.is_known(&next_epoch));
        // The numbers go on past those of the cursors.
        world.write(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let other = world.here();
    world.restart(put_back);
    world.write(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(!world.is_known(&other), "put back a second time");
    world.restart(|path| std::fs::remove_file(path).unwrap());
    world.write(&["a", "b", "c"]);
    assert!(!world.is_known(&before), "begun anew");
}

#[test]
fn only_what_was_handed_out_is_a_cursor() {
    let world = World::new();
    let cursor = world.write(&["a"]);
    assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor.clone()));
    for text in ["", "-", "a", "a-", "-1-", "a-+1", "a--1", "a-1x", "a-99999999999999999999"] {
        assert_eq!(Cursor::parse(text), None, "{text}");
    }
    assert!(world.is_known(&cursor));
    assert!(!world.is_known(&Cursor { sequence: cursor.sequence + 1, ..cursor.clone() }));
    assert!(!world.is_known(&Cursor { epoch: "0123456789abcdef".into(), ..cursor }));
}
