//! What only a store with bad manners can show.

use crate::store::{Conditions, Manners};
use crate::{below, fake, file, key, md5, meta, options};
use bucket::{Bucket, Error, Expect, Honoured, Parts, Prefix, Retry, Write};
use bytes::Bytes;
use futures::TryStreamExt as _;
use model::{Kind, Node, UnixNanos};
use std::time::Duration;

fn body() -> Bytes {
    Bytes::from_static(b"some bytes")
}

async fn put(bucket: &Bucket, name: &str, expect: &Expect) -> Result<model::RemoteVersion, Error> {
    bucket.put(&Prefix::root(), &key(name), &file(&body()), body(), expect).await
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_succeeds() {
    let (store, bucket) = fake().await;
    // The first write learns, the second is the usual one.
    for name in ["first", "second"] {
        store.with(|state| state.manners.lost_answers = 1);
        let version = put(&bucket, name, &Expect::Absent).await.unwrap();
        store.with(|state| state.manners.lost_answers = 1);
        let touched = Node { meta: meta(0o600), ..file(&body()) };
        let expect = Expect::Version(version);
        let version = bucket.put(&Prefix::root(), &key(name), &touched, body(), &expect).await.unwrap();
        store.with(|state| state.manners.lost_answers = 1);
        let version = bucket.set_meta(&Prefix::root(), &key(name), &file(&body()), &version).await.unwrap();
        store.with(|state| {
            assert_eq!(state.objects[name].etag, version.etag.as_str());
            assert_eq!(state.objects[name].headers.len(), 4);
            state.manners.lost_answers = 1;
        });
        bucket.delete(&Prefix::root(), &key(name), &version).await.unwrap();
        assert_eq!(store.with(|state| state.objects.len()), 0);
    }
}

#[tokio::test]
async fn parts_whose_answers_were_lost_arrive_once() {
    for lost in 1..=3 {
        let (store, bucket) = fake().await;
        store.with(|state| state.manners.lost_answers = lost);
        let all = vec![7; 9 << 20];
        let part = |_, length: usize| async move { Ok(Bytes::from(vec![7; length])) };
        let node = file(&all);
        bucket.put_parts(&Prefix::root(), &key("film"), &node, part, &Expect::Absent).await.unwrap();
        store.with(|state| assert_eq!(md5(&state.objects["film"].body), node.content));
    }
}

#[tokio::test]
async fn the_answer_to_completing_an_upload_may_be_lost() {
    let (store, bucket) = fake().await;
    let all = vec![7; 9 << 20];
    let node = file(&all);
    let losing = store.clone();
    let part = move |offset, length: usize| {
        let store = losing.clone();
        async move {
            if offset > 0 && offset + length as u64 == 9 << 20 {
                // What opened the upload is answered; lose what follows.
                tokio::time::sleep(Duration::from_millis(100)).await;
                store.with(|state| state.manners.lost_answers = 2);
            }
            Ok(Bytes::from(vec![7; length]))
        }
    };
    bucket.put_parts(&Prefix::root(), &key("film"), &node, part, &Expect::Absent).await.unwrap();
    store.with(|state| assert_eq!(md5(&state.objects["film"].body), node.content));
}

#[tokio::test]
async fn an_abandoned_upload_leaves_no_parts() {
    let (store, bucket) = fake().await;
    let torn = Node { content: md5(b"as it was"), size: 9 << 20, ..file(b"") };
    let part = |_, length: usize| async move { Ok(Bytes::from(vec![7; length])) };
    let refused = bucket.put_parts(&Prefix::root(), &key("film"), &torn, part, &Expect::Absent).await;
    assert!(matches!(refused, Err(Error::Changed { .. })));
    assert_eq!(store.with(|state| (state.uploads(), state.objects.len())), (0, 0));
}

#[tokio::test]
async fn a_lost_answer_does_not_hide_that_another_was_faster() {
    let (store, bucket) = fake().await;
    put(&bucket, "learned", &Expect::Absent).await.unwrap();
    store.with(|state| state.insert("note", b"theirs", &[("mtime", "5")]));
    assert!(matches!(put(&bucket, "note", &Expect::Absent).await, Err(Error::Changed { .. })));
    // The same bytes with other metadata are still someone else's.
    store.with(|state| state.insert("same", &body(), &[("mtime", "5")]));
    assert!(matches!(put(&bucket, "same", &Expect::Absent).await, Err(Error::Changed { .. })));
}

#[tokio::test]
async fn a_store_without_conditions_is_looked_at_before_each_change() {
    for conditions in [Conditions::Careless, Conditions::Unsupported] {
        let (store, bucket) = fake().await;
        store.with(|state| state.manners.conditions = conditions);
        let version = put(&bucket, "x", &Expect::Absent).await.unwrap();
        let version = put(&bucket, "x", &Expect::Version(version)).await.unwrap();
        let touched = Node { meta: meta(0o600), ..file(&body()) };
        let version = bucket.set_meta(&Prefix::root(), &key("x"), &touched, &version).await.unwrap();
        bucket.delete(&Prefix::root(), &key("x"), &version).await.unwrap();
        let found = bucket.conditions();
        assert_eq!([found.create, found.replace, found.delete, found.relabel], [Honoured::No; 4]);

        store.with(|state| state.insert("x", b"theirs", &[]));
        let theirs = bucket.list(&Prefix::root()).await.unwrap().objects.remove(0).version;
        assert!(matches!(put(&bucket, "x", &Expect::Absent).await, Err(Error::Changed { .. })));
        assert!(matches!(
            put(&bucket, "x", &Expect::Version(version.clone())).await,
            Err(Error::Changed { .. })
        ));
        let deleted = bucket.delete(&Prefix::root(), &key("x"), &version).await;
        assert!(matches!(deleted, Err(Error::Changed { .. })));
        let labelled = bucket.set_meta(&Prefix::root(), &key("x"), &touched, &version).await;
        assert!(matches!(labelled, Err(Error::Changed { .. })));
        store.with(|state| assert_eq!(state.objects["x"].body, "theirs"));
        put(&bucket, "x", &Expect::Version(theirs)).await.unwrap();
        put(&bucket, "y", &Expect::Absent).await.unwrap();
        let all = Bytes::from(vec![7; 9 << 20]);
        let part = |_, length: usize| async move { Ok(Bytes::from(vec![7; length])) };
        bucket.put_parts(&Prefix::root(), &key("film"), &file(&all), part, &Expect::Absent).await.unwrap();
    }
}

#[tokio::test]
async fn once_conditions_are_trusted_a_change_is_one_request() {
    let (store, bucket) = fake().await;
    let version = put(&bucket, "x", &Expect::Absent).await.unwrap();
    let version = put(&bucket, "x", &Expect::Version(version)).await.unwrap();
    bucket.delete(&Prefix::root(), &key("x"), &version).await.unwrap();
    store.with(|state| state.requests.clear());
    let version = put(&bucket, "x", &Expect::Absent).await.unwrap();
    let version = put(&bucket, "x", &Expect::Version(version)).await.unwrap();
    bucket.get(&Prefix::root(), &key("x"), &version).await.unwrap();
    bucket.delete(&Prefix::root(), &key("x"), &version).await.unwrap();
    let requests = store.with(|state| state.requests.clone());
    assert_eq!(requests, ["PUT /alice/x", "PUT /alice/x", "GET /alice/x", "DELETE /alice/x"]);
}

#[tokio::test]
async fn a_listing_is_whole_or_an_error() {
    let (store, bucket) = fake().await;
    for at in 0..10 {
        store.with(|state| state.insert(&format!("f{at}"), b"", &[]));
    }
    store.with(|state| state.manners.page = Some(3));
    assert_eq!(bucket.list(&Prefix::root()).await.unwrap().objects.len(), 10);
    let torn = Manners { torn_listing: true, page: Some(3), ..Manners::default() };
    let endless = Manners { endless_listing: true, page: Some(3), ..Manners::default() };
    for manners in [torn, endless] {
        store.with(|state| state.manners = manners);
        let listed =
            tokio::time::timeout(Duration::from_secs(30), bucket.list(&Prefix::root())).await.unwrap();
        assert_eq!(listed.unwrap_err().retry(), Retry::Later);
    }
}

#[tokio::test]
async fn a_listing_names_what_it_cannot_use() {
    let (store, bucket) = fake().await;
    for name in ["s/", "s/a//b", "s/../b", "s/x", "s/ spaced", "other"] {
        store.with(|state| state.insert(name, b"", &[]));
    }
    // Not anybody's business.
    for name in [".heirloom/kit", "s/.heirloom-tmp-1", "s/.heirloom-tmp-d/y"] {
        store.with(|state| state.insert(name, b"", &[]));
    }
    let listing = bucket.list(&below("s")).await.unwrap();
    assert_eq!(listing.objects.iter().map(|listed| listed.key.as_str()).collect::<Vec<_>>(), ["x"]);
    assert_eq!(listing.unusable, [" spaced", "../b", "a//b"]);
    let listing = bucket.list(&Prefix::root()).await.unwrap();
    assert_eq!(
        listing.objects.iter().map(|listed| listed.key.as_str()).collect::<Vec<_>>(),
        ["other", "s/", "s/x"]
    );
}

#[tokio::test]
async fn an_object_of_another_program_is_understood() {
    let (store, bucket) = fake().await;
    store.with(|state| {
        state.insert("plain", b"text", &[]);
        state.insert(
            "dated",
            b"text",
            &[("mtime", "2017-09-24 19:53:52.000000000 +0000"), ("mode", "0100664")],
        );
        state.insert("film", b"text", &[]);
        state.objects.get_mut("film").unwrap().etag = "00112233445566778899aabbccddeeff-2".into();
    });
    let head = async |name: &str| bucket.head(&Prefix::root(), &key(name)).await.unwrap().unwrap();
    let plain = head("plain").await;
    assert_eq!((plain.kind, plain.size, plain.content), (Kind::File, 4, Some(md5(b"text"))));
    assert_eq!((plain.meta.mode, plain.meta.mtime), (None, plain.version.modified));
    let dated = head("dated").await;
    assert_eq!(dated.meta.mtime, Some(UnixNanos(1_506_282_832_000_000_000)));
    assert_eq!(dated.meta.mode.map(model::Mode::bits), Some(0o664));
    assert_eq!(head("film").await.node(), None);
}

#[tokio::test]
async fn tags_that_are_no_digests_are_seen_through() {
    let (store, bucket) = fake().await;
    store.with(|state| state.manners.opaque_tags = true);
    let version = put(&bucket, "x", &Expect::Absent).await.unwrap();
    put(&bucket, "x", &Expect::Version(version)).await.unwrap();
    put(&bucket, "y", &Expect::Absent).await.unwrap();
    store.with(|state| state.requests.clear());
    put(&bucket, "z", &Expect::Absent).await.unwrap();
    assert_eq!(store.with(|state| state.requests.clone()), ["PUT /alice/z"]);
    let found = bucket.head(&Prefix::root(), &key("z")).await.unwrap().unwrap();
    assert_eq!(found.node(), Some(file(&body())), "the digest is in the metadata");
}

#[tokio::test]
async fn a_broken_read_goes_on_where_it_was() {
    let (store, bucket) = fake().await;
    let all: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    store.with(|state| {
        state.insert("x", &all, &[]);
        state.manners.short_read = Some(123_457);
    });
    let version = bucket.head(&Prefix::root(), &key("x")).await.unwrap().unwrap().version;
    let got = bucket.get(&Prefix::root(), &key("x"), &version).await.unwrap();
    assert_eq!(got.body.try_collect::<Vec<_>>().await.unwrap().concat(), all);
}

#[tokio::test]
async fn failures_are_told_apart() {
    let (store, bucket) = fake().await;
    let ask = async |status, code| {
        store.with(|state| state.manners.refusal = Some((status, code)));
        let probe = bucket.probe().await.unwrap_err();
        (probe, put(&bucket, "x", &Expect::Absent).await.unwrap_err())
    };
    let (probe, put) = ask(403, "InvalidAccessKeyId").await;
    assert!(matches!((&probe, put), (Error::WrongKey { .. }, Error::WrongKey { .. })));
    assert_eq!(probe.to_string(), "the bucket `alice` does not open with the key `key-id`");
    assert_eq!(std::error::Error::source(&probe).unwrap().to_string(), "on purpose (InvalidAccessKeyId)");
    let (probe, _) = ask(403, "AccessDenied").await;
    assert!(matches!(probe, Error::WrongKey { .. }));
    let (probe, _) = ask(404, "NoSuchBucket").await;
    assert!(matches!(probe, Error::NoSuchBucket { .. }));
    let (probe, _) = ask(503, "SlowDown").await;
    assert!(matches!(probe, Error::Unreachable { .. }));
    let (_, put) = ask(507, "InsufficientStorage").await;
    assert!(matches!(put, Error::NoSpace { .. }), "{put:?}");
}

#[tokio::test]
async fn a_refusal_concerns_the_object() {
    let (store, bucket) = fake().await;
    put(&bucket, "learned", &Expect::Absent).await.unwrap();
    store.with(|state| state.manners.refusal = Some((403, "AccessDenied")));
    let refused = put(&bucket, "x", &Expect::Absent).await.unwrap_err();
    assert!(matches!(refused, Error::Rejected { .. }), "{refused:?}");
    store.with(|state| state.manners.refusal = Some((400, "KeyTooLongError")));
    let refused = put(&bucket, "x", &Expect::Absent).await.unwrap_err();
    assert!(matches!(refused, Error::Rejected { .. }), "{refused:?}");
}

/// The engine runs changes as tasks, so their futures must be able to move between threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_can_be_a_task() {
    let (_store, bucket) = fake().await;
    let task = async move {
        let (root, name) = (Prefix::root(), key("x"));
        bucket.probe().await?;
        let version = put(&bucket, "x", &Expect::Absent).await?;
        let touched = Node { meta: meta(0o600), ..file(&body()) };
        let version = bucket.set_meta(&root, &name, &touched, &version).await?;
        drop(bucket.get(&root, &name, &version).await?.body.try_collect::<Vec<_>>().await?);
        let part = |_, length: usize| async move { Ok(Bytes::from(vec![7; length])) };
        bucket.put_parts(&root, &key("film"), &file(&[7; 9]), part, &Expect::Absent).await?;
        let (song, node) = (key("song"), file(&[7; 9]));
        let upload = bucket.begin_upload(&root, &song, &node).await?;
        let write = Write { prefix: &root, key: &song, node: &node, expect: &Expect::Absent };
        let version = bucket.upload(write, &upload, &Parts::plain(9), part, |_| {}).await?;
        drop(bucket.get_stream(&root, &song, &version, 0, 9).try_collect::<Vec<_>>().await?);
        let listing = bucket.list(&root).await?;
        let all = listing.objects.into_iter().map(|listed| (listed.key, listed.version)).collect();
        bucket.delete_many(&root, all).await.into_iter().try_for_each(|deleted| deleted.outcome)
    };
    tokio::spawn(task).await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let bucket = Bucket::connect(&options("http://127.0.0.1:1/".into())).unwrap();
    let error = bucket.probe().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot reach the bucket `alice` at http://127.0.0.1:1");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.to_lowercase().contains("connection refused"), "{cause}");
    assert!(Bucket::connect(&options("not an address".into())).unwrap().probe().await.is_err());
}
