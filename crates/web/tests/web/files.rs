//! Exact bytes, parts of them, and what must never run.

use crate::site::{Site, as_key, encoded, write};

#[tokio::test]
async fn bytes_are_exact_and_ranges_are_parts_of_them() {
    let site = Site::new().await;
    let content: Vec<u8> = (0..6_000_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .take(9_000_000)
        .collect();
    write(&site.live("alice").join("film/long.mp4"), &content);
    write(&site.live("alice").join("film/empty.bin"), "");
    let id = site.snapshot("alice", -1).short();
    let alice = site.session(&site.alice);
    let address = format!("/alice/raw/{id}/film/long.mp4");
    let whole = site.get(&address, &alice).await;
    assert!(whole.status == 200 && whole.body == content);
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("content-length"), "9000000");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("cache-control"), "private, max-age=31536000, immutable");
    let tag = whole.header("etag").to_owned();
    for (range, expected) in [
        ("bytes=0-99", 0..100),
        ("bytes=4500000-", 4_500_000..9_000_000),
        ("bytes=-7", 8_999_993..9_000_000),
        ("bytes=8999990-99999999", 8_999_990..9_000_000),
    ] {
        let part = site.ask("GET", &address, &alice, &[("range", range), ("if-range", &tag)], "").await;
        assert_eq!(part.status, 206, "{range}");
        assert!(part.body == content[expected.clone()], "{range}");
        let told = format!("bytes {}-{}/9000000", expected.start, expected.end - 1);
        assert_eq!(part.header("content-range"), told);
    }
    let beyond = site.ask("GET", &address, &alice, &[("range", "bytes=9000000-")], "").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */9000000"));
    let other =
        site.ask("GET", &address, &alice, &[("range", "bytes=0-9"), ("if-range", "\"other\"")], "").await;
    assert!(other.status == 200 && other.body.len() == content.len(), "a part of another version is useless");
    let known = site.ask("GET", &address, &alice, &[("if-none-match", &tag)], "").await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    let head = site.ask("HEAD", &address, &alice, &[], "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "9000000", 0));
    let empty = site.get("/alice/raw/latest/film/empty.bin", &alice).await;
    assert_eq!((empty.status, empty.header("content-length"), empty.body.len()), (200, "0", 0));
    assert_eq!(empty.header("cache-control"), "private, no-cache", "what is latest changes");
}

#[tokio::test]
async fn what_could_run_is_shut_in() {
    let site = Site::new().await;
    let evil = "<script>alert(document.cookie)</script>";
    let svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{evil}</svg>");
    for (name, content) in [
        ("a.html", evil),
        ("a.xhtml", evil),
        ("a.svg", svg.as_str()),
        ("a.xml", svg.as_str()),
        ("a.js", "alert(1)"),
        ("a.css", "body{}"),
        ("page", evil),
        ("a.unknown-type", evil),
        ("a.md", evil),
        ("a.txt", evil),
    ] {
        write(&site.live("alice").join("web").join(name), content);
    }
    site.snapshot("alice", -1);
    let alice = site.session(&site.alice);
    for (name, content_type, sandboxed) in [
        ("a.html", "text/html; charset=utf-8", true),
        ("a.xhtml", "application/xhtml+xml", true),
        ("a.svg", "image/svg+xml", true),
        ("a.xml", "text/xml; charset=utf-8", true),
        ("a.js", "text/plain; charset=utf-8", false),
        ("a.css", "text/plain; charset=utf-8", false),
        ("page", "text/plain; charset=utf-8", false),
        ("a.unknown-type", "text/plain; charset=utf-8", false),
    ] {
        let answer = site.get(&format!("/alice/raw/latest/web/{name}"), &alice).await;
        assert_eq!(answer.header("content-type"), content_type, "{name}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
        let policy = answer.header("content-security-policy");
        assert_eq!(policy.starts_with("sandbox;"), sandboxed, "{name}: {policy}");
        assert!(policy.contains("default-src 'none'") && !policy.contains("script"), "{name}: {policy}");
    }
    for name in ["a.html", "a.svg", "a.md", "a.txt", "a.xml"] {
        for view in ["", "?view=source"] {
            let page = site.get(&format!("/alice/file/latest/web/{name}{view}"), &alice).await;
            assert_eq!(page.status, 200);
            let policy = page.header("content-security-policy");
            assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
            assert!(!page.text().contains("<script>alert"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_download_keeps_its_name() {
    let site = Site::new().await;
    let name = "Zoë's \"plans\"\n100%.txt";
    write(&site.live("alice").join("d").join(name), "x");
    site.snapshot("alice", -1);
    let address = format!("/alice/raw/latest/d/{}?download", encoded("Zoë's \"plans\"%0A100%25.txt"));
    let answer = site.ask("GET", &address, &as_key(&site.alice), &[], "").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "x"));
    let disposition = answer.header("content-disposition");
    assert!(disposition.starts_with("attachment; filename=\"Zo_'s _plans_"), "{disposition}");
    assert!(
        disposition.contains("filename*=UTF-8''Zo%C3%AB%27s%20%22plans%22%250A100%2525.txt"),
        "{disposition}"
    );
}

#[tokio::test]
async fn damage_is_named() {
    let site = Site::new().await;
    let noise: Vec<u8> = (0..200_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    write(&site.live("alice").join("d/noise.dat"), noise);
    let id = site.snapshot("alice", -1).short();
    let packs = site.archive("alice").join("objects/pack");
    let pack = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path());
    let pack =
        pack.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "pack")).unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    // The noise is most of the pack, and deflated data does not survive this.
    for at in (2_000..bytes.len() - 2_000).step_by(16) {
        bytes[at] = !bytes[at];
    }
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    let page = site.get(&format!("/alice/file/{id}/d/noise.dat"), &site.session(&site.alice)).await;
    assert_eq!(page.status, 500, "{}", page.text());
    assert!(page.text().contains("alice/d/noise.dat") && page.text().contains(&id), "{}", page.text());
}
