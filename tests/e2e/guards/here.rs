//! What happens to the folder.

use super::{FILES, Scene, copy};
use crate::home::{Home, eventually, same_trees};
use crate::server::Cloud;
use std::fs;

#[test]
fn an_emptied_folder() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    (0..FILES).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    let folder = scene.here.display().to_string();
    let told = scene.refuses(
        20,
        &[
            "documents → cloud is halted, and a person must decide",
            "the local side is empty, but held 20 files",
            &format!("There is nothing in {folder}."),
            "mount it and sync again; nothing was deleted anywhere",
            &format!("To have them in {folder} again, from documents at cloud, run `heirloom sync --resync documents"),
            "it keeps what either side has, both versions where they differ, and deletes nothing",
            "If the deletions are meant",
        ],
    );
    let asked = home.run(&["why", scene.file(7).to_str().unwrap(), "--config", &scene.profile]).ok();
    asked.tells(&[
        "was deleted here",
        "this is halted: the local side is empty, but held 20 files",
        "if the deletions are meant, run `heirloom sync --resume documents --config",
        "to keep what either side has, run `heirloom sync --resync documents --config",
    ]);
    scene.sync_with(&["--resume", "documents", "--dry-run"]).ok();
    assert!(scene.there.join("f7").exists(), "a dry run deletes nothing");
    let ran = home.run_printed(told.names_resume()).ok();
    assert!(ran.stdout.contains("20 deleted there"), "{}", ran.stdout);
    assert!(!scene.there.join("f7").exists());
}

#[test]
fn an_emptied_folder_that_is_taken_from_the_other_side_again() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    (0..FILES).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    let told = scene.refuses(20, &["the local side is empty"]);
    let planned = home.run_printed(&format!("{} --dry-run", told.names("sync --resync"))).ok();
    assert!(planned.stdout.contains("download f7"), "{}", planned.stdout);
    assert!(!planned.stdout.contains("delete"), "{}", planned.stdout);
    assert!(!scene.file(7).exists(), "a dry run brings nothing");
    let ran = home.run_printed(told.names("sync --resync")).ok();
    assert!(ran.stdout.contains("20 downloaded"), "{}", ran.stdout);
    scene.sync().ok();
    scene.are_the_same();
    assert_eq!(testkit::list(&scene.here).len(), FILES);
    // Of a folder that lost many files, with edits here and there: all of it, and both versions.
    (0..6).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    fs::write(scene.file(7), "edited here").unwrap();
    let told =
        scene.refuses(20, &["6 of 20 files would be deleted", "run `heirloom sync --resync documents"]);
    home.run_printed(told.names("sync --resync")).code(3).tells(&["7 downloaded", "1 in conflict"]);
    scene.sync().ok();
    scene.are_the_same();
    scene.holds(&["content 0", "content 7", "edited here"]);
}

#[test]
fn a_running_daemon_is_told_to_resync() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let laptop = home.start(&["laptop", "--config", &scene.profile]);
    (0..FILES).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    eventually("the halt", || if laptop.log().contains("is halted") { Ok(()) } else { Err(laptop.log()) });
    let page = home.run(&["status", "--config", &scene.profile]).ok().stdout;
    let printed =
        page.split('`').find(|quoted| quoted.starts_with("heirloom sync --resync")).expect("it is named");
    home.run_printed(printed).ok().tells(&["20 downloaded"]);
    scene.are_the_same();
    assert_eq!(testkit::list(&scene.here).len(), FILES);
}

/// The word for one destination holds for that one, and begins it anew if it has lost its marker.
#[test]
fn a_resync_with_one_of_two_destinations() {
    let home = Home::new();
    let root = home.path("").display().to_string();
    for directory in ["usb", "nas"] {
        fs::create_dir(home.path(directory)).unwrap();
    }
    let text = format!(
        "profile: laptop\nmachine: l\nstate_dir: {root}state\n\
         destinations: {{usb: {{service: fs, path: {root}usb}}, nas: {{service: fs, path: {root}nas}}}}\n\
         states: {{documents: {{folders: [{root}documents]}}}}\n"
    );
    let profile = home.write("laptop.yml", &text).to_str().unwrap().to_owned();
    let sync = |arguments: &[&str]| home.run(&[&["sync", "--config", &profile], arguments].concat());
    (0..FILES).for_each(|n| drop(home.write(&format!("documents/f{n}"), &format!("content {n}"))));
    sync(&[]).ok();
    (0..FILES).for_each(|n| fs::remove_file(home.path(&format!("documents/f{n}"))).unwrap());
    let told = sync(&[]).code(20);
    let printed = told.names("sync --resync");
    assert_eq!(printed, format!("heirloom sync --resync --destination nas documents --config {profile}"));
    home.run_printed(printed).ok().tells(&["20 downloaded"]);
    sync(&[]).ok();
    for directory in ["usb", "nas"] {
        same_trees(&home.path("documents"), &home.path(directory).join("documents")).unwrap();
    }
    // An unmounted disk: its mount point is filled by a word that names it, and by no other.
    fs::rename(home.path("usb"), home.path("pulled")).unwrap();
    fs::create_dir(home.path("usb")).unwrap();
    sync(&[]).code(75);
    sync(&["--resync"]).code(75);
    assert_eq!(fs::read_dir(home.path("usb")).unwrap().count(), 0);
    sync(&["--resync", "--destination", "usb"]).ok().tells(&["20 uploaded"]);
    same_trees(&home.path("documents"), &home.path("usb/documents")).unwrap();
}

#[test]
fn a_missing_folder() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let aside = home.path("aside");
    fs::rename(&scene.here, &aside).unwrap();
    let folder = scene.here.display().to_string();
    let says =
        ["could not be synced", &folder, "does not exist", "mount it", "Nothing was deleted anywhere."];
    scene.refuses(20, &says);
    scene.sync_with(&["--resume", "documents"]).code(20).says(&says);
    assert!(!scene.here.exists(), "no folder is made");
    // A daemon tells the same.
    let laptop = home.start(&["laptop", "--config", &scene.profile]);
    eventually("the hint", || {
        let page = home.run(&["status", "--config", &scene.profile]).ok().stdout;
        let is_told = ["halted, looks again in", "mount it"].iter().all(|part| page.contains(part));
        if is_told { Ok(()) } else { Err(page) }
    });
    home.run(&["status", "--check", "--config", &scene.profile]).code(20);
    assert_eq!(laptop.stop(), Some(0));
    // The way on that it names: the folder comes back …
    fs::rename(&aside, &scene.here).unwrap();
    scene.sync().ok();
    scene.are_the_same();
    // … or a new one is made, which is another directory and not one whose files were deleted.
    fs::rename(&scene.here, &aside).unwrap();
    fs::create_dir(&scene.here).unwrap();
    let told = scene.refuses(
        20,
        &[
            "another directory is in the folder's place; 20 files would be deleted",
            "keeping every file of either",
        ],
    );
    scene.goes_on_as_printed(&told, 0);
    same_trees(&scene.here, &aside).unwrap();
}

#[test]
fn a_folder_that_was_restored_from_a_backup() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    copy(&home, "documents", "backup");
    fs::write(scene.file(1), "edited since").unwrap();
    fs::write(scene.here.join("new"), "new since").unwrap();
    fs::remove_file(scene.file(2)).unwrap();
    scene.sync().ok();
    let latest = home.path("latest");
    fs::rename(&scene.here, &latest).unwrap();
    fs::rename(home.path("backup"), &scene.here).unwrap();
    let told = scene.refuses(
        20,
        &[
            "another directory is in the folder's place; 1 file would be deleted and 1 replaced on the remote side",
            "mount it and sync again; nothing was changed in documents at cloud",
            "To put both sides together, keeping every file of either",
        ],
    );
    // It was the wrong disk: the right one comes back.
    fs::rename(&scene.here, home.path("backup")).unwrap();
    fs::rename(&latest, &scene.here).unwrap();
    scene.sync().ok();
    scene.are_the_same();
    // It is meant, and done as one does it: the file system may give the new folder the number of the old one.
    fs::remove_dir_all(&scene.here).unwrap();
    copy(&home, "backup", "documents");
    scene
        .refuses(20, &["another directory is in the folder's place; 1 file would be deleted and 1 replaced"]);
    scene.goes_on_as_printed(&told, 3);
    scene.holds(&["content 1", "edited since", "new since", "content 2"]);
}

#[test]
fn a_file_in_the_folders_place() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let (aside, folder) = (home.path("aside"), scene.here.display().to_string());
    fs::rename(&scene.here, &aside).unwrap();
    fs::write(&scene.here, "not a folder").unwrap();
    let says = [
        "could not be synced",
        &format!("A file or a link stands where {folder}"),
        "put the folder back in its place and sync again",
        "Nothing was deleted anywhere.",
    ];
    scene.refuses(20, &says);
    scene.sync_with(&["--resume", "documents"]).code(20).says(&says);
    assert_eq!(fs::read_to_string(&scene.here).unwrap(), "not a folder");
    fs::remove_file(&scene.here).unwrap();
    fs::rename(&aside, &scene.here).unwrap();
    scene.sync().ok();
    scene.are_the_same();
}

#[test]
fn too_many_deletions_here() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    copy(&home, "documents", "backup");
    (0..6).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    let folder = scene.here.display().to_string();
    let says = [
        "documents → cloud is halted, and a person must decide",
        "6 of 20 files would be deleted on the remote side; up to 5 is taken as normal",
        &format!("They are gone from {folder}."),
        "bring them back there and sync again; nothing was deleted in documents at cloud",
        "If the deletions are meant",
    ];
    scene.refuses(20, &says);
    // It was not meant.
    (0..6).for_each(|number| {
        fs::copy(home.path("backup").join(format!("f{number}")), scene.file(number)).unwrap();
    });
    scene.sync().ok();
    scene.are_the_same();
    // It was.
    (0..6).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    let told = scene.refuses(20, &says);
    scene.goes_on_as_printed(&told, 0);
    // As many as the profile takes as normal need no word.
    let text = fs::read_to_string(&scene.profile).unwrap().replace("interval: 1s", "max_delete: 6");
    fs::write(&scene.profile, text).unwrap();
    (6..12).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    scene.sync().ok();
    scene.are_the_same();
}

#[test]
fn a_running_daemon_is_told_to_go_on() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let laptop = home.start(&["laptop", "--config", &scene.profile]);
    (0..FILES).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    // A look in between finds some of them gone.
    let is_told = || laptop.log().contains("is empty, but held 20 files");
    eventually("the halt", || if is_told() { Ok(()) } else { Err(laptop.log()) });
    let planned = scene.sync_with(&["--resume", "--dry-run"]).ok();
    assert!(planned.stdout.contains("delete remote f1"), "{}", planned.stdout);
    assert!(scene.there.join("f1").exists());
    let resumed = scene.sync_with(&["--resume", "documents"]).ok();
    assert!(resumed.stdout.contains("20 deleted there"), "{}", resumed.stdout);
    assert!(!scene.there.join("f1").exists());
}
