use crate::server::Server;
use bytes::Bytes;

const HELLO_MD5: &str = "5d41402abc4b2a76b9719d911017c592";

#[tokio::test]
async fn what_is_put_is_got() {
    let server = Server::start().await;
    let put = server
        .alice
        .call("PUT", "/alice/documents/hello.txt")
        .header("content-type", "text/plain")
        .header("cache-control", "no-cache")
        .header("content-encoding", "gzip,aws-chunked")
        .header("x-amz-meta-colour", "blue")
        .body("hello")
        .send()
        .await
        .expect(200);
    assert_eq!(put.etag(), HELLO_MD5);
    for answer in [
        server.alice.get("/alice/documents/hello.txt").await,
        server.alice.head("/alice/documents/hello.txt").await,
    ] {
        let answer = answer.expect(200);
        assert_eq!(answer.etag(), HELLO_MD5);
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.header("content-type"), Some("text/plain"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        assert_eq!(answer.header("x-amz-meta-colour"), Some("blue"));
        assert_eq!(answer.header("x-amz-meta-mtime"), None, "nobody said a time");
        assert!(answer.header("last-modified").is_some());
    }
    assert_eq!(server.alice.get("/alice/documents/hello.txt").await.body, "hello");
    assert_eq!(std::fs::read(server.live("documents/hello.txt")).unwrap(), b"hello");
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn every_size_comes_back_as_it_went() {
    let server = Server::start().await;
    for size in [0, 1, 4096, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 1 << 20, (3 << 20) + 17] {
        let content: Bytes = (0..=250).cycle().take(size).collect();
        server.alice.put("/alice/file", content.clone()).await.expect(200);
        let got = server.alice.get("/alice/file").await.expect(200);
        assert!(got.body == content, "{size}");
        assert!(std::fs::read(server.live("file")).unwrap() == content, "{size}");
    }
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn ranges() {
    let server = Server::start().await;
    let content: Bytes = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
    server.alice.put("/alice/file", content.clone()).await.expect(200);
    let range = |range: &'static str| server.alice.call("GET", "/alice/file").header("range", range).send();
    for (asked, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=999990-", 999_990, 1_000_000),
        ("bytes=-10", 999_990, 1_000_000),
        ("bytes=10-600000", 10, 600_001),
        ("bytes=5-9999999", 5, 1_000_000),
    ] {
        let got = range(asked).await.expect(206);
        assert!(got.body == content[start..end], "{asked}");
        let told = format!("bytes {start}-{}/1000000", end - 1);
        assert_eq!(got.header("content-range"), Some(told.as_str()), "{asked}");
    }
    range("bytes=1000000-").await.expect_error(416, "InvalidRange");
}

#[tokio::test]
async fn deleting_takes_the_file_and_emptied_directories() {
    let server = Server::start().await;
    for key in ["a/b/c/one", "a/b/two"] {
        server.alice.put(&format!("/alice/{key}"), "x").await.expect(200);
    }
    server.alice.delete("/alice/a/b/c/one").await.expect(204);
    assert!(!server.live("a/b/c").exists());
    assert!(server.live("a/b/two").exists());
    server.alice.get("/alice/a/b/c/one").await.expect_error(404, "NoSuchKey");
    server.alice.delete("/alice/a/b/two").await.expect(204);
    assert!(!server.live("a").exists());
    assert!(server.live("").exists(), "the bucket itself stays");
    server.alice.delete("/alice/never/there").await.expect(204);
}

#[tokio::test]
async fn many_are_deleted_at_once() {
    let server = Server::start().await;
    for key in ["d/1", "d/2", "d/e/3", "keep", "a&amp;b"] {
        server.alice.put(&format!("/alice/{key}"), "x").await.expect(200);
    }
    let keys = ["d/1", "d/2", "d/e/3", "not-there", "../bob/x", ".heirloom/x", "a&amp;amp;b"];
    let objects = keys.map(|key| format!("<Object><Key>{key}</Key></Object>")).concat();
    let answer = server
        .alice
        .call("POST", "/alice")
        .query("delete", "")
        .body(format!("<Delete>{objects}</Delete>"))
        .send()
        .await
        .expect(200);
    assert_eq!(answer.tags("Deleted").len(), 5, "{}", answer.text());
    assert_eq!(answer.tags("Code"), ["InvalidRequest", "AccessDenied"]);
    let listed = server.alice.get("/alice").await;
    assert_eq!(listed.tags("Key"), ["keep"]);
    assert!(!server.live("d").exists());
}

#[tokio::test]
async fn deletions_of_the_same_keys_do_not_wait_for_each_other() {
    let server = Server::start().await;
    let keys: Vec<_> =
        (0..300).map(|at| format!("d{}/{at}", at % 7)).chain((0..7).map(|at| format!("d{at}/"))).collect();
    for key in &keys {
        server.alice.put(&format!("/alice/{key}"), "").await.expect(200);
    }
    let mut tasks = Vec::new();
    for worker in 0..6 {
        let (client, mut keys) = (server.alice.clone(), keys.clone());
        keys.rotate_left(worker * 50);
        if worker % 2 == 0 {
            keys.reverse();
        }
        keys.push(keys[0].clone());
        tasks.push(tokio::spawn(async move {
            let objects =
                keys.iter().map(|key| format!("<Object><Key>{key}</Key></Object>")).collect::<Vec<_>>();
            let body = format!("<Delete>{}</Delete>", objects.concat());
            let answer =
                client.call("POST", "/alice").query("delete", "").body(body).send().await.expect(200);
            assert!(answer.tags("Code").is_empty(), "{}", answer.text());
            client.put(&format!("/alice/d{worker}/after"), "x").await.expect(200);
            client.put(&format!("/alice/d{worker}/"), "").await.expect(200);
            client.delete(&format!("/alice/d{worker}/after")).await.expect(204);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let left = server.alice.get("/alice").await.tags("Key");
    for key in &left {
        assert!(server.live(key).is_dir(), "{key}");
    }
    let on_disk = std::fs::read_dir(server.live("")).unwrap().count();
    assert_eq!(on_disk, left.len(), "{left:?}");
}

#[tokio::test]
async fn wrong_digests_leave_nothing() {
    let server = Server::start().await;
    let other_md5 = "AAAAAAAAAAAAAAAAAAAAAA==";
    for (name, value) in [
        ("content-md5", other_md5),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-checksum-crc32c", "AAAAAA=="),
        ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ("x-amz-checksum-sha1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ] {
        for size in [5, 2 << 20] {
            let call = server.alice.call("PUT", "/alice/bad/file").header(name, value).body(vec![b'x'; size]);
            call.send().await.expect_error(400, "BadDigest");
        }
    }
    let call = server.alice.call("PUT", "/alice/bad/file").payload(&"00".repeat(32)).body("x");
    call.send().await.expect_error(400, "XAmzContentSHA256Mismatch");
    let call = server.alice.call("PUT", "/alice/bad/file").header("content-md5", "nonsense").body("x");
    call.send().await.expect(400);
    server.alice.get("/alice/bad/file").await.expect(404);
    assert!(!server.live("bad").exists());
    assert!(server.drafts().is_empty(), "{:?}", server.drafts());
}

#[tokio::test]
async fn right_digests_are_confirmed() {
    let server = Server::start().await;
    let put = server
        .alice
        .call("PUT", "/alice/file")
        .header("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")
        .header("x-amz-checksum-crc32", "NhCmhg==")
        .body("hello")
        .send()
        .await
        .expect(200);
    assert_eq!(put.header("x-amz-checksum-crc32"), Some("NhCmhg=="));
}

#[tokio::test]
async fn checksums_that_follow_in_a_trailer_count() {
    let server = Server::start().await;
    let put = |crc: &str| {
        let body = format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
        server
            .alice
            .call("PUT", "/alice/file")
            .payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
            .header("content-encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "5")
            .header("x-amz-trailer", "x-amz-checksum-crc32")
            .body(body)
            .send()
    };
    put("AAAAAA==").await.expect_error(400, "BadDigest");
    server.alice.get("/alice/file").await.expect(404);
    put("NhCmhg==").await.expect(200);
    let got = server.alice.get("/alice/file").await.expect(200);
    assert_eq!((got.body.as_ref(), got.header("content-encoding")), (&b"hello"[..], None));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_nothing() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start().await;
    for sent in [10, 3 << 20] {
        // Signed for more than will be sent; the length in the header is not part of the signature.
        let request = server.alice.call("PUT", "/alice/half").payload("UNSIGNED-PAYLOAD");
        let head = request.into_head(4 << 20);
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b'x'; sent]).await.unwrap();
        stream.flush().await.unwrap();
        drop(stream);
    }
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.alice.get("/alice/half").await.expect(404);
    assert!(server.drafts().is_empty(), "{:?}", server.drafts());
}

#[tokio::test]
async fn old_versions_cannot_be_asked_for_or_deleted() {
    let server = Server::start().await;
    server.alice.put("/alice/file", "x").await.expect(200);
    for method in ["GET", "HEAD", "DELETE"] {
        server.alice.call(method, "/alice/file").query("versionId", "123").send().await.expect(501);
    }
    server.alice.get("/alice/file").await.expect(200);
}
