//! What happens to the cloud, or to the bucket of another store.

use super::{FILES, Scene, copy};
use crate::home::{Daemon, Home, same_trees};
use crate::server::Cloud;
use std::fs;
use testkit::servers;

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
