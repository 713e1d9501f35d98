//! A stock S3 client that knows nothing of Heirloom: rclone.

use crate::home::{Home, eventually, have, same_trees};
use crate::server::Cloud;
use testkit::Tricky;

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
    std::fs::create_dir(home.path("tree")).unwrap();
    std::fs::create_dir(home.path("tree/sub")).unwrap();
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
