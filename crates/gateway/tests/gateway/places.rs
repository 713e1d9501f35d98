//! Parts of which the client says where in the object they belong.

use crate::client::{Answer, hex};
use crate::multipart::{complete, md5, start};
use crate::server::Server;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::os::unix::fs::MetadataExt;

const MIB: usize = 1 << 20;
const PATH: &str = "/alice/film";
const PLACE: &str = "x-heirloom-part-offset";
const UNDERSTOOD: &str = "x-heirloom-parts";

/// An upload of three parts.
struct Upload {
    server: Server,
    id: String,
    contents: [Vec<u8>; 3],
}

impl Upload {
    async fn start() -> Self {
        let server = Server::start().await;
        let id = start(&server.alice, PATH).await;
        let noise = |length: usize, seed: u8| (0..=250).cycle().skip(seed.into()).take(length).collect();
        Self { server, id, contents: [noise(5 * MIB, 1), noise(6 * MIB + 3, 2), noise(100, 3)] }
    }

    async fn part(&self, number: usize, place: usize) -> Answer {
        self.send(number, place, self.contents[number - 1].clone()).await
    }

    async fn send(&self, number: usize, place: usize, body: Vec<u8>) -> Answer {
        let call = self.server.alice.call("PUT", PATH).query("uploadId", &self.id);
        let call = call.query("partNumber", &number.to_string()).header(PLACE, &place.to_string());
        call.body(body).send().await
    }

    async fn complete(&self, numbers: &[usize], condition: Option<(&str, &str)>) -> Answer {
        let tags: Vec<_> = numbers.iter().map(|at| hex(&md5(&self.contents[at - 1]))).collect();
        let parts: Vec<_> = numbers.iter().copied().zip(tags.iter().map(String::as_str)).collect();
        complete(&self.server.alice, PATH, &self.id, &parts, condition).await
    }

    /// The names of the files that hold parts.
    fn files(&self) -> Vec<String> {
        let directory = self.server.data_dir().join("incoming/parts").join(&self.id);
        let names = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn inode(&self) -> u64 {
        let whole = self.server.data_dir().join("incoming/parts").join(&self.id).join("whole");
        std::fs::metadata(whole).unwrap().ino()
    }

    async fn expect_whole(&self) {
        let got = self.server.alice.get(PATH).await.expect(200);
        assert!(got.body == self.contents.concat());
        let tags: Vec<u8> = self.contents.iter().flat_map(|content| md5(content)).collect();
        assert_eq!(got.etag(), format!("{}-3", hex(&md5(&tags))));
        assert!(self.server.drafts().is_empty());
    }
}

#[tokio::test]
async fn what_is_written_to_its_place_is_the_object() {
    let upload = Upload::start().await;
    let client = &upload.server.alice;
    let begun = client.call("POST", PATH).query("uploads", "").send().await.expect(200);
    let listed = client.call("GET", PATH).query("uploadId", &upload.id).send().await.expect(200);
    assert_eq!([begun, listed].map(|answer| answer.header(UNDERSTOOD).is_some()), [true; 2]);
    for (number, place) in [(3, 11 * MIB + 3), (1, 0), (2, 5 * MIB)] {
        upload.part(number, place).await.expect(200);
    }
    assert_eq!(upload.files(), ["whole"]);
    let inode = upload.inode();
    client.put(PATH, "in the way").await.expect(200);
    upload.complete(&[1, 2, 3], Some(("if-none-match", "*"))).await.expect(412);
    upload.complete(&[1, 2, 3], None).await.expect(200);
    upload.expect_whole().await;
    assert_eq!(std::fs::metadata(upload.server.live("film")).unwrap().ino(), inode, "it was only renamed");
}

#[tokio::test]
async fn places_survive_a_restart() {
    let mut upload = Upload::start().await;
    upload.part(2, 5 * MIB).await.expect(200);
    upload.server = upload.server.restart(|_| ()).await;
    // Some of that is taken by the second part still.
    upload.part(1, MIB).await.expect(200);
    assert_eq!(upload.files(), ["1", "whole"]);
    upload.part(1, 0).await.expect(200);
    upload.part(3, 11 * MIB + 3).await.expect(200);
    upload.complete(&[1, 2, 3], None).await.expect(200);
    upload.expect_whole().await;
}

#[tokio::test]
async fn whoever_counts_wrong_gets_what_the_list_says() {
    for places in
        [[0, 0, 0], [1, 5 * MIB, 11 * MIB + 3], [7 * MIB, 0, 20 * MIB], [0, 5 * MIB + 1, usize::MAX]]
    {
        let upload = Upload::start().await;
        for (number, place) in [3, 1, 2].map(|number| (number, places[number - 1])) {
            upload.part(number, place).await.expect(200);
        }
        upload.complete(&[1, 2, 3], None).await.expect(200);
        upload.expect_whole().await;
    }
}

#[tokio::test]
async fn a_part_that_is_sent_again_replaces_the_first() {
    let upload = Upload::start().await;
    upload.send(2, 5 * MIB, vec![9; 6 * MIB + 3]).await.expect(200);
    for (number, place) in [(1, 0), (2, 5 * MIB), (3, 11 * MIB + 3)] {
        upload.part(number, place).await.expect(200);
    }
    assert_eq!(upload.files(), ["2", "whole"], "what was kept is not written over");
    // The very same once more changes nothing.
    upload.part(3, 11 * MIB + 3).await.expect(200);
    upload.part(2, 5 * MIB).await.expect(200);
    assert_eq!(upload.files(), ["2", "whole"]);
    upload.complete(&[1, 2, 3], None).await.expect(200);
    upload.expect_whole().await;
}

#[tokio::test]
async fn a_part_that_broke_off_leaves_its_place() {
    let upload = Upload::start().await;
    let call = upload.server.alice.call("PUT", PATH).query("uploadId", &upload.id).query("partNumber", "1");
    let wrong = call.header(PLACE, "0").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    wrong.body(vec![1; 5 * MIB]).send().await.expect_error(400, "BadDigest");
    for (number, place) in [(1, 0), (2, 5 * MIB), (3, 11 * MIB + 3)] {
        upload.part(number, place).await.expect(200);
    }
    assert_eq!(upload.files(), ["whole"]);
    upload.complete(&[1, 2, 3], None).await.expect(200);
    upload.expect_whole().await;
}

#[tokio::test]
async fn a_part_that_one_try_leaves_out_is_there_for_the_next() {
    let upload = Upload::start().await;
    for (number, place) in [(1, 0), (2, 5 * MIB), (3, 11 * MIB + 3)] {
        upload.part(number, place).await.expect(200);
    }
    upload.server.alice.put(PATH, "in the way").await.expect(200);
    upload.complete(&[1, 2], Some(("if-none-match", "*"))).await.expect(412);
    upload.complete(&[1, 2, 3], None).await.expect(200);
    upload.expect_whole().await;
}

#[tokio::test]
async fn copies_go_to_their_place() {
    let server = Server::start().await;
    let content: Vec<u8> = (0..=250).cycle().take(12 * MIB).collect();
    server.alice.put("/alice/source", content.clone()).await.expect(200);
    let id = start(&server.alice, PATH).await;
    let copy = |number: &'static str, range: String, place: usize| {
        let call = server.alice.call("PUT", PATH).query("uploadId", &id).query("partNumber", number);
        let call = call.header("x-amz-copy-source", "alice/source").header("x-amz-copy-source-range", &range);
        call.header(PLACE, &place.to_string()).send()
    };
    let tag = |answer: Answer| answer.expect(200).tag("ETag").unwrap().replace("&quot;", "").replace('"', "");
    // Borders are nowhere near those of blocks.
    let (start, middle, end) = (5000, 6 * MIB + 17, 12 * MIB - 1);
    let two = tag(copy("2", format!("bytes={middle}-{end}"), middle - start).await);
    let first = || copy("1", format!("bytes={start}-{}", middle - 1), 0);
    let one = tag(first().await);
    // What a client repeats whose first answer was lost is not done again.
    assert_eq!(tag(first().await), one);
    let parts = std::fs::read_dir(server.data_dir().join("incoming/parts").join(&id)).unwrap();
    assert_eq!(parts.map(|part| part.unwrap().file_name()).collect::<Vec<_>>(), ["whole"]);
    complete(&server.alice, PATH, &id, &[(1, &one), (2, &two)], None).await.expect(200);
    assert!(server.alice.get(PATH).await.body == content[start..]);
}

#[tokio::test]
async fn a_part_may_come_with_another_digest_than_an_md5() {
    let server = Server::start().await;
    let id = start(&server.alice, PATH).await;
    let content: Vec<u8> = (0..=250).cycle().take(5 * MIB).collect();
    let send = |digest: String, md5: Option<&'static str>| {
        let call = server.alice.call("PUT", PATH).query("uploadId", &id).query("partNumber", "1");
        let call = call.header("x-heirloom-part-blake3", &digest).body(content.clone());
        if let Some(md5) = md5 { call.header("content-md5", md5) } else { call }.send()
    };
    let digest = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
    send("short".into(), None).await.expect_error(400, "InvalidRequest");
    send(STANDARD.encode(digest(b"others")), None).await.expect_error(400, "BadDigest");
    let right = STANDARD.encode(digest(&content));
    send(right.clone(), Some("1B2M2Y8AsgTpgAmY7PhCfg==")).await.expect_error(400, "BadDigest");
    let tag = send(right, None).await.expect(200).etag();
    assert_eq!(tag, format!("{}-1", hex(&digest(&content)[..16])), "and no client takes it for an MD5");
    complete(&server.alice, PATH, &id, &[(1, &tag)], None).await.expect(200);
    let got = server.alice.get(PATH).await.expect(200);
    assert!(got.body == content);
    assert_eq!(
        got.etag(),
        format!("{}-1", hex(&md5(&digest(&content)[..16]))),
        "one part of which the tag is made"
    );
}
