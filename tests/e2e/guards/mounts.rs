//! Disks that are mounted below the folder, and are there or not.

use crate::home::{Home, eventually};
use crate::namespace::Namespace;
use crate::server::Cloud;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PHOTOS: usize = 5;
/// Enough for the photos not to be more than may go at once.
const PAPERS: usize = 30;

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
        for number in 0..PAPERS {
            home.write(&format!("documents/papers/{number}"), &format!("paper {number}"));
        }
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

const AWAY: &str = "the disk that was mounted at photos is not there, with 5 files missing or changed";
const ANOTHER: &str = "photos holds another disk than the one that was synced there";

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
        scene.sync(&["--dry-run"]).code(3).tells(&[AWAY]);
        scene.sync(&[]).code(3).tells(&[
            AWAY,
            "hint: photos: if its files are to be deleted, run `heirloom sync --resume documents",
        ]);
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
    let why =
        scene.namespace.run(&["why", "--config", &scene.profile, &photo]).tells(&["left alone: ", AWAY]);
    assert!(!why.stdout.contains("next sync"), "{}", why.stdout);
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

/// Its files are deleted like any others: what else is in the way of that is asked for itself.
#[test]
fn a_disk_whose_files_are_to_be_deleted() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    // Nobody was told of it yet.
    scene.sync(&["--resume"]).code(3).tells(&[AWAY]);
    (0..PAPERS - 6).for_each(|n| fs::remove_file(home.path(&format!("documents/papers/{n}"))).unwrap());
    let halted = scene.sync(&[]).tells(&["24 of 31 files would be deleted"]);
    let told = scene.namespace.run_printed(halted.names_resume()).code(3).tells(&["24 deleted", AWAY]);
    assert_eq!(scene.in_cloud(), PHOTOS, "the word was about something else");
    let resume = told.names_resume();
    scene.namespace.run_printed(&format!("{resume} --dry-run")).tells(&["5 of 12 files would be deleted"]);
    let halted = scene.namespace.run_printed(resume).tells(&["5 of 12 files would be deleted"]);
    assert_eq!(scene.in_cloud(), PHOTOS);
    scene.namespace.run_printed(halted.names_resume()).ok().tells(&["5 deleted"]);
    assert_eq!(scene.in_cloud(), 0);
    scene.sync(&[]).ok();
    home.write("documents/photos/new", "a new photo");
    scene.sync(&[]).ok();
    assert_eq!(scene.in_cloud(), 1, "it is a directory like any other");
}

#[test]
fn a_disk_that_is_gone_for_good() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    let told = scene.sync(&["--dry-run"]).code(3).tells(&["to have them here again without that disk"]);
    // Only what was on the disk is put together: everything else goes on as ever.
    home.write("documents/note", "a note, edited");
    let resync = told.names("sync --resync");
    scene
        .namespace
        .run_printed(&format!("{resync} --dry-run"))
        .ok()
        .tells(&["download photos/p0", "upload note"]);
    assert!(fs::read_dir(&scene.point).unwrap().next().is_none());
    scene.namespace.run_printed(resync).ok().tells(&["1 uploaded", "5 downloaded"]);
    assert_eq!(home.read("documents/photos/p4").as_deref(), Some("photo 4"));
    fs::remove_file(scene.point.join("p4")).unwrap();
    scene.sync(&[]).ok().tells(&["1 deleted there"]);
    assert_eq!(scene.in_cloud(), PHOTOS - 1, "it is a directory like any other");
}

#[test]
fn a_disk_that_was_copied_into_the_directory() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    copy(&scene.disk, &scene.point, "p*");
    scene.sync(&[]).ok();
    fs::remove_file(scene.point.join("p4")).unwrap();
    scene.sync(&[]).ok().tells(&["1 deleted there"]);
    // Mounted over it, the disk that lies elsewhere is another one.
    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok();
    assert_eq!(scene.in_cloud(), PHOTOS);
}

/// Copies files with their times.
fn copy(from: &Path, to: &Path, names: &str) {
    let script = format!("cp -p {}/{names} {}", from.display(), to.display());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
}

/// A person may delete anything on a disk that is there.
#[test]
fn the_same_disk_with_nothing_on_it() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    scene.sync(&[]).code(3).tells(&[AWAY]);
    (0..PHOTOS).for_each(|number| fs::remove_file(scene.disk.join(format!("p{number}"))).unwrap());
    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok().tells(&["5 deleted there"]);
    assert_eq!(scene.in_cloud(), 0);
}

#[test]
fn another_disk_in_its_place() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    scene.namespace.unmount(&scene.point);
    home.write("stick/p1", "not that photo");
    // The very same file.
    copy(&scene.disk, &home.path("stick"), "p0");
    scene.namespace.mount(&home.path("stick"), &scene.point);
    scene.sync(&[]).code(3).tells(&[ANOTHER]);
    assert_eq!(scene.in_cloud(), PHOTOS, "neither are its files taken for photos");
    scene.namespace.unmount(&scene.point);
    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok();
    // Over it, so that what is there is hidden.
    scene.namespace.mount(&home.path("stick"), &scene.point);
    let told = scene.sync(&[]).code(3).tells(&[ANOTHER]);
    scene.namespace.unmount(&scene.point);
    scene.sync(&[]).ok();
    assert_eq!(scene.in_cloud(), PHOTOS);
    // What was told is over by now, and has to be told again.
    scene.namespace.mount(&home.path("stick"), &scene.point);
    scene.namespace.run_printed(told.names_resume()).code(3).tells(&[ANOTHER]);
    scene.namespace.run_printed(told.names_resume()).code(3).tells(&["1 in conflict"]);
    scene.sync(&[]).one_of(&[0, 3]);
    assert_eq!(scene.in_cloud(), PHOTOS + 1, "the files of both, and none is deleted");
    assert_eq!(fs::read_dir(home.path("stick")).unwrap().count(), PHOTOS + 1);
    scene.sync(&[]).ok();
}

/// Over a directory that was synced without any disk.
#[test]
fn a_disk_over_a_directory() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let papers = home.path("documents/papers");
    fs::create_dir(home.path("stick")).unwrap();
    copy(&papers, &home.path("stick"), "1*");
    scene.namespace.mount(&home.path("stick"), &papers);
    let told = ["papers holds another disk than the one that was synced there"];
    for _ in 0..2 {
        scene.sync(&[]).code(3).tells(&told);
    }
    scene.namespace.unmount(&papers);
    fs::remove_file(papers.join("0")).unwrap();
    scene.sync(&[]).ok().tells(&["1 deleted there"]);
}

#[test]
fn a_disk_below_another_one() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let inner = scene.point.join("raw");
    fs::create_dir(scene.disk.join("raw")).unwrap();
    home.write("card/r0", "raw 0");
    scene.namespace.mount(&home.path("card"), &inner);
    scene.sync(&[]).ok();
    let raw = "the disk that was mounted at photos/raw is not there, with 1 file missing or changed";

    scene.namespace.unmount(&inner);
    let ran = scene.sync(&[]).code(3).tells(&[raw]);
    assert!(!ran.stdout.contains(AWAY) && !ran.stderr.contains(AWAY), "the outer one is there");
    scene.namespace.unmount(&scene.point);
    let told = scene.sync(&[]).code(3).tells(&[AWAY]);
    assert!(!told.stdout.contains("photos/raw"), "nobody can see that: {}", told.stdout);
    // What is said of the outer one answers nothing else.
    let ran = scene.namespace.run_printed(told.names_resume()).code(3).tells(&["5 deleted there", raw]);
    assert_eq!(scene.in_cloud(), 1);
    scene.namespace.run_printed(ran.names_resume()).ok().tells(&["1 deleted there"]);
    assert_eq!(scene.in_cloud(), 0);
}

/// As long as a rule leaves everything below alone, nothing can be missing there; once it ends, the disk may be.
#[test]
fn a_rule_over_a_disk() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let rules = home.write("documents/.heirloomignore", "photos/\n");
    scene.namespace.unmount(&scene.point);
    for _ in 0..2 {
        scene.sync(&[]).ok();
    }
    fs::remove_file(&rules).unwrap();
    for _ in 0..2 {
        scene.sync(&[]).code(3).tells(&[AWAY]);
    }
    assert!(fs::read_dir(&scene.point).unwrap().next().is_none(), "nothing comes back where the disk is not");
    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok();
    assert_eq!(scene.in_cloud(), PHOTOS);
}

#[test]
fn a_disk_that_only_follows() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let profile = fs::read_to_string(&scene.profile).unwrap();
    fs::write(&scene.profile, profile.replace("interval: 1s", "interval: 1s, direction: pull")).unwrap();
    scene.namespace.unmount(&scene.point);
    for _ in 0..2 {
        scene.sync(&[]).code(3).tells(&[AWAY]);
    }
    assert!(fs::read_dir(&scene.point).unwrap().next().is_none());
    // The folder is another one meanwhile, so that what was agreed upon counts for nothing.
    let folder = home.path("documents");
    fs::rename(&folder, home.path("before")).unwrap();
    assert!(Command::new("cp").arg("-a").args([&home.path("before"), &folder]).status().unwrap().success());
    for _ in 0..3 {
        scene.sync(&[]).code(3).tells(&["the disk that was mounted at photos is not there"]);
    }
    assert!(fs::read_dir(&scene.point).unwrap().next().is_none());
    scene.namespace.mount(&scene.disk, &scene.point);
    scene.sync(&[]).ok();
    scene.sync(&[]).ok().tells(&["nothing to do"]);
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
    // A word is the daemon's to answer as well.
    scene.namespace.unmount(&scene.point);
    let told = scene.sync(&[]).code(3).tells(&["the disk that was mounted at photos is not there"]);
    scene.namespace.run_printed(told.names("sync --resync")).ok().tells(&["6 downloaded"]);
    assert_eq!(home.read("documents/photos/p9").as_deref(), Some("photo 9"));
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
    scene.sync(&[]).code(3).tells(&["mounted at settings is not there"]);
    assert_eq!(home.read("cloud/live/alice/documents/settings").as_deref(), Some("those that count"));
}

/// It cannot be removed, and is an empty directory everywhere then.
#[test]
fn a_mount_point_that_is_deleted_elsewhere_stands() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let other = cloud.laptop("desk", "desk");
    fs::create_dir_all(home.path("desk")).unwrap();
    home.run(&["sync", "--config", &other]).ok();
    fs::remove_dir_all(home.path("desk/photos")).unwrap();
    home.run(&["sync", "--config", &other]).ok();
    for _ in 0..2 {
        scene.sync(&[]).ok();
        home.run(&["sync", "--config", &other]).ok();
    }
    assert_eq!(fs::read_dir(&scene.disk).unwrap().count(), 0);
    assert_eq!(fs::read_dir(home.path("desk/photos")).unwrap().count(), 0);
    scene.sync(&[]).ok().tells(&["nothing to do"]);
}

/// A word is about one disk, the one that is named with it.
#[test]
fn two_disks_that_are_away() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let Some(scene) = Scene::new(&home, &cloud) else { return };
    let music = home.path("documents/music");
    fs::create_dir(&music).unwrap();
    home.write("songs/s0", "a song");
    scene.namespace.mount(&home.path("songs"), &music);
    scene.sync(&[]).ok();
    scene.namespace.unmount(&music);
    scene.namespace.unmount(&scene.point);
    let told = scene.sync(&[]).code(3).tells(&[AWAY, "hint: music: if its files are to be deleted"]);
    assert!(!told.stderr.contains("photos: if"), "{}", told.stderr);
    let photo = scene.point.join("p1").display().to_string();
    let why = scene.namespace.run(&["why", "--config", &scene.profile, &photo]).tells(&[AWAY]);
    assert!(!why.stdout.contains("--resume"), "it would be about the other one: {}", why.stdout);
    let told = scene.namespace.run_printed(told.names_resume()).code(3).tells(&["1 deleted there", AWAY]);
    assert_eq!(scene.in_cloud(), PHOTOS);
    assert!(!home.path("cloud/live/alice/documents/music/s0").exists());
    scene.namespace.run_printed(told.names("sync --resync")).ok().tells(&["5 downloaded"]);
}
