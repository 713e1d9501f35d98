//! The whole way: laptop → S3 → git → web page → drive, with the three daemons.

use crate::home::{Home, eventually, same_trees};
use crate::server::{Cloud, get};
use std::fs;
use testkit::Tricky;

#[test]
fn everything_arrives_everywhere() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let documents = home.path("documents");
    testkit::plant(&documents, Tricky::All);
    let serving = cloud.start();
    let laptop = home.start(&["laptop", "--config", &cloud.laptop("laptop", "documents")]);
    let live = home.path("cloud/live/alice/documents");
    eventually("the cloud's live files", || {
        if live.is_dir() { same_trees(&documents, &live) } else { Err("none yet".into()) }
    });
    cloud.snapshot();

    // The clone: every file byte for byte, names that git keeps to itself apart.
    home.git(&["clone", "--quiet", &cloud.clone_url(), "clone"]).ok();
    home.git(&["-C", "clone", "fsck", "--strict"]).ok();
    let (ours, cloned) = (testkit::list(&documents), testkit::list(&home.path("clone/documents")));
    for (name, said) in &ours {
        let text = name.to_string_lossy();
        let special = text.split('/').any(|part| part.to_lowercase().starts_with(".git") || part == "git~1");
        let empty = said.starts_with("directory");
        if special || empty {
            continue;
        }
        let content =
            |said: &String| said.split_once("bytes").map_or(said.clone(), |(_, content)| content.to_owned());
        let link = |said: &String| said.split_once(" at ").map_or(said.clone(), |(link, _)| link.to_owned());
        let theirs = cloned.get(name).unwrap_or_else(|| panic!("{text} is not in the clone"));
        if said.starts_with("->") {
            assert_eq!(link(said), link(theirs), "{text}");
        } else {
            assert_eq!(content(said), content(theirs), "{text}");
        }
    }
    assert_eq!(
        fs::read(home.path("clone/documents/project/.git.heirloom/HEAD")).unwrap(),
        fs::read(documents.join("project/.git/HEAD")).unwrap()
    );

    // The web's raw bytes; a browser walks the pages in a test of its own.
    let (status, raw) =
        get(cloud.web, "/alice/raw/latest/documents/plain.txt", Some(&cloud.basic())).unwrap();
    assert_eq!((status, raw), (200, fs::read(documents.join("plain.txt")).unwrap()));

    // The drive.
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    let pi = home.start(&["pi", "--config", &cloud.pi()]);
    eventually("the drive's files", || {
        let files = home.path("drive/files/alice/documents");
        if files.is_dir() { same_trees(&documents, &files) } else { Err("none yet".into()) }
    });
    eventually("the drive's history", || {
        let counted = home.git(&["-C", "drive/archives/alice.git", "rev-list", "--count", "main"]);
        if counted.stdout.trim() == "1" { Ok(()) } else { Err(counted.stderr) }
    });
    home.git(&["-C", "drive/archives/alice.git", "fsck", "--strict"]).ok();
    assert!(home.read("drive/START-HERE.html").is_some_and(|page| page.contains("files/alice/")));

    // And back: what an heir puts on the drive reaches the laptop.
    fs::write(home.path("drive/files/alice/documents/from the attic.txt"), "found it").unwrap();
    eventually("the file from the drive", || {
        home.read("documents/from the attic.txt")
            .filter(|text| text == "found it")
            .map(drop)
            .ok_or("not there".into())
    });
    for (daemon, name) in [(laptop, "laptop"), (pi, "pi"), (serving, "cloud")] {
        assert_eq!(daemon.stop(), Some(0), "{name} stops cleanly on SIGTERM");
    }
}

#[test]
fn a_watched_change_goes_at_once() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/seed", "seed");
    // An interval that no test waits for: only the watch can bring the change.
    let profile = cloud.laptop("laptop", "documents");
    let text = fs::read_to_string(&profile).unwrap().replace("interval: 1s", "interval: 1d");
    fs::write(&profile, text).unwrap();
    let _laptop = home.start(&["laptop", "--config", &profile]);
    let arrived = |name: &str| {
        let path = format!("cloud/live/alice/documents/{name}");
        eventually(name, || home.read(&path).map(drop).ok_or("not there".into()));
    };
    arrived("seed");
    home.write("documents/new/deeper/note.txt", "hello");
    arrived("new/deeper/note.txt");
}

#[test]
fn a_pi_can_do_everything_once() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a.txt", "a");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).ok();
    cloud.snapshot();
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    let pi = cloud.pi();
    let fetched = home.run(&["fetch", "--json", "--config", &pi]).ok();
    assert_eq!(fetched.json()[0]["new"], true);
    let again = home.run(&["fetch", "--json", "--config", &pi]).ok();
    assert_eq!(again.json()[0]["new"], false);
    home.run(&["sync", "--config", &pi]).ok();
    assert_eq!(home.read("drive/files/alice/documents/a.txt").as_deref(), Some("a"));
    home.git(&["clone", "--quiet", "drive/archives/alice.git", "from-drive"]).ok();
    assert_eq!(home.read("from-drive/documents/a.txt").as_deref(), Some("a"));
}

#[test]
fn a_drive_that_is_pulled_leaves_its_mount_point_empty() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a.txt", "a");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).ok();
    cloud.snapshot();
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    let pi = home.start(&["pi", "--config", &cloud.pi()]);
    let history = || {
        home.path("drive/archives/alice.git/HEAD").exists()
            && home.path("drive/files/alice/documents/a.txt").exists()
    };
    eventually("a filled drive", || if history() { Ok(()) } else { Err(pi.log()) });
    fs::rename(home.path("drive"), home.path("pulled")).unwrap();
    fs::create_dir(home.path("drive")).unwrap();
    home.write("documents/b.txt", "b");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).ok();
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(fs::read_dir(home.path("drive")).unwrap().count(), 0, "the mount point stays empty");
    fs::remove_dir(home.path("drive")).unwrap();
    fs::rename(home.path("pulled"), home.path("drive")).unwrap();
    eventually("the drive again", || {
        home.read("drive/files/alice/documents/b.txt").map(drop).ok_or(pi.log())
    });
}

#[test]
fn a_missed_snapshot_is_made_up_for_at_start() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    home.write("cloud/live/alice/documents/a.txt", "was here before the cloud started");
    let _serving = cloud.start();
    eventually("the first snapshot", || {
        let log =
            home.git(&["-C", "cloud/archives/alice.git", "log", "--format=%an <%ae> %cn: %s%n%b", "main"]);
        if log.stdout.contains("alice <alice@cloud> Heirloom") { Ok(()) } else { Err(log.stderr) }
    });
}
