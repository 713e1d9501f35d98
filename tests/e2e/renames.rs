//! A state or a destination gets another name, or a state another folder: everything stays, and it is said.

use crate::home::{Home, same_trees};
use crate::server::Cloud;
use std::fs;

/// A laptop's profile with these states, and a sync that ends well.
struct Scene<'h> {
    home: &'h Home,
    cloud: &'h Cloud<'h>,
}

impl Scene<'_> {
    fn profile(&self, states: &str) -> String {
        let root = self.home.path("").display().to_string();
        self.cloud.laptop_with("laptop", &states.replace("HOME/", &root))
    }

    #[track_caller]
    fn sync(&self, profile: &str) -> String {
        self.home.run(&["sync", "--config", profile]).ok().stderr
    }

    #[track_caller]
    fn status(&self, profile: &str) -> String {
        self.home.run(&["status", "--config", profile]).ok().stdout
    }

    #[track_caller]
    fn holds(&self, folder: &str, place: &str) {
        same_trees(&self.home.path(folder), &self.home.path("cloud/live/alice").join(place)).unwrap();
    }
}

#[test]
fn a_state_with_another_name() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene { home: &home, cloud: &cloud };
    for n in 0..12 {
        home.write(&format!("documents/f{n}"), &format!("content {n}"));
    }
    let profile = scene.profile("  pictures: {folders: [HOME/documents]}\n");
    assert_eq!(scene.sync(&profile), "");
    assert!(!scene.status(&profile).contains("left in"));
    scene.profile("  photos: {folders: [HOME/documents]}\n");
    let folder = home.path("documents").display().to_string();
    let said = scene.sync(&profile);
    assert!(
        said.contains(&format!("{folder} went to pictures/ so far and goes to photos/ from now on")),
        "{said}"
    );
    scene.holds("documents", "pictures");
    scene.holds("documents", "photos");
    assert_eq!(scene.sync(&profile), "", "it is said once");
    let page = scene.status(&profile);
    assert!(page.contains(&format!("12 paths of {folder} are left in pictures at cloud")), "{page}");
    // A person who wants it back under the old name has all of it, deletions included.
    fs::remove_file(home.path("documents/f0")).unwrap();
    scene.sync(&profile);
    scene.profile("  pictures: {folders: [HOME/documents]}\n");
    scene.sync(&profile);
    scene.holds("documents", "pictures");
    scene.profile("  photos: {folders: [HOME/documents]}\n");
    scene.sync(&profile);
    let page = scene.status(&profile);
    let forget = page.split('`').find(|quoted| quoted.starts_with("heirloom state forget")).expect(&page);
    home.run_printed(forget).ok();
    assert!(!scene.status(&profile).contains("left in"));
    scene.holds("documents", "pictures");
    home.run(&["state", "forget", "photos", "--config", &profile])
        .code(2)
        .says(&["there is no place `photos`"]);
    assert!(scene.sync(&profile).is_empty());
}

#[test]
fn a_state_with_one_more_folder_and_one_less() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene { home: &home, cloud: &cloud };
    home.write("documents/a", "a");
    home.write("pictures/lake", "a lake");
    let profile = scene.profile("  all: {folders: [HOME/documents]}\n");
    scene.sync(&profile);
    scene.profile("  all: {folders: [HOME/documents, HOME/pictures]}\n");
    let said = scene.sync(&profile);
    assert!(said.contains("went to all/ so far and goes to all/documents/ from now on"), "{said}");
    assert_eq!(home.read("cloud/live/alice/all/a").as_deref(), Some("a"));
    scene.holds("documents", "all/documents");
    scene.holds("pictures", "all/pictures");
    assert!(scene.status(&profile).contains("left in all at cloud"));
    scene.profile("  all: {folders: [HOME/documents]}\n");
    scene.sync(&profile);
    assert_eq!(home.read("cloud/live/alice/all/pictures/lake").as_deref(), Some("a lake"));
    assert_eq!(home.read("documents/a").as_deref(), Some("a"));
    assert_eq!(home.read("pictures/lake").as_deref(), Some("a lake"));
}

#[test]
fn a_destination_with_another_name() {
    let home = Home::new();
    fs::create_dir(home.path("usb")).unwrap();
    home.write("documents/a", "a");
    let root = home.path("").display().to_string();
    let write = |name: &str| {
        let text = format!(
            "profile: laptop\nmachine: l\nstate_dir: {root}state\ndestinations: {{{name}: {{service: fs, path: {root}usb}}}}\n\
             states: {{documents: {{folders: [{root}documents]}}}}\n"
        );
        home.write("laptop.yml", &text).to_str().unwrap().to_owned()
    };
    let profile = write("usb");
    home.run(&["sync", "--config", &profile]).ok();
    write("disk");
    home.run(&["sync", "--config", &profile])
        .ok()
        .says(&["if disk is what was called usb, both sides are put together"])
        .tells(&["nothing to do, 1 path is in sync"]);
    home.run(&["status", "--config", &profile]).ok().tells(&["left in documents at usb"]);
}
