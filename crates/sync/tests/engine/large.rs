//! Large files, between a real folder and the real wire: what is sent, what is gone on with.

use crate::fake::{Break, FakeBucket};
use crate::machine::Machine;
use std::fs;

fn content(seed: u32, length: u32) -> Vec<u8> {
    let word = |n: u32| n.wrapping_mul(2_654_435_761).wrapping_add(seed).rotate_left(n % 31);
    (0..length / 4).flat_map(|n| word(n).to_le_bytes()).collect()
}

#[tokio::test]
async fn a_download_that_was_cut_goes_on_where_it_was() {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    let film = content(1, 24 << 20);
    one.write("film", &film);
    one.sync().await;
    bucket.cut_after(10_000_000);
    other.run().await.unwrap_err();
    assert!(other.read("film").is_none());
    bucket.mend();
    let before = bucket.bytes_read();
    other.sync().await;
    assert!(fs::read(other.path("film")).unwrap() == film);
    let again = bucket.bytes_read() - before;
    assert!(again <= (24 << 20) - 9_000_000, "{again} bytes were read again");
    assert_eq!(other.names(), ["film"], "nothing is left beside it");
}

#[tokio::test]
async fn an_upload_that_was_cut_is_gone_on_with_under_its_name() {
    let bucket = FakeBucket::with_feed();
    let one = Machine::new("one", &bucket);
    one.write("film", content(2, 20 << 20));
    // changes, begin, and then the upload itself.
    bucket.break_at(3, Break::Before);
    one.run().await.unwrap_err();
    bucket.mend();
    one.sync().await;
    assert_eq!((bucket.objects().len(), bucket.uploads()), (1, 1), "one upload was begun, and gone on with");
}

#[tokio::test]
async fn an_upload_of_a_file_that_changed_is_begun_anew() {
    let bucket = FakeBucket::with_feed();
    let one = Machine::new("one", &bucket);
    one.write("film", content(3, 20 << 20));
    bucket.break_at(3, Break::Before);
    one.run().await.unwrap_err();
    bucket.mend();
    let newer = content(4, 20 << 20);
    one.write("film", &newer);
    one.sync().await;
    assert_eq!(bucket.uploads(), 2);
    assert!(bucket.objects().values().next().unwrap().bytes == newer);
}
