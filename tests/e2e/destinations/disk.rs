//! A disk: what may stand on it or in its place.

use super::{entries, fs_at, profile, sync};
use crate::home::{Home, Ran, eventually, same_trees};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use testkit::tools::have;

/// Whoever moves a directory off a full disk leaves a link behind.
#[test]
fn what_is_neither_file_nor_directory_on_a_disk_deletes_nothing() {
    let home = Home::new();
    fs::create_dir_all(home.path("usb")).unwrap();
    let at = profile(&home, "laptop", "documents", &fs_at(&home, "usb"));
    for name in ["photos/one", "photos/two", "plain", "film", "letter"] {
        home.write(&format!("documents/{name}"), name);
    }
    sync(&home, &at).ok();
    let on_disk = home.path("usb/documents");
    fs::rename(on_disk.join("photos"), home.path("elsewhere")).unwrap();
    symlink(home.path("elsewhere"), on_disk.join("photos")).unwrap();
    fs::remove_file(on_disk.join("plain")).unwrap();
    symlink("/etc/passwd", on_disk.join("plain")).unwrap();
    fs::remove_file(on_disk.join("film")).unwrap();
    let made = home.program("mkfifo").arg(on_disk.join("film")).status().unwrap();
    assert!(made.success());
    home.write("documents/photos/three", "new");
    home.write("documents/letter", "changed");
    for _ in 0..2 {
        let told = sync(&home, &at).code(3);
        for name in ["photos", "plain", "film"] {
            assert!(told.stdout.contains(&format!("`{name}` is neither")), "{}", told.stdout);
            assert!(home.path("documents").join(name).exists(), "{name}");
        }
        assert_eq!(fs::read_dir(home.path("documents/photos")).unwrap().count(), 3);
        assert_eq!(home.read("usb/documents/letter").as_deref(), Some("changed"));
        assert!(fs::symlink_metadata(on_disk.join("plain")).unwrap().is_symlink());
        assert!(!home.path("elsewhere/three").exists(), "nothing is written through a link");
    }
    for name in ["photos", "plain", "film"] {
        fs::remove_file(on_disk.join(name)).unwrap();
    }
    fs::rename(home.path("elsewhere"), on_disk.join("photos")).unwrap();
    home.write("usb/documents/plain", "plain");
    home.write("usb/documents/film", "film");
    sync(&home, &at).ok();
    assert_eq!(home.read("usb/documents/photos/three").as_deref(), Some("new"));
    assert_eq!(fs::read_dir(home.path("documents")).unwrap().count(), 4);
}

/// Root may read everything, so the machine runs as nobody in particular.
#[test]
fn what_may_not_be_read_on_a_disk_is_told_and_holds_up_nothing_else() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() || !have("chown") {
        eprintln!("skipped: only root can run a machine as somebody else");
        return;
    }
    let home = Home::new();
    fs::create_dir_all(home.path("usb")).unwrap();
    let at = profile(&home, "laptop", "documents", &fs_at(&home, "usb"));
    for name in ["photos/one", "photos/deep/two", "letter"] {
        home.write(&format!("documents/{name}"), name);
    }
    sync(&home, &at).ok();
    home.write("documents/photos/three", "new");
    home.write("documents/letter", "changed");
    let given = home.program("chown").args(["-R", "65534:65534"]).arg(home.path("")).status().unwrap();
    assert!(given.success());
    let as_nobody = || {
        let mut command = home.heirloom(&["sync", "--config", &at]);
        command.uid(NOBODY).gid(NOBODY);
        Ran::of(command)
    };
    let photos = home.path("usb/documents/photos");
    let open_to = |mode| fs::set_permissions(&photos, fs::Permissions::from_mode(mode)).unwrap();
    // The second mode lets the names be listed, and nothing be learnt of them.
    for mode in [0o000, 0o444] {
        open_to(mode);
        let told = as_nobody().code(3);
        assert_eq!(told.stdout.matches("`photos` cannot be read there").count(), 1, "{}", told.stdout);
        assert!(!told.stdout.contains("photos/"), "{}", told.stdout);
        assert_eq!(home.read("usb/documents/letter").as_deref(), Some("changed"));
        for name in ["one", "deep/two", "three"] {
            assert!(home.path("documents/photos").join(name).exists(), "{name}");
        }
    }
    open_to(0o755);
    as_nobody().ok();
    same_trees(&home.path("documents"), &home.path("usb/documents")).unwrap();
}

#[test]
fn what_has_a_name_of_ours_on_a_disk_is_told_and_stays() {
    let home = Home::new();
    fs::create_dir_all(home.path("usb/documents")).unwrap();
    let at = profile(&home, "laptop", "documents", &fs_at(&home, "usb"));
    home.write("documents/letter", "mine");
    let theirs =
        ["sub/.heirloom-tmp-0123456789abcdef", "sub/.heirloom-tmp-mine/x", ".heirloom/x", ".heirloom/y"];
    for name in theirs {
        home.write(&format!("usb/documents/{name}"), "a person's");
    }
    for _ in 0..2 {
        let told = sync(&home, &at).code(3).tells(&["`.heirloom` is", "`sub/.heirloom-tmp-mine` cannot"]);
        assert_eq!(told.stdout.matches("left alone on both sides").count(), 3, "{}", told.stdout);
    }
    for name in theirs {
        assert_eq!(home.read(&format!("usb/documents/{name}")).as_deref(), Some("a person's"));
    }
    assert_eq!((entries(&home, "documents"), entries(&home, "usb/documents")), (1, 3));
}

#[test]
fn a_file_in_the_place_of_a_disk_is_not_taken_for_one_that_is_away() {
    let home = Home::new();
    home.write("usb", "no directory");
    home.write("documents/a.txt", "a");
    let at = profile(&home, "laptop", "documents", &fs_at(&home, "usb"));
    sync(&home, &at).code(1).says(&["usb is not a directory"]);
}

#[test]
fn a_new_disk_is_begun_anew_once_a_person_says_so() {
    let home = Home::new();
    fs::create_dir(home.path("usb")).unwrap();
    let laptop = profile(&home, "laptop", "documents", &fs_at(&home, "usb"));
    // Each folder is a route of its own; one word is for the disk, and so for all of them.
    let folders = format!("folders: [{}, ", home.path("photos").display());
    let text = fs::read_to_string(&laptop).unwrap().replace("folders: [", &folders);
    fs::write(&laptop, text).unwrap();
    home.write("documents/a.txt", "a");
    home.write("photos/p.txt", "p");
    sync(&home, &laptop).ok();
    let swap = |out: &str| fs::rename(home.path("usb"), home.path(out)).unwrap();
    swap("old");
    sync(&home, &laptop).code(75).says(&["there is no such directory", "create that directory"]);
    fs::create_dir(home.path("usb")).unwrap();
    let told = sync(&home, &laptop).code(75);
    let begin = told.names_resume();
    assert_eq!(begin, format!("heirloom sync --resume --destination usb --config {laptop}"));
    home.run(&["sync", "--resume", "--config", &laptop]).code(75);
    home.run_printed(&format!("{begin} --dry-run")).ok();
    assert_eq!(entries(&home, "usb"), 0);
    home.run_printed(begin).ok();
    home.write("documents/b.txt", "b");
    sync(&home, &laptop).ok();
    for folder in ["documents", "photos"] {
        same_trees(&home.path(folder), &home.path(&format!("usb/documents/{folder}"))).unwrap();
    }

    // The old one is now another than the one that is known, and takes nothing away.
    swap("new");
    fs::rename(home.path("old"), home.path("usb")).unwrap();
    let told = sync(&home, &laptop).code(20).says(&["or is another disk"]);
    assert_eq!(home.read("documents/b.txt").as_deref(), Some("b"));
    home.run_printed(told.names_resume()).ok();
    assert_eq!(home.read("usb/documents/documents/b.txt").as_deref(), Some("b"));
    // A daemon, which looks for the disk all the time, is told the same.
    let daemon = home.start(&["laptop", "--config", &laptop]);
    swap("older");
    fs::create_dir(home.path("usb")).unwrap();
    eventually("both folders waiting", || {
        let page = home.run(&["status", "--config", &laptop]).ok().stdout;
        if page.matches("does not carry the marker").count() == 2 { Ok(()) } else { Err(page) }
    });
    assert_eq!(entries(&home, "usb"), 0);
    home.run_printed(begin).ok();
    same_trees(&home.path("photos"), &home.path("usb/documents/photos")).unwrap();
    assert_eq!(daemon.stop(), Some(0));
    home.run(&["sync", "--destination", "nowhere", "--config", &laptop])
        .code(2)
        .says(&["destination `nowhere`", "The destinations are: usb."]);
}

#[test]
fn a_word_for_a_halt_fills_no_mount_point() {
    let home = Home::new();
    for directory in ["nas", "usb"] {
        fs::create_dir(home.path(directory)).unwrap();
    }
    let (unplugged, usb) = (home.path("unplugged"), home.path("usb"));
    let text = [fs_at(&home, "nas"), fs_at(&home, "usb")].concat();
    let laptop = profile(&home, "laptop", "documents", &text);
    for number in 0..10 {
        home.write(&format!("documents/f{number}"), &format!("content {number}"));
    }
    sync(&home, &laptop).ok();
    for number in 0..5 {
        fs::remove_file(home.path(&format!("documents/f{number}"))).unwrap();
    }
    let unplug = || {
        fs::rename(&usb, &unplugged).unwrap();
        fs::create_dir(&usb).unwrap();
    };
    let plug = || {
        fs::remove_dir(&usb).expect("the mount point is empty");
        fs::rename(&unplugged, &usb).unwrap();
    };
    // Both halt; one of them is unplugged before the word comes.
    let told = sync(&home, &laptop).code(20).says(&["5 of 10 files would be deleted"]);
    unplug();
    let printed = format!("heirloom sync --resume --destination nas documents --config {laptop}");
    assert_eq!(told.names_resume(), printed, "it answers one halt");
    home.run(&["sync", "--resume", "documents", "--config", &laptop])
        .code(75)
        .says(&["does not carry the marker"]);
    assert_eq!((entries(&home, "usb"), entries(&home, "nas/documents")), (0, 5));
    // Nor does a further word, which answers nothing that is told of the disk, and one that names it but was told something else.
    home.run(&["sync", "--resume", "documents", "--config", &laptop]).code(75);
    plug();
    sync(&home, &laptop).code(20).says(&["documents → usb is halted"]);
    unplug();
    home.run(&["sync", "--resume", "--destination", "usb", "--config", &laptop]).code(75);
    assert_eq!(entries(&home, "usb"), 0);
    plug();
    // Its last word was about the marker, so the halt is told anew.
    let told = sync(&home, &laptop).code(20).says(&["documents → usb is halted"]);
    home.run_printed(told.names_resume()).ok();
    for name in ["nas", "usb"] {
        same_trees(&home.path("documents"), &home.path(&format!("{name}/documents"))).unwrap();
    }
}

#[test]
fn a_destination_in_what_is_synced_is_refused() {
    let home = Home::new();
    fs::create_dir(home.path("documents/usb")).unwrap();
    let text = format!("  usb: {{service: fs, path: {}}}\n", home.path("documents/usb").display());
    let laptop = profile(&home, "laptop", "documents", &text);
    sync(&home, &laptop).code(2).says(&["lie in each other"]);
}
