use super::*;

/// An index as the first version wrote it: each bucket counted its own changes.
fn first_format(path: &Path) {
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    transaction.execute_batch(TABLES).unwrap();
    transaction
        .execute_batch(
            "INSERT INTO objects VALUES
                 ('alice', x'61', 0, 5, 'tag', 7, 1, 2, 3, 9, '{\"metadata\":{\"mtime\":\"1.5\"}}'),
                 ('bob',   x'62', 1, 6, 'tag', 8, 1, 2, 3, 4, NULL);
             INSERT INTO tombstones VALUES ('alice', x'63', 8);
             INSERT INTO sequences VALUES ('alice', 9), ('bob', 4);
             INSERT INTO uploads VALUES ('u', 'alice', x'64', 1, NULL);
             INSERT INTO parts VALUES ('u', 1, 10, x'00', 1);
             PRAGMA user_version = 1;",
        )
        .unwrap();
    transaction.commit().unwrap();
}

fn count(connection: &Connection, table: &str) -> i64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn an_index_of_the_first_format_keeps_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    first_format(&path);
    for _ in 0..2 {
        let connection = open(&path).unwrap();
        let rows = ["objects", "tombstones", "sequences", "uploads", "parts", "forgotten", "epochs"]
            .map(|table| count(&connection, table));
        assert_eq!(rows, [2, 1, 2, 1, 1, 1, 0]);
    }
    let index = crate::index::Index::open_alone(&path);
    let (bob, key) = (model::BucketName::new("bob").unwrap(), model::ObjectKey::parse("b").unwrap());
    assert_eq!(index.get(&bob, &key).unwrap().unwrap().size(), 6);
    let change = crate::index::Change::Remove { bucket: bob, key };
    let submission = crate::index::Submission { changes: vec![change], ..Default::default() };
    index.submit(submission).wait().unwrap();
    drop(index);
    let buried = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
    let number = "SELECT sequence FROM tombstones WHERE bucket = 'bob'";
    let number = open(&path).unwrap().query_row(number, [], buried).unwrap();
    assert_eq!(number, 10, "from now on, no two buckets use the same number");
}

#[test]
fn an_index_of_a_later_format_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("index.db");
    drop(open(&path).unwrap());
    for later in [FORMAT + 1, -1, i64::from(i32::MAX)] {
        Connection::open(&path).unwrap().pragma_update(None, "user_version", later).unwrap();
        assert!(matches!(open(&path), Err(Error::TooNew { found, .. }) if found == later));
    }
}

#[test]
fn the_format_counts_the_steps() {
    assert_eq!(usize::try_from(FORMAT).unwrap(), STEPS.len());
}
