//! What commands say of routes and paths, so that a person can tell them apart.

use crate::home::Home;
use crate::server::Cloud;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn folders_of_a_state_are_told_apart() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let root = home.path("").display().to_string();
    let root = root.trim_end_matches('/');
    let profile =
        cloud.laptop_with("laptop", &format!("  wiki: {{folders: [{root}/pages, {root}/pictures]}}\n"));
    home.write("pages/start", "welcome");
    home.write("pages/.heirloom/x", "of another tool");
    home.write("pictures/lake", "a lake");
    home.run(&["sync", "--dry-run", "--config", &profile]).code(3).tells(&[
        "problem: wiki/pages → cloud: .heirloom is a name",
        "wiki/pages → cloud:\nupload start (7 B)\nin all: 1 to send (7 B)\nwiki/pictures → cloud:\n\
         upload lake (6 B)\nin all: 1 to send (6 B)\n",
    ]);
    home.run(&["sync", "--config", &profile]).code(3).tells(&[
        "problem: wiki/pages → cloud: .heirloom is a name",
        "wiki/pages → cloud: 1 uploaded",
        "wiki/pictures → cloud: 1 uploaded",
    ]);
    home.run(&["status", "--config", &profile])
        .ok()
        .tells(&["wiki/pages → cloud: 1 path is left out", "wiki/pictures → cloud  in sync"]);
}

#[test]
fn a_dry_run_names_moves_and_what_it_comes_to() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    for name in ["letter", "draft", "old", "stays"] {
        home.write(&format!("documents/{name}"), &format!("{name}, at some length"));
    }
    home.run(&["sync", "--config", &profile]).ok();
    fs::create_dir(home.path("documents/sent")).unwrap();
    fs::rename(home.path("documents/letter"), home.path("documents/sent/letter")).unwrap();
    fs::remove_file(home.path("documents/old")).unwrap();
    home.write("documents/draft", "other words");
    fs::set_permissions(home.path("documents/stays"), fs::Permissions::from_mode(0o600)).unwrap();
    let planned = home.run(&["sync", "--dry-run", "--config", &profile]).ok().stdout;
    for line in [
        "documents → cloud:",
        "move remote letter → sent/letter",
        "upload draft (11 B)",
        "delete remote old",
        "update time and permissions of remote stays",
        "in all: 1 to send (11 B), 1 to move, 1 to delete there, 1 to update",
    ] {
        assert!(planned.lines().any(|said| said == line), "`{line}` in {planned}");
    }
    assert_eq!(planned.lines().count(), 6, "{planned}");
    let planned = home.run(&["sync", "--dry-run", "--json", "--config", &profile]).ok().json();
    let of = |field: &str| planned.iter().map(|line| line[field].to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(of("message_type"), r#""plan" "step" "step" "step" "step" "totals""#);
    assert_eq!(of("step"), r#"null "move" "upload" "update" "delete" null"#);
    assert_eq!(
        (&planned[1]["path"], &planned[1]["to"], &planned[2]["bytes"], &planned[5]["sent"]["bytes"]),
        (&"letter".into(), &"sent/letter".into(), &11.into(), &11.into())
    );
    let done = home.run(&["sync", "--json", "--config", &profile]).ok().json();
    let done = done.last().unwrap();
    assert_eq!(
        (&done["updated"], &done["moved"], &done["deleted_remote"]),
        (&1.into(), &1.into(), &1.into())
    );
    // Permissions alone are something, too.
    fs::set_permissions(home.path("documents/stays"), fs::Permissions::from_mode(0o640)).unwrap();
    home.run(&["sync", "--config", &profile]).ok().tells(&["documents → cloud: 1 updated\n"]);
}

#[test]
fn a_file_that_is_being_written_is_named() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    home.write("documents/grow", &"line\n".repeat(4 << 20));
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::OpenOptions::new().append(true).open(home.path("documents/grow")).unwrap();
            while !is_enough.load(Ordering::Relaxed) {
                file.write_all(b"line\n").unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let ran = home.run(&["sync", "--config", &profile]);
        is_enough.store(true, Ordering::Relaxed);
        ran.code(3).tells(&[
            "note: documents → cloud: grow changed while it was synced; it goes with the next sync",
        ]);
    });
    let status = home.run(&["status", "--config", &profile]).ok();
    assert!(!status.stdout.contains("hook"), "{}", status.stdout);
    status.tells(&[
        "1 file changed meanwhile",
        "1 file changed while being synced, and will go with the next sync",
    ]);
    let path = home.path("documents/grow");
    home.run(&["why", path.to_str().unwrap(), "--config", &profile])
        .ok()
        .tells(&["grow changed while it was synced"]);
    home.run(&["sync", "--config", &profile]).ok().tells(&["1 uploaded"]);
}

#[test]
fn a_name_steers_no_terminal() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    let odd = "red\u{1b}[31m\nletter";
    home.write(&format!("documents/{odd}"), "a");
    home.write(&format!("documents/{odd}.sync-conflict-20200101-000000-other"), "b");
    home.run(&["sync", "--config", &profile]).ok();
    let path = home.path("documents").join(odd);
    for command in [vec!["why", path.to_str().unwrap()], vec!["conflicts"], vec!["sync"]] {
        let said = home.run(&[command.as_slice(), &["--config", &profile]].concat()).ok();
        assert!(!said.stdout.contains('\u{1b}') && !said.stderr.contains('\u{1b}'), "{:?}", said.stdout);
        assert!(command[0] == "sync" || said.stdout.contains("red%1B[31m%0Aletter"), "{:?}", said.stdout);
    }
}
