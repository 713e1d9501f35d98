//! Memory is bounded by a directory, not by the tree: laptop and pi with far more files than they may hold in memory.

use crate::home::{Home, PATIENCE};
use crate::server::Cloud;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What a machine may take, whatever the number of files.
const PEAK_MAX: u64 = 256 << 20;

const PER_DIRECTORY: usize = 500;

/// How many files: `HEIRLOOM_FILES`, else enough to tell a tree from a directory, and quick.
fn files() -> usize {
    std::env::var("HEIRLOOM_FILES").map_or(20_000, |count| count.parse().unwrap())
}

fn plant(folder: &Path, files: usize) {
    for number in 0..files {
        let directory = folder.join(format!("area {}/box {}", number / 20_000, number / PER_DIRECTORY));
        if number % PER_DIRECTORY == 0 {
            fs::create_dir_all(&directory).unwrap();
        }
        fs::write(directory.join(format!("letter number {number}.txt")), number.to_string()).unwrap();
    }
}

/// Runs a command to its end; the most memory it held, in bytes.
pub(crate) fn peak_of(mut command: Command) -> u64 {
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let end = Instant::now() + PATIENCE * 15;
    let mut peak = 0;
    loop {
        // The kernel keeps the high-water mark itself, so that looking now and then misses little.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: u64 = mark.map_or(0, |mark| mark.trim().trim_end_matches(" kB").parse().unwrap());
        peak = peak.max(kib << 10);
        if let Some(ended) = child.try_wait().unwrap() {
            assert!(ended.success(), "{command:?}: {ended}");
            return peak;
        }
        assert!(Instant::now() < end, "{command:?} does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_machine_holds_a_directory_in_memory_and_never_the_tree() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let laptop = cloud.laptop("laptop", "documents");
    let files = files();
    plant(&home.path("documents"), files);
    let first = peak_of(home.heirloom(&["sync", "--config", &laptop]));
    let again = peak_of(home.heirloom(&["sync", "--config", &laptop]));
    fs::create_dir_all(home.path("drive")).unwrap();
    let drive = home.path("drive");
    home.run(&["drive", "init", drive.to_str().unwrap()]).ok();
    let pi = cloud.pi();
    let mirror = peak_of(home.heirloom(&["sync", "--config", &pi]));
    let mirrored =
        drive.join(format!("files/alice/documents/area 0/box 0/letter number {}.txt", PER_DIRECTORY - 1));
    assert_eq!(fs::read_to_string(mirrored).unwrap(), (PER_DIRECTORY - 1).to_string());
    for (what, peak) in [("first sync", first), ("sync of nothing new", again), ("mirror", mirror)] {
        println!("{files} files, {what}: {} MiB", peak >> 20);
        assert!(peak > 1 << 20, "the peak of the {what} was not seen");
        assert!(peak <= PEAK_MAX, "{files} files, {what}: {} MiB", peak >> 20);
    }
}
