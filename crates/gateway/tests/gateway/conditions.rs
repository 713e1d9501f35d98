use crate::server::Server;
use std::collections::BTreeMap;

#[tokio::test]
async fn writes_ask_before_they_happen() {
    let server = Server::start().await;
    let put = |name: &'static str, value: String, body: &'static str| {
        server.alice.call("PUT", "/alice/file").header(name, &value).body(body).send()
    };
    put("if-match", "\"x\"".into(), "a").await.expect_error(404, "NoSuchKey");
    let first = put("if-none-match", "*".into(), "a").await.expect(200).etag();
    put("if-none-match", "*".into(), "b").await.expect_error(412, "PreconditionFailed");
    put("if-none-match", format!("\"{first}\""), "b").await.expect_error(412, "PreconditionFailed");
    put("if-match", "\"another\"".into(), "b").await.expect_error(412, "PreconditionFailed");
    put("if-match", format!("\"{first}\""), "b").await.expect(200);
    put("if-match", format!("\"{first}\""), "c").await.expect_error(412, "PreconditionFailed");
    put("if-match", "*".into(), "c").await.expect(200);
    assert_eq!(server.alice.get("/alice/file").await.body, "c");
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn of_eight_writers_one_wins() {
    let server = Server::start().await;
    for round in 0..20 {
        let path = format!("/alice/dir/{round}");
        let started = server.alice.put(&path, "start").await.expect(200).etag();
        let fresh = format!("{path}-new");
        let mut tasks = Vec::new();
        for writer in 0..8 {
            let (client, path, fresh, tag) =
                (server.alice.clone(), path.clone(), fresh.clone(), format!("\"{started}\""));
            tasks.push(tokio::spawn(async move {
                let body = format!("writer {writer}");
                let create =
                    client.call("PUT", &fresh).header("if-none-match", "*").body(body.clone()).send().await;
                let replace =
                    client.call("PUT", &path).header("if-match", &tag).body(body.clone()).send().await;
                (body, create.status.as_u16(), replace.status.as_u16())
            }));
        }
        let mut winners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for task in tasks {
            let (body, create, replace) = task.await.unwrap();
            for (kind, status) in [("create", create), ("replace", replace)] {
                match status {
                    200 => winners.entry(kind).or_default().push(body.clone()),
                    status => assert_eq!(status, 412),
                }
            }
        }
        for (kind, path) in [("create", &fresh), ("replace", &path)] {
            let [winner] = &winners[kind][..] else { panic!("{kind}: {winners:?}") };
            assert_eq!(server.alice.get(path).await.text(), *winner);
        }
    }
}

#[tokio::test]
async fn readers_of_a_busy_key_see_one_version_each() {
    let server = Server::start().await;
    server.alice.put("/alice/busy", "start").await.expect(200);
    let mut tasks = Vec::new();
    for worker in 0..12 {
        let client = server.alice.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..40 {
                if worker < 8 {
                    client
                        .put("/alice/busy", format!("{worker} {round}").repeat(worker + 1))
                        .await
                        .expect(200);
                } else {
                    let got = client.get("/alice/busy").await.expect(200);
                    assert_eq!(got.etag(), crate::client::md5_hex(&got.body));
                    client.head("/alice/busy").await.expect(200);
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_change_behind_our_back_fails_the_next_conditional_write() {
    let server = Server::start().await;
    let tag = server.alice.put("/alice/file", "ours").await.expect(200).etag();
    std::fs::write(server.live("file"), "theirs").unwrap();
    let tag = format!("\"{tag}\"");
    server.alice.call("PUT", "/alice/file").header("if-match", &tag).body("x").send().await.expect(412);
    std::fs::write(server.live("unknown"), "theirs").unwrap();
    let put = server.alice.call("PUT", "/alice/unknown").header("if-none-match", "*").body("x");
    put.send().await.expect(412);
    assert_eq!(server.alice.get("/alice/unknown").await.body, "theirs");
}

#[tokio::test]
async fn deletes_ask_before_they_happen() {
    let server = Server::start().await;
    let tag = server.alice.put("/alice/file", "x").await.expect(200).etag();
    let delete = |tag: &str| {
        server.alice.call("DELETE", "/alice/file").header("if-match", &format!("\"{tag}\"")).send()
    };
    delete("another").await.expect_error(412, "PreconditionFailed");
    server.alice.get("/alice/file").await.expect(200);
    delete(&tag).await.expect(204);
    delete(&tag).await.expect(204);
    server.alice.get("/alice/file").await.expect(404);
}

#[tokio::test]
async fn reads_can_be_spared() {
    let server = Server::start().await;
    let tag = format!("\"{}\"", server.alice.put("/alice/file", "x").await.expect(200).etag());
    let (past, future) = ("Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2125 00:00:00 GMT");
    for method in ["GET", "HEAD"] {
        for (name, value, status) in [
            ("if-match", tag.as_str(), 200),
            ("if-match", "\"another\"", 412),
            ("if-none-match", tag.as_str(), 304),
            ("if-none-match", "\"another\"", 200),
            ("if-modified-since", past, 200),
            ("if-modified-since", future, 304),
            ("if-unmodified-since", past, 412),
            ("if-unmodified-since", future, 200),
        ] {
            let answer =
                server.alice.call(method, "/alice/file").header(name, value).send().await.expect(status);
            if status == 304 {
                assert_eq!(answer.header("etag"), Some(tag.as_str()));
            }
        }
    }
    let modified = server.alice.head("/alice/file").await.header("last-modified").unwrap().to_owned();
    let call = server.alice.call("GET", "/alice/file").header("if-modified-since", &modified);
    call.send().await.expect(304);
}
