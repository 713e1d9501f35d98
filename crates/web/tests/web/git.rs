//! Stock git against the server.

use crate::site::{Site, as_key, write};
use accounts::Key;
use std::path::Path;
use std::process::{Command, Output};

struct Workplace {
    home: tempfile::TempDir,
}

impl Workplace {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    async fn git(&self, arguments: &[&str], variables: &[(&'static str, &str)]) -> Output {
        let mut git = Command::new("git");
        git.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        git.env("PATH", std::env::var_os("PATH").unwrap()).env("GIT_TERMINAL_PROMPT", "0");
        git.env("GIT_CONFIG_NOSYSTEM", "1").envs(variables.iter().copied());
        tokio::task::spawn_blocking(move || git.output().unwrap()).await.unwrap()
    }

    async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.git(arguments, &[]).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn url(site: &Site, key: &Key, bucket: &str) -> String {
    let address = site.base.strip_prefix("http://").unwrap();
    format!("http://{}:{}@{address}/{bucket}.git", key.id.as_str(), key.secret.reveal())
}

#[tokio::test]
async fn clone_fetch_and_partial_clone() {
    let site = Site::new().await;
    let live = site.live("alice");
    for number in 0..300 {
        write(&live.join(format!("docs/{number}.txt")), format!("text {number}\n").repeat(number));
    }
    site.snapshot("alice", -2);
    let place = Workplace::new();
    let url = url(&site, &site.alice, "alice");
    let trace = [("GIT_TRACE_PACKET", "1")];
    let output = place.git(&["clone", &url, "clone"], &trace).await;
    let heard = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{heard}");
    assert!(heard.contains("clone< version 2") || heard.contains("git< version 2"), "protocol v2: {heard}");
    let mut diff = Command::new("diff");
    let same = diff.arg("-r").arg(live.join("docs")).arg(place.path().join("clone/docs")).output().unwrap();
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stdout));
    place.ok(&["-C", "clone", "fsck", "--strict"]).await;

    write(&live.join("docs/new.txt"), "new\n");
    let id = site.snapshot("alice", -1).to_string();
    place.ok(&["-C", "clone", "pull", "--ff-only"]).await;
    assert_eq!(place.ok(&["-C", "clone", "rev-parse", "HEAD"]).await.trim(), id);
    assert!(place.path().join("clone/docs/new.txt").is_file());

    place.ok(&["clone", "--filter=blob:none", "--no-checkout", &url, "partial"]).await;
    let missing = place.ok(&["-C", "partial", "rev-list", "--objects", "--all", "--missing=print"]).await;
    assert!(missing.lines().filter(|line| line.starts_with('?')).count() > 250, "blobs were left out");
    place.ok(&["-C", "partial", "checkout", "HEAD", "--", "docs/7.txt"]).await;
    assert_eq!(
        std::fs::read_to_string(place.path().join("partial/docs/7.txt")).unwrap(),
        "text 7\n".repeat(7)
    );

    place.ok(&["-c", "protocol.version=0", "clone", "--depth=1", &url, "old"]).await;
    assert_eq!(place.ok(&["-C", "old", "rev-parse", "HEAD"]).await.trim(), id);
}

/// Many `have` lines make git send its request compressed.
#[tokio::test]
async fn a_long_negotiation_arrives_compressed() {
    let site = Site::new().await;
    for number in 0..60 {
        write(&site.live("alice").join("a.txt"), number.to_string());
        site.snapshot("alice", number - 100);
    }
    let place = Workplace::new();
    let url = url(&site, &site.alice, "alice");
    place.ok(&["clone", &url, "clone"]).await;
    let commit =
        ["-C", "clone", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "mine"];
    for _ in 0..30 {
        place.ok(&commit).await;
    }
    write(&site.live("alice").join("a.txt"), "last");
    let id = site.snapshot("alice", -1).to_string();
    let traced = place.git(&["-C", "clone", "fetch"], &[("GIT_TRACE_CURL", "1")]).await;
    let heard = String::from_utf8_lossy(&traced.stderr).into_owned();
    assert!(traced.status.success(), "{heard}");
    assert!(heard.to_lowercase().contains("content-encoding: gzip"), "the request was compressed");
    assert_eq!(place.ok(&["-C", "clone", "rev-parse", "origin/main"]).await.trim(), id);
}

#[tokio::test]
async fn a_bucket_without_a_snapshot_clones_empty() {
    let site = Site::new().await;
    let place = Workplace::new();
    place.ok(&["clone", &url(&site, &site.alice, "alice"), "clone"]).await;
    write(&site.live("alice").join("a/b.txt"), "first\n");
    site.snapshot("alice", -1);
    place.ok(&["-C", "clone", "pull"]).await;
    assert_eq!(std::fs::read_to_string(place.path().join("clone/a/b.txt")).unwrap(), "first\n");
}

#[tokio::test]
async fn history_is_not_written_from_outside() {
    let site = Site::new().await;
    write(&site.live("alice").join("a/b.txt"), "first\n");
    let before = site.snapshot("alice", -1).to_string();
    let place = Workplace::new();
    let url = url(&site, &site.alice, "alice");
    place.ok(&["clone", &url, "clone"]).await;
    let commit =
        ["-C", "clone", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--allow-empty", "-m", "mine"];
    place.ok(&commit).await;
    for refspec in ["HEAD:main", "HEAD:other", ":main"] {
        let pushed = place.git(&["-C", "clone", "push", "--force", "origin", refspec], &[]).await;
        let heard = String::from_utf8_lossy(&pushed.stderr).into_owned();
        assert!(!pushed.status.success() && heard.contains("403"), "{heard}");
    }
    let answer = site.ask("POST", "/alice.git/git-receive-pack", &as_key(&site.alice), &[], "").await;
    assert!(answer.status == 403 && answer.text().contains("read only"));
    assert_eq!(
        place.ok(&["ls-remote", &url, "refs/heads/main"]).await.split('\t').next(),
        Some(before.as_str())
    );
    let dumb = site.ask("GET", "/alice.git/info/refs", &as_key(&site.alice), &[], "").await;
    assert_eq!(dumb.status, 403);
    assert_eq!(
        site.ask("GET", "/alice.git/objects/info/packs", &as_key(&site.alice), &[], "").await.status,
        404
    );
    assert_eq!(site.ask("GET", "/alice.git/config", &as_key(&site.alice), &[], "").await.status, 404);
}

#[tokio::test]
async fn a_wrong_key_clones_nothing() {
    let site = Site::new().await;
    write(&site.live("alice").join("a/b.txt"), "first\n");
    site.snapshot("alice", -1);
    let place = Workplace::new();
    let refused = place.git(&["clone", &url(&site, &site.bob, "alice"), "clone"], &[]).await;
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("not found"),
        "somebody else's bucket is not there"
    );
    site.accounts.revoke_key(&site.alice.id).unwrap();
    let refused = place.git(&["clone", &url(&site, &site.alice, "alice"), "clone"], &[]).await;
    assert!(!refused.status.success(), "a revoked key opens nothing");
    let unclear = site.ask("POST", "/bob.git/git-upload-pack", &as_key(&site.bob), &[], "0000").await;
    assert_eq!(unclear.status, 400, "only git speaks here");
}
