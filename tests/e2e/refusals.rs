//! What bad input gets: a sentence that says what happened, to which path, and what to do; and the right exit code.

use crate::home::{Home, eventually, free_port};
use crate::server::Cloud;
use std::fs;

#[test]
fn a_configuration_error_names_file_line_and_key() {
    let home = Home::new();
    let path = home.write("laptop.yml", "profile: laptop\nmachine: l\nstate_dir: /tmp/x\ndestinations:\n  cloud: {join: /x}\nstates:\n  d:\n    folder: [/x]\n");
    home.run(&["sync", "--config", path.to_str().unwrap()]).code(2).says(&[
        "laptop.yml:8:5",
        "states.d.folder",
        "unknown key",
        "folders",
    ]);
}

#[test]
fn no_configuration_lists_where_it_was_looked_for() {
    let home = Home::new();
    home.run(&["sync"]).code(2).says(&[
        "heirloom.yml",
        ".config/heirloom/config.yml",
        "/etc/heirloom/config.yml",
        "heirloom try",
    ]);
}

#[test]
fn a_cloud_out_of_reach_is_named() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let port = free_port();
    home.write("laptop.join", &format!("endpoint: http://127.0.0.1:{port}\nregion: us-east-1\nbucket: alice\naccess_key_id: HLX\nsecret_access_key: s\n"));
    home.write("documents/a", "a");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).code(1).says(&[
        "documents → cloud could not be synced",
        &format!("http://127.0.0.1:{port}"),
        "hint:",
    ]);
}

#[test]
fn a_wrong_key_is_told_from_a_missing_bucket() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a", "a");
    let profile = cloud.laptop("laptop", "documents");
    let good = home.read("laptop.join").unwrap();
    let secret = cloud.joined("laptop", "secret_access_key");
    home.write("laptop.join", &good.replace(&secret, "not-the-secret-at-all-not-the-secret-at1"));
    home.run(&["sync", "--config", &profile])
        .code(12)
        .says(&["does not open with the key", "heirloom key add"]);
    home.write("laptop.join", &good);
    home.run(&["sync", "--config", &profile]).ok();
    let id = cloud.joined("laptop", "access_key_id");
    home.run(&["key", "revoke", &id, "--config", cloud.config()]).ok();
    home.run(&["sync", "--config", &profile]).code(12);
}

#[test]
fn an_ignored_file_does_not_hide_an_emptied_folder() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    let text = fs::read_to_string(&profile)
        .unwrap()
        .replace("interval: 1s", "ignore: [\"*.tmp\"], max_delete: 100%");
    fs::write(&profile, text).unwrap();
    home.write("documents/a", "a");
    home.run(&["sync", "--config", &profile]).ok();
    home.write("cloud/live/alice/documents/x.tmp", "another client's");
    fs::remove_file(home.path("documents/a")).unwrap();
    home.run(&["sync", "--config", &profile]).code(20);
}

#[test]
fn a_new_key_is_taken_up_without_a_restart() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a", "a");
    let laptop = home.start(&["laptop", "--config", &cloud.laptop("laptop", "documents")]);
    eventually("the first file", || home.read("cloud/live/alice/documents/a").map(drop).ok_or(laptop.log()));
    home.run(&["key", "revoke", &cloud.joined("laptop", "access_key_id"), "--config", cloud.config()]).ok();
    home.write("documents/b", "b");
    eventually("the refusal", || {
        if laptop.log().contains("does not open with the key") { Ok(()) } else { Err(laptop.log()) }
    });
    let join = home.path("laptop.join");
    fs::remove_file(&join).unwrap();
    let add = [
        "key",
        "add",
        "alice",
        "--label",
        "new",
        "--join-file",
        join.to_str().unwrap(),
        "--config",
        cloud.config(),
    ];
    home.run(&add).ok();
    eventually("the second file", || home.read("cloud/live/alice/documents/b").map(drop).ok_or(laptop.log()));
}

#[test]
fn a_state_dir_inside_a_synced_folder_is_refused() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    let root = home.path("").display().to_string();
    let text = fs::read_to_string(&profile).unwrap().replace("state-laptop", "documents/.state");
    fs::write(&profile, text).unwrap();
    home.run(&["sync", "--config", &profile]).code(2).says(&["state_dir", "which is synced", &root[..10]]);
}

#[test]
fn a_drive_that_is_not_there_is_skipped() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pi = cloud.pi();
    for command in ["sync", "fetch"] {
        home.run(&[command, "--config", &pi]).code(75).says(&["no Heirloom drive", "heirloom drive init"]);
    }
    assert_eq!(
        fs::read_dir(home.path("drive")).unwrap().count(),
        0,
        "nothing is written where the marker is missing"
    );
}

#[test]
fn a_daemon_waits_for_its_drive_and_its_cloud() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    home.write("documents/a", "a");
    // Neither the join files nor the drive are there yet.
    let laptop = home.start(&["laptop", "--config", &cloud.laptop("laptop", "documents")]);
    let pi = home.start(&["pi", "--config", &cloud.pi()]);
    eventually("waiting", || {
        if laptop.log().contains("waiting for the join file") { Ok(()) } else { Err(laptop.log()) }
    });
    let serving = cloud.start();
    eventually("the upload", || {
        home.read("cloud/live/alice/documents/a").map(drop).ok_or("not there".into())
    });
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    eventually("the mirror", || home.read("drive/files/alice/documents/a").map(drop).ok_or(pi.log()));
    // The cloud goes away and comes back: both go on by themselves.
    serving.kill();
    home.write("documents/while offline", "b");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let _serving = cloud.start();
    eventually("the mirror again", || {
        home.read("drive/files/alice/documents/while offline").map(drop).ok_or(pi.log())
    });
}

#[test]
fn one_sync_at_a_time() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a", "a");
    let profile = cloud.laptop("laptop", "documents");
    let _laptop = home.start(&["laptop", "--config", &profile]);
    eventually("the daemon's lock", || {
        if home.path("state-laptop/health.json").exists() { Ok(()) } else { Err("no".into()) }
    });
    home.run(&["laptop", "--config", &profile]).code(11).says(&["another heirloom is at work"]);
    // A sync is no second one: the daemon does it.
    home.run(&["sync", "--config", &profile]).ok();
    home.run(&["health", "--config", &profile]).ok();
}

#[test]
fn a_conflict_is_incomplete_and_keeps_both() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    fs::create_dir(home.path("other")).unwrap();
    let (one, other) = (cloud.laptop("one", "documents"), cloud.laptop("two", "other"));
    home.write("documents/letter.txt", "dear all");
    home.run(&["sync", "--config", &one]).ok();
    home.run(&["sync", "--config", &other]).ok();
    home.write("documents/letter.txt", "dear Alice");
    home.write("other/letter.txt", "dear Bob, too");
    home.run(&["sync", "--config", &one]).ok();
    let ran = home.run(&["sync", "--config", &other]).code(3);
    assert!(ran.stdout.contains("conflict at letter.txt"), "{}", ran.stdout);
    home.run(&["sync", "--config", &one]).ok();
    let names: Vec<_> = testkit::list(&home.path("documents")).into_keys().collect();
    assert_eq!(names.len(), 2);
    assert!(
        names[1].to_string_lossy().contains(".sync-conflict-")
            || names[0].to_string_lossy().contains(".sync-conflict-")
    );
}

#[test]
fn what_cannot_be_kept_is_remarked_upon_and_the_rest_arrives() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a", "a");
    let fifo = std::process::Command::new("mkfifo").arg(home.path("documents/pipe")).status().unwrap();
    assert!(fifo.success());
    let profile = cloud.laptop("laptop", "documents");
    let ran = home.run(&["sync", "--config", &profile]).ok();
    assert!(ran.stdout.contains("warning: documents → cloud: pipe is a named pipe"), "{}", ran.stdout);
    let status = home.run(&["status", "--check", "--config", &profile]);
    assert!(!status.stdout.contains("never") && status.stdout.contains("in sync"), "{}", status.stdout);
    assert_eq!(home.read("cloud/live/alice/documents/a").as_deref(), Some("a"));
}

#[test]
fn what_would_be_kept_twice_is_refused() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let root = home.path("").display().to_string();
    home.write("documents/a", "a");
    std::os::unix::fs::symlink("documents", home.path("link")).unwrap();
    let states = format!("  one: {{folders: [{root}documents]}}\n  two: {{folders: [{root}link]}}\n");
    let profile = cloud.laptop_with("laptop", &states);
    home.run(&["sync", "--config", &profile])
        .code(2)
        .says(&["the state `two`", "is a folder of the state `one` already"]);
    // What cannot be seen without looking at the disk is no matter of the file; the rest names its line.
    let states = states.replace("link", "documents/sub");
    let profile = cloud.laptop_with("laptop", &states);
    for command in ["sync", "status", "conflicts"] {
        home.run(&[command, "--config", &profile]).code(2).says(&[
            "laptop.yml:",
            "states.two.folders",
            "ignore: [/sub/]",
        ]);
    }
    // Left out of the outer one, the inner folder is the other's, and its conflicts are told once.
    home.write("documents/sub/x.sync-conflict-20200101-000000-two.txt", "theirs");
    home.write("documents/sub/x.txt", "ours");
    let profile =
        cloud.laptop_with("laptop", &states.replacen("documents]", "documents], ignore: [/sub/]", 1));
    let listed = home.run(&["conflicts", "--json", "--config", &profile]).ok().json();
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &"two".into()), "{listed:?}");
}
