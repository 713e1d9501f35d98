//! Two people on one cloud: neither sees a thing of the other's.

use crate::home::Home;
use crate::server::{Cloud, get};

#[test]
fn a_name_that_the_web_view_needs_is_refused() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    home.run(&["user", "add", "metrics", "--config", cloud.config()])
        .code(2)
        .says(&["`metrics` cannot be a user"]);
}

#[test]
fn a_key_opens_its_own_bucket_and_nothing_else() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/diary.txt", "alice's diary");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).ok();
    cloud.snapshot();

    let bob = home.path("bob.join");
    let added = home
        .run(&[
            "user",
            "add",
            "bob",
            "--json",
            "--join-file",
            bob.to_str().unwrap(),
            "--config",
            cloud.config(),
        ])
        .ok();
    let key = &added.json()[0];
    let (id, secret) = (key["access_key_id"].as_str().unwrap(), key["secret_access_key"].as_str().unwrap());

    // git: bob's key does not open alice's history, not even its existence.
    let url = format!("http://{id}:{secret}@127.0.0.1:{}/alice.git", cloud.web);
    home.git(&["clone", "--quiet", &url, "stolen"]).code(128);
    assert!(!home.path("stolen").exists());

    // S3: a laptop of bob's that names alice's bucket is refused.
    let root = home.path("").display().to_string();
    let profile = home.write(
        "bob.yml",
        &format!(
            "profile: laptop\nmachine: bobs\nstate_dir: {root}/state-bob\ndestinations:\n  cloud:\n    endpoint: http://127.0.0.1:{}\n\
             \x20   bucket: alice\n    access_key_id: {id}\n    secret_access_key: {secret}\n\
             states:\n  documents: {{folders: [{root}/bobs]}}\n",
            cloud.s3
        ),
    );
    std::fs::create_dir(home.path("bobs")).unwrap();
    home.run(&["sync", "--config", profile.to_str().unwrap()]).code(12);
    assert_eq!(std::fs::read_dir(home.path("bobs")).unwrap().count(), 0);

    // His own bucket works, and the web shows nothing of alice's.
    let own = std::fs::read_to_string(&profile).unwrap().replace("bucket: alice", "bucket: bob");
    std::fs::write(&profile, own).unwrap();
    home.write("bobs/mine.txt", "bob's");
    home.run(&["sync", "--config", profile.to_str().unwrap()]).ok();
    assert_eq!(home.read("cloud/live/bob/documents/mine.txt").as_deref(), Some("bob's"));
    assert_eq!(get(cloud.web, "/alice/raw/latest/documents/diary.txt", None).unwrap().0 / 100, 4);

    let listed = home.run(&["user", "list", "--config", cloud.config()]).ok();
    assert!(listed.stdout.contains("alice") && listed.stdout.contains("bob"), "{}", listed.stdout);
    let keys = home.run(&["key", "list", "bob", "--json", "--config", cloud.config()]).ok();
    assert!(!keys.stdout.contains(secret), "a secret is never listed");
}
