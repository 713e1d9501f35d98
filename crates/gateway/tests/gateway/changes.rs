//! What changed since a cursor.

use crate::client::{Answer, Client};
use crate::server::Server;
use http_body_util::BodyExt;
use model::BucketName;
use serde_json::Value;
use std::time::Duration;

struct Told {
    cursor: String,
    extent: String,
    /// Key and tag; no tag for what is gone.
    changes: Vec<(String, Option<String>)>,
}

impl Told {
    fn keys(&self) -> Vec<&str> {
        self.changes.iter().map(|(key, _)| key.as_str()).collect()
    }
}

fn parse(text: &str) -> Told {
    let lines: Vec<Value> = text
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (head, rest) = lines.split_first().unwrap();
    let (end, told) = rest.split_last().unwrap();
    assert_eq!((&head["changes"], &end["end"]), (&Value::from(1), &Value::from(told.len())), "{text}");
    let changes = told.iter().map(|line| match line["put"].as_str() {
        Some(key) => (key.to_owned(), Some(line["etag"].as_str().unwrap().to_owned())),
        None => (line["gone"].as_str().unwrap().to_owned(), None),
    });
    let text = |name: &str| head[name].as_str().unwrap().to_owned();
    Told { cursor: text("cursor"), extent: text("extent"), changes: changes.collect() }
}

async fn ask(client: &Client, question: &[(&str, &str)]) -> Answer {
    let call = client.call("GET", "/alice").query("heirloom-changes", "");
    question.iter().fold(call, |call, (name, value)| call.query(name, value)).send().await
}

async fn changes(client: &Client, question: &[(&str, &str)]) -> Told {
    let answer = ask(client, question).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.heirloom.changes"));
    parse(&answer.text())
}

#[tokio::test]
async fn everything_and_then_what_changed() {
    let server = Server::start().await;
    let alice = &server.alice;
    let none = changes(alice, &[]).await;
    assert_eq!((none.extent.as_str(), none.keys()), ("everything", vec![]));
    for key in ["b", "a b/x", "a b/y", "empty/", "ü&+%"] {
        alice
            .call("PUT", &format!("/alice/{key}"))
            .header("x-amz-meta-mtime", "1.5")
            .send()
            .await
            .expect(200);
    }
    let all = changes(alice, &[]).await;
    assert_eq!(all.keys(), ["a b/x", "a b/y", "b", "empty/", "ü&+%"]);
    let line = ask(alice, &[("prefix", "b")]).await.text();
    assert!(
        line.contains(
            "{\"put\":\"b\",\"etag\":\"d41d8cd98f00b204e9800998ecf8427e\",\"size\":0,\"modified\":"
        )
    );
    assert!(line.contains(",\"metadata\":{\"mtime\":\"1.5\"}}\n"));

    let quiet = changes(alice, &[("since", &all.cursor)]).await;
    assert_eq!((quiet.extent.as_str(), quiet.keys()), ("since", vec![]));
    alice.put("/alice/b", "new").await.expect(200);
    alice.delete("/alice/a b/y").await.expect(204);
    alice.call("PUT", "/alice/a b/z").header("x-amz-copy-source", "alice/b").send().await.expect(200);
    for since in [&all.cursor, &quiet.cursor, &none.cursor] {
        let told = changes(alice, &[("since", since), ("prefix", "a ")]).await;
        let late: Vec<_> = told.changes.iter().filter(|(key, _)| key != "a b/x").collect();
        assert_eq!((late[0].0.as_str(), late[0].1.is_some()), ("a b/y", false));
        assert_eq!((late[1].0.as_str(), late[1].1.is_some()), ("a b/z", true));
    }
}

#[tokio::test]
async fn a_foreign_cursor_is_refused() {
    let server = Server::start().await;
    let all = changes(&server.alice, &[]).await;
    for cursor in ["", "x", "0123456789abcdef-0", &format!("{}9", all.cursor)] {
        let refused = ask(&server.alice, &[("since", cursor), ("wait", "60")]).await;
        refused.expect_error(410, "UnknownCursor");
    }
    ask(&server.alice, &[("wait", "soon")]).await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn an_index_put_back_does_not_know_later_cursors() {
    let server = Server::start().await;
    server.alice.put("/alice/a", "1").await.expect(200);
    let before = changes(&server.alice, &[]).await;
    let backup = tempfile::NamedTempFile::new().unwrap();
    let server =
        server.restart(|data| assert!(std::fs::copy(data.join("index.db"), &backup).unwrap() > 0)).await;
    server.alice.put("/alice/b", "1").await.expect(200);
    let later = changes(&server.alice, &[("since", &before.cursor)]).await;
    assert_eq!(later.keys(), ["b"]);
    let server =
        server.restart(|data| assert!(std::fs::copy(&backup, data.join("index.db")).unwrap() > 0)).await;
    for round in 0..3 {
        ask(&server.alice, &[("since", &later.cursor)]).await.expect_error(410, "UnknownCursor");
        // What both states have in common is known to both; the file was found again.
        assert_eq!(changes(&server.alice, &[("since", &before.cursor)]).await.keys()[0], "b");
        server.alice.put(&format!("/alice/c{round}"), "1").await.expect(200);
    }
}

#[tokio::test]
async fn work_beside_the_gateway_is_told() {
    let server = Server::start().await;
    for key in ["changed", "read", "removed", "dir/below"] {
        server.alice.put(&format!("/alice/{key}"), "1").await.expect(200);
    }
    let all = changes(&server.alice, &[]).await;
    std::fs::write(server.live("changed"), "22").unwrap();
    std::fs::write(server.live("read"), "333").unwrap();
    std::fs::remove_file(server.live("removed")).unwrap();
    std::fs::remove_dir_all(server.live("dir")).unwrap();
    std::fs::create_dir(server.live("made")).unwrap();
    std::os::unix::fs::symlink("read", server.live("link")).unwrap();
    assert_eq!(changes(&server.alice, &[("since", &all.cursor)]).await.keys(), Vec::<&str>::new());
    // Whoever looks makes it known to all.
    server.alice.get("/alice/read").await.expect(200);
    server.alice.head("/alice/removed").await.expect(404);
    let told = changes(&server.alice, &[("since", &all.cursor)]).await;
    assert_eq!(told.keys(), ["read", "removed"]);
    server.gateway.reconcile(&BucketName::new("alice").unwrap()).unwrap();
    let told = changes(&server.alice, &[("since", &all.cursor)]).await;
    assert_eq!(told.keys(), ["changed", "dir/below", "link", "made/", "read", "removed"]);
    let gone: Vec<_> = told.changes.iter().filter(|(_, tag)| tag.is_none()).map(|(key, _)| key).collect();
    assert_eq!(gone, ["dir/below", "removed"]);
    assert_eq!(told.changes[2].1.as_deref(), Some(crate::client::md5_hex(b"read").as_str()));
}

/// Asks with a wait, and returns when the server has found that there is nothing to tell, and waits.
async fn wait(server: &Server, prefix: &str, wait: &str) -> impl Future<Output = Told> + use<> {
    let since = changes(&server.alice, &[]).await.cursor;
    let call = server.alice.call("GET", "/alice").query("heirloom-changes", "").query("prefix", prefix);
    let answer = call.query("since", &since).query("wait", wait).begin().await;
    assert_eq!(answer.status(), 200);
    async move {
        let body = tokio::time::timeout(Duration::from_secs(30), answer.into_body().collect());
        parse(std::str::from_utf8(&body.await.unwrap().unwrap().to_bytes()).unwrap())
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_first_change() {
    let server = Server::start().await;
    server.alice.put("/alice/a/old", "1").await.expect(200);
    let waiting = wait(&server, "a/", "60").await;
    server.alice.put("/alice/b/elsewhere", "1").await.expect(200);
    server.bob.put("/bob/a/theirs", "1").await.expect(200);
    server.alice.put("/alice/a/new", "1").await.expect(200);
    let told = waiting.await;
    assert_eq!((told.extent.as_str(), told.keys()), ("since", vec!["a/new"]));
    let waiting = wait(&server, "a/", "60").await;
    server.alice.delete("/alice/a/new").await.expect(204);
    assert_eq!(waiting.await.changes, [("a/new".to_owned(), None)]);
}

#[tokio::test]
async fn a_wait_ends_with_its_time() {
    let server = Server::start().await;
    let waiting = wait(&server, "", "1").await;
    assert_eq!(waiting.await.keys(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_wait_ends_with_the_gateway() {
    let server = Server::start().await;
    let waiting = wait(&server, "", "60").await;
    // It does not wait for those who wait.
    let stopped = tokio::time::timeout(Duration::from_secs(30), server.restart(|_| ()));
    let (told, server) = tokio::join!(waiting, stopped);
    assert_eq!(told.keys(), Vec::<&str>::new());
    let again = changes(&server.unwrap().alice, &[("since", &told.cursor)]).await;
    assert_eq!(again.extent, "since", "and what it said last is still known");
}

#[tokio::test]
async fn who_waits_and_leaves_is_forgotten() {
    let server = Server::start().await;
    for _ in 0..40 {
        drop(wait(&server, "", "60").await);
    }
    server.alice.put("/alice/a", "1").await.expect(200);
    assert_eq!(changes(&server.alice, &[]).await.keys(), ["a"]);
}
