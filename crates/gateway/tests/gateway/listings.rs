use crate::server::Server;
use std::fmt::Write;

async fn filled(keys: &[&str]) -> Server {
    let server = Server::start().await;
    for key in keys {
        server
            .alice
            .put(&format!("/alice/{key}"), if key.ends_with('/') { "" } else { "x" })
            .await
            .expect(200);
    }
    server
}

#[tokio::test]
async fn version_2() {
    let server = filled(&["a/1", "a/2", "b", "c/d/e", "ü"]).await;
    let list = |query: &[(&str, &str)]| {
        let call = server.alice.call("GET", "/alice").query("list-type", "2");
        query.iter().fold(call, |call, (name, value)| call.query(name, value)).send()
    };
    let all = list(&[]).await.expect(200);
    assert_eq!(all.tags("Key"), ["a/1", "a/2", "b", "c/d/e", "ü"]);
    assert_eq!(all.tags("Size"), ["1"; 5]);
    assert_eq!(
        all.tags("ETag")[0].trim_matches(|c| "&quot;\"".contains(c)),
        "9dd4e461268c8034f5c8564e155c67a6"
    );
    assert_eq!((all.tag("KeyCount"), all.tag("IsTruncated")), (Some("5"), Some("false")));
    let folders = list(&[("delimiter", "/")]).await;
    assert_eq!(folders.tags("Key"), ["b", "ü"]);
    assert_eq!(folders.tags("CommonPrefixes"), ["<Prefix>a/", "<Prefix>c/"]);
    assert_eq!(list(&[("prefix", "a/"), ("delimiter", "/")]).await.tags("Key"), ["a/1", "a/2"]);
    assert_eq!(list(&[("start-after", "a/2")]).await.tags("Key"), ["b", "c/d/e", "ü"]);
    assert_eq!(list(&[("encoding-type", "url"), ("prefix", "ü")]).await.tags("Key"), ["%C3%BC"]);
    let none = list(&[("max-keys", "0")]).await;
    assert_eq!((none.tags("Key").len(), none.tag("IsTruncated")), (0, Some("false")));
    list(&[("max-keys", "-1")]).await.expect(400);
    list(&[("continuation-token", "!")]).await.expect(400);

    let (mut keys, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("max-keys", "2"), ("delimiter", "/")];
        query.extend(token.as_deref().map(|token| ("continuation-token", token)));
        let page = list(&query).await.expect(200);
        keys.extend(page.tags("Key"));
        keys.extend(page.tags("CommonPrefixes"));
        match page.tag("NextContinuationToken") {
            Some(next) => token = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(keys, ["b", "<Prefix>a/", "ü", "<Prefix>c/"]);
}

#[tokio::test]
async fn version_1() {
    let server = filled(&["a/1", "b", "c"]).await;
    let list = |query: &[(&str, &str)]| {
        let call = server.alice.call("GET", "/alice");
        query.iter().fold(call, |call, (name, value)| call.query(name, value)).send()
    };
    let page = list(&[("max-keys", "1"), ("delimiter", "/")]).await.expect(200);
    assert_eq!(page.tags("CommonPrefixes"), ["<Prefix>a/"]);
    assert_eq!((page.tag("IsTruncated"), page.tag("NextMarker")), (Some("true"), Some("a/")));
    let page = list(&[("marker", "a/"), ("delimiter", "/")]).await.expect(200);
    assert_eq!((page.tags("Key"), page.tags("CommonPrefixes").len()), (vec!["b".into(), "c".into()], 0));
}

#[tokio::test]
async fn explicit_directories_are_listed_and_implicit_ones_are_not() {
    let server = filled(&["empty/", "full/", "full/file", "plain/file"]).await;
    let keys = server.alice.get("/alice").await.tags("Key");
    assert_eq!(keys, ["empty/", "full/", "full/file", "plain/file"]);
    server.alice.head("/alice/empty/").await.expect(200);
    server.alice.head("/alice/plain/").await.expect(404);
}

#[tokio::test]
async fn names_that_xml_finds_hard_come_through() {
    let keys = [
        "a & b",
        "<tag>",
        "\"quoted\"",
        "a+b",
        "50% off",
        "back\\slash",
        "e\u{301}",
        "🦀",
        "#?=;:@,$!'()*[]{}|~^`",
    ];
    let server = filled(&keys).await;
    let mut wanted: Vec<_> = keys.map(str::to_owned).into();
    wanted.sort();
    let listed = server.alice.get("/alice").await.expect(200).tags("Key");
    let unescape = |text: &String| {
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&")
    };
    assert_eq!(listed.iter().map(unescape).collect::<Vec<_>>(), wanted);
    for key in keys {
        assert_eq!(server.alice.get(&format!("/alice/{key}")).await.expect(200).body, "x", "{key}");
        assert!(server.live(key).exists(), "{key}");
    }
}

#[tokio::test]
async fn a_thousand_and_more_are_paged() {
    let server = Server::start().await;
    let mut keys = String::new();
    for at in 0..1005 {
        let _ = write!(keys, "{at:04} ");
        let path = server.live(&format!("{at:04}"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    server.gateway.reconcile(&model::BucketName::new("alice").unwrap()).unwrap();
    let page = server.alice.call("GET", "/alice").query("max-keys", "5000").send().await.expect(200);
    assert_eq!(
        (page.tags("Key").len(), page.tag("IsTruncated"), page.tag("MaxKeys")),
        (1000, Some("true"), Some("1000"))
    );
}
