//! `kill -9` at random moments of a big first sync, of each machine in turn: the next start finishes, and nothing is torn.

use crate::chance::Chance;
use crate::home::{Home, eventually, same_trees};
use crate::server::Cloud;
use std::fs;
use std::time::Duration;

/// Enough files that a kill falls somewhere in the middle.
const FILES: u32 = 3_000;

fn plant(home: &Home) {
    for number in 0..FILES {
        let length = 200 + number * 7919 % 9_000;
        let content: Vec<u8> = (0..length).map(|at| ((at * 31 + number) % 251) as u8).collect();
        let path = home.path(&format!("documents/d{}/f{number}.bin", number % 37));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn killed_in_the_middle_and_started_again() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    plant(&home);
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    let (laptop, pi) = (cloud.laptop("laptop", "documents"), cloud.pi());
    let mut serving = cloud.start();
    for round in 0..6_u64 {
        let (one, other) =
            (home.start(&["laptop", "--config", &laptop]), home.start(&["pi", "--config", &pi]));
        std::thread::sleep(Duration::from_millis(250 + round * 170));
        match round % 3 {
            0 => one.kill(),
            1 => other.kill(),
            _ => {
                serving.kill();
                serving = cloud.start();
            }
        }
    }
    let _running = (home.start(&["laptop", "--config", &laptop]), home.start(&["pi", "--config", &pi]));
    for place in ["cloud/live/alice/documents", "drive/files/alice/documents"] {
        eventually(place, || same_trees(&home.path("documents"), &home.path(place)));
    }
    cloud.snapshot();
    home.git(&["-C", "cloud/archives/alice.git", "fsck", "--strict"]).ok();
    let conflicts = testkit::list(&home.path("documents"));
    assert!(
        !conflicts.keys().any(|name| name.to_string_lossy().contains("sync-conflict")),
        "nothing was in conflict"
    );
}

#[test]
fn an_upload_that_was_killed_goes_on_with_its_parts() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    fs::create_dir_all(home.path("documents")).unwrap();
    fs::write(home.path("documents/film"), Chance::new("a killed upload").bytes(40 << 20)).unwrap();
    // A part takes seconds on such a line, so one goes after the other.
    let sending = home.start(&["sync", "--limit-upload", "3MiB", "--config", &profile]);
    eventually("a second part", || {
        let uploads = fs::read_dir(home.path("cloud/incoming/parts")).map_err(|error| error.to_string())?;
        let wholes = uploads.filter_map(|upload| upload.unwrap().path().join("whole").metadata().ok());
        let sent = wholes.map(|whole| whole.len()).max().unwrap_or(0);
        if sent > 9 << 20 { Ok(()) } else { Err(format!("{sent} bytes\n{}", sending.log())) }
    });
    sending.kill();
    let told = home.run(&["sync", "--json", "--config", &profile]).ok().json();
    let synced = told.iter().find(|line| line["message_type"] == "synced").unwrap();
    assert_eq!((&synced["uploaded"], &synced["uploaded_bytes"]), (&1.into(), &(40 << 20).into()));
    let sent = synced["sent_bytes"].as_u64().unwrap();
    assert!(sent > 0 && sent <= 35 << 20, "{sent} bytes were sent once more");
    same_trees(&home.path("documents"), &home.path("cloud/live/alice/documents")).unwrap();
    // Of what changes later, only that goes.
    let mut film = fs::read(home.path("documents/film")).unwrap();
    film[20 << 20] ^= 1;
    fs::write(home.path("documents/film"), film).unwrap();
    let told = home.run(&["sync", "--config", &profile]).ok();
    told.tells(&["1 uploaded (", " of 40.0 MiB sent)"]);
    same_trees(&home.path("documents"), &home.path("cloud/live/alice/documents")).unwrap();
}

#[test]
fn a_snapshot_that_was_killed_leaves_history_whole() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    for number in 0..2_000 {
        home.write(&format!("cloud/live/alice/d/f{number}"), &format!("content {number} ").repeat(200));
    }
    for round in 0..8_u64 {
        home.write(&format!("cloud/live/alice/d/round{round}"), "one more");
        let taking = home.start(&["snapshot", "--config", cloud.config()]);
        std::thread::sleep(Duration::from_millis(3 + round * 25));
        taking.kill();
        if home.path("cloud/archives/alice.git/HEAD").exists() {
            home.git(&["-C", "cloud/archives/alice.git", "fsck", "--strict"]).ok();
        }
    }
    cloud.snapshot();
    home.git(&["-C", "cloud/archives/alice.git", "fsck", "--strict"]).ok();
    let left = testkit::list(&home.path("cloud/archives/alice.git/objects"));
    let leftovers: Vec<_> = left
        .keys()
        .filter(|name| {
            !name.to_string_lossy().starts_with("pack") && !name.to_string_lossy().starts_with("info")
        })
        .collect();
    assert!(leftovers.is_empty(), "loose objects or temporary files: {leftovers:?}");
    home.git(&["clone", "--quiet", "cloud/archives/alice.git", "clone"]).ok();
    let counted = testkit::list(&home.path("clone/d")).len();
    assert_eq!(counted, 2_008);
}
