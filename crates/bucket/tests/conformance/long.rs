//! Listings of many pages.

use crate::cloud::Cloud;
use crate::store::{Manners, Store};
use crate::{below, fake, file, key};
use bucket::{Bucket, Expect, Prefix, Retry};
use bytes::Bytes;

/// Fills a store, and returns the keys relative to `s/`, in their order.
fn fill(store: &Store, keys: impl Iterator<Item = String>) -> Vec<String> {
    let mut keys: Vec<String> = keys.collect();
    store.with(|state| {
        for key in &keys {
            state.insert(&format!("s/{key}"), b"", &[]);
        }
        // Neighbours that are not to be listed.
        for key in ["a", "s", "s.", "t"] {
            state.insert(key, b"", &[]);
        }
        state.requests.clear();
    });
    keys.sort();
    keys
}

async fn names(bucket: &Bucket, prefix: &Prefix) -> Vec<String> {
    let listing = bucket.list(prefix).await.unwrap();
    assert!(listing.unusable.is_empty());
    listing.objects.into_iter().map(|listed| listed.key.as_str().to_owned()).collect()
}

/// How often the store was asked, and how often of that for a listing that begins in the midst.
fn requests(store: &Store) -> (usize, usize) {
    store.with(|state| {
        let stretches = state.requests.iter().filter(|request| request.contains("start-after"));
        (state.requests.len(), stretches.count())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_its_shape_a_long_listing_is_whole_and_in_order() {
    type Shape = (&'static str, usize, fn(usize) -> String);
    let shapes: [Shape; 5] = [
        ("small directories", 20_000, |at| format!("d{:05}/{}", at / 7, at % 7)),
        ("a few large ones", 20_000, |at| format!("{}/f{at}", at % 3)),
        ("one deep down", 15_000, |at| format!("a/b/c/{:02}/{at}", at % 40)),
        ("side by side", 15_000, |at| format!("f{at}")),
        ("markers and near names", 12_000, |at| {
            let directory = at / 4;
            let end = ["/", "/f", "-x", ".x"][at % 4];
            format!("d{directory}{end}")
        }),
    ];
    for (shape, count, name) in shapes {
        let (store, bucket) = fake().await;
        let expected = fill(&store, (0..count).map(name));
        assert!(names(&bucket, &below("s")).await == expected, "{shape}");
        let (asked, stretches) = requests(&store);
        assert!(asked < count / 1000 * 3 + 20, "{shape}: {asked} requests");
        assert!(shape == "side by side" || stretches > 4, "{shape}: {stretches} stretches");
    }
}

#[tokio::test]
async fn a_short_listing_costs_no_request_more() {
    let (store, bucket) = fake().await;
    let expected = fill(&store, (0..3_999).map(|at| format!("d{at}/f")));
    assert_eq!(names(&bucket, &below("s")).await, expected);
    assert_eq!(requests(&store), (4, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_listing_is_whole_or_an_error() {
    let (store, bucket) = fake().await;
    fill(&store, (0..10_000).map(|at| format!("d{}/f{at}", at % 20)));
    let torn = Manners { torn_listing: true, ..Manners::default() };
    store.with(|state| state.manners = torn);
    assert_eq!(bucket.list(&below("s")).await.unwrap_err().retry(), Retry::Later);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_begins_where_it_likes_is_listed_in_one() {
    let (store, bucket) = fake().await;
    let expected = fill(&store, (0..10_000).map(|at| format!("d{}/f{at}", at % 20)));
    store.with(|state| state.manners.listings_begin_anew = true);
    assert_eq!(bucket.list(&below("s")).await.unwrap_err().retry(), Retry::Later);
    assert!(names(&bucket, &below("s")).await == expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_lists_stretches_as_well() {
    let cloud = Cloud::start().await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    let prefix = below("s");
    let mut expected: Vec<String> = (0..4_600).map(|at| format!("d{}/{}", at / 100, at % 100)).collect();
    let puts = futures::future::join_all(expected.iter().map(|name| {
        let (bucket, prefix, name) = (&bucket, &prefix, key(name));
        async move { bucket.put(prefix, &name, &file(b""), Bytes::new(), &Expect::Absent).await }
    }));
    for put in puts.await {
        put.unwrap();
    }
    expected.sort();
    assert!(names(&bucket, &prefix).await == expected);
    cloud.stop().await;
}
