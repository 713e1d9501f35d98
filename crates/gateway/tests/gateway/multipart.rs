use crate::client::{Answer, Client, hex};
use crate::server::Server;
use md5::{Digest, Md5};
use std::fmt::Write;

const MIB: usize = 1 << 20;

pub(crate) async fn start(client: &Client, path: &str) -> String {
    let answer =
        client.call("POST", path).query("uploads", "").header("x-amz-meta-a", "1").send().await.expect(200);
    answer.tag("UploadId").unwrap().to_owned()
}

async fn part(client: &Client, path: &str, id: &str, number: usize, body: Vec<u8>) -> Answer {
    let call = client.call("PUT", path).query("uploadId", id).query("partNumber", &number.to_string());
    call.body(body).send().await
}

pub(crate) async fn complete(
    client: &Client,
    path: &str,
    id: &str,
    parts: &[(usize, &str)],
    condition: Option<(&str, &str)>,
) -> Answer {
    let mut xml = String::from("<CompleteMultipartUpload>");
    for (number, etag) in parts {
        let _ = write!(xml, "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>");
    }
    xml.push_str("</CompleteMultipartUpload>");
    let mut call = client.call("POST", path).query("uploadId", id).body(xml);
    if let Some((name, value)) = condition {
        call = call.header(name, value);
    }
    call.send().await
}

pub(crate) fn md5(bytes: &[u8]) -> Vec<u8> {
    Md5::digest(bytes).to_vec()
}

#[tokio::test]
async fn parts_in_any_order_become_one_object() {
    let server = Server::start().await;
    let path = "/alice/big/file";
    let id = start(&server.alice, path).await;
    let contents = [vec![1; 5 * MIB], vec![2; 6 * MIB], vec![3; 100]];
    for at in [2, 0, 1] {
        let tag = part(&server.alice, path, &id, at + 1, contents[at].clone()).await.expect(200).etag();
        assert_eq!(tag, hex(&md5(&contents[at])));
    }
    let again = part(&server.alice, path, &id, 3, contents[2].clone()).await.expect(200).etag();
    let listed = server.alice.call("GET", path).query("uploadId", &id).send().await.expect(200);
    assert_eq!(listed.tags("PartNumber"), ["1", "2", "3"]);
    assert_eq!(listed.tags("Size"), ["5242880", "6291456", "100"]);
    let uploads = server.alice.call("GET", "/alice").query("uploads", "").send().await.expect(200);
    assert_eq!(
        (uploads.tags("UploadId"), uploads.tags("Key")),
        (vec![id.clone()], vec!["big/file".to_owned()])
    );
    server.alice.get(path).await.expect(404);

    let tags: Vec<_> = contents.iter().map(|content| hex(&md5(content))).collect();
    assert_eq!(again, tags[2]);
    let done = complete(&server.alice, path, &id, &[(1, &tags[0]), (2, &tags[1]), (3, &tags[2])], None)
        .await
        .expect(200);
    let wanted =
        format!("{}-3", hex(&md5(&contents.iter().flat_map(|content| md5(content)).collect::<Vec<_>>())));
    assert!(done.tag("ETag").unwrap().contains(&wanted), "{}", done.text());
    let got = server.alice.get(path).await.expect(200);
    assert!(got.body == contents.concat());
    assert_eq!((got.etag(), got.header("x-amz-meta-a")), (wanted, Some("1")));
    assert_eq!(std::fs::read_dir(server.data_dir().join("incoming/parts")).unwrap().count(), 0);
    complete(&server.alice, path, &id, &[(1, &tags[0])], None).await.expect_error(404, "NoSuchUpload");
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_can_be_done_right() {
    let server = Server::start().await;
    let path = "/alice/file";
    let id = start(&server.alice, path).await;
    let one = part(&server.alice, path, &id, 1, vec![1; 5 * MIB]).await.expect(200).etag();
    let two = part(&server.alice, path, &id, 2, vec![2; 10]).await.expect(200).etag();
    let three = part(&server.alice, path, &id, 3, vec![3; 10]).await.expect(200).etag();
    let complete = |parts: Vec<(usize, String)>, condition| {
        let (client, id) = (server.alice.clone(), id.clone());
        async move {
            let parts: Vec<_> = parts.iter().map(|(number, tag)| (*number, tag.as_str())).collect();
            complete(&client, path, &id, &parts, condition).await
        }
    };
    complete(vec![(2, two.clone()), (1, one.clone())], None).await.expect_error(400, "InvalidPartOrder");
    complete(vec![(1, one.clone()), (1, one.clone())], None).await.expect_error(400, "InvalidPartOrder");
    complete(vec![(1, two.clone())], None).await.expect_error(400, "InvalidPart");
    complete(vec![(1, one.clone()), (9, two.clone())], None).await.expect_error(400, "InvalidPart");
    complete(vec![(2, two.clone()), (3, three)], None).await.expect_error(400, "EntityTooSmall");
    complete(vec![], None).await.expect(400);
    part(&server.alice, path, &id, 0, vec![]).await.expect(400);
    part(&server.alice, path, &id, 10_001, vec![]).await.expect(400);
    part(&server.alice, path, "00", 1, vec![]).await.expect_error(404, "NoSuchUpload");
    part(&server.alice, "/alice/other", &id, 1, vec![]).await.expect_error(404, "NoSuchUpload");

    server.alice.put(path, "in the way").await.expect(200);
    let both = vec![(1, one), (2, two)];
    complete(both.clone(), Some(("if-none-match", "*"))).await.expect_error(412, "PreconditionFailed");
    complete(both.clone(), Some(("if-match", "\"x\""))).await.expect_error(412, "PreconditionFailed");
    assert_eq!(server.alice.get(path).await.body, "in the way");
    complete(both, None).await.expect(200);
    assert!(server.alice.get(path).await.body == [vec![1; 5 * MIB], vec![2; 10]].concat());
}

#[tokio::test]
async fn of_two_uploads_only_one_creates() {
    let server = Server::start().await;
    let path = "/alice/file";
    let mut tasks = Vec::new();
    for writer in 0..6_u8 {
        let client = server.alice.clone();
        tasks.push(tokio::spawn(async move {
            let id = start(&client, path).await;
            let tag = part(&client, path, &id, 1, vec![writer; 1000]).await.expect(200).etag();
            let status =
                complete(&client, path, &id, &[(1, &tag)], Some(("if-none-match", "*"))).await.status;
            (writer, status.as_u16())
        }));
    }
    let mut won = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            (writer, 200) => won.push(writer),
            (_, status) => assert_eq!(status, 412),
        }
    }
    let [writer] = won[..] else { panic!("{won:?}") };
    assert!(server.alice.get(path).await.body == vec![writer; 1000]);
}

#[tokio::test]
async fn aborting_leaves_nothing() {
    let server = Server::start().await;
    let id = start(&server.alice, "/alice/file").await;
    part(&server.alice, "/alice/file", &id, 1, vec![1; 10]).await.expect(200);
    let abort = || server.alice.call("DELETE", "/alice/file").query("uploadId", &id).send();
    abort().await.expect(204);
    abort().await.expect_error(404, "NoSuchUpload");
    part(&server.alice, "/alice/file", &id, 1, vec![1; 10]).await.expect_error(404, "NoSuchUpload");
    assert_eq!(std::fs::read_dir(server.data_dir().join("incoming/parts")).unwrap().count(), 0);
    assert_eq!(
        server.alice.call("GET", "/alice").query("uploads", "").send().await.tags("UploadId").len(),
        0
    );
}

#[tokio::test]
async fn parts_can_be_copied_from_objects() {
    let server = Server::start().await;
    let content: Vec<u8> = (0..=250).cycle().take(6 * MIB).collect();
    server.alice.put("/alice/source", content.clone()).await.expect(200);
    let id = start(&server.alice, "/alice/file").await;
    let copy = |number: &'static str, range: &'static str| {
        let call = server.alice.call("PUT", "/alice/file").query("uploadId", &id).query("partNumber", number);
        let call = call.header("x-amz-copy-source", "alice/source");
        if range.is_empty() { call } else { call.header("x-amz-copy-source-range", range) }.send()
    };
    let tag = |answer: Answer| answer.expect(200).tag("ETag").unwrap().replace("&quot;", "").replace('"', "");
    let one = tag(copy("1", "").await);
    let two = tag(copy("2", "bytes=100-299").await);
    assert_eq!(one, hex(&md5(&content)), "that of the source");
    assert!(two.ends_with("-1"), "{two}: a range is not hashed, and its tag is not taken for an MD5");
    assert_eq!(tag(copy("2", "bytes=100-299").await), two, "the same bytes have the same tag");
    assert_ne!(tag(copy("3", "bytes=100-298").await), two);
    copy("3", "bytes=7000000-7000001").await.expect(400);
    complete(&server.alice, "/alice/file", &id, &[(1, &one), (2, &two)], None).await.expect(200);
    let joined = [&content[..], &content[100..300]].concat();
    assert!(server.alice.get("/alice/file").await.body == joined);

    // What was joined from parts has a tag that is no digest, and so has a copy of all of it.
    let id = start(&server.alice, "/alice/again").await;
    let call = server.alice.call("PUT", "/alice/again").query("uploadId", &id).query("partNumber", "1");
    let again = tag(call.header("x-amz-copy-source", "alice/file").send().await);
    assert!(again.ends_with("-1"), "{again}");
    complete(&server.alice, "/alice/again", &id, &[(1, &again)], None).await.expect(200);
    assert!(server.alice.get("/alice/again").await.body == joined);
}

#[tokio::test]
async fn uploads_survive_a_restart() {
    let server = Server::start().await;
    let id = start(&server.alice, "/alice/file").await;
    let tag = part(&server.alice, "/alice/file", &id, 1, vec![1; 10]).await.expect(200).etag();
    let server = server.restart(|data| std::fs::create_dir(data.join("incoming/parts/stray")).unwrap()).await;
    assert!(!server.data_dir().join("incoming/parts/stray").exists());
    complete(&server.alice, "/alice/file", &id, &[(1, &tag)], None).await.expect(200);
    assert!(server.alice.get("/alice/file").await.body == vec![1; 10]);
}

#[tokio::test]
async fn an_upload_whose_completion_was_cut_off_is_forgotten_and_its_object_kept() {
    let server = Server::start().await;
    let id = start(&server.alice, "/alice/file").await;
    let tag = part(&server.alice, "/alice/file", &id, 1, vec![1; 10]).await.expect(200).etag();
    // As a crash behind the rename leaves it.
    let crashed = |data: &std::path::Path| {
        std::fs::create_dir_all(data.join("live/alice")).unwrap();
        std::fs::rename(data.join(format!("incoming/parts/{id}/1")), data.join("live/alice/file")).unwrap();
    };
    let server = server.restart(crashed).await;
    complete(&server.alice, "/alice/file", &id, &[(1, &tag)], None).await.expect(404);
    assert!(!server.data_dir().join("incoming/parts").join(&id).exists());
    assert!(server.alice.get("/alice/file").await.body == vec![1; 10]);
}
