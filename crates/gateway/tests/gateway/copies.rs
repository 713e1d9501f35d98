use crate::server::Server;

#[tokio::test]
async fn labels_are_kept_or_replaced() {
    let server = Server::start().await;
    let put =
        server.alice.call("PUT", "/alice/one").header("x-amz-meta-a", "1").header("content-type", "text/x");
    let tag = put.body("content").send().await.expect(200).etag();
    let copy = |to: &'static str| server.alice.call("PUT", to).header("x-amz-copy-source", "alice/one");
    let answer = copy("/alice/two").send().await.expect(200);
    assert!(answer.tag("ETag").unwrap().contains(&tag));
    let two = server.alice.get("/alice/two").await.expect(200);
    assert_eq!((two.body.as_ref(), two.etag()), (&b"content"[..], tag.clone()));
    assert_eq!((two.header("x-amz-meta-a"), two.header("content-type")), (Some("1"), Some("text/x")));
    let replace =
        copy("/alice/three").header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-b", "2");
    replace.send().await.expect(200);
    let three = server.alice.head("/alice/three").await.expect(200);
    assert_eq!((three.header("x-amz-meta-a"), three.header("x-amz-meta-b")), (None, Some("2")));
    server.alice.put("/alice/one", "changed").await.expect(200);
    assert_eq!(server.alice.get("/alice/two").await.body, "content", "a copy is no link");
}

#[tokio::test]
async fn onto_itself_changes_what_is_said_and_no_bytes() {
    use std::os::unix::fs::MetadataExt;
    let server = Server::start().await;
    let tag = server.alice.put("/alice/file", vec![7; 100_000]).await.expect(200).etag();
    let inode = std::fs::metadata(server.live("file")).unwrap().ino();
    let copy = || server.alice.call("PUT", "/alice/file").header("x-amz-copy-source", "/alice/file");
    copy().send().await.expect_error(400, "InvalidRequest");
    let relabel = copy()
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-mtime", "1000000000.5")
        .header("x-amz-meta-mode", "100600");
    relabel.send().await.expect(200);
    let file = std::fs::metadata(server.live("file")).unwrap();
    assert_eq!(
        (file.ino(), file.mtime(), file.mtime_nsec(), file.mode() & 0o777),
        (inode, 1_000_000_000, 500_000_000, 0o600)
    );
    let head = server.alice.head("/alice/file").await.expect(200);
    assert_eq!((head.etag(), head.header("x-amz-meta-mtime")), (tag, Some("1000000000.5")));
}

#[tokio::test]
async fn conditions_are_on_the_source() {
    let server = Server::start().await;
    let tag = format!("\"{}\"", server.alice.put("/alice/one", "x").await.expect(200).etag());
    for (name, value, status) in [
        ("x-amz-copy-source-if-match", tag.as_str(), 200),
        ("x-amz-copy-source-if-match", "\"another\"", 412),
        ("x-amz-copy-source-if-none-match", tag.as_str(), 412),
        ("x-amz-copy-source-if-none-match", "\"another\"", 200),
        ("x-amz-copy-source-if-modified-since", "Mon, 01 Jan 2001 00:00:00 GMT", 200),
        ("x-amz-copy-source-if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT", 412),
    ] {
        let call = server
            .alice
            .call("PUT", "/alice/two")
            .header("x-amz-copy-source", "alice/one")
            .header(name, value);
        call.send().await.expect(status);
    }
    let missing = server.alice.call("PUT", "/alice/two").header("x-amz-copy-source", "alice/not-there");
    missing.send().await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn links_and_directories_stay_what_they_are() {
    let server = Server::start().await;
    server
        .alice
        .call("PUT", "/alice/link")
        .header("x-amz-meta-mode", "120777")
        .body("to/there")
        .send()
        .await
        .expect(200);
    server.alice.put("/alice/dir/", "").await.expect(200);
    for (from, to) in [("alice/link", "/alice/link2"), ("alice/dir/", "/alice/dir2/")] {
        server.alice.call("PUT", to).header("x-amz-copy-source", from).send().await.expect(200);
    }
    assert_eq!(std::fs::read_link(server.live("link2")).unwrap().to_str(), Some("to/there"));
    assert!(server.live("dir2").is_dir());
    // Told to be a plain file, a copy is one.
    let plain = server.alice.call("PUT", "/alice/plain").header("x-amz-copy-source", "alice/link");
    plain.header("x-amz-metadata-directive", "REPLACE").send().await.expect(200);
    assert_eq!(std::fs::read_to_string(server.live("plain")).unwrap(), "to/there");
}

#[tokio::test]
async fn a_condition_on_the_target_holds() {
    let server = Server::start().await;
    let one = server.alice.put("/alice/one", "one").await.expect(200).etag();
    let copy = |to: &'static str| server.alice.call("PUT", to).header("x-amz-copy-source", "alice/one");
    copy("/alice/two").header("if-none-match", "*").send().await.expect(200);
    copy("/alice/two").header("if-none-match", "*").send().await.expect_error(412, "PreconditionFailed");
    copy("/alice/two").header("if-match", "\"x\"").send().await.expect_error(412, "PreconditionFailed");
    copy("/alice/two").header("if-match", &one).send().await.expect(200);
    copy("/alice/two").header("if-match", "no tag").send().await.expect_error(400, "InvalidArgument");
    let onto_itself = copy("/alice/one").header("x-amz-metadata-directive", "REPLACE");
    onto_itself.header("if-match", "\"x\"").send().await.expect_error(412, "PreconditionFailed");
}
