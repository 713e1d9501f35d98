//! Who may not do what.

use crate::client::{Answer, Call, Client};
use crate::server::Server;
use accounts::{AccessKeyId, Permission};
use model::{BucketName, UserName};

/// Every operation of S3 that has a path, on an object of bob's.
fn operations(client: &Client, bucket: &str, upload: &str) -> Vec<(&'static str, Call)> {
    let (object, bucket) = (format!("/{bucket}/secret.txt"), format!("/{bucket}"));
    let delete = "<Delete><Object><Key>secret.txt</Key></Object></Delete>";
    let complete = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>";
    let part = |call: Call| call.query("uploadId", upload).query("partNumber", "1");
    vec![
        ("HeadBucket", client.call("HEAD", &bucket)),
        ("CreateBucket", client.call("PUT", &bucket)),
        ("DeleteBucket", client.call("DELETE", &bucket)),
        ("GetBucketLocation", client.call("GET", &bucket).query("location", "")),
        ("GetBucketVersioning", client.call("GET", &bucket).query("versioning", "")),
        ("ListObjects", client.call("GET", &bucket)),
        ("ListObjectsV2", client.call("GET", &bucket).query("list-type", "2")),
        ("Changes", client.call("GET", &bucket).query("heirloom-changes", "")),
        ("ListMultipartUploads", client.call("GET", &bucket).query("uploads", "")),
        ("ListObjectVersions", client.call("GET", &bucket).query("versions", "")),
        ("DeleteObjects", client.call("POST", &bucket).query("delete", "").body(delete)),
        ("PutBucketPolicy", client.call("PUT", &bucket).query("policy", "").body("{}")),
        ("HeadObject", client.call("HEAD", &object)),
        ("GetObject", client.call("GET", &object)),
        ("GetObjectAcl", client.call("GET", &object).query("acl", "")),
        ("PutObject", client.call("PUT", &object).body("x")),
        ("PutObjectAcl", client.call("PUT", &object).query("acl", "")),
        ("DeleteObject", client.call("DELETE", &object)),
        ("CopyObject", client.call("PUT", &object).header("x-amz-copy-source", "alice/own")),
        ("CreateMultipartUpload", client.call("POST", &object).query("uploads", "")),
        ("UploadPart", part(client.call("PUT", &object)).body("x")),
        ("UploadPartCopy", part(client.call("PUT", &object)).header("x-amz-copy-source", "alice/own")),
        ("ListParts", client.call("GET", &object).query("uploadId", upload)),
        ("CompleteMultipartUpload", client.call("POST", &object).query("uploadId", upload).body(complete)),
        ("AbortMultipartUpload", client.call("DELETE", &object).query("uploadId", upload)),
    ]
}

async fn with_secret() -> (Server, String) {
    let server = Server::start().await;
    server.bob.put("/bob/secret.txt", "secret").await.expect(200);
    server.alice.put("/alice/own", "own").await.expect(200);
    let upload = server.bob.call("POST", "/bob/secret.txt").query("uploads", "").send().await.expect(200);
    let id = upload.tag("UploadId").unwrap().to_owned();
    (server, id)
}

async fn is_untouched(server: &Server, upload: &str) {
    assert_eq!(server.bob.get("/bob/secret.txt").await.expect(200).body, "secret");
    assert_eq!(server.bob.get("/bob").await.expect(200).tags("Key"), ["secret.txt"]);
    let parts = server.bob.call("GET", "/bob/secret.txt").query("uploadId", upload).send().await.expect(200);
    assert!(parts.tags("PartNumber").is_empty());
}

#[tokio::test]
async fn a_key_opens_its_own_bucket_and_nothing_else() {
    let (server, upload) = with_secret().await;
    for (name, call) in operations(&server.alice, "bob", &upload) {
        let answer = call.send().await;
        assert_eq!(answer.status, 403, "{name}: {}", answer.text());
        assert!(!answer.text().contains("secret<"), "{name}");
    }
    for (name, call) in operations(&server.alice, "nobody", &upload) {
        assert_eq!(call.send().await.status, 403, "{name} does not tell which buckets there are");
    }
    for (name, call) in operations(&server.alice, "bob", &upload) {
        assert_eq!(call.send_presigned().await.status, 403, "{name}, presigned");
    }
    is_untouched(&server, &upload).await;
}

#[tokio::test]
async fn the_source_of_a_copy_must_be_readable() {
    let (server, upload) = with_secret().await;
    let mine = server.alice.call("POST", "/alice/copy").query("uploads", "").send().await.expect(200);
    let mine = mine.tag("UploadId").unwrap().to_owned();
    for source in
        ["bob/secret.txt", "/bob/secret.txt", "bob%2Fsecret.txt", "alice/../bob/secret.txt", "nobody/x"]
    {
        let copy = server.alice.call("PUT", "/alice/copy").header("x-amz-copy-source", source);
        let refused = copy.send().await;
        assert!(matches!(refused.status.as_u16(), 400 | 403), "{source}: {}", refused.text());
        let part = server.alice.call("PUT", "/alice/copy").query("uploadId", &mine).query("partNumber", "1");
        let refused = part.header("x-amz-copy-source", source).send().await;
        assert!(matches!(refused.status.as_u16(), 400 | 403), "{source}: {}", refused.text());
    }
    let plain = server.alice.call("PUT", "/alice/copy").header("x-amz-copy-source", "bob/secret.txt");
    plain.send().await.expect_error(403, "AccessDenied");
    server.alice.get("/alice/copy").await.expect(404);
    is_untouched(&server, &upload).await;
}

#[tokio::test]
async fn a_presigned_upload_link_does_not_copy() {
    let (server, _) = with_secret().await;
    server.bob.put("/bob/drop", "").await.expect(200);
    // Bob gives away a link to upload to `drop`; whoever has it tries to read `secret.txt` with it.
    let link = || server.bob.call("PUT", "/bob/drop");
    let copy = link().unsigned_header("x-amz-copy-source", "bob/secret.txt").send_presigned().await;
    copy.expect_error(403, "AccessDenied");
    link()
        .unsigned_header("x-amz-meta-mode", "120777")
        .body("/etc/passwd")
        .send_presigned()
        .await
        .expect(403);
    assert_eq!(server.bob.get("/bob/drop").await.expect(200).body, "");
    link().body("uploaded").send_presigned().await.expect(200);
    assert_eq!(server.bob.get("/bob/drop").await.body, "uploaded");
    // The same holds for signatures in headers.
    let header = server.bob.call("PUT", "/bob/drop").unsigned_header("x-amz-copy-source", "bob/secret.txt");
    header.send().await.expect_error(403, "AccessDenied");
    let signed = link().header("x-amz-copy-source", "bob/secret.txt").send_presigned().await;
    signed.expect(200);
}

#[tokio::test]
async fn keys_that_climb_stay_where_they_are() {
    let (server, upload) = with_secret().await;
    for path in [
        "/alice/../bob/secret.txt",
        "/alice//bob/secret.txt",
        "/alice/./../bob/secret.txt",
        "//bob/secret.txt",
        "/../bob/secret.txt",
    ] {
        for method in ["PUT", "GET", "DELETE", "HEAD"] {
            let answer = server.alice.call(method, path).body("").send().await;
            assert!(matches!(answer.status.as_u16(), 400 | 403 | 404), "{method} {path} {}", answer.status);
            assert!(!answer.text().contains("secret<"));
        }
    }
    is_untouched(&server, &upload).await;
}

#[tokio::test]
async fn nobody_is_nobody() {
    let (server, upload) = with_secret().await;
    for (name, call) in operations(&server.alice, "alice", &upload) {
        let answer = call.send_anonymously().await;
        assert_eq!(answer.status, 403, "{name}");
    }
    server.alice.call("GET", "/").send_anonymously().await.expect_error(403, "AccessDenied");
    server.alice.with_id("HLUNKNOWN").get("/alice/own").await.expect_error(403, "InvalidAccessKeyId");
    let wrong = server.alice.with_secret("0123456789012345678901234567890123456789");
    wrong.get("/alice/own").await.expect_error(403, "SignatureDoesNotMatch");
    wrong.call("GET", "/alice/own").send_presigned().await.expect_error(403, "SignatureDoesNotMatch");
    let bobs = server.alice.with_id(server.bob.id());
    bobs.get("/bob/secret.txt").await.expect_error(403, "SignatureDoesNotMatch");
    is_untouched(&server, &upload).await;
}

#[tokio::test]
async fn old_signatures_and_forms_are_refused() {
    let server = Server::start().await;
    server.alice.put("/alice/own", "own").await.expect(200);
    let refuse =
        |answer: Answer| assert!(matches!(answer.status.as_u16(), 400 | 403 | 501), "{}", answer.text());
    let header = format!("AWS {}:c2lnbmF0dXJl", server.alice.id());
    let call = server.alice.call("GET", "/alice/own").header("authorization", &header);
    refuse(call.header("date", "Mon, 01 Jan 2001 00:00:00 GMT").send_anonymously().await);
    // A right version 2 signature is refused as well: HMAC-SHA1 over method, date and path.
    let valid =
        version_2_signature(server.alice.secret(), "GET\n\n\nMon, 01 Jan 2001 00:00:00 GMT\n/alice/own");
    let call = server.alice.call("GET", "/alice/own");
    let call = call.header("authorization", &format!("AWS {}:{valid}", server.alice.id()));
    refuse(call.header("date", "Mon, 01 Jan 2001 00:00:00 GMT").send_anonymously().await.expect(403));
    let valid = version_2_signature(server.alice.secret(), "GET\n\n\n4102444800\n/alice/own");
    let call = server.alice.call("GET", "/alice/own").query("AWSAccessKeyId", server.alice.id());
    refuse(
        call.query("Expires", "4102444800").query("Signature", &valid).send_anonymously().await.expect(403),
    );
    let form = server.alice.call("POST", "/alice").header("content-type", "multipart/form-data; boundary=x");
    refuse(
        form.body("--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x--")
            .send_anonymously()
            .await,
    );
}

fn version_2_signature(secret: &str, text: &str) -> String {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn grants_open_what_they_say() {
    let (server, upload) = with_secret().await;
    let (alice, bob) = (UserName::new("alice").unwrap(), BucketName::new("bob").unwrap());
    server.accounts.grant(&alice, &bob, Permission::Read).unwrap();
    server.alice.get("/bob/secret.txt").await.expect(200);
    server.alice.get("/bob").await.expect(200);
    server.alice.call("GET", "/bob").query("heirloom-changes", "").send().await.expect(200);
    let copy = || server.alice.call("PUT", "/alice/copy").header("x-amz-copy-source", "bob/secret.txt");
    copy().send().await.expect(200);
    server.alice.put("/bob/secret.txt", "x").await.expect_error(403, "AccessDenied");
    server.alice.delete("/bob/secret.txt").await.expect_error(403, "AccessDenied");
    is_untouched(&server, &upload).await;
    server.accounts.grant(&alice, &bob, Permission::Write).unwrap();
    server.alice.put("/bob/from-alice", "x").await.expect(200);
    server.alice.put("/bob", "").await.expect_error(403, "AccessDenied");
    server.accounts.revoke_grant(&alice, &bob).unwrap();
    server.alice.get("/bob/secret.txt").await.expect_error(403, "AccessDenied");
    copy().send().await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_revoked_key_stops_at_once() {
    let server = Server::start().await;
    server.alice.put("/alice/own", "x").await.expect(200);
    // As the command line does it, in a process of its own.
    let other = accounts::Accounts::open(&server.data_dir().join("heirloom.db")).unwrap();
    other.revoke_key(&AccessKeyId::new(server.alice.id()).unwrap()).unwrap();
    server.alice.get("/alice/own").await.expect_error(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn buckets_by_host_name() {
    let server = Server::start().await;
    server.alice.put("/alice/own", "x").await.expect(200);
    server.alice.with_host("alice.s3.example.org").get("/own").await.expect(200);
    server.alice.with_host("s3.example.org:9000").get("/alice/own").await.expect(200);
    server.alice.with_host("cloud:9000").get("/alice/own").await.expect(200);
    let changes = |host: &str, path: &str| {
        server.alice.with_host(host).call("GET", path).query("heirloom-changes", "").send()
    };
    for (host, path) in
        [("alice.s3.example.org:9000", "/"), ("s3.example.org", "/alice"), ("cloud", "/alice/")]
    {
        assert!(changes(host, path).await.expect(200).text().contains("\"put\":\"own\""), "{host}{path}");
    }
    changes("bob.s3.example.org", "/").await.expect_error(403, "AccessDenied");
    assert_eq!(
        changes("alice.s3.example.org", "/own").await.expect(200).body,
        "x",
        "of an object, it is no question"
    );
    server.alice.with_host("bob.s3.example.org").get("/secret").await.expect_error(403, "AccessDenied");
}
