//! What people find on the disk, and what the gateway makes of what they do there.

use crate::server::Server;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

#[tokio::test]
async fn files_have_their_true_names() {
    let server = Server::start().await;
    for (key, name) in [
        ("dir/%20lead", &b"dir/ lead"[..]),
        ("not-utf8-%FF", b"not-utf8-\xFF"),
        ("line%0Abreak", b"line\nbreak"),
    ] {
        server.alice.put(&format!("/alice/{key}"), "x").await.expect(200);
        assert!(server.live("").join(std::ffi::OsStr::from_bytes(name)).exists(), "{key}");
        server.alice.head(&format!("/alice/{key}")).await.expect(200);
    }
    let listed = server.alice.get("/alice").await.tags("Key");
    assert_eq!(listed, ["dir/%20lead", "line%0Abreak", "not-utf8-%FF"]);
}

#[tokio::test]
async fn times_and_permissions_are_on_the_file() {
    let server = Server::start().await;
    let put = server
        .alice
        .call("PUT", "/alice/file")
        .header("x-amz-meta-mtime", "1234567890.123456789")
        .header("x-amz-meta-mode", "0104751")
        .header("x-amz-meta-uid", "1000")
        .body("x");
    put.send().await.expect(200);
    let file = std::fs::metadata(server.live("file")).unwrap();
    assert_eq!((file.mtime(), file.mtime_nsec()), (1_234_567_890, 123_456_789));
    assert_eq!(file.mode() & 0o7777, 0o751, "no setuid");
    let head = server.alice.head("/alice/file").await.expect(200);
    assert_eq!(head.header("x-amz-meta-mtime"), Some("1234567890.123456789"));
    assert_eq!(head.header("x-amz-meta-mode"), Some("0104751"), "answered as it was given");
    server
        .alice
        .call("PUT", "/alice/closed")
        .header("x-amz-meta-mode", "100000")
        .body("x")
        .send()
        .await
        .expect(200);
    assert_eq!(std::fs::metadata(server.live("closed")).unwrap().mode() & 0o777, 0o600);
    server.alice.put("/alice/plain", "x").await.expect(200);
    assert_eq!(std::fs::metadata(server.live("plain")).unwrap().mode() & 0o600, 0o600);
}

#[tokio::test]
async fn links_are_links() {
    let server = Server::start().await;
    let put = |key: &'static str, target: Vec<u8>| {
        server
            .alice
            .call("PUT", key)
            .header("x-amz-meta-mode", "0120777")
            .header("x-amz-meta-mtime", "5")
            .body(target)
            .send()
    };
    put("/alice/dir/link", b"../some where".to_vec()).await.expect(200);
    assert_eq!(std::fs::read_link(server.live("dir/link")).unwrap().to_str(), Some("../some where"));
    assert_eq!(std::fs::symlink_metadata(server.live("dir/link")).unwrap().mtime(), 5);
    let got = server.alice.get("/alice/dir/link").await.expect(200);
    assert_eq!((got.body.as_ref(), got.header("x-amz-meta-mode")), (&b"../some where"[..], Some("0120777")));
    put("/alice/bad", Vec::new()).await.expect(400);
    put("/alice/bad", b"nul\0".to_vec()).await.expect(400);
    put("/alice/bad", vec![b'x'; 4096]).await.expect(400);
    put("/alice/bad", vec![b'x'; 400_000]).await.expect(400);
    put("/alice/long", vec![b'x'; 4095]).await.expect(200);
    server.alice.put("/alice/dir/link", "a file now").await.expect(200);
    assert!(std::fs::symlink_metadata(server.live("dir/link")).unwrap().is_file());
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn no_link_leads_out_of_a_bucket() {
    let server = Server::start().await;
    let outside = server.data_dir().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    server.bob.put("/bob/file", "bob's").await.expect(200);
    std::fs::create_dir_all(server.live("")).unwrap();
    symlink(&outside, server.live("planted")).unwrap();
    // A client can make links too.
    for (key, target) in [("bob", "../bob"), ("root", "/"), ("up", "..")] {
        let put = server.alice.call("PUT", &format!("/alice/{key}")).header("x-amz-meta-mode", "120777");
        put.body(target).send().await.expect(200);
    }
    for key in ["planted/secret", "bob/file", "root/etc/passwd", "up/bob/file"] {
        let path = format!("/alice/{key}");
        server.alice.get(&path).await.expect_error(404, "NoSuchKey");
        server.alice.head(&path).await.expect(404);
        server.alice.put(&path, "overwritten").await.expect_error(409, "ObjectPathConflict");
        server.alice.delete(&path).await.expect(204);
        let copy = server.alice.call("PUT", "/alice/copy").header("x-amz-copy-source", &path);
        copy.send().await.expect(404);
    }
    assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(server.bob.get("/bob/file").await.body, "bob's");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
    // The links themselves are objects.
    assert!(server.alice.get("/alice/planted").await.expect(200).text().ends_with("outside"));
}

#[tokio::test]
async fn hostile_keys_are_refused() {
    let server = Server::start().await;
    for key in ["../bob/x", "a/../b", "./a", "a/./b", "a//b", "/abs", "//abs", "a\0b", "..", "a/.."] {
        let path = format!("/alice/{key}");
        for method in ["PUT", "GET", "DELETE"] {
            let answer = server.alice.call(method, &path).body("").send().await;
            assert_eq!(answer.status, 400, "{method} {key:?} {}", answer.text());
        }
    }
    for key in [".heirloom/x", ".heirloom", "dir/.heirloom-tmp-x", ".heirloom-tmp-1/x"] {
        server.alice.put(&format!("/alice/{key}"), "x").await.expect_error(403, "AccessDenied");
        server.alice.delete(&format!("/alice/{key}")).await.expect_error(403, "AccessDenied");
    }
    server.alice.put("/alice/dir/.heirloom", "only the top is ours").await.expect(200);
    let long = format!("/alice/dir/{}", "x".repeat(256));
    server.alice.put(&long, "x").await.expect_error(400, "KeyTooLongError");
    server.alice.get(&long).await.expect_error(400, "KeyTooLongError");
    server.alice.put(&format!("/alice/{}", "x".repeat(255)), "x").await.expect(200);
    assert!(!server.data_dir().join("live/bob").exists());
}

#[tokio::test]
async fn what_is_ours_is_hidden() {
    let server = Server::start().await;
    std::fs::create_dir_all(server.live(".heirloom/state")).unwrap();
    std::fs::write(server.live(".heirloom/state/x"), "x").unwrap();
    std::fs::create_dir_all(server.live("dir")).unwrap();
    std::fs::write(server.live("dir/.heirloom-tmp-1"), "x").unwrap();
    let server = server.restart(|_| ()).await;
    assert!(server.alice.get("/alice").await.tags("Key").iter().all(|key| !key.contains(".heirloom")));
    server.alice.get("/alice/.heirloom/state/x").await.expect(404);
}

#[tokio::test]
async fn a_file_and_a_directory_cannot_share_a_name() {
    let server = Server::start().await;
    server.alice.put("/alice/a", "file").await.expect(200);
    let error = server.alice.put("/alice/a/b/c", "x").await.expect_error(409, "ObjectPathConflict");
    assert!(error.text().contains("`a/b/c`") && error.text().contains("`a`"), "{}", error.text());
    server.alice.put("/alice/a/", "").await.expect_error(409, "ObjectPathConflict");
    server.alice.put("/alice/d/e", "x").await.expect(200);
    let error = server.alice.put("/alice/d", "x").await.expect_error(409, "ObjectPathConflict");
    assert!(error.text().contains("`d`") && error.text().contains("`d/`"), "{}", error.text());
    server.alice.put("/alice/marked/", "").await.expect(200);
    server.alice.put("/alice/marked", "x").await.expect_error(409, "ObjectPathConflict");
    assert_eq!(server.alice.get("/alice").await.tags("Key"), ["a", "d/e", "marked/"]);
    // A directory that nobody asked for is no obstacle.
    std::fs::create_dir(server.live("left-over")).unwrap();
    server.alice.put("/alice/left-over", "x").await.expect(200);
    assert!(server.drafts().is_empty());
}

#[tokio::test]
async fn directories_that_were_asked_for_stay() {
    let server = Server::start().await;
    server.alice.call("PUT", "/alice/keep/").header("x-amz-meta-mode", "040700").send().await.expect(200);
    assert_eq!(std::fs::metadata(server.live("keep")).unwrap().permissions().mode() & 0o777, 0o700);
    server.alice.put("/alice/keep/file", "x").await.expect(200);
    server.alice.delete("/alice/keep/file").await.expect(204);
    assert!(server.live("keep").is_dir());
    server.alice.put("/alice/keep/file", "x").await.expect(200);
    server.alice.delete("/alice/keep/").await.expect(204);
    assert!(server.live("keep/file").exists(), "only the marker goes");
    assert_eq!(server.alice.get("/alice").await.tags("Key"), ["keep/file"]);
    server.alice.delete("/alice/keep/file").await.expect(204);
    assert!(!server.live("keep").exists());
    server.alice.put("/alice/deep/er/", "").await.expect(200);
    server.alice.delete("/alice/deep/er/").await.expect(204);
    assert!(!server.live("deep").exists());
    server.alice.put("/alice/dir/", "content").await.expect_error(400, "InvalidRequest");
}

#[tokio::test]
async fn work_beside_the_gateway_is_seen() {
    let server = Server::start().await;
    let put = server
        .alice
        .call("PUT", "/alice/file")
        .header("content-type", "text/x")
        .header("x-amz-meta-mtime", "5");
    let before = put.body("before").send().await.expect(200).etag();
    std::fs::write(server.live("file"), "after!").unwrap();
    let head = server.alice.head("/alice/file").await.expect(200);
    assert_ne!(head.etag(), before);
    assert_eq!(head.header("content-type"), Some("text/x"));
    assert_ne!(head.header("x-amz-meta-mtime"), Some("5"));
    let got = server.alice.get("/alice/file").await.expect(200);
    assert_eq!((got.body.as_ref(), got.etag()), (&b"after!"[..], head.etag()));

    std::fs::create_dir(server.live("new")).unwrap();
    std::fs::write(server.live("new/file"), "new").unwrap();
    assert_eq!(server.alice.get("/alice/new/file").await.expect(200).body, "new");
    std::fs::remove_file(server.live("file")).unwrap();
    server.alice.get("/alice/file").await.expect(404);
    assert_eq!(server.alice.get("/alice").await.tags("Key"), ["new/file"]);

    let pipe = server.live("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    server.alice.get("/alice/pipe").await.expect(404);
}

#[tokio::test]
async fn a_touched_file_keeps_its_version() {
    let server = Server::start().await;
    let put = server
        .alice
        .call("PUT", "/alice/file")
        .header("content-type", "text/x")
        .header("x-amz-meta-mtime", "5");
    let tag = put.body("same").send().await.expect(200).etag();
    // As after a move to another disk: another inode with the same content and time.
    std::fs::rename(server.live("file"), server.live("old")).unwrap();
    std::fs::copy(server.live("old"), server.live("file")).unwrap();
    let time = std::fs::metadata(server.live("old")).unwrap().modified().unwrap();
    std::fs::File::options().write(true).open(server.live("file")).unwrap().set_modified(time).unwrap();
    let head = server.alice.head("/alice/file").await.expect(200);
    assert_eq!((head.etag(), head.header("x-amz-meta-mtime")), (tag, Some("5")));
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mount = |arguments: &[&str]| {
        let done = std::process::Command::new("mount").args(arguments).arg(directory.path()).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"]) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let server = Server::start_in(&directory.path().join("data")).await;
    server.alice.put("/alice/small", "x").await.expect(200);
    server.alice.put("/alice/dir/large", vec![1; 8 << 20]).await.expect_error(507, "InsufficientStorage");
    server.alice.get("/alice/dir/large").await.expect(404);
    assert_eq!(server.alice.get("/alice/small").await.expect(200).body, "x");
    assert!(server.drafts().is_empty());
    let server = server.restart(|_| ()).await;
    drop(server);
    let unmounted = std::process::Command::new("umount").arg("-l").arg(directory.path()).status().unwrap();
    assert!(unmounted.success());
}

#[tokio::test]
async fn a_sealed_link_is_a_file_here_and_a_link_to_whoever_opens_it() {
    let server = Server::start().await;
    let alice = &server.alice;
    let sealed = [&b"age-encryption.org/v1\n-> X25519 abc\n--- def\n"[..], &[0, 1, 2, 0xff]].concat();
    let put = alice.call("PUT", "/alice/link").header("x-amz-meta-mode", "120777");
    let put = put.header("x-amz-meta-sealed", "age").body(sealed.clone());
    let etag = put.send().await.expect(200).etag();
    let said = |answer: &crate::client::Answer| answer.header("x-amz-meta-mode").map(str::to_owned);
    assert_eq!(said(&alice.head("/alice/link").await), Some("120777".to_owned()));
    // Touched, and moved.
    let touch = alice.call("PUT", "/alice/link").header("x-amz-copy-source", "alice/link");
    let touch = touch.header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-mode", "120777");
    let touch = touch.header("x-amz-meta-sealed", "age");
    touch.header("x-amz-meta-mtime", "1.5").send().await.expect(200);
    alice.call("PUT", "/alice/moved").header("x-amz-copy-source", "alice/link").send().await.expect(200);
    let server = server.restart(|_| {}).await;
    for name in ["link", "moved"] {
        let got = server.alice.get(&format!("/alice/{name}")).await.expect(200);
        assert_eq!((said(&got).as_deref(), got.header("x-amz-meta-mtime")), (Some("120777"), Some("1.5")));
        assert_eq!((got.etag(), &got.body[..]), (etag.clone(), &sealed[..]));
        assert!(server.live(name).symlink_metadata().unwrap().is_file());
    }
}
