//! Many small objects in one request.

use crate::client::{Answer, Client};
use crate::server::Server;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use std::fmt::Write as _;

fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A body of lines, each with the bytes that follow it.
fn body(objects: &[(Value, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (line, bytes) in objects {
        writeln_json(&mut body, line);
        body.extend_from_slice(bytes);
    }
    body
}

fn writeln_json(body: &mut Vec<u8>, line: &Value) {
    body.extend_from_slice(line.to_string().as_bytes());
    body.push(b'\n');
}

fn put(key: &str, bytes: &[u8], more: &Value) -> Value {
    let mut line = json!({"put": key, "size": bytes.len(), "md5": md5(bytes)});
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line
}

async fn send(client: &Client, what: &str, body: Vec<u8>) -> Answer {
    client.call("POST", "/alice").query("heirloom-batch", what).body(body).send().await
}

async fn put_all(client: &Client, objects: &[(Value, &[u8])]) -> Vec<Value> {
    let answer = send(client, "put", body(objects)).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.heirloom.batch"));
    let mut lines: Vec<Value> =
        answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.pop(), Some(json!({"end": objects.len()})));
    assert_eq!(lines.len(), objects.len());
    lines
}

#[tokio::test]
async fn each_object_has_an_answer_of_its_own() {
    let server = Server::start().await;
    let alice = &server.alice;
    let there = alice.put("/alice/there", "old").await.expect(200).etag();
    let new = json!({"if_none_match": "*"});
    let meta = json!({"if_none_match": "*", "metadata": {"mtime": "1.5", "mode": "100600"}});
    let link = json!({"if_none_match": "*", "metadata": {"mode": "120777"}});
    let answers = put_all(
        alice,
        &[
            (put("dir/deep/a", b"hello", &meta), b"hello"),
            (put("dir/link", b"deep/a", &link), b"deep/a"),
            (put("there", b"new", &new), b"new"),
            (put("there", b"newer", &json!({"if_match": there})), b"newer"),
            (put("bad", b"other bytes", &new), b"these bytes"),
            (put(".heirloom/x", b"x", &new), b"x"),
            (put("empty/", b"", &new), b""),
            (put("twice", b"1", &new), b"1"),
            (put("twice", b"2", &new), b"2"),
        ],
    )
    .await;
    let codes: Vec<&str> = answers.iter().map(|line| line["code"].as_str().unwrap_or("ok")).collect();
    let (refused, fine) = ("PreconditionFailed", "ok");
    assert_eq!(codes, [fine, fine, refused, fine, "BadDigest", "AccessDenied", fine, fine, refused]);
    assert_eq!(answers[0]["etag"], md5(b"hello"));

    assert_eq!(alice.get("/alice/dir/deep/a").await.expect(200).text(), "hello");
    assert_eq!(alice.head("/alice/dir/deep/a").await.header("x-amz-meta-mtime"), Some("1.5"));
    assert_eq!(std::fs::read_link(server.live("dir/link")).unwrap().to_str(), Some("deep/a"));
    assert_eq!(alice.get("/alice/there").await.text(), "newer");
    assert_eq!(alice.get("/alice/twice").await.text(), "1");
    alice.get("/alice/bad").await.expect_error(404, "NoSuchKey");
    assert!(server.live("empty").is_dir());
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn a_thousand_objects_outlast_a_restart() {
    let server = Server::start().await;
    let contents: Vec<String> = (0..1000).map(|number| format!("content {number}")).collect();
    let objects: Vec<(Value, &[u8])> = contents
        .iter()
        .enumerate()
        .map(|(number, text)| {
            (put(&format!("d{}/f{number}", number % 40), text.as_bytes(), &json!({})), text.as_bytes())
        })
        .collect();
    assert!(put_all(&server.alice, &objects).await.iter().all(|line| line["etag"].is_string()));
    let server = server.restart(|_| {}).await;
    let wanted = contents.iter().enumerate().fold(Vec::new(), |mut body, (number, text)| {
        writeln_json(
            &mut body,
            &json!({"get": format!("d{}/f{number}", number % 40), "etag": md5(text.as_bytes())}),
        );
        body
    });
    let answer = send(&server.alice, "get", wanted).await.expect(200);
    let mut rest = &answer.body[..];
    for text in &contents {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
        let line: Value = serde_json::from_slice(&rest[..end]).unwrap();
        assert_eq!((&line["etag"], &line["size"]), (&json!(md5(text.as_bytes())), &json!(text.len())));
        assert!(line["modified"].is_i64());
        rest = rest[end + 1..].strip_prefix(text.as_bytes()).unwrap();
    }
    assert_eq!(rest, b"{\"end\":1000}\n");
}

#[tokio::test]
async fn what_cannot_be_given_is_told_by_its_code() {
    let server = Server::start().await;
    let large = vec![7; 300 << 10];
    let tag = server.alice.put("/alice/large", large).await.expect(200).etag();
    let old = server.alice.put("/alice/a", "a").await.expect(200).etag();
    server.alice.put("/alice/a", "b").await.expect(200);
    let mut wanted = Vec::new();
    for (key, etag) in [("a", old.as_str()), ("gone", "x"), ("large", tag.as_str()), ("../a", "x")] {
        writeln_json(&mut wanted, &json!({"get": key, "etag": etag}));
    }
    let text = send(&server.alice, "get", wanted).await.expect(200).text();
    let codes: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["code"].as_str().unwrap_or("-").to_owned())
        .collect();
    assert_eq!(codes, ["PreconditionFailed", "NoSuchKey", "EntityTooLarge", "InvalidRequest", "-"]);
}

#[tokio::test]
async fn a_batch_is_for_those_who_may() {
    let server = Server::start().await;
    let one = body(&[(put("a", b"a", &json!({})), b"a")]);
    send(&server.bob, "put", one.clone()).await.expect_error(403, "AccessDenied");
    send(&server.bob, "get", Vec::new()).await.expect_error(403, "AccessDenied");
    let anonymous = server.alice.call("POST", "/alice").query("heirloom-batch", "put").body(one.clone());
    assert_eq!(anonymous.send_anonymously().await.status.as_u16(), 403);
    server.alice.get("/alice/a").await.expect_error(404, "NoSuchKey");
    for garbage in [&one[..one.len() - 1], b"nonsense\n", b"{}\n", b"\n"] {
        send(&server.alice, "put", garbage.to_vec()).await.expect_error(400, "InvalidRequest");
    }
    send(&server.alice, "put", vec![b'x'; 17 << 20]).await.expect_error(400, "EntityTooLarge");
    let other = server.alice.call("POST", "/alice").query("heirloom-batch", "put").payload(&"0".repeat(64));
    other.body(one).send().await.expect_error(400, "XAmzContentSHA256Mismatch");
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn of_many_batches_for_the_same_keys_one_wins_each() {
    let server = Server::start().await;
    let mut tasks = Vec::new();
    for writer in 0..6_u8 {
        let client = server.alice.clone();
        tasks.push(tokio::spawn(async move {
            let text = format!("writer {writer}");
            let mut objects: Vec<(Value, &[u8])> = (0..100)
                .map(|number| {
                    (
                        put(&format!("k/{number}"), text.as_bytes(), &json!({"if_none_match": "*"})),
                        text.as_bytes(),
                    )
                })
                .collect();
            // In any order, so that two that waited for each other's keys would be found out.
            if writer % 2 == 0 {
                objects.reverse();
            }
            put_all(&client, &objects).await.iter().filter(|line| line["etag"].is_string()).count()
        }));
    }
    let mut won = 0;
    for task in tasks {
        won += task.await.unwrap();
    }
    assert_eq!(won, 100);
}
