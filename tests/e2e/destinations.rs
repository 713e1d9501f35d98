//! One state to destinations of every service, with the servers that people have.

use crate::home::{Daemon, Home, Ran, eventually, same_trees};
use crate::sealed::film;
use crate::server::Cloud;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use testkit::Tricky;
use testkit::servers::{self, Sftp, Webdav};
use testkit::tools::have;

/// A profile with these destinations.
fn profile(home: &Home, machine: &str, folder: &str, destinations: &str) -> String {
    profile_with(home, machine, folder, destinations, "")
}

/// The same with keys to its state.
fn profile_with(home: &Home, machine: &str, folder: &str, destinations: &str, keys: &str) -> String {
    let root = home.path("").display().to_string();
    fs::create_dir_all(home.path(folder)).unwrap();
    let text = format!(
        "profile: laptop\nmachine: {machine}\nstate_dir: {root}/state-{machine}\n\
         destinations:\n{destinations}\
         states:\n  documents: {{folders: [{root}/{folder}], interval: 1s{keys}}}\n"
    );
    home.write(&format!("{machine}.yml"), &text).to_str().unwrap().to_owned()
}

/// The profile of a machine whose folder goes to a disk, and that finds nothing suspicious.
pub(crate) fn with_disk(home: &Home, machine: &str, folder: &str) -> String {
    fs::create_dir_all(home.path("usb")).unwrap();
    let config = profile(home, machine, folder, &fs_at(home, "usb"));
    let text = fs::read_to_string(&config).unwrap().replace("interval: 1s", "max_delete: 100%");
    fs::write(&config, text).unwrap();
    config
}

fn fs_at(home: &Home, directory: &str) -> String {
    format!("  {directory}: {{service: fs, path: {}}}\n", home.path(directory).display())
}

fn webdav(dav: &Webdav) -> String {
    let Webdav { url, user, password, .. } = dav;
    format!(
        "  dav: {{service: webdav, url: \"{url}\", username: {user}, password_command: echo {password}}}\n"
    )
}

fn sftp(home: &Home, server: &Sftp) -> String {
    let Sftp { port, user, key_file, known_hosts, .. } = server;
    format!(
        "  box: {{service: sftp, host: 127.0.0.1, port: {port}, user: {user}, identity_file: {}, known_hosts: \"{}\", path: {}}}\n",
        key_file.display(),
        known_hosts.display(),
        home.path("box").display()
    )
}

fn sync(home: &Home, profile: &str) -> Ran {
    home.run(&["sync", "--config", profile])
}

fn entries(home: &Home, directory: &str) -> usize {
    fs::read_dir(home.path(directory)).unwrap().count()
}

/// A destination of each service, up and empty.
struct Services {
    each: [String; 4],
    _serving: Daemon,
    _dav: Webdav,
    _sftp: Sftp,
}

impl Services {
    fn new(home: &Home) -> Option<Self> {
        for directory in ["usb", "dav", "box"] {
            fs::create_dir(home.path(directory)).unwrap();
        }
        let (dav, server) = (servers::webdav(&home.path("dav"))?, servers::sftp()?);
        let serving = Cloud::new(home).start();
        let join = format!("  cloud: {{join: {}}}\n", home.path("laptop.join").display());
        let each = [join, fs_at(home, "usb"), webdav(&dav), sftp(home, &server)];
        Some(Self { each, _serving: serving, _dav: dav, _sftp: server })
    }
}

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

#[test]
fn one_that_fails_holds_up_no_other() {
    let home = Home::new();
    for directory in ["usb", "nas"] {
        fs::create_dir(home.path(directory)).unwrap();
    }
    let locked =
        "  dav: {service: webdav, url: \"http://127.0.0.1:1/\", username: a, password_command: \"exit 1\"}\n";
    let down = "  box: {service: sftp, host: 127.0.0.1, port: 1, path: /nowhere}\n";
    let text = [locked, down, &fs_at(&home, "nas"), &fs_at(&home, "usb")].concat();
    let laptop = profile(&home, "laptop", "documents", &text);
    home.write("documents/a.txt", "a");
    sync(&home, &laptop).code(1).says(&[
        "box could not be synced",
        "synced to dav",
        "the command of destinations.dav",
    ]);
    for directory in ["usb", "nas"] {
        assert_eq!(home.read(&format!("{directory}/documents/a.txt")).as_deref(), Some("a"));
    }

    // A disk that is away is skipped softly, and its mount point stays as it is.
    let text = [fs_at(&home, "nas"), fs_at(&home, "usb")].concat();
    let laptop = profile(&home, "laptop", "documents", &text);
    fs::rename(home.path("usb"), home.path("pulled")).unwrap();
    fs::create_dir(home.path("usb")).unwrap();
    home.write("documents/b.txt", "b");
    sync(&home, &laptop).code(75).says(&[
        "usb could not be synced",
        "does not carry the marker",
        "begin anew with `heirloom sync --resume --destination usb --config ",
    ]);
    assert_eq!(home.read("nas/documents/b.txt").as_deref(), Some("b"));
    assert_eq!(entries(&home, "usb"), 0);
    fs::remove_dir(home.path("usb")).unwrap();
    sync(&home, &laptop).code(75).says(&["there is no such directory", "the next sync says how to go on"]);
    assert!(!home.path("usb").exists());
    let status = |arguments: &[&str]| home.run(&[arguments, &["--config", &laptop]].concat());
    let usb = home.path("usb").display().to_string();
    let awaited = format!(
        "documents → usb waits until usb is there again: {usb} is not there: there is no such directory"
    );
    let page = status(&["status"]).ok().stdout;
    assert!(page.contains("documents → usb  waits for usb") && page.contains(&awaited), "{page}");

    // The daemon goes on with the others, and takes the disk up again when it is back.
    let daemon = home.start(&["laptop", "--config", &laptop]);
    home.write("documents/c.txt", "c");
    let arrived = |name: &str| home.read(name).map(drop).ok_or_else(|| daemon.log());
    eventually("c on the one that is there", || arrived("nas/documents/c.txt"));
    assert!(!home.path("usb").exists());
    let page = status(&["status"]).ok().stdout;
    assert!(page.contains("documents → usb  waits for usb") && page.contains(&awaited), "{page}");
    status(&["status", "--check"]).code(75);
    fs::rename(home.path("pulled"), home.path("usb")).unwrap();
    eventually("c on the one that is back", || arrived("usb/documents/c.txt"));
    eventually("a status that is well", || match status(&["status", "--check"]).one_of(&[0, 75]) {
        0 => Ok(()),
        _ => Err(daemon.log()),
    });
    assert!(!status(&["status"]).stdout.contains("waits"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_daemon_tells_of_a_destination_that_cannot_be_used_yet() {
    let home = Home::new();
    fs::create_dir(home.path("usb")).unwrap();
    let locked =
        "  dav: {service: webdav, url: \"http://127.0.0.1:1/\", username: a, password_command: \"exit 1\"}\n";
    let laptop = profile(&home, "laptop", "documents", &[locked, &fs_at(&home, "usb")].concat());
    home.write("documents/a.txt", "a");
    let daemon = home.start(&["laptop", "--config", &laptop]);
    eventually("a on the disk", || home.read("usb/documents/a.txt").map(drop).ok_or_else(|| daemon.log()));
    // A sync that is handed over says what one without a daemon says.
    let ran = sync(&home, &laptop).code(1);
    assert!(ran.stdout.contains("documents → usb: "), "{}", ran.stdout);
    ran.says(&["nothing could be synced to dav", "the command of destinations.dav"]);
    let lines = home.run(&["status", "--json", "--config", &laptop]).ok().json();
    let route = |name: &str| lines.iter().find(|line| line["destination"] == name).unwrap();
    assert_eq!(route("dav")["doing"], "failing");
    assert!(route("dav")["failure"].as_str().unwrap().contains("destinations.dav"), "{lines:?}");
    assert_eq!((&route("usb")["last_outcome"], &route("usb")["failure"]), (&"ok".into(), &Value::Null));
    let page = home.run(&["status", "--config", &laptop]).ok().stdout;
    assert!(page.contains("documents → dav  failing") && page.contains("documents → usb"), "{page}");
    home.run(&["status", "--check", "--config", &laptop]).code(1);
    assert_eq!(daemon.stop(), Some(0));
    let page = home.run(&["status", "--config", &laptop]).ok().stdout;
    assert!(page.contains("documents → dav  not synced yet"), "{page}");
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

#[test]
fn another_s3_server_is_a_destination_as_well() {
    let home = Home::new();
    let root: PathBuf = home.path("s3");
    fs::create_dir_all(root.join("anna")).unwrap();
    let (id, secret) = ("ID0123456789", "SECRET0123456789");
    let Some((address, _server)) = servers::s3(&root, id, secret) else { return };
    let text = format!(
        "  store: {{endpoint: \"{address}\", bucket: anna, access_key_id: {id}, secret_access_key: {secret}}}\n"
    );
    let (one, other) = (profile(&home, "one", "documents", &text), profile(&home, "other", "copy", &text));
    for (name, text) in [("a.txt", "a"), ("b.txt", "b"), ("deep/er/c", "c")] {
        home.write(&format!("documents/{name}"), text);
    }
    symlink("a.txt", home.path("documents/link")).unwrap();
    sync(&home, &one).ok();
    sync(&home, &other).ok();
    same_trees(&home.path("documents"), &home.path("copy")).unwrap();
    home.write("copy/a.txt", "edited");
    fs::remove_file(home.path("copy/b.txt")).unwrap();
    fs::rename(home.path("copy/deep/er/c"), home.path("copy/moved")).unwrap();
    fs::remove_dir_all(home.path("copy/deep")).unwrap();
    sync(&home, &other).ok();
    sync(&home, &one).ok();
    same_trees(&home.path("copy"), &home.path("documents")).unwrap();
}
