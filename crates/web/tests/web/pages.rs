//! What people see.

use crate::site::{As, Site, encoded, write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

/// Alice's letters: written, changed twice, deleted; and a readme beside them.
async fn letters() -> (Site, As) {
    let site = Site::new().await;
    let live = site.live("alice");
    write(&live.join("docs/README.md"), "# Letters\n\n[first](letter.txt) <script>alert(1)</script>");
    write(&live.join("docs/letter.txt"), "one\ntwo\nthree\n");
    write(&live.join("photos/a.png"), b"\x89PNG\r\n");
    site.snapshot("alice", -72);
    write(&live.join("docs/letter.txt"), "one\nTWO <b>\nthree\n");
    site.snapshot("alice", -48);
    write(&live.join("photos/b.png"), b"\x89PNG\r\n");
    site.snapshot_with("alice", -30, &["before_backup of state docs failed"]);
    std::fs::remove_file(live.join("docs/letter.txt")).unwrap();
    site.snapshot("alice", -24);
    write(&live.join("docs/letter.txt"), "again\n");
    site.snapshot("alice", -9);
    let alice = site.session(&site.alice);
    (site, alice)
}

#[tokio::test]
async fn a_bucket_opens_with_its_latest_files() {
    let (site, alice) = letters().await;
    let page = site.get("/alice", &alice).await.text();
    assert!(page.contains("5 snapshots · last one <time datetime=\"2026-11-20T03:00:00+01:00\""), "{page}");
    assert!(page.contains(">today 03:00</time>"));
    assert!(page.contains(&format!("git clone {}/alice.git", site.base)));
    assert!(
        page.contains("href=\"/alice/tree/latest/docs\"")
            && page.contains("href=\"/alice/tree/latest/photos\"")
    );
    assert!(!page.contains(".gitattributes") && !page.contains(".heirloom"));
    let docs = site.get("/alice/tree/latest/docs", &alice).await.text();
    assert!(
        docs.contains("<h1>Letters</h1>") && docs.contains("href=\"/alice/file/latest/docs/letter.txt\"")
    );
    assert!(docs.contains("&lt;script&gt;") && !docs.contains("<script>alert"));
}

#[tokio::test]
async fn one_steps_from_change_to_change() {
    let (site, alice) = letters().await;
    let versions = site.get("/alice/versions/docs/letter.txt", &alice).await.text();
    let at = |needle: &str| versions.find(needle).unwrap_or_else(|| panic!("{needle} in {versions}"));
    assert!(at("Fri 20 Nov 2026, 03:00") < at("Thu 19 Nov 2026, 12:00"));
    assert!(at("Thu 19 Nov 2026, 12:00") < at("Wed 18 Nov 2026, 12:00"));
    assert!(versions.contains("3 versions since 17 Nov 2026"), "{versions}");
    for change in ["added", "changed", "deleted"] {
        assert!(versions.contains(&format!("<span class=\"tag {change}\">{change}</span>")), "{change}");
    }
    // From the latest page of the letter to every earlier one, by its own links, and back.
    let mut seen = Vec::new();
    let mut address = "/alice/file/latest/docs/letter.txt".to_owned();
    loop {
        let page = site.get(&address, &alice).await;
        let text = page.text();
        seen.push((page.status, heading(&text)));
        match link(&text, "rel=\"prev\" href=\"") {
            Some(next) => address = next,
            None => break,
        }
    }
    let dates = [
        "Fri 20 Nov 2026, 03:00",
        "Thu 19 Nov 2026, 12:00",
        "Wed 18 Nov 2026, 12:00",
        "Tue 17 Nov 2026, 12:00",
    ];
    let expected: Vec<(u16, String)> =
        [200, 404, 200, 200].into_iter().zip(dates.map(str::to_owned)).collect();
    assert_eq!(seen, expected, "the snapshot in which only a photograph changed is no step");
    let page = site.get(&address, &alice).await.text();
    let later = link(&page, "rel=\"next\" href=\"").unwrap();
    assert!(site.get(&later, &alice).await.text().contains("TWO &lt;b&gt;"));
    assert_eq!(page.matches("data-when=").count(), 4, "one mark for each change");
    assert_eq!(page.matches("aria-current=\"true\"").count(), 1);
}

/// A page between two changes of its path belongs to the earlier one.
#[tokio::test]
async fn a_snapshot_without_news_shows_what_was_there() {
    let (site, alice) = letters().await;
    let snapshots = site.get("/alice/snapshots", &alice).await.text();
    let third = links(&snapshots, "/alice/tree/").into_iter().find(|link| {
        snapshots.find(link).unwrap() > snapshots.find("Thursday 19 November 2026").unwrap()
            && snapshots[snapshots.find(link).unwrap()..].contains("before_backup")
            && snapshots[snapshots.find(link).unwrap()..].find("06:00").is_some_and(|at| at < 200)
    });
    let address = third.unwrap().replace("/tree/", "/file/") + "/docs/letter.txt";
    let page = site.get(&address, &alice).await.text();
    assert!(page.contains("version 2 of 4, unchanged since 18 Nov 2026"), "{page}");
    assert!(page.contains("TWO"));
}

#[tokio::test]
async fn a_deleted_file_leads_to_what_it_was() {
    let (site, alice) = letters().await;
    let versions = site.get("/alice/versions/docs/letter.txt", &alice).await.text();
    let changes = links(&versions, "/alice/changes/");
    let deletion = changes.iter().map(|link| link.split('/').nth(3).unwrap()).nth(1).unwrap().to_owned();
    let page = site.get(&format!("/alice/file/{deletion}/docs/letter.txt"), &alice).await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("Not here at this time") && page.text().contains("was deleted by then"));
    let nearest = link(&page.text(), "class=\"button primary\" href=\"").unwrap();
    assert_eq!(site.get(&nearest, &alice).await.status, 200);
    let never = site.get("/alice/file/latest/docs/never.txt", &alice).await;
    assert!(never.status == 404 && never.text().contains("No snapshot of alice holds docs/never.txt"));
}

#[tokio::test]
async fn snapshots_say_what_they_changed() {
    let (site, alice) = letters().await;
    let page = site.get("/alice/snapshots", &alice).await.text();
    assert!(page.contains("Friday 20 November 2026") && page.contains("Thursday 19 November 2026"));
    assert!(page.contains("incomplete") && page.contains("before_backup of state docs failed"), "{page}");
    let mut texts = String::new();
    for address in links(&page, "/alice/changes/") {
        texts += &site.get(&address, &alice).await.text();
    }
    assert!(
        texts.contains("<span class=\"del\">two</span><span class=\"add\">TWO &#60;b&#62;</span>"),
        "{texts}"
    );
    assert!(texts.contains("1 line added, 1 removed"));
    assert!(
        texts.contains(
            "<span class=\"tag deleted\">deleted</span><span class=\"grow\">docs/letter.txt</span>"
        )
    );
    let one = links(&texts, "/alice/changes/").into_iter().find(|link| link.ends_with("/letter.txt"));
    assert!(one.is_none(), "what is compared on the page needs no link to a page of its own");
}

#[tokio::test]
async fn names_of_every_sort_lead_somewhere() {
    let site = Site::new().await;
    let odd = site.live("alice").join("odd");
    let mut names: Vec<Vec<u8>> = [
        "plain",
        " lead and trail ",
        "50% off",
        "a%20b",
        "%41",
        "q?a#b&c=d+e",
        "<b>\"'`&",
        "new\nline",
        "tab\t",
        "back\\slash",
        "-dash",
        ".dot",
        "...",
        "ünïcödé",
        "e\u{301} nfd",
        "日本語",
        "🌳",
        ".git",
        ".GITATTRIBUTES",
        "{curly}",
        "semi;colon",
        "latest",
        "x.tar",
        "~tilde",
        "^caret",
        "[br]",
        "\u{202e}rtl",
    ]
    .iter()
    .map(|name| name.as_bytes().to_vec())
    .collect();
    names.push(b"latin-\xefve".to_vec());
    names.push(vec![b'n'; 255]);
    for name in &names {
        write(&odd.join(std::ffi::OsStr::from_bytes(name)), name);
    }
    write(&site.live("alice").join("deep").join("d/".repeat(400)).join("end.txt"), "the end");
    site.snapshot("alice", -1);
    let alice = site.session(&site.alice);
    let page = site.get("/alice/tree/latest/odd", &alice).await.text();
    let found = links(&page, "/alice/file/latest/odd/");
    assert_eq!(found.len(), names.len(), "{found:#?}");
    let mut contents = Vec::new();
    for address in &found {
        assert_eq!(site.get(address, &alice).await.status, 200, "{address}");
        let versions = site.get(&address.replace("/file/latest/", "/versions/"), &alice).await;
        assert_eq!(versions.status, 200, "{address}");
        contents.push(site.get(&address.replace("/file/", "/raw/"), &alice).await.body);
    }
    contents.sort();
    names.sort();
    assert_eq!(contents, names, "each link led to its own file");
    let end = format!("/alice/raw/latest/deep/{}end.txt", "d/".repeat(400));
    assert_eq!(site.get(&end, &alice).await.text(), "the end");
    assert_eq!(site.get(&end.replace("/raw/", "/file/"), &alice).await.status, 200);
    for nowhere in [
        "/alice/raw/latest/odd/..%2fodd%2fplain",
        "/alice/file/latest/odd/%00",
        "/alice/tree/latest/odd//x",
        "/alice/file/latest/.heirloom/README.md",
        "/alice/tree/zzzz",
        "/alice/tree/000000",
        "/alice/raw/latest/.gitattributes",
    ] {
        assert_eq!(site.get(nowhere, &alice).await.status, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn ten_thousand_entries_are_pages() {
    let site = Site::new().await;
    let folder = site.live("alice").join("many");
    std::fs::create_dir_all(&folder).unwrap();
    for number in 0..10_000 {
        std::fs::write(folder.join(format!("file {number:05}.txt")), number.to_string()).unwrap();
    }
    site.snapshot("alice", -1);
    let alice = site.session(&site.alice);
    let begun = std::time::Instant::now();
    let first = site.get("/alice/tree/latest/many", &alice).await.text();
    assert!(begun.elapsed().as_secs() < 10);
    assert!(
        first.contains("10,000 files") && first.contains("href=\"?page=2\""),
        "{}",
        &first[first.len() - 2000..]
    );
    assert_eq!(links(&first, "/alice/file/").len(), 1_000);
    let last = site.get("/alice/tree/latest/many?page=10", &alice).await.text();
    assert!(last.contains("file 09999.txt") && !last.contains("?page=11"));
    let largest = site.get("/alice/tree/latest/many?sort=largest", &alice).await.text();
    assert!(links(&largest, "/alice/file/")[0].contains("01000"), "among equals, by name");
}

#[tokio::test]
async fn every_kind_of_file_is_shown_as_what_it_is() {
    let site = Site::new().await;
    let live = site.live("alice");
    for (name, content) in [
        ("code.rs", "fn main() {}\n".as_bytes()),
        ("letter.md", b"# Hello"),
        ("old.txt", b"Gr\xfc\xdfe"),
        ("picture.jpg", b"\xff\xd8\xff"),
        ("song.mp3", b"ID3"),
        ("film.webm", b"\x1aE"),
        ("paper.pdf", b"%PDF-1.4"),
        ("program", b"\x7fELF\0\0"),
        ("nothing.txt", b""),
    ] {
        write(&live.join("all").join(name), content);
    }
    write(&live.join("all/huge.txt"), "long\n".repeat(300_000));
    std::fs::create_dir_all(live.join("all/hollow")).unwrap();
    symlink("letter.md", live.join("all/link")).unwrap();
    symlink("/etc/passwd", live.join("all/outside")).unwrap();
    site.snapshot("alice", -1);
    let alice = site.session(&site.alice);
    for (name, expected) in [
        ("code.rs", "<span class=ht>fn</span>"),
        ("code.rs", "id=\"L1\"><a href=\"#L1\""),
        ("letter.md", "<h1>Hello</h1>"),
        ("letter.md?view=source", "Hello</span>"),
        ("old.txt", "Grüße"),
        ("picture.jpg", "<img src=\"/alice/raw/latest/all/picture.jpg\""),
        ("song.mp3", "<audio controls"),
        ("film.webm", "<video controls"),
        ("paper.pdf", "<iframe src=\"/alice/raw/latest/all/paper.pdf\""),
        ("program", "This is not a text"),
        ("nothing.txt", "This file is empty"),
        ("huge.txt", "Too large to show here"),
        ("link", "<a href=\"/alice/file/latest/all/letter.md\"><code>letter.md</code></a>"),
        ("outside", "It points to <code>/etc/passwd</code>"),
    ] {
        let page = site.get(&format!("/alice/file/latest/all/{name}"), &alice).await;
        assert!(page.status == 200 && page.text().contains(expected), "{name}: {}", page.text());
    }
    assert_eq!(site.get("/alice/raw/latest/all/outside", &alice).await.text(), "/etc/passwd");
    let hollow = site.get("/alice/tree/latest/all/hollow", &alice).await;
    assert!(hollow.status == 200 && hollow.text().contains("This folder is empty"));
    for (wrong, right) in [
        ("/alice/file/latest/all", "/alice/tree/latest/all"),
        ("/alice/tree/latest/all/code.rs", "/alice/file/latest/all/code.rs"),
    ] {
        assert_eq!(site.get(wrong, &alice).await.header("location"), right);
    }
}

/// Readers are kept between requests; none may outlive what it has seen.
#[tokio::test]
async fn a_new_snapshot_shows_at_once() {
    let site = Site::new().await;
    let alice = site.session(&site.alice);
    assert!(site.get("/alice", &alice).await.text().contains("No snapshot yet"));
    for number in 1..=5_i64 {
        write(&site.live("alice").join("d/a.txt"), format!("text {number}\n"));
        site.snapshot("alice", number - 50);
        for _ in 0..2 {
            assert_eq!(
                site.get("/alice/raw/latest/d/a.txt", &alice).await.text(),
                format!("text {number}\n")
            );
            let page = site.get("/alice/file/latest/d/a.txt", &alice).await.text();
            assert!(page.contains(&format!("text {number}")), "{page}");
        }
    }
    let archive = site.archive("alice");
    let mut git = std::process::Command::new("git");
    let repacked = git.arg("-C").arg(&archive).args(["repack", "-adfq"]).output().unwrap();
    assert!(repacked.status.success(), "{}", String::from_utf8_lossy(&repacked.stderr));
    let old = site.get("/alice/versions/d/a.txt", &alice).await.text();
    for address in links(&old, "/alice/raw/") {
        assert_eq!(
            site.get(&address, &alice).await.status,
            200,
            "its pack is gone, its bytes are not: {address}"
        );
    }
}

#[tokio::test]
async fn before_the_first_snapshot() {
    let site = Site::new().await;
    let alice = site.session(&site.alice);
    let page = site.get("/alice", &alice).await;
    assert!(page.status == 200 && page.text().contains("The first snapshot is still to come"));
    assert!(page.text().contains("http://127.0.0.1:9000"));
    assert_eq!(site.get("/alice/snapshots", &alice).await.header("location"), "/alice");
    for nowhere in
        ["/alice/raw/latest/a", "/alice/download/latest.zip", "/alice/versions/a", "/alice/changes/latest"]
    {
        assert_eq!(site.get(nowhere, &alice).await.status, 404, "{nowhere}");
    }
}

#[tokio::test]
async fn what_watches_and_surrounds() {
    let site = Site::new().await;
    let plain = |path: &'static str| site.ask("GET", path, &As::Nobody, &[], "");
    assert_eq!(plain("/healthz").await.status, 200);
    assert_eq!(plain("/readyz").await.status, 200);
    write(&site.place.path().join("not-ready"), "");
    let unready = plain("/readyz").await;
    assert!(unready.status == 503 && unready.text().contains("the disk is full"));
    assert_eq!(plain("/healthz").await.status, 200);
    assert!(plain("/robots.txt").await.text().contains("Disallow: /"));
    assert_eq!(plain("/favicon.svg").await.header("content-type"), "image/svg+xml");
    assert_eq!(plain("/-/nothing").await.status, 404);
    let page = site.get("/sign-in", &As::Nobody).await;
    for asset in links(&page.text(), "/-/") {
        let answer = site.get(&asset, &As::Nobody).await;
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, "public, max-age=31536000, immutable")
        );
    }
    let zipped = site.ask("GET", "/sign-in", &As::Nobody, &[("accept-encoding", "gzip")], "").await;
    assert_eq!(zipped.header("content-encoding"), "gzip");
    for (name, value) in [("referrer-policy", "same-origin"), ("x-content-type-options", "nosniff")] {
        assert_eq!(page.header(name), value);
    }
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"));
    let lost = site.get("/no/such/page", &As::Nobody).await;
    assert!(lost.status == 404 && lost.text().contains("<h1>Not found</h1>"));
    let program = plain("/no/such/page").await;
    assert!(program.status == 404 && !program.text().contains('<'), "{}", program.text());
}

fn heading(page: &str) -> String {
    let time = &page[page.find("class=\"when\"").unwrap()..];
    let begin = time.find("\">").map(|_| time.find("<time").unwrap()).unwrap();
    let text = &time[begin..];
    text[text.find('>').unwrap() + 1..text.find("</time>").unwrap()].to_owned()
}

/// What follows `before` up to the next quote.
fn link(page: &str, before: &str) -> Option<String> {
    let rest = &page[page.find(before)? + before.len()..];
    Some(rest[..rest.find('"')?].to_owned())
}

/// All different links that begin so, in order.
fn links(page: &str, begin: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in page.split(['"']) {
        if part.starts_with(begin) && !found.iter().any(|known| known == part) {
            found.push(part.to_owned());
        }
    }
    found
}

#[test]
fn addresses_are_encoded_carefully() {
    assert_eq!(encoded("a b/ü"), "a%20b/%C3%BC");
}
