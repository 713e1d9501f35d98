//! What a program asks with a key: take a snapshot, list them.

use crate::site::{As, Site, as_key, write};
use accounts::Permission;
use serde_json::Value;

const SNAPSHOTS: &str = "/api/v1/buckets/alice/snapshots";

async fn ask(site: &Site, method: &str, path: &str, who: &As, body: &str) -> (u16, Value) {
    let answer = site.ask(method, path, who, &[("accept", "*/*")], body).await;
    let json = serde_json::from_slice(&answer.body);
    (answer.status, json.unwrap_or_else(|error| panic!("{error}: {}", answer.text())))
}

#[tokio::test]
async fn a_snapshot_is_taken_and_listed() {
    let site = Site::new().await;
    let alice = as_key(&site.alice);
    assert_eq!(ask(&site, "GET", SNAPSHOTS, &alice, "").await, (200, serde_json::json!([])));
    let (status, refused) = ask(&site, "POST", SNAPSHOTS, &alice, "").await;
    assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("no_files")));

    write(&site.live("alice").join("docs/a.txt"), "a");
    site.snapshot("alice", -3);
    write(&site.live("alice").join("docs/b.txt"), "bb");
    let reasons = r#"{"incomplete": ["docs was not synced"]}"#;
    let (status, taken) = ask(&site, "POST", SNAPSHOTS, &alice, reasons).await;
    assert_eq!(status, 200, "{taken}");
    assert_eq!(taken["name"], "attic-2026-11-20T11:15:00Z");
    assert_eq!((&taken["new"], &taken["added"], &taken["files"]), (&true.into(), &1.into(), &2.into()));
    assert_eq!(taken["incomplete"], serde_json::json!(["docs was not synced"]));

    // Nothing has changed: the same snapshot, not another one.
    let (_, again) = ask(&site, "POST", SNAPSHOTS, &alice, "").await;
    assert_eq!((&again["id"], &again["new"]), (&taken["id"], &false.into()));
    let (_, listed) = ask(&site, "GET", SNAPSHOTS, &alice, "").await;
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cloud-2026-11-20T08:00:00Z", "attic-2026-11-20T11:15:00Z"], "oldest first");
    assert_eq!(listed[1]["incomplete"], serde_json::json!(["docs was not synced"]), "history says so too");
}

#[tokio::test]
async fn only_the_owner_takes_one() {
    let site = Site::new().await;
    write(&site.live("alice").join("docs/a.txt"), "a");
    site.snapshot("alice", -3);
    write(&site.live("alice").join("docs/b.txt"), "b");
    let (alice, bob) = (as_key(&site.alice), as_key(&site.bob));
    let wrong = As::Key(site.alice.id.as_str().to_owned(), "guessed".to_owned());
    let session = site.session(&site.alice);
    let mut table = vec![
        ("POST", &As::Nobody, 401, "key"),
        ("GET", &As::Nobody, 401, "key"),
        ("POST", &wrong, 401, "key"),
        ("POST", &session, 401, "key"),
        ("POST", &bob, 404, "not_found"),
        ("GET", &bob, 404, "not_found"),
    ];
    let bucket = site.alice.user.bucket();
    let check = async |table: &[(&str, &As, u16, &str)]| {
        for (method, who, status, code) in table {
            let (found, body) = ask(&site, method, SNAPSHOTS, who, "").await;
            assert_eq!((found, body["error"]["code"].as_str()), (*status, Some(*code)), "{method} {body}");
            assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 20), "{body}");
        }
    };
    check(&table).await;
    for permission in [Permission::Read, Permission::Write] {
        site.accounts.grant(&site.bob.user, &bucket, permission).unwrap();
        table = vec![("POST", &bob, 403, "forbidden")];
        check(&table).await;
        assert_eq!(ask(&site, "GET", SNAPSHOTS, &bob, "").await.0, 200);
    }
    let (status, body) = ask(&site, "POST", "/api/v1/buckets/nobody/snapshots", &alice, "").await;
    assert_eq!((status, body["error"]["code"].as_str()), (404, Some("not_found")));
    let (status, _) = ask(&site, "GET", "/api/v2/anything", &alice, "").await;
    assert_eq!(status, 404);
    assert_eq!(ask(&site, "GET", SNAPSHOTS, &alice, "").await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_done_is_said_in_json() {
    let site = Site::new().await;
    write(&site.live("alice").join("docs/a.txt"), "a");
    site.snapshot("alice", -3);
    let alice = as_key(&site.alice);
    let (status, body) = ask(&site, "POST", SNAPSHOTS, &alice, "not json").await;
    assert_eq!((status, body["error"]["code"].as_str()), (400, Some("unclear")));
    let (status, body) = ask(&site, "POST", SNAPSHOTS, &alice, r#"{"incomplete": "text"}"#).await;
    assert_eq!((status, body["error"]["code"].as_str()), (400, Some("unclear")));
    let occupied = site.occupy("alice");
    let (status, body) = ask(&site, "POST", SNAPSHOTS, &alice, "").await;
    assert_eq!((status, body["error"]["code"].as_str()), (409, Some("busy")));
    drop(occupied);
    // What another site makes a browser send goes nowhere.
    let foreign = [("sec-fetch-site", "cross-site")];
    assert_eq!(site.ask("POST", SNAPSHOTS, &alice, &foreign, "").await.status, 403);
}
