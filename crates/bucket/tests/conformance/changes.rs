//! What changed since a cursor: of our own gateway, and of servers that do not tell, or tell lies.

use crate::cloud::Cloud;
use crate::{below, fake, file, key, md5, meta, options};
use bucket::{Bucket, Changed, Changes, Cursor, Error, Expect, Feed, Object, Prefix, Retry};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use model::{ContentId, Kind, Meta, Node, ObjectKey, RelPath, UnixNanos};
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const NOW: Duration = Duration::ZERO;

async fn all(mut feed: Feed) -> Result<(Cursor, Vec<Changed>), Error> {
    let mut changes = Vec::new();
    while let Some(changed) = feed.next().await? {
        changes.push(changed);
    }
    assert_eq!(feed.next().await?, None);
    Ok((feed.cursor, changes))
}

async fn everything(bucket: &Bucket, prefix: &Prefix) -> (Cursor, Vec<Changed>) {
    match bucket.changes(prefix, None, NOW).await.unwrap() {
        Changes::Everything(feed) => all(feed).await.unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn since(bucket: &Bucket, prefix: &Prefix, cursor: &Cursor, wait: Duration) -> (Cursor, Vec<Changed>) {
    match bucket.changes(prefix, Some(cursor), wait).await.unwrap() {
        Changes::Since(feed) => all(feed).await.unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn put(bucket: &Bucket, prefix: &Prefix, name: &str, body: &'static str, node: Node) -> Object {
    let found = bucket.head(prefix, &key(name)).await.unwrap();
    let expect = found.map_or(Expect::Absent, |found| Expect::Version(found.version));
    bucket.put(prefix, &key(name), &node, Bytes::from_static(body.as_bytes()), &expect).await.unwrap();
    bucket.head(prefix, &key(name)).await.unwrap().unwrap()
}

async fn write(bucket: &Bucket, name: &str) -> Object {
    put(bucket, &Prefix::root(), name, "text", file(b"text")).await
}

async fn delete(bucket: &Bucket, name: &str) {
    let found = bucket.head(&Prefix::root(), &key(name)).await.unwrap().unwrap();
    bucket.delete(&Prefix::root(), &key(name), &found.version).await.unwrap();
}

fn names(changes: &[Changed]) -> Vec<String> {
    let name = |changed: &Changed| match changed {
        Changed::Put { key, .. } => format!("+{}", key.as_str()),
        Changed::Gone(key) => format!("-{}", key.as_str()),
        Changed::Unusable(key) => format!("?{key}"),
    };
    changes.iter().map(name).collect()
}

/// A tree with everything that is hard to tell.
async fn plant(bucket: &Bucket) {
    let (root, tricky) = (Prefix::root(), below("s"));
    for name in ["plain", "a b", "é", "quote\"s", "back\\slash", "a+b&c=d", "日本語", "%25", "x.y", "x-y"]
    {
        put(bucket, &tricky, name, "text", file(b"text")).await;
        put(bucket, &tricky, &format!("x/{name}"), "text", file(b"text")).await;
    }
    let odd = RelPath::from_os_bytes(b" new\nline\xff ").unwrap();
    let name = ObjectKey::file(&odd).as_str().to_owned();
    put(bucket, &tricky, &name, "", file(b"")).await;
    let link = Node { kind: Kind::Symlink, ..file(b"../elsewhere") };
    put(bucket, &tricky, "link", "../elsewhere", link).await;
    let directory = Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta: meta(0o700) };
    put(bucket, &tricky, "dir/", "", directory).await;
    // As another program writes it: it says nothing about itself.
    put(bucket, &tricky, "silent", "text", Node { meta: Meta::default(), ..file(b"text") }).await;
    let mut old = file(b"text");
    old.meta.mtime = Some(UnixNanos(-1_500_000_000));
    put(bucket, &tricky, "old", "text", old).await;
    let body = vec![7; (5 << 20) + 1];
    let part = |offset: u64, length: usize| {
        let start = usize::try_from(offset).unwrap();
        let part = Bytes::copy_from_slice(&body[start..start + length]);
        async move { Ok(part) }
    };
    bucket.put_parts(&tricky, &key("film"), &file(&body), part, &Expect::Absent).await.unwrap();
    put(bucket, &root, "s-neighbour", "text", file(b"text")).await;
    put(bucket, &root, "s/", "", directory).await;
}

#[tokio::test]
async fn everything_is_what_a_listing_and_a_look_at_each_object_tell() {
    let cloud = Cloud::start().await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    plant(&bucket).await;
    for prefix in [Prefix::root(), below("s"), below("s/x"), below("none")] {
        let listing = bucket.list(&prefix).await.unwrap();
        let mut looked = Vec::new();
        for listed in listing.objects {
            let mut object = bucket.head(&prefix, &listed.key).await.unwrap().unwrap();
            assert_eq!(object.version.etag, listed.version.etag);
            object.version.modified = listed.version.modified;
            looked.push(Changed::Put { key: listed.key, object });
        }
        let (_, told) = everything(&bucket, &prefix).await;
        assert_eq!(told, looked, "{prefix}");
    }
    let (_, told) = everything(&bucket, &below("s")).await;
    assert_eq!(told.len(), 20 + 6);
    cloud.stop().await;
}

#[tokio::test]
async fn what_changed_is_told_once_and_as_it_is() {
    let cloud = Cloud::start().await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    for name in ["a/1", "a/2", "a/3", "b/1"] {
        write(&bucket, name).await;
    }
    let root = Prefix::root();
    let (start, _) = everything(&bucket, &root).await;
    let (same, nothing) = since(&bucket, &root, &start, NOW).await;
    assert_eq!((same, nothing), (start.clone(), vec![]));

    let changed = put(&bucket, &root, "a/2", "changed", file(b"changed")).await;
    write(&bucket, "a/4").await;
    write(&bucket, "c").await;
    delete(&bucket, "a/1").await;
    let (later, told) = since(&bucket, &root, &start, NOW).await;
    assert_eq!(names(&told), ["-a/1", "+a/2", "+a/4", "+c"]);
    let Changed::Put { object, .. } = &told[1] else { panic!("{told:?}") };
    assert_eq!((object.content, object.node()), (Some(md5(b"changed")), changed.node()));
    assert_eq!(names(&since(&bucket, &below("a"), &start, NOW).await.1), ["-1", "+2", "+4"]);
    assert_eq!(names(&since(&bucket, &below("b"), &start, NOW).await.1), Vec::<String>::new());

    // Metadata alone is a change; what came and went is gone.
    let touched = Node { meta: meta(0o600), ..file(b"changed") };
    bucket.set_meta(&root, &key("a/2"), &touched, &changed.version).await.unwrap();
    write(&bucket, "d").await;
    delete(&bucket, "d").await;
    write(&bucket, "a/1").await;
    let (_, told) = since(&bucket, &root, &later, NOW).await;
    assert_eq!(names(&told), ["+a/1", "+a/2", "-d"]);
    let (_, told) = since(&bucket, &root, &start, NOW).await;
    assert_eq!(names(&told), ["+a/1", "+a/2", "+a/4", "+c", "-d"]);
    let kept = Cursor::new(later.as_str());
    assert_eq!(since(&bucket, &root, &kept, NOW).await.1.len(), 3, "a cursor can be kept as text");
    cloud.stop().await;
}

#[tokio::test]
async fn a_wait_is_ended_by_another_machine() {
    let cloud = Cloud::start().await;
    // One that waits must not be in the way of its own other requests.
    let alone = bucket::Options { concurrency: 1, ..cloud.options.clone() };
    let (mine, theirs) = (Bucket::connect(&alone).unwrap(), Bucket::connect(&cloud.options).unwrap());
    let (start, _) = everything(&mine, &below("a")).await;
    let waiting = tokio::spawn({
        let (bucket, start) = (mine.clone(), start.clone());
        async move { since(&bucket, &below("a"), &start, Duration::from_mins(1)).await }
    });
    let (quiet, nothing) = since(&mine, &below("a"), &start, Duration::from_millis(1)).await;
    assert_eq!((nothing, waiting.is_finished()), (vec![], false));
    write(&mine, "b/elsewhere").await;
    write(&theirs, "a/new").await;
    let (_, told) = tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap().unwrap();
    assert_eq!(names(&told), ["+new"]);
    assert_eq!(names(&since(&mine, &below("a"), &quiet, Duration::from_mins(1)).await.1), ["+new"]);
    cloud.stop().await;
}

#[tokio::test]
async fn a_server_put_back_is_noticed() {
    let cloud = Cloud::start().await;
    write(&Bucket::connect(&cloud.options).unwrap(), "a").await;
    let backup = tempfile::NamedTempFile::new().unwrap();
    let index = |data: &std::path::Path| data.join("index.db");
    let cloud = cloud.restart(|data| assert!(std::fs::copy(index(data), &backup).unwrap() > 0)).await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    write(&bucket, "b").await;
    let (cursor, _) = everything(&bucket, &Prefix::root()).await;
    let cloud = cloud.restart(|_| ()).await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    assert_eq!(since(&bucket, &Prefix::root(), &cursor, NOW).await.1, []);
    let cloud = cloud.restart(|data| assert!(std::fs::copy(&backup, index(data)).unwrap() > 0)).await;
    let bucket = Bucket::connect(&cloud.options).unwrap();
    for name in ["c", "d", "e", "f"] {
        let asked = bucket.changes(&Prefix::root(), Some(&cursor), Duration::from_mins(1)).await.unwrap();
        assert!(matches!(asked, Changes::Unknown), "{asked:?}");
        write(&bucket, name).await;
    }
    cloud.stop().await;
}

#[tokio::test]
async fn a_store_that_lists_instead_is_not_asked_again() {
    let (store, bucket) = fake().await;
    store.with(|state| state.insert("a", b"text", &[]));
    for _ in 0..3 {
        let asked = bucket.changes(&below("a b"), Some(&Cursor::new("x-1")), NOW).await.unwrap();
        assert!(matches!(asked, Changes::Unsupported), "{asked:?}");
    }
    let requests = store.with(|state| state.requests.clone());
    assert_eq!(requests, ["GET /alice?heirloom-changes&max-keys=1&prefix=a%20b%2F&since=x%2D1"]);
}

#[tokio::test]
async fn a_store_that_refuses_is_told_from_one_in_trouble() {
    for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument"), (405, "MethodNotAllowed")] {
        let (store, bucket) = fake().await;
        store.with(|state| state.manners.refusal = Some((status, code)));
        for _ in 0..2 {
            let asked = bucket.changes(&Prefix::root(), None, NOW).await.unwrap();
            assert!(matches!(asked, Changes::Unsupported), "{asked:?}");
        }
        assert_eq!(store.with(|state| state.requests.len()), 1);
    }
    let (store, bucket) = fake().await;
    let ask = async |status, code| {
        store.with(|state| state.manners.refusal = Some((status, code)));
        bucket.changes(&Prefix::root(), None, NOW).await.unwrap_err()
    };
    assert!(matches!(ask(403, "InvalidAccessKeyId").await, Error::WrongKey { .. }));
    assert!(matches!(ask(403, "AccessDenied").await, Error::WrongKey { .. }));
    assert!(matches!(ask(404, "NoSuchBucket").await, Error::NoSuchBucket { .. }));
    assert!(matches!(ask(503, "SlowDown").await, Error::Unreachable { .. }));
    // None of this has been learned.
    store.with(|state| state.manners.refusal = None);
    assert!(matches!(bucket.changes(&Prefix::root(), None, NOW).await.unwrap(), Changes::Unsupported));
    let nobody = Bucket::connect(&options("http://127.0.0.1:1".into())).unwrap();
    let error = nobody.changes(&Prefix::root(), None, NOW).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

/// A server that tells these lines, whatever it is asked, in pieces that break them.
async fn telling(lines: &str) -> Bucket {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pieces: Vec<Bytes> = lines.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let pieces = pieces.clone();
            let service = service_fn(move |_: Request<hyper::body::Incoming>| {
                let frames = pieces.clone().into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
                let body = StreamBody::new(futures::stream::iter(frames));
                let kind = "application/vnd.heirloom.changes; charset=utf-8";
                async move {
                    Ok::<_, Infallible>(Response::builder().header("content-type", kind).body(body).unwrap())
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
        }
    });
    Bucket::connect(&options(format!("http://{address}"))).unwrap()
}

const HEAD: &str = "{\"changes\":1,\"extent\":\"since\",\"cursor\":\"c-1\"}\n";

fn told(key: &str) -> String {
    format!("{{\"put\":\"{key}\",\"etag\":\"t\",\"size\":1,\"modified\":1500}}\n")
}

#[tokio::test]
async fn an_answer_that_is_not_whole_is_an_error() {
    let (a, b) = (told("s/a"), told("s/b"));
    for (body, before) in [
        (format!("{HEAD}{a}{b}"), 2),
        (format!("{HEAD}{a}{b}{{\"end\":2}}"), 2),
        (format!("{HEAD}{a}{{\"put\":\"s/b\",\"et"), 1),
        (format!("{HEAD}{a}{b}{{\"end\":3}}\n"), 2),
        (format!("{HEAD}{a}{{\"end\":2}}\n"), 1),
        (format!("{HEAD}{b}{a}{{\"end\":2}}\n"), 1),
        (format!("{HEAD}{a}{a}{{\"end\":2}}\n"), 1),
        (format!("{HEAD}{}{{\"end\":1}}\n", told("other")), 0),
        (format!("{HEAD}{a}{HEAD}{{\"end\":1}}\n"), 1),
        (format!("{HEAD}{a}{{\"moved\":\"s/b\"}}\n{{\"end\":2}}\n"), 1),
        (format!("{HEAD}{a}<html>\n{{\"end\":2}}\n"), 1),
        (HEAD.to_owned(), 0),
    ] {
        let bucket = telling(&body).await;
        let Changes::Since(mut feed) = bucket.changes(&below("s"), None, NOW).await.unwrap() else {
            panic!("{body}")
        };
        for _ in 0..before {
            assert!(matches!(feed.next().await, Ok(Some(Changed::Put { .. }))), "{body}");
        }
        let error = feed.next().await.expect_err(&body);
        assert_eq!(error.retry(), Retry::Later, "{body}");
        assert!(matches!(feed.next().await, Ok(None)), "nothing follows an error");
    }
    for body in ["", "\n\n", "<html>\n", &a, "{\"end\":0}\n"] {
        let error = telling(body).await.changes(&below("s"), None, NOW).await.expect_err(body);
        assert_eq!(error.retry(), Retry::Later, "{body}");
    }
    let later =
        telling("{\"changes\":2,\"answer\":42}\n").await.changes(&below("s"), None, NOW).await.unwrap();
    assert!(matches!(later, Changes::Unsupported), "{later:?}");
}

#[tokio::test]
async fn an_answer_whose_connection_breaks_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bucket = Bucket::connect(&options(format!("http://{}", listener.local_addr().unwrap()))).unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            socket.read_buf(&mut request).await.unwrap();
        }
        let body = format!("{HEAD}{}", told("a"));
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.heirloom.changes\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.write_all(format!("{head}{:x}\r\n{body}\r\n", body.len()).as_bytes()).await.unwrap();
    });
    let Changes::Since(mut feed) = bucket.changes(&Prefix::root(), None, NOW).await.unwrap() else {
        panic!()
    };
    assert!(feed.next().await.unwrap().is_some());
    let error = feed.next().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_used_or_is_ours_is_told_as_in_a_listing() {
    let keys = ["s/", "s/ spaced", "s/../b", "s/.heirloom-tmp-1", "s/a//b", "s/x", "s/y/.heirloom-tmp-d/z"];
    let mut body = format!("\n{HEAD}\n");
    body.extend(keys.map(told));
    body.push_str("\n\n{\"gone\":\"s/z//z\"}\n{\"gone\":\"s/zz\"}\n{\"end\":9}\n");
    let bucket = telling(&body).await;
    let Changes::Since(feed) = bucket.changes(&below("s"), None, NOW).await.unwrap() else { panic!() };
    let (cursor, changes) = all(feed).await.unwrap();
    assert_eq!(cursor.as_str(), "c-1");
    assert_eq!(names(&changes), ["? spaced", "?../b", "?a//b", "+x", "-zz"]);
    let ours = format!("{HEAD}{}{}{{\"end\":2}}\n", told(".heirloom/kit"), told("x"));
    let Changes::Since(feed) = telling(&ours).await.changes(&Prefix::root(), None, NOW).await.unwrap() else {
        panic!()
    };
    assert_eq!(names(&all(feed).await.unwrap().1), ["+x"]);
}
