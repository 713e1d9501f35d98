//! What holds for a destination of any service, on one of each.

use super::{Services, profile, profile_with, sync};
use crate::home::{Home, same_trees};
use crate::sealed::film;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use testkit::Tricky;
use testkit::tools::have;

#[test]
fn a_state_goes_to_all_services_and_comes_from_each() {
    let home = Home::new();
    let Some(Services { each, .. }) = &Services::new(&home) else { return };
    let everywhere = profile(&home, "laptop", "documents", &each.concat());
    testkit::plant(&home.path("documents"), Tricky::All);
    symlink("plain.txt", home.path("documents/a link")).unwrap();
    fs::create_dir(home.path("documents/nothing in it")).unwrap();
    let first = sync(&home, &everywhere).ok();
    for name in ["box", "cloud", "dav", "usb"] {
        assert!(first.stdout.contains(&format!("documents → {name}: ")), "{}", first.stdout);
    }
    sync(&home, &everywhere).ok();

    // From each of them, another machine gets the same tree.
    for (at, destination) in each.iter().enumerate() {
        let (machine, folder) = (format!("m{at}"), format!("copy{at}"));
        let one = profile(&home, &machine, &folder, destination);
        sync(&home, &one).ok();
        same_trees(&home.path("documents"), &home.path(&folder)).unwrap();

        // It edits, moves and deletes, and that reaches all others by way of the first.
        home.write(&format!("{folder}/edited by {machine}"), "new");
        let moved = |name: usize| home.path(&folder).join(format!("round {name}"));
        home.write(&format!("{folder}/round {at}"), "goes round");
        if at > 0 {
            fs::remove_file(moved(at - 1)).unwrap();
        }
        sync(&home, &one).ok();
        sync(&home, &everywhere).ok();
        sync(&home, &everywhere).ok();
        same_trees(&home.path(&folder), &home.path("documents")).unwrap();
        assert!(at == 0 || !home.path(&format!("documents/round {}", at - 1)).exists());
    }

    // A conflict by way of a disk.
    let on_usb = home.path("m1.yml").to_str().unwrap().to_owned();
    sync(&home, &on_usb).ok();
    home.write("documents/edited by m1", "here");
    home.write("copy1/edited by m1", "there");
    sync(&home, &on_usb).ok();
    sync(&home, &everywhere).code(3);
    let listed = home.run(&["conflicts", "--config", &everywhere]).ok();
    assert!(listed.stdout.contains("edited by m1"), "{}", listed.stdout);

    // What the other commands say of such destinations.
    let file = home.path("documents/plain.txt");
    let why = home.run(&["why", "--config", &everywhere, file.to_str().unwrap()]).ok();
    for name in ["box", "cloud", "dav", "usb"] {
        assert!(why.stdout.contains(&format!("is in sync with {name}")), "{}", why.stdout);
    }
    let states = home.run(&["state", "list", "--config", &everywhere]).ok();
    assert!(states.stdout.contains("destinations: box, cloud, dav, usb"), "{}", states.stdout);
    let made = home.run(&["backups", "create", "--config", &everywhere]);
    assert!(
        made.stdout.lines().last().is_some_and(|name| name.starts_with("cloud::alice::")),
        "{}",
        made.stdout
    );
    let listed = home.run(&["backups", "list", "--config", &everywhere]).ok();
    assert_eq!(listed.stdout.lines().count(), 1, "{}", listed.stdout);
    let none = home.run(&["backups", "list", "--config", &on_usb]).code(2);
    none.says(&["none of the destinations is a cloud of Heirloom's"]);
}

/// The files below a place that hold bytes, without what is ours.
fn held(place: &Path) -> Vec<Vec<u8>> {
    let mut held = Vec::new();
    let mut within = vec![place.to_owned()];
    while let Some(directory) = within.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                within.extend((entry.file_name() != ".heirloom").then(|| entry.path()));
            } else {
                held.push(fs::read(entry.path()).unwrap());
            }
        }
    }
    held.retain(|bytes| !bytes.is_empty());
    held
}

#[test]
fn an_encrypted_state_is_encrypted_at_every_service() {
    let home = Home::new();
    let (Some(Services { each, .. }), true) = (&Services::new(&home), have("age-keygen")) else { return };
    let file = home.path("heirloom.key");
    assert!(home.program("age-keygen").arg("-o").arg(&file).output().unwrap().status.success());
    let key = home.program("age-keygen").arg("-y").arg(&file).output().unwrap();
    let recipient = String::from_utf8(key.stdout).unwrap();
    let keys = format!(", encrypt_to: [{}], identity_file: [{}]", recipient.trim(), file.display());
    let with_keys = |machine: &str, folder: &str, at: &str| profile_with(&home, machine, folder, at, &keys);
    let everywhere = with_keys("laptop", "documents", &each.concat());
    testkit::plant(&home.path("documents"), Tricky::All);
    symlink("plain.txt", home.path("documents/a link")).unwrap();
    fs::write(home.path("documents/film"), film()).unwrap();
    sync(&home, &everywhere).ok();
    let again = sync(&home, &everywhere).ok();
    assert_eq!(again.stdout.matches("nothing to do").count(), 4, "{}", again.stdout);
    for place in ["usb", "dav", "box"] {
        let held = held(&home.path(place));
        assert!(held.len() > 5, "{place} holds {} files", held.len());
        assert!(held.iter().all(|bytes| bytes.starts_with(b"age-encryption.org/v1\n")), "{place}");
    }
    for (at, destination) in each.iter().enumerate() {
        // A machine that was not told has something of its own, keeps it, and gets nothing.
        let (stranger, empty) = (format!("stranger{at}"), format!("empty{at}"));
        home.write(&format!("{empty}/plain.txt"), "the stranger's");
        let not_told = profile(&home, &stranger, &empty, destination);
        let told = sync(&home, &not_told).code(12);
        assert!(told.stdout.contains("film"), "{}", told.stdout);
        told.says(&["identity_file"]);
        assert_eq!(home.read(&format!("{empty}/plain.txt")).as_deref(), Some("the stranger's"));
        assert!(!home.path(&empty).join("film").exists());

        let (machine, folder) = (format!("m{at}"), format!("copy{at}"));
        let one = with_keys(&machine, &folder, destination);
        sync(&home, &one).ok();
        same_trees(&home.path("documents"), &home.path(&folder)).unwrap();
        home.write(&format!("{folder}/edited by {machine}"), "new");
        sync(&home, &one).ok();
        sync(&home, &everywhere).ok();
        sync(&home, &everywhere).ok();
        same_trees(&home.path(&folder), &home.path("documents")).unwrap();
    }
}
