//! Disks that are mounted below the folder, and are there or not.

use crate::home::{Home, eventually};
use crate::namespace::Namespace;
use crate::server::Cloud;
use std::fs;
use std::path::PathBuf;

const PHOTOS: usize = 5;

/// A laptop with a disk at `documents/photos` and what else it has in sync with a cloud.
struct Scene<'h> {
    home: &'h Home,
    namespace: Namespace<'h>,
    profile: String,
    /// Where the disk is mounted.
    point: PathBuf,
    disk: PathBuf,
}

impl<'h> Scene<'h> {
    fn new(home: &'h Home, cloud: &Cloud<'_>) -> Option<Self> {
        let namespace = Namespace::of(home)?;
        home.write("documents/note", "a note");
        for number in 0..PHOTOS {
            home.write(&format!("disk/p{number}"), &format!("photo {number}"));
        }
        let (point, disk) = (home.path("documents/photos"), home.path("disk"));
        fs::create_dir(&point).unwrap();
        namespace.mount(&disk, &point);
        let scene = Self { home, namespace, profile: cloud.laptop("laptop", "documents"), point, disk };
        scene.sync(&[]).ok();
        assert_eq!(scene.in_cloud(), PHOTOS);
        Some(scene)
    }

    fn sync(&self, arguments: &[&str]) -> crate::home::Ran {
        self.namespace.run(&[&["sync", "--config", &self.profile], arguments].concat())
    }

    fn in_cloud(&self) -> usize {
        fs::read_dir(self.home.path("cloud/live/alice/documents/photos")).map_or(0, Iterator::count)
    }
}

const AWAY: &str = "the disk that was mounted at photos is not, with 5 files missing";

#[test]
fn a_disk_below_the_folder_that_is_not_mounted() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let other = cloud.laptop("desk", "desk");
    fs::create_dir_all(home.path("desk")).unwrap();
    home.run(&["sync", "--config", &other]).ok();

    scene.namespace.unmount(&scene.point);
    home.write("documents/another", "another note");
    // As a program does that keeps a file beside what it shows.
    home.write("documents/photos/p3", "a new catalogue");
    home.write("documents/photos/catalogue", "also new");
    home.write("desk/photos/p0", "photo 0, edited");
    home.write("desk/photos/p5", "photo 5");
    home.run(&["sync", "--config", &other]).ok();
    for _ in 0..2 {
        scene
            .sync(&[])
            .code(3)
            .tells(&[AWAY, "or `heirloom sync --resume documents` says that they are to be deleted"]);
    }
    assert_eq!(scene.in_cloud(), PHOTOS + 1, "nothing was deleted");
    assert_eq!(home.read("cloud/live/alice/documents/photos/p3").as_deref(), Some("photo 3"));
    let beneath = fs::read_dir(&scene.point).unwrap().count();
    assert_eq!(beneath, 2, "nor was anything written where the disk is not");
    fs::remove_dir_all(&scene.point).unwrap();
    fs::create_dir(&scene.point).unwrap();
    assert_eq!(home.read("cloud/live/alice/documents/another").as_deref(), Some("another note"));
    scene.namespace.run(&["status", "--config", &scene.profile]).tells(&[AWAY, "nothing"]);
    let photo = scene.point.join("p1").display().to_string();
    scene.namespace.run(&["why", "--config", &scene.profile, &photo]).tells(&[AWAY]);
    // Even the directory may be gone on which it is mounted.
    fs::remove_dir(&scene.point).unwrap();
    scene.sync(&[]).code(3).tells(&[AWAY]);
    fs::create_dir(&scene.point).unwrap();

    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok();
    assert_eq!(home.read("disk/p0").as_deref(), Some("photo 0, edited"));
    assert_eq!(home.read("disk/p5").as_deref(), Some("photo 5"));
    assert_eq!(scene.in_cloud(), PHOTOS + 1);
}

#[test]
fn a_disk_below_the_folder_that_does_not_come_back() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    // Nobody was told of it yet.
    scene.sync(&["--resume"]).code(3).tells(&[AWAY]);
    // Told of, it is answered; what else is gone goes along.
    fs::remove_file(home.path("documents/note")).unwrap();
    scene.sync(&["--resume"]).ok().tells(&["6 deleted"]);
    assert_eq!(scene.in_cloud(), 0);
    scene.sync(&[]).ok();
    home.write("documents/photos/new", "a new photo");
    scene.sync(&[]).ok();
    assert_eq!(scene.in_cloud(), 1, "it is a directory like any other");
}

#[test]
fn another_disk_in_its_place() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    home.write("stick/p1", "not that photo");
    scene.namespace.mount(&home.path("stick"), &scene.point);
    let told = ["none of the 5 files synced at photos, where something is mounted, can be found there"];
    scene.sync(&[]).code(3).tells(&told);
    assert_eq!(scene.in_cloud(), PHOTOS, "neither are its files taken for photos");
    scene.namespace.unmount(&scene.point);
    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok();
    // Over it, so that what is there is hidden.
    scene.namespace.mount(&home.path("stick"), &scene.point);
    scene.sync(&[]).code(3).tells(&told);
    scene.namespace.unmount(&scene.point);
    scene.sync(&[]).ok();
    assert_eq!(scene.in_cloud(), PHOTOS);
}

#[test]
fn a_running_daemon_whose_disk_comes_and_goes() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    let daemon = scene.namespace.start(&["laptop", "--config", &scene.profile]);
    eventually("the missing disk is told of", || {
        if daemon.log().contains(AWAY) { Ok(()) } else { Err(daemon.log()) }
    });
    scene.namespace.mount(&scene.disk, &scene.point);
    fs::write(scene.disk.join("p9"), "photo 9").unwrap();
    fs::write(home.path("documents/wake"), "up").unwrap();
    eventually(
        "it is found again",
        || {
            if scene.in_cloud() == PHOTOS + 1 { Ok(()) } else { Err(daemon.log()) }
        },
    );
    assert_eq!(daemon.stop(), Some(0));
}

/// What is on its way when somebody wants to have the disk back goes where it was planned to go.
#[test]
fn a_disk_that_is_to_be_unmounted_while_it_is_written() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let other = cloud.laptop("desk", "desk");
    fs::create_dir_all(home.path("desk")).unwrap();
    home.run(&["sync", "--config", &other]).ok();
    home.write("desk/photos/film", &"x".repeat(9 << 20));
    home.run(&["sync", "--config", &other]).ok();
    let arguments = ["sync", "--config", &scene.profile, "--limit-download", "2MiB"];
    let mut syncing = scene.namespace.start(&arguments);
    let count = || fs::read_dir(&scene.disk).unwrap().count();
    eventually("something has come", || if count() > PHOTOS { Ok(()) } else { Err(syncing.log()) });
    assert!(!scene.namespace.tries_to_unmount(&scene.point), "it is busy");
    assert_eq!(syncing.wait(), Some(0));
    assert!(scene.namespace.tries_to_unmount(&scene.point));
    assert_eq!(count(), PHOTOS + 1);
    assert!(fs::read_dir(&scene.point).unwrap().next().is_none());
}

/// As a container's configuration is, with an empty file for it to be mounted on.
#[test]
fn a_file_that_was_mounted() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let point = home.write("documents/settings", "");
    let file = home.write("settings", "those that count");
    scene.namespace.mount(&file, &point);
    scene.sync(&[]).ok();
    scene.namespace.unmount(&point);
    scene.sync(&[]).code(3).tells(&["mounted at settings is not"]);
    assert_eq!(home.read("cloud/live/alice/documents/settings").as_deref(), Some("those that count"));
}
