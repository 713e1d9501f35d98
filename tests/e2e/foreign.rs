//! Stock S3 programs that know nothing of Heirloom: rclone, as a client and as a store.

use crate::home::{Home, eventually, same_trees};
use crate::server::Cloud;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use testkit::tools::have;
use testkit::{Tricky, servers};

#[test]
fn rclone_reads_and_writes_what_heirloom_does() {
    if !have("rclone") {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write(
        "rclone.conf",
        &format!(
            "[cloud]\ntype = s3\nprovider = Other\nendpoint = http://127.0.0.1:{}\nregion = us-east-1\naccess_key_id = {}\nsecret_access_key = {}\n",
            cloud.s3,
            cloud.joined("laptop", "access_key_id"),
            cloud.joined("laptop", "secret_access_key")
        ),
    );
    let rclone = |arguments: &[&str]| {
        let mut command = home.program("rclone");
        let output =
            command.args(["--config", "rclone.conf", "--retries", "1"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "rclone {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    fs::create_dir(home.path("tree")).unwrap();
    fs::create_dir(home.path("tree/sub")).unwrap();
    home.write("tree/letter.txt", "written by rclone");
    home.write("tree/sub/ümläut & co.txt", "names");
    rclone(&["copy", "tree", "cloud:alice/documents"]);
    rclone(&["check", "tree", "cloud:alice/documents"]);

    // The laptop gets rclone's files, times included, and rclone gets the laptop's.
    let profile = cloud.laptop("laptop", "documents");
    home.run(&["sync", "--config", &profile]).ok();
    eventually("rclone's files", || same_trees(&home.path("tree"), &home.path("documents")));
    testkit::plant(&home.path("documents"), Tricky::NoGitNames);
    home.run(&["sync", "--config", &profile]).ok();
    rclone(&["copy", "cloud:alice/documents/deep", "fetched"]);
    assert_eq!(home.read("fetched/er/and/deeper/leaf").as_deref(), Some("leaf"));
    rclone(&["delete", "cloud:alice/documents/letter.txt"]);
    home.run(&["sync", "--config", &profile]).ok();
    assert!(!home.path("documents/letter.txt").exists());
    assert!(rclone(&["lsf", "cloud:"]).contains("alice/"));
}

/// A store that makes files of keys that end in a slash.
#[test]
fn what_directories_say_is_kept_by_a_store_that_has_none() {
    let home = Home::new();
    let root = home.path("s3");
    fs::create_dir_all(root.join("anna.example")).unwrap();
    let (id, secret) = ("ID0123456789", "SECRET0123456789");
    let Some((address, _server)) = servers::s3(&root, id, secret) else { return };
    let machine = |name: &str| {
        fs::create_dir_all(home.path(name)).unwrap();
        let access = format!("bucket: anna.example, access_key_id: {id}, secret_access_key: {secret}");
        let text = format!(
            "profile: laptop\nmachine: {name}\nstate_dir: {state}\n\
             destinations: {{store: {{endpoint: \"{address}\", {access}}}}}\n\
             states: {{documents: {{folders: [{folder}]}}}}\n",
            state = home.path(&format!("{name}.state")).display(),
            folder = home.path(name).display()
        );
        home.write(&format!("{name}.yml"), &text).to_str().unwrap().to_owned()
    };
    let (one, two) = (machine("one"), machine("two"));
    let sync = |profile: &str| home.run(&["sync", "--config", profile]).ok();
    // It ignores conditions, which is for a log.
    home.write("one/a", "a");
    home.run(&["sync", "-v", "--config", &one]).ok().says(&["does not honour conditions"]);
    fs::create_dir(home.path("one/empty")).unwrap();
    fs::create_dir(home.path("one/private")).unwrap();
    home.write("one/private/letter", "dear");
    fs::set_permissions(home.path("one/private"), Permissions::from_mode(0o700)).unwrap();
    let first = sync(&one);
    assert_eq!(first.stderr, "", "nothing is the matter");
    assert!(sync(&one).stdout.contains("nothing to do"));
    home.run(&["status", "--config", &one]).ok().tells(&["in sync"]);
    sync(&two);
    assert!(home.path("two/empty").is_dir());
    let mode = fs::metadata(home.path("two/private")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    // One that is removed goes everywhere, and so does one that holds something now.
    fs::remove_dir(home.path("two/empty")).unwrap();
    sync(&two);
    sync(&one);
    assert!(!home.path("one/empty").exists());
    assert_eq!(
        fs::read_dir(root.join("anna.example/.heirloom")).map_or(0, Iterator::count),
        0,
        "what it was tried with is gone"
    );
}
