//! The questions.

use crate::cloud::Cloud;
use crate::destination::Destination;
use crate::trees::Tree;
use crate::{below, fake, file, key, md5, meta, real};
use bucket::{Bucket, Error, Expect, Honoured, Listing, Options, Prefix, Retry};
use bytes::Bytes;
use futures::TryStreamExt as _;
use model::{BucketName, ContentId, ETag, Kind, Mode, Node, ObjectKey, RelPath, RemoteVersion, UnixNanos};
use std::future::Future;

/// Asks every store at hand, each below a prefix of its own.
async fn ask<Fut: Future<Output = ()>>(name: &str, question: impl Fn(Destination, Prefix) -> Fut) {
    let (_store, bucket) = fake().await;
    question(Destination::Bucket(bucket), below(name)).await;
    let cloud = Cloud::start().await;
    question(Destination::Bucket(Bucket::connect(&cloud.options).unwrap()), below(name)).await;
    cloud.stop().await;
    for tree in Tree::all() {
        question(Destination::Plain(tree.connect()), below(name)).await;
    }
    if let Some(options) = real() {
        let (bucket, prefix) = (Destination::Bucket(Bucket::connect(&options).unwrap()), below(name));
        clear(&bucket, &prefix).await;
        question(bucket.clone(), prefix.clone()).await;
        clear(&bucket, &prefix).await;
    }
}

async fn clear(bucket: &Destination, prefix: &Prefix) {
    let listing = bucket.list(prefix).await.unwrap();
    let all = listing.objects.into_iter().map(|listed| (listed.key, listed.version)).collect();
    for deleted in bucket.delete_many(prefix, all).await {
        deleted.outcome.unwrap();
    }
}

async fn put(bucket: &Destination, prefix: &Prefix, name: &str, body: &[u8]) -> RemoteVersion {
    let body = Bytes::copy_from_slice(body);
    bucket.put(prefix, &key(name), &file(&body), body, &Expect::Absent).await.unwrap()
}

async fn read(bucket: &Destination, prefix: &Prefix, key: &ObjectKey, version: &RemoteVersion) -> Vec<u8> {
    let body = bucket.get(prefix, key, version).await.unwrap().body;
    body.try_fold(Vec::new(), async |mut all, chunk| {
        all.extend_from_slice(&chunk);
        Ok(all)
    })
    .await
    .unwrap()
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.objects.iter().map(|listed| listed.key.as_str()).collect()
}

fn other_version() -> RemoteVersion {
    RemoteVersion { etag: ETag::new("0123456789abcdef0123456789abcdef"), modified: None }
}

#[track_caller]
fn assert_changed<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    let error = outcome.expect_err("must be refused");
    assert!(matches!(error, Error::Changed { .. }), "{error:?}");
    assert_eq!(error.retry(), Retry::Replan);
}

#[tokio::test]
async fn what_is_put_comes_back_with_its_metadata() {
    ask("round-trip", async |bucket: Destination, prefix: Prefix| {
        let target = b"../elsewhere".to_vec();
        let symlink = Node { kind: Kind::Symlink, ..file(&target) };
        let sealed = b"age-encryption.org/v1\n-> no target of a link\0".to_vec();
        let directory = Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta: meta(0o700) };
        let mut old = file(b"");
        old.meta.mtime = Some(UnixNanos(-1_500_000_000));
        let cases = [
            ("file", b"hello".to_vec(), file(b"hello")),
            ("link", target, symlink),
            ("sealed", sealed.clone(), Node { kind: Kind::Symlink, ..file(&sealed) }.sealed()),
            ("dir/", Vec::new(), directory),
            ("empty", Vec::new(), old),
        ];
        for (name, body, node) in cases {
            let key = key(name);
            let put = bucket.put(&prefix, &key, &node, body.clone().into(), &Expect::Absent).await.unwrap();
            let found = bucket.head(&prefix, &key).await.unwrap().expect("it was put");
            let kept = if node.kind == Kind::Symlink {
                Node { meta: model::Meta { mode: Some(Mode::from_st_mode(0o644)), ..node.meta }, ..node }
            } else {
                node
            };
            assert_eq!(found.node(), Some(kept), "{name}");
            assert_eq!(found.version.etag, put.etag, "{name}");
            let got = bucket.get(&prefix, &key, &put).await.unwrap();
            assert_eq!(got.object, found, "{name}");
            drop(got);
            assert_eq!(read(&bucket, &prefix, &key, &put).await, body, "{name}");
        }
        let listing = bucket.list(&prefix).await.unwrap();
        assert_eq!(names(&listing), ["dir/", "empty", "file", "link", "sealed"]);
        assert_eq!(listing.objects[2].content(), bucket.lists_content().then(|| md5(b"hello")));
        assert_eq!(listing.objects[2].size, 5);
        for listed in &listing.objects {
            let seen = bucket.head(&prefix, &listed.key).await.unwrap().unwrap().version;
            assert_eq!(listed.version.etag, seen.etag);
            let second = |version: &RemoteVersion| version.modified.map(|time| time.seconds_and_nanos().0);
            assert_eq!(second(&listed.version), second(&seen));
            assert!(listed.is_still(&RemoteVersion { modified: None, ..seen }), "{listed:?}");
        }
    })
    .await;
}

/// Names that stores, URLs, XML and `OpenDAL` are known to mishandle.
fn nasty_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        " lead",
        "trail ",
        " ",
        "\u{3000}wide",
        "nbsp\u{a0}",
        "a  b",
        "50% off",
        "a%20b",
        "%25",
        "%",
        "a+b",
        "a&b",
        "a?b",
        "a#b",
        "a=b",
        "quote\"s",
        "it's",
        "back\\slash",
        "new\nline",
        "carriage\rreturn",
        "tab\t",
        "bell\u{7}",
        "<xml>",
        "&amp;",
        "*",
        "[x]",
        "{y}",
        "~",
        "semi;colon",
        "a:b",
        "@at",
        "$var",
        "🦀 crab",
        "e\u{301}",
        "\u{e9}",
        "日本語",
        "\u{202e}rtl",
        "\u{feff}bom",
        "\u{fffe}",
        ".hidden",
        "...",
        "-dash",
        "a..b",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(b"latin\xe9".to_vec());
    names.push(b"\xff\xfe".to_vec());
    names.push(vec![b'x'; 255]);
    names.push([b'\xf0', b'\x9f', b'\xa6', b'\x80'].repeat(63));
    names
}

#[tokio::test]
async fn every_name_keeps_its_own_object() {
    ask("names", async |bucket: Destination, prefix: Prefix| {
        let mut paths = Vec::new();
        for name in nasty_names() {
            let alone = RelPath::from_os_bytes(&name).unwrap();
            paths.push(alone.child(b"inner").unwrap());
            paths.push(RelPath::from_os_bytes(b"outer").unwrap().join(&alone));
        }
        for path in &paths {
            let key = ObjectKey::file(path);
            let body = Bytes::from(path.to_os_bytes());
            let version =
                bucket.put(&prefix, &key, &file(&body), body.clone(), &Expect::Absent).await.unwrap();
            assert_eq!(read(&bucket, &prefix, &key, &version).await, body, "{path:?}");
        }
        paths.sort();
        let listing = bucket.list(&prefix).await.unwrap();
        assert_eq!(names(&listing), paths.iter().map(RelPath::as_str).collect::<Vec<_>>());
        assert_eq!(listing.unusable, Vec::<String>::new());
        for (listed, path) in listing.objects.iter().zip(&paths) {
            let content = bucket.lists_content().then(|| md5(&path.to_os_bytes()));
            assert_eq!(listed.content(), content, "{path:?}");
            let copied =
                bucket.set_meta(&prefix, &listed.key, &file(&path.to_os_bytes()), &listed.version).await;
            bucket.delete(&prefix, &listed.key, &copied.unwrap()).await.unwrap();
        }
        assert_eq!(bucket.list(&prefix).await.unwrap(), Listing::default());
    })
    .await;
}

#[tokio::test]
async fn nothing_is_overwritten_or_deleted_unexpectedly() {
    ask("conditions", async |bucket: Destination, prefix: Prefix| {
        let name = key("note");
        let first = put(&bucket, &prefix, "note", b"first").await;
        let second = Bytes::from_static(b"second");
        let write =
            async |expect: &Expect| bucket.put(&prefix, &name, &file(&second), second.clone(), expect).await;

        for _ in 0..2 {
            assert_changed(write(&Expect::Absent).await);
            assert_changed(write(&Expect::Version(other_version())).await);
            assert_changed(bucket.delete(&prefix, &name, &other_version()).await);
            assert_changed(bucket.get(&prefix, &name, &other_version()).await.map(|_| ()));
            let meta = Node { meta: meta(0o600), ..file(b"first") };
            assert_changed(bucket.set_meta(&prefix, &name, &meta, &other_version()).await);
            assert_eq!(read(&bucket, &prefix, &name, &first).await, b"first");
        }

        let replaced = write(&Expect::Version(first.clone())).await.unwrap();
        assert_changed(bucket.delete(&prefix, &name, &first).await);
        assert_eq!(read(&bucket, &prefix, &name, &replaced).await, b"second");
        bucket.delete(&prefix, &name, &replaced).await.unwrap();
        bucket.delete(&prefix, &name, &replaced).await.expect("gone already");
        assert_changed(write(&Expect::Version(replaced.clone())).await);
        assert_eq!(bucket.head(&prefix, &name).await.unwrap(), None);
        let read = bucket.get(&prefix, &name, &replaced).await.map(|_| ()).unwrap_err();
        assert!(matches!(read, Error::NotFound { .. } | Error::Changed { .. }), "{read:?}");
    })
    .await;
}

#[tokio::test]
async fn of_many_writers_one_wins() {
    ask("race", async |bucket: Destination, prefix: Prefix| {
        put(&bucket, &prefix, "learned", b"").await;
        let writes = (0..16_u8).map(|writer| {
            let (bucket, prefix) = (bucket.clone(), prefix.clone());
            tokio::spawn(async move {
                let body = Bytes::from(vec![writer; 1000]);
                bucket.put(&prefix, &key("one"), &file(&body), body, &Expect::Absent).await.is_ok()
            })
        });
        let won = futures::future::join_all(writes).await.into_iter().filter(|won| *won.as_ref().unwrap());
        let honoured = bucket.conditions().create == Honoured::Yes;
        assert!(!honoured || won.count() == 1);
    })
    .await;
}

#[tokio::test]
async fn a_range_is_read_alone() {
    ask("range", async |bucket: Destination, prefix: Prefix| {
        let version = put(&bucket, &prefix, "digits", b"0123456789").await;
        let got = bucket.get_range(&prefix, &key("digits"), &version, 3..7).await.unwrap();
        assert_eq!(got.object.size, 10);
        assert_eq!(got.body.try_collect::<Vec<_>>().await.unwrap().concat(), b"3456");
    })
    .await;
}

/// Bytes that no two parts share.
fn large(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) % 251).unwrap()).collect()
}

async fn put_large(
    bucket: &Destination,
    prefix: &Prefix,
    node: &Node,
    all: &[u8],
    expect: &Expect,
) -> Result<RemoteVersion, Error> {
    let part = |offset: u64, length: usize| {
        let start = usize::try_from(offset).unwrap();
        let part = Bytes::copy_from_slice(&all[start..start + length]);
        async move { Ok(part) }
    };
    bucket.put_parts(prefix, &key("film"), node, part, expect).await
}

#[tokio::test]
async fn a_large_object_goes_in_parts() {
    ask("parts", async |bucket: Destination, prefix: Prefix| {
        let all = large((8 << 20) + 3);
        let node = file(&all);
        let name = key("film");
        let version = put_large(&bucket, &prefix, &node, &all, &Expect::Absent).await.unwrap();
        let found = bucket.head(&prefix, &name).await.unwrap().unwrap();
        assert_eq!(found.node(), Some(node));
        assert_eq!(found.version.etag, version.etag);
        assert_eq!(md5(&read(&bucket, &prefix, &name, &version).await), node.content);

        let (nothing, unasked) = (file(b""), |_, _| async { Err(std::io::Error::other("unasked")) });
        bucket.put_parts(&prefix, &key("empty"), &nothing, unasked, &Expect::Absent).await.unwrap();
        assert_eq!(bucket.head(&prefix, &key("empty")).await.unwrap().unwrap().node(), Some(nothing));

        // The same again is what a lost answer looks like; anything else is a conflict.
        let again = put_large(&bucket, &prefix, &node, &all, &Expect::Absent).await.unwrap();
        assert_eq!(again.etag, version.etag);
        let other = large(8 << 20);
        assert_changed(put_large(&bucket, &prefix, &file(&other), &other, &Expect::Absent).await);

        let touched = Node { meta: meta(0o600), ..node };
        let copied = bucket.set_meta(&prefix, &name, &touched, &version).await.unwrap();
        assert_eq!(bucket.head(&prefix, &name).await.unwrap().unwrap().node(), Some(touched));

        let replaced =
            put_large(&bucket, &prefix, &file(&other), &other, &Expect::Version(copied)).await.unwrap();
        assert_eq!(md5(&read(&bucket, &prefix, &name, &replaced).await), md5(&other));
    })
    .await;
}

#[tokio::test]
async fn a_torn_file_never_arrives() {
    ask("torn", async |bucket: Destination, prefix: Prefix| {
        let body = Bytes::from_static(b"other");
        assert_changed(bucket.put(&prefix, &key("film"), &file(b"bytes"), body, &Expect::Absent).await);
        let all = large(9 << 20);
        let node = Node { content: md5(b"as it was"), ..file(&all) };
        assert_changed(put_large(&bucket, &prefix, &node, &all, &Expect::Absent).await);
        let unreadable = |_, _| async { Err(std::io::Error::other("the disk died")) };
        let error =
            bucket.put_parts(&prefix, &key("film"), &node, unreadable, &Expect::Absent).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Replan);
        assert_eq!(bucket.list(&prefix).await.unwrap(), Listing::default());
    })
    .await;
}

#[tokio::test]
async fn metadata_changes_alone() {
    ask("metadata", async |bucket: Destination, prefix: Prefix| {
        let version = put(&bucket, &prefix, "note", b"text").await;
        let mut node = Node { meta: meta(0o755), ..file(b"text") };
        node.meta.mtime = Some(UnixNanos(1));
        let touched = bucket.set_meta(&prefix, &key("note"), &node, &version).await.unwrap();
        let found = bucket.head(&prefix, &key("note")).await.unwrap().unwrap();
        assert_eq!(found.node(), Some(node));
        assert_eq!(found.version.etag, touched.etag);

        let directory = Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta: meta(0o700) };
        let marker = key("dir/");
        let version = bucket.put(&prefix, &marker, &directory, Bytes::new(), &Expect::Absent).await.unwrap();
        let opened = Node { meta: meta(0o750), ..directory };
        bucket.set_meta(&prefix, &marker, &opened, &version).await.unwrap();
        assert_eq!(bucket.head(&prefix, &marker).await.unwrap().unwrap().node(), Some(opened));
    })
    .await;
}

#[tokio::test]
async fn a_listing_shows_its_prefix_in_order() {
    ask("listing", async |bucket: Destination, prefix: Prefix| {
        let mut expected: Vec<String> = (0..60).map(|at| format!("d{}/f{at:02}", at % 7)).collect();
        expected.extend(["d1-x".to_owned(), "d1.x".to_owned(), "d10".to_owned()]);
        for name in &expected {
            put(&bucket, &prefix, name, name.as_bytes()).await;
        }
        let neighbour = below("listing-too");
        clear(&bucket, &neighbour).await;
        let version = put(&bucket, &neighbour, "x", b"").await;
        expected.sort();
        assert_eq!(names(&bucket.list(&prefix).await.unwrap()), expected);
        bucket.delete(&neighbour, &key("x"), &version).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_gateway_is_found_to_honour_conditions() {
    let cloud = Cloud::start().await;
    let (bucket, prefix, name) = (Bucket::connect(&cloud.options).unwrap(), Prefix::root(), key("x"));
    let found = |bucket: &Bucket| {
        let found = bucket.conditions();
        [found.create, found.replace, found.relabel, found.delete]
    };
    assert_eq!(found(&bucket), [Honoured::Unknown; 4]);
    let version = put(&Destination::Bucket(bucket.clone()), &prefix, "x", b"1").await;
    let body = Bytes::from_static(b"2");
    let expect = Expect::Version(version);
    let version = bucket.put(&prefix, &name, &file(&body), body, &expect).await.unwrap();
    let touched = Node { meta: meta(0o600), ..file(b"2") };
    let version = bucket.set_meta(&prefix, &name, &touched, &version).await.unwrap();
    bucket.delete(&prefix, &name, &version).await.unwrap();
    assert_eq!(found(&bucket), [Honoured::Yes; 4]);
    cloud.stop().await;
}

#[tokio::test]
async fn what_is_not_signed_with_the_key_is_refused() {
    let cloud = Cloud::start().await;
    for options in [Some(cloud.options.clone()), real()].into_iter().flatten() {
        Bucket::connect(&options).unwrap().probe().await.unwrap();
        let wrong_secret = Options { secret_access_key: "not the secret".into(), ..options.clone() };
        let unknown = Options { access_key_id: "nobody".into(), ..options.clone() };
        for wrong in [wrong_secret, unknown] {
            let error = Bucket::connect(&wrong).unwrap().probe().await.unwrap_err();
            assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
        }
        // Whether a bucket of others exists is nobody's business, so a server may say either.
        let elsewhere = Options { bucket: BucketName::new("no-such-bucket").unwrap(), ..options };
        let error = Bucket::connect(&elsewhere).unwrap().probe().await.unwrap_err();
        assert!(matches!(error, Error::NoSuchBucket { .. } | Error::WrongKey { .. }), "{error:?}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn a_copy_takes_an_absent_name_only() {
    ask("a copy", |bucket, prefix| async move {
        let content = vec![7; 100_000];
        let version = put(&bucket, &prefix, "from", &content).await;
        let (from, to) = (ObjectKey::parse("from").unwrap(), ObjectKey::parse("below/to").unwrap());
        let node = bucket.head(&prefix, &from).await.unwrap().unwrap().node().unwrap();
        let copied = bucket.copy(&prefix, &from, &version, &to, &node).await.unwrap();
        assert_eq!(read(&bucket, &prefix, &to, &copied).await, content);
        let head = bucket.head(&prefix, &to).await.unwrap().unwrap();
        assert!(head.node().unwrap().same_meta(&node));
        // The same again is what a lost answer looks like; anything else is in the way.
        bucket.copy(&prefix, &from, &version, &to, &node).await.unwrap();
        put(&bucket, &prefix, "taken", b"by someone else").await;
        let taken = ObjectKey::parse("taken").unwrap();
        assert_changed(bucket.copy(&prefix, &from, &version, &taken, &node).await);
        let other = ObjectKey::parse("other").unwrap();
        assert_changed(bucket.copy(&prefix, &from, &other_version(), &other, &node).await);
        assert!(bucket.head(&prefix, &other).await.unwrap().is_none());
    })
    .await;
}
