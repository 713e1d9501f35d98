//! A folder in which somebody works: files come, change, move and go, a few of them large.

use crate::chance::Chance;
use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Names in use at most, so that most of what happens happens to files that are there.
const NAMES: u64 = 40;

/// A large file: beyond what goes in one request.
const LARGE: u64 = 9 << 20;

/// Fills a folder that is empty or not there.
pub(crate) fn fill(folder: &Path, chance: &mut Chance) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..NAMES {
        write_small(&small(folder, number), chance);
    }
    for number in 0..2 {
        fs::write(large(folder, number), chance.bytes(LARGE)).unwrap();
    }
}

/// An hour of work: a dozen changes, a large file among them every other time.
pub(crate) fn work(folder: &Path, chance: &mut Chance) {
    for _ in 0..12 {
        let path = small(folder, chance.below(NAMES));
        match (chance.below(8), path.exists()) {
            (0, true) => fs::remove_file(path).unwrap(),
            (1, true) => rename(&path, &small(folder, NAMES + chance.below(NAMES))),
            (2, true) => {
                let mode = *chance.pick(&[0o600, 0o644, 0o755]);
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            _ => write_small(&path, chance),
        }
    }
    match chance.below(4) {
        0 => change_large(&large(folder, chance.below(2)), chance),
        1 => fs::write(large(folder, 2), chance.bytes(LARGE + (1 << 20))).unwrap(),
        _ => {}
    }
}

fn small(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("d{}/f{number}.bin", number % 5))
}

fn large(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("large{number}.bin"))
}

fn write_small(path: &Path, chance: &mut Chance) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let length = 1 + chance.below(30_000);
    fs::write(path, chance.bytes(length)).unwrap();
}

fn rename(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(from, to).unwrap();
}

/// A few bytes in the middle, so that parts are copied and others sent.
fn change_large(path: &Path, chance: &mut Chance) {
    let (bytes, at) = (chance.bytes(1_000), chance.below(LARGE - 1_000));
    fs::File::options().write(true).open(path).unwrap().write_all_at(&bytes, at).unwrap();
}
