//! Destinations that fail beside others that do not.

use super::{entries, fs_at, profile, sync};
use crate::home::{Home, eventually};
use serde_json::Value;
use std::fs;

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
