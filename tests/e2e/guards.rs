//! What looks like an accident halts: what is said, that nothing was touched, and that the way on that is named works as it is printed.
//!
//! Disks that come and go are in `destinations`, full ones in `space`.

use crate::home::{Daemon, Home, Ran, eventually, same_trees};
use crate::server::Cloud;
use std::fs;
use std::path::PathBuf;
use testkit::servers;

const FILES: usize = 20;

/// A folder with files in it that are in sync with a cloud.
struct Scene<'h> {
    home: &'h Home,
    profile: String,
    here: PathBuf,
    there: PathBuf,
}

impl<'h> Scene<'h> {
    fn new(home: &'h Home, cloud: &Cloud<'_>) -> Self {
        for number in 0..FILES {
            home.write(&format!("documents/f{number}"), &format!("content {number}"));
        }
        let there = home.path("cloud/live/alice/documents");
        let scene = Self::of(home, cloud.laptop("laptop", "documents"), "documents", there);
        scene.sync().ok();
        scene
    }

    fn of(home: &'h Home, profile: String, folder: &str, there: PathBuf) -> Self {
        Self { home, profile, here: home.path(folder), there }
    }

    fn file(&self, number: usize) -> PathBuf {
        self.here.join(format!("f{number}"))
    }

    fn sync(&self) -> Ran {
        self.sync_with(&[])
    }

    /// A run that ends with this code, says all that, and leaves both sides as they are.
    #[track_caller]
    fn refuses(&self, code: i32, says: &[&str]) -> Ran {
        let look = || [&self.here, &self.there].map(|side| side.is_dir().then(|| testkit::list(side)));
        let before = look();
        let ran = self.sync().code(code).says(says).says(&["documents → ", "hint: "]);
        assert!(look() == before, "nothing is touched on either side");
        ran
    }

    /// Runs the command that goes on as it was printed, first with `--dry-run`; then both sides are the same.
    #[track_caller]
    fn goes_on_as_printed(&self, told: &Ran, code: i32) {
        let printed = told.names_resume();
        let before = testkit::list(&self.here);
        self.home.run_printed(&format!("{printed} --dry-run")).ok();
        assert_eq!(testkit::list(&self.here), before);
        self.home.run_printed(printed).code(code);
        self.sync().ok();
        self.are_the_same();
    }

    /// `heirloom sync` with these arguments.
    fn sync_with(&self, arguments: &[&str]) -> Ran {
        self.home.run(&[&["sync", "--config", &self.profile], arguments].concat())
    }

    #[track_caller]
    fn are_the_same(&self) {
        same_trees(&self.here, &self.there).unwrap();
    }

    /// Another machine with the same state.
    fn other(&self, cloud: &Cloud<'_>) -> Self {
        fs::create_dir_all(self.home.path("other")).unwrap();
        Self::of(self.home, cloud.laptop("other", "other"), "other", self.there.clone())
    }

    fn holds(&self, contents: &[&str]) {
        let names = fs::read_dir(&self.here).unwrap();
        let held: Vec<String> = names.map(|name| fs::read_to_string(name.unwrap().path()).unwrap()).collect();
        for content in contents {
            assert!(held.iter().any(|held| held == content), "`{content}` is in none of {held:?}");
        }
    }
}

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
fn too_many_deletions_there() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let other = scene.other(&cloud);
    other.sync().ok();
    (0..6).for_each(|number| fs::remove_file(other.file(number)).unwrap());
    let told = other.refuses(20, &["6 of 20 files would be deleted"]);
    other.goes_on_as_printed(&told, 0);
    let folder = scene.here.display().to_string();
    let told = scene.refuses(
        20,
        &[
            "6 of 20 files would be deleted on the local side",
            "They are gone from documents at cloud.",
            &format!("nothing was deleted in {folder}"),
        ],
    );
    scene.goes_on_as_printed(&told, 0);
    assert!(!scene.file(0).exists());
}

/// A copy of a directory with everything in it, in the same home.
fn copy(home: &Home, from: &str, to: &str) {
    let copied = home.program("cp").args(["-a", from, to]).status().unwrap();
    assert!(copied.success());
}

/// Puts another directory in the place of what the cloud holds.
fn swap<'h>(
    home: &'h Home,
    cloud: &Cloud<'h>,
    serving: Daemon,
    put_away: &str,
    bring: Option<&str>,
) -> Daemon {
    assert_eq!(serving.stop(), Some(0));
    fs::rename(home.path("cloud"), home.path(put_away)).unwrap();
    if let Some(bring) = bring {
        fs::rename(home.path(bring), home.path("cloud")).unwrap();
    }
    cloud.start()
}

#[test]
fn a_cloud_that_was_restored_from_a_backup() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    assert_eq!(serving.stop(), Some(0));
    copy(&home, "cloud", "backup");
    let serving = cloud.start();
    fs::write(scene.file(1), "edited since").unwrap();
    fs::write(scene.here.join("new"), "new since").unwrap();
    fs::remove_file(scene.file(2)).unwrap();
    scene.sync().ok();
    let _serving = swap(&home, &cloud, serving, "latest", Some("backup"));
    let folder = scene.here.display().to_string();
    let told = scene.refuses(
        20,
        &[
            "the destination is another one, or was put back to an older state; 1 file would be deleted and 1 replaced on the local side",
            "What is in documents at cloud does not know how far this machine had come: it was restored from a backup",
            &format!("Nothing was changed in {folder}."),
            "To put both sides together, keeping every file of either",
        ],
    );
    scene.goes_on_as_printed(&told, 3);
    scene.holds(&["content 1", "edited since", "new since", "content 2"]);
}

#[test]
fn a_cloud_that_was_made_anew() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let _serving = swap(&home, &cloud, serving, "lost", None);
    let told = scene.refuses(
        20,
        &["the destination is another one", "20 files would be deleted", "keeping every file of either"],
    );
    scene.goes_on_as_printed(&told, 0);
    assert_eq!(testkit::list(&scene.here).len(), FILES);
}

#[test]
fn files_of_a_bucket_that_are_gone() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    assert_eq!(serving.stop(), Some(0));
    let (live, aside) = (home.path("cloud/live/alice"), home.path("aside"));
    fs::rename(&live, &aside).unwrap();
    let serving = cloud.start();
    let folder = scene.here.display().to_string();
    let says = [
        "the remote side is empty, but held 20 files",
        "There is nothing in documents at cloud.",
        "bring the files back there and sync again",
        &format!("nothing was deleted in {folder}"),
    ];
    scene.refuses(20, &says);
    assert_eq!(serving.stop(), Some(0));
    drop(fs::remove_dir_all(&live));
    fs::rename(&aside, &live).unwrap();
    let _serving = cloud.start();
    scene.sync().ok();
    scene.are_the_same();
    assert_eq!(testkit::list(&scene.here).len(), FILES);
}

#[test]
fn a_bucket_that_is_not_there() {
    let home = Home::new();
    let root = home.path("s3");
    fs::create_dir_all(root.join("anna")).unwrap();
    let (id, secret) = ("ID0123456789", "SECRET0123456789");
    // It believes its own cache, so it is started anew for every change behind its back.
    let serve = || {
        let (address, server) = servers::s3(&root, id, secret)?;
        let access = format!("bucket: anna, access_key_id: {id}, secret_access_key: {secret}");
        let text = format!(
            "profile: laptop\nmachine: laptop\nstate_dir: {state}\n\
             destinations: {{store: {{endpoint: \"{address}\", {access}}}}}\n\
             states: {{documents: {{folders: [{folder}]}}}}\n",
            state = home.path("state").display(),
            folder = home.path("documents").display()
        );
        let profile = home.write("laptop.yml", &text).to_str().unwrap().to_owned();
        Some((Scene::of(&home, profile, "documents", root.join("anna/documents")), address, server))
    };
    home.write("documents/a", "a");
    home.write("documents/b", "b");
    {
        let Some((scene, _, _server)) = serve() else { return };
        scene.sync().ok();
    }
    let aside = home.path("aside");
    fs::rename(root.join("anna"), &aside).unwrap();
    {
        let (scene, address, _server) = serve().unwrap();
        let says = ["documents → store could not be synced", "there is no bucket `anna`", &address];
        scene.refuses(1, &says).says(&["Nothing was deleted anywhere."]);
        scene.sync_with(&["--resume", "documents"]).code(1).says(&says);
        assert!(!root.join("anna").exists(), "no bucket is made");
    }
    // One that was made anew is an emptied one.
    fs::create_dir(root.join("anna")).unwrap();
    {
        let (scene, _, _server) = serve().unwrap();
        scene.refuses(20, &["the remote side is empty", "There is nothing in documents at store."]);
    }
    // The way on that is named: the old one comes back.
    fs::remove_dir(root.join("anna")).unwrap();
    fs::rename(&aside, root.join("anna")).unwrap();
    let (scene, _, _server) = serve().unwrap();
    scene.sync().ok();
    for name in ["a", "b"] {
        // It has forgotten times, which it keeps in memory.
        assert_eq!(home.read(&format!("documents/{name}")).as_deref(), Some(name));
        assert_eq!(home.read(&format!("s3/anna/documents/{name}")).as_deref(), Some(name));
    }
}

#[test]
fn a_bucket_that_another_set_of_states_uses() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let stranger = scene.other(&cloud);
    for number in 0..FILES {
        home.write(&format!("other/song {number}"), &format!("la {number}"));
    }
    let folder = stranger.here.display().to_string();
    let told = stranger.refuses(
        20,
        &[
            "never met and have nothing in common: 20 files here, 20 there",
            &format!("Check that {folder} and the state's name are the ones you mean"),
            "deletes nothing",
        ],
    );
    // Under a name of its own, a state lies beside the others.
    let text = fs::read_to_string(&stranger.profile).unwrap();
    fs::write(&stranger.profile, text.replace("documents:", "songs:")).unwrap();
    stranger.sync().ok();
    same_trees(&stranger.here, &home.path("cloud/live/alice/songs")).unwrap();
    scene.sync().ok();
    scene.are_the_same();
    // Or both are put together.
    fs::write(&stranger.profile, text).unwrap();
    stranger.goes_on_as_printed(&told, 0);
    scene.sync().ok();
    scene.are_the_same();
    assert_eq!(testkit::list(&scene.here).len(), 2 * FILES);
}

#[test]
fn a_running_daemon_is_told_to_go_on() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let scene = Scene::new(&home, &cloud);
    let laptop = home.start(&["laptop", "--config", &scene.profile]);
    (0..FILES).for_each(|number| fs::remove_file(scene.file(number)).unwrap());
    eventually("the halt", || if laptop.log().contains("is halted") { Ok(()) } else { Err(laptop.log()) });
    let planned = scene.sync_with(&["--resume", "--dry-run"]).ok();
    assert!(planned.stdout.contains("delete remote f1"), "{}", planned.stdout);
    assert!(scene.there.join("f1").exists());
    let resumed = scene.sync_with(&["--resume", "documents"]).ok();
    assert!(resumed.stdout.contains("20 deleted there"), "{}", resumed.stdout);
    assert!(!scene.there.join("f1").exists());
}
