//! Who gets in, and who never learns that there was a door.

use crate::site::{As, Site, as_key, now, write};
use accounts::Permission;
use std::time::Duration;

/// Every kind of address in a bucket.
fn addresses(bucket: &str, snapshot: &str) -> Vec<String> {
    let mut all = vec![format!("/{bucket}"), format!("/{bucket}/snapshots")];
    for at in ["latest", snapshot] {
        all.extend([
            format!("/{bucket}/tree/{at}"),
            format!("/{bucket}/tree/{at}/docs"),
            format!("/{bucket}/file/{at}/docs/a.txt"),
            format!("/{bucket}/raw/{at}/docs/a.txt"),
            format!("/{bucket}/changes/{at}"),
            format!("/{bucket}/changes/{at}/docs/a.txt"),
            format!("/{bucket}/download/{at}.zip"),
            format!("/{bucket}/download/{at}/docs.tar"),
        ]);
    }
    all.push(format!("/{bucket}/versions/docs/a.txt"));
    all
}

async fn two_users() -> (Site, String) {
    let site = Site::new().await;
    write(&site.live("alice").join("docs/a.txt"), "secret of alice\n");
    let id = site.snapshot("alice", -3).short();
    (site, id)
}

#[tokio::test]
async fn a_bucket_does_not_exist_for_others() {
    let (site, id) = two_users().await;
    let (alice, bob) = (site.session(&site.alice), site.session(&site.bob));
    for address in addresses("alice", &id) {
        assert_eq!(site.get(&address, &alice).await.status, 200, "{address}");
        let refused = site.get(&address, &bob).await;
        assert_eq!(refused.status, 404, "{address}");
        assert!(!refused.text().contains("secret"), "{address}");
        // Nor can bob tell a bucket of somebody else's from none at all.
        let nowhere = site.get(&address.replacen("alice", "nobody", 1), &bob).await;
        assert_eq!((nowhere.status, nowhere.text()), (404, refused.text()), "{address}");
        let stranger = site.get(&address, &As::Nobody).await;
        assert_eq!(
            (stranger.status, stranger.header("location").starts_with("/sign-in?next=")),
            (303, true),
            "{address}"
        );
        let wrong = As::Session("0".repeat(43));
        assert_eq!(site.get(&address, &wrong).await.status, 303, "{address}");
    }
    for address in
        ["/alice.git/info/refs?service=git-upload-pack", "/nobody.git/info/refs?service=git-upload-pack"]
    {
        assert_eq!(site.get(address, &as_key(&site.bob)).await.status, 404, "{address}");
        assert_eq!(site.get(address, &As::Nobody).await.status, 401, "{address}");
        assert_eq!(site.get(address, &alice).await.status, 401, "git takes keys, not sessions");
    }
}

#[tokio::test]
async fn programs_may_use_their_key_for_files_and_only_there() {
    let (site, id) = two_users().await;
    let (alice, bob) = (as_key(&site.alice), as_key(&site.bob));
    for address in addresses("alice", &id) {
        let is_file = address.contains("/raw/") || address.contains("/download/");
        let expected = if is_file { 200 } else { 303 };
        assert_eq!(site.ask("GET", &address, &alice, &[], "").await.status, expected, "{address}");
        let expected = if is_file { 404 } else { 303 };
        assert_eq!(site.ask("GET", &address, &bob, &[], "").await.status, expected, "{address}");
    }
    let refused = site.ask("GET", "/alice/raw/latest/docs/a.txt", &As::Nobody, &[], "").await;
    assert_eq!((refused.status, refused.header("www-authenticate").starts_with("Basic")), (401, true));
    assert!(!refused.text().contains("<html"), "programs read text");
    let id = site.alice.id.as_str().to_owned();
    let wrong =
        site.ask("GET", "/alice/raw/latest/docs/a.txt", &As::Key(id, "wrong".to_owned()), &[], "").await;
    assert_eq!(wrong.status, 401);
}

#[tokio::test]
async fn a_grant_opens_a_bucket_and_its_end_closes_it() {
    let (site, id) = two_users().await;
    let bob = site.session(&site.bob);
    let bucket = site.alice.user.bucket();
    assert_eq!(site.get("/", &bob).await.header("location"), "/bob", "straight to the only one");
    site.accounts.grant(&site.bob.user, &bucket, Permission::Read).unwrap();
    for address in addresses("alice", &id) {
        assert_eq!(site.get(&address, &bob).await.status, 200, "{address}");
    }
    let home = site.get("/", &bob).await;
    assert!(home.text().contains("shared with you") && home.text().contains("href=\"/alice\""));
    site.accounts.revoke_grant(&site.bob.user, &bucket).unwrap();
    assert_eq!(site.get("/alice", &bob).await.status, 404);
}

#[tokio::test]
async fn a_key_signs_in_and_out() {
    let (site, _) = two_users().await;
    let form = format!(
        "access_key_id={}&secret_access_key={}&next=%2Falice%2Fsnapshots",
        site.alice.id.as_str(),
        site.alice.secret.reveal()
    );
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];
    let entered = site.ask("POST", "/sign-in", &As::Nobody, &headers, &form).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/alice/snapshots"));
    let cookie = entered.header("set-cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert_eq!(entered.header("cache-control"), "no-store");
    let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    let alice = As::Session(token);
    assert_eq!(site.get("/alice", &alice).await.status, 200);
    assert_eq!(site.get("/sign-in?next=%2Falice", &alice).await.header("location"), "/alice");
    assert_eq!(site.get("/sign-out", &alice).await.status, 405, "a link must not sign anybody out");
    let left = site.ask("POST", "/sign-out", &alice, &headers, "").await;
    assert!(left.status == 303 && left.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(site.get("/alice", &alice).await.status, 303, "the session is over on the server too");
}

#[tokio::test]
async fn other_sites_cannot_act_for_a_user() {
    let (site, _) = two_users().await;
    let alice = site.session(&site.alice);
    let host = site.base.strip_prefix("http://").unwrap().to_owned();
    for (headers, expected) in [
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("origin", "https://evil.example")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", site.base.as_str()), ("host", host.as_str())], 303),
    ] {
        let answer = site.ask("POST", "/sign-out", &alice, &headers, "").await;
        assert_eq!(answer.status, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_link_signs_in_once() {
    let site = Site::with_base_url(Some("https://files.example.org/")).await;
    let lifetime = Duration::from_mins(10);
    let token = site.accounts.create_sign_in(&site.alice.user, now(), lifetime).unwrap();
    let link = format!("/sign-in?token={}&next=%2Falice%2Ftree%2Flatest", token.reveal());
    let preview = site.ask("HEAD", &link, &As::Nobody, &[], "").await;
    assert!(preview.header("set-cookie").is_empty(), "a preview does not use the link up");
    let entered = site.get(&link, &As::Nobody).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/alice/tree/latest"));
    assert!(entered.header("set-cookie").contains("; Secure"), "the pages are reached over TLS");
    let again = site.get(&link, &As::Nobody).await;
    assert_eq!((again.status, again.header("set-cookie")), (403, ""));
    assert!(again.text().contains("used already"));
    let token = site.accounts.create_sign_in(&site.alice.user, now(), lifetime).unwrap();
    let elsewhere = format!("/sign-in?token={}&next=%2F%2Fevil.example", token.reveal());
    assert_eq!(site.get(&elsewhere, &As::Nobody).await.header("location"), "/");
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let (site, _) = two_users().await;
    let form = format!("access_key_id={}&secret_access_key=guess", site.alice.id.as_str());
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    for attempt in 0..10 {
        let answer = site.ask("POST", "/sign-in", &As::Nobody, &headers, &form).await;
        assert_eq!(answer.status, 403, "attempt {attempt}");
    }
    let refused = site.ask("POST", "/sign-in", &As::Nobody, &headers, &form).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "600"));
    let key = site.ask("GET", "/alice/raw/latest/docs/a.txt", &as_key(&site.alice), &[], "").await;
    assert_eq!(key.status, 429, "the right key too: it cannot be told from a guess that hit");
    assert_eq!(site.get("/alice", &site.session(&site.alice)).await.status, 200, "sessions go on");
}
