//! What only sidecars say (a file's kind, time and permissions), where they were lost.

use super::{Services, fs_at, profile, profile_with, sync};
use crate::home::{Home, same_trees};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};
use testkit::tools::have;

/// A tree of which a plain copy loses something everywhere.
fn furnish(home: &Home) {
    for (name, text) in
        [("letter", "a letter"), ("nothing", ""), ("program", "#!"), ("private/key", "secret")]
    {
        let file = home.write(&format!("documents/{name}"), text);
        let then = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
        File::options().append(true).open(file).unwrap().set_modified(then).unwrap();
    }
    let permit = |name: &str, mode| {
        fs::set_permissions(home.path("documents").join(name), Permissions::from_mode(mode)).unwrap();
    };
    permit("program", 0o755);
    permit("private", 0o700);
    symlink("letter", home.path("documents/link")).unwrap();
    fs::create_dir_all(home.path("documents/hollow/deep")).unwrap();
}

/// Another machine gets the same tree from each of these destinations.
fn same_from(home: &Home, destinations: &[&str], keys: &str) {
    for (at, destination) in destinations.iter().enumerate() {
        let (machine, folder) = (format!("other{at}"), format!("copy{at}"));
        sync(home, &profile_with(home, &machine, &folder, destination, keys)).ok();
        same_trees(&home.path("documents"), &home.path(&folder)).unwrap();
    }
}

fn lose_sidecars(home: &Home, place: &str) {
    fs::remove_dir_all(home.path(place).join(".heirloom/metadata")).unwrap();
}

#[test]
fn a_disk_that_was_copied_without_its_sidecars_is_as_it_was() {
    let home = Home::new();
    fs::create_dir(home.path("usb")).unwrap();
    let usb = fs_at(&home, "usb");
    let laptop = profile(&home, "laptop", "documents", &usb);
    furnish(&home);
    sync(&home, &laptop).ok();
    let before = testkit::list(&home.path("documents"));
    fs::create_dir(home.path("new")).unwrap();
    let copy = home.program("cp").arg("-r").arg(home.path("usb/documents")).arg(home.path("new")).status();
    assert!(copy.unwrap().success());
    fs::rename(home.path("usb"), home.path("old")).unwrap();
    fs::rename(home.path("new"), home.path("usb")).unwrap();
    let told = sync(&home, &laptop).code(75);
    home.run_printed(&format!("{} --dry-run", told.names_resume())).ok();
    assert!(!home.path("usb/.heirloom").exists());
    home.run_printed(told.names_resume()).ok();
    assert_eq!(testkit::list(&home.path("documents")), before);
    let again = sync(&home, &laptop).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    same_from(&home, &[&usb], "");
}

#[test]
fn sidecars_that_were_deleted_are_written_again() {
    let home = Home::new();
    let (Some(Services { each, dav, .. }), true) = (&Services::new(&home), have("curl")) else { return };
    let [_, trees @ ..] = each;
    let everywhere = profile(&home, "laptop", "documents", &trees.concat());
    furnish(&home);
    sync(&home, &everywhere).ok();
    let before = testkit::list(&home.path("documents"));
    for place in ["usb", "box"] {
        lose_sidecars(&home, place);
    }
    // Behind its back, the server would go on to tell of what is gone.
    let metadata = format!("{}/.heirloom/metadata/", dav.url);
    let user = format!("{}:{}", dav.user, dav.password);
    let gone = home.program("curl").args(["-sf", "-X", "DELETE", "-u", &user, &metadata]).status().unwrap();
    assert!(gone.success());
    sync(&home, &everywhere).ok();
    assert_eq!(testkit::list(&home.path("documents")), before);
    let again = sync(&home, &everywhere).ok();
    assert_eq!(again.stdout.matches("nothing to do").count(), 3, "{}", again.stdout);

    // What was edited besides is new, the rest is as it was.
    lose_sidecars(&home, "usb");
    fs::remove_dir_all(home.path("usb/documents/hollow")).unwrap();
    home.write("usb/documents/letter", "A LETTER");
    home.write("documents/program", "#!/bin/sh");
    for _ in 0..2 {
        sync(&home, &everywhere).ok();
    }
    assert_eq!(home.read("documents/letter").as_deref(), Some("A LETTER"));
    assert!(!home.path("documents/hollow").exists());
    let mode = |name: &str| fs::metadata(home.path("documents").join(name)).unwrap().permissions().mode();
    assert_eq!((mode("program") & 0o777, mode("private") & 0o777), (0o755, 0o700));
    assert_eq!(fs::read_link(home.path("documents/link")).unwrap(), Path::new("letter"));
    same_from(&home, &trees.iter().map(String::as_str).collect::<Vec<_>>(), "");
}

#[test]
fn sealed_objects_without_sidecars_are_known_by_what_is_inside() {
    let home = Home::new();
    if !have("age-keygen") {
        return;
    }
    fs::create_dir(home.path("usb")).unwrap();
    let (usb, file) = (fs_at(&home, "usb"), home.path("heirloom.key"));
    assert!(home.program("age-keygen").arg("-o").arg(&file).output().unwrap().status.success());
    let key = home.program("age-keygen").arg("-y").arg(&file).output().unwrap();
    let recipient = String::from_utf8(key.stdout).unwrap();
    let keys = format!(", encrypt_to: [{}], identity_file: [{}]", recipient.trim(), file.display());
    let laptop = profile_with(&home, "laptop", "documents", &usb, &keys);
    furnish(&home);
    sync(&home, &laptop).ok();
    let before = testkit::list(&home.path("documents"));
    lose_sidecars(&home, "usb");
    sync(&home, &laptop).ok();
    assert_eq!(testkit::list(&home.path("documents")), before);
    let again = sync(&home, &laptop).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    same_from(&home, &[&usb], &keys);
    // That they are sealed is said again: who has no key takes nothing for a file.
    sync(&home, &profile(&home, "stranger", "empty", &usb)).code(12);
    assert!(!home.path("empty/letter").exists());
}
