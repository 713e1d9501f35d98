//! Only up, or only down: the other side follows, and every command says so.

use crate::home::Home;
use crate::server::Cloud;
use std::fs;

#[test]
fn a_pushed_state_puts_its_place_in_the_cloud_right() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let root = home.path("").display().to_string();
    let pushes = cloud
        .laptop_with("desk", &format!("  documents: {{folders: [{root}/documents], direction: push}}\n"));
    let other = cloud.laptop_with("lap", &format!("  documents: {{folders: [{root}/copy]}}\n"));
    let sync = |profile: &str| home.run(&["sync", "--config", profile]);
    let why = |path: &str| home.run(&["why", &format!("{root}/{path}"), "--config", &pushes]).ok().stdout;
    for name in ["gone", "edited", "kept"] {
        home.write(&format!("documents/{name}"), name);
    }
    fs::create_dir(home.path("copy")).unwrap();
    sync(&pushes).ok();
    sync(&other).ok();
    fs::remove_file(home.path("copy/gone")).unwrap();
    home.write("copy/edited", "by another one");
    home.write("copy/own", "of another one");
    sync(&other).ok();

    let planned = home.run(&["sync", "--dry-run", "--config", &pushes]).ok().stdout;
    for line in ["upload gone", "conflict at edited: the sides hold two versions; the remote one becomes"] {
        assert!(planned.contains(line), "{planned}");
    }
    assert!(!planned.contains("own") && !planned.contains("download"), "{planned}");
    // What the change feed has told is in no journal before a sync, so this comes first.
    sync(&pushes).code(3).tells(&["1 in conflict"]);
    assert!(
        why("documents/own").contains("stands in cloud alone, and is left so"),
        "{}",
        why("documents/own")
    );
    assert!(why("documents/gone").contains("is in sync with cloud"));
    sync(&pushes).ok();
    let status = home.run(&["status", "--config", &pushes]).ok().stdout;
    assert!(status.contains("in sync") && !status.contains("to receive"), "{status}");
    home.write("documents/kept", "changed");
    assert!(why("documents/kept").contains("was changed here, and will be in cloud with the next sync"));
    assert_eq!(home.read("documents/edited").as_deref(), Some("edited"));
    assert!(!home.path("documents/own").exists());

    sync(&other).ok();
    assert_eq!(home.read("copy/gone").as_deref(), Some("gone"));
    assert_eq!(home.read("copy/edited").as_deref(), Some("edited"));
    assert_eq!(home.read("copy/own").as_deref(), Some("of another one"));
    let listed = home.run(&["conflicts", "--config", &other]).ok().stdout;
    assert!(listed.contains("cloud's version of"), "{listed}");
    // What the other one had is what stands in the copy, whoever set it aside.
    home.run(&["conflicts", "resolve", "--all", "--keep", "theirs", "--config", &other]).ok();
    assert_eq!(home.read("copy/edited").as_deref(), Some("by another one"));
}

#[test]
fn a_pulled_state_puts_its_folder_right() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let root = home.path("").display().to_string();
    let origin = cloud.laptop_with("desk", &format!("  documents: {{folders: [{root}/documents]}}\n"));
    let pulls =
        cloud.laptop_with("pi", &format!("  documents: {{folders: [{root}/copy], direction: pull}}\n"));
    let sync = |profile: &str| home.run(&["sync", "--config", profile]);
    for n in 0..12 {
        home.write(&format!("documents/f{n}"), &format!("content {n}"));
    }
    fs::create_dir(home.path("copy")).unwrap();
    sync(&origin).ok();
    sync(&pulls).ok();
    home.write("copy/f0", "edited by mistake");
    fs::remove_file(home.path("copy/f1")).unwrap();
    home.write("copy/own", "own");
    let why = |path: &str| home.run(&["why", &format!("{root}/{path}"), "--config", &pulls]).ok().stdout;
    assert!(
        why("copy/f0").contains("has another version here, which moves aside if it differs"),
        "{}",
        why("copy/f0")
    );
    assert!(
        why("copy/f1").contains("is missing here, and will be there again with the next sync"),
        "{}",
        why("copy/f1")
    );
    assert!(why("copy/own").contains("stands here alone, and is left so"), "{}", why("copy/own"));
    sync(&pulls).code(3);
    assert_eq!(home.read("copy/f0").as_deref(), Some("content 0"));
    assert_eq!(home.read("copy/f1").as_deref(), Some("content 1"));
    let listed = home.run(&["conflicts", "--config", &pulls]).ok().stdout;
    assert!(listed.contains("pi's version of"), "{listed}");

    // Emptied, it is filled again, and nobody has to be asked.
    for entry in fs::read_dir(home.path("copy")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    sync(&pulls).ok();
    assert_eq!(fs::read_dir(home.path("copy")).unwrap().count(), 12);
    sync(&origin).ok();
    assert_eq!(fs::read_dir(home.path("documents")).unwrap().count(), 12);
}
