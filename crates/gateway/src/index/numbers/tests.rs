use super::*;
use crate::index::epochs::{self, Standing};
use crate::index::feed::tests::record;
use crate::index::{Change, schema};
use model::ObjectKey;

#[test]
fn the_oldest_deletions_are_forgotten_and_cursors_from_before_know_it() {
    let directory = tempfile::tempdir().unwrap();
    let connection = schema::open(&directory.path().join("index.db")).unwrap();
    epochs::begin(&connection).unwrap();
    let mut numbers = Numbers::load_with(&connection, 3).unwrap();
    let buckets = ["alice", "bob"].map(|name| BucketName::new(name).unwrap());
    let keys: Vec<_> = (0..8).map(|at| ObjectKey::parse(&format!("k{at}")).unwrap()).collect();
    let mut apply = |change: &Change| {
        change.apply(&connection, &mut numbers).unwrap();
        numbers.forget(&connection).unwrap();
        epochs::here(&connection).unwrap()
    };
    let change = |at: usize| (buckets[at % 2].clone(), keys[at].clone());
    for at in 0..8 {
        let (bucket, key) = change(at);
        apply(&Change::Put { bucket, key, record: Box::new(record("x")) });
    }
    let mut cursors = vec![epochs::here(&connection).unwrap()];
    for at in 0..6 {
        let (bucket, key) = change(at);
        cursors.push(apply(&Change::Remove { bucket, key }));
    }
    // What stands again needs no tombstone.
    let (bucket, key) = change(5);
    apply(&Change::Put { bucket, key, record: Box::new(record("x")) });
    let (bucket, key) = change(6);
    cursors.push(apply(&Change::Remove { bucket, key }));
    let left: i64 = connection.query_row("SELECT count(*) FROM tombstones", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 3, "of the deletions 0 to 6, 3, 4 and 6 are left");
    let standing: Vec<_> =
        cursors.iter().map(|cursor| epochs::standing(&connection, cursor).unwrap()).collect();
    let (forgotten, known) = (Standing::Forgotten, Standing::Known);
    assert_eq!(standing, [forgotten, forgotten, forgotten, known, known, known, known, known]);
    assert_eq!(Numbers::load(&connection).unwrap().tombstones, 3);
}
