//! A tree that holds every oddity at once, and a way to tell whether two trees are the same.

use rustix::fs::{AtFlags, Timespec, Timestamps};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

/// Which oddities a tree may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tricky {
    /// Everything Linux can name.
    All,
    /// What git can check out under the same name: no `.git` and its kin.
    NoGitNames,
}

const NAMES: [&[u8]; 18] = [
    b"plain.txt",
    b"two\nlines.txt",
    b"quote\"and'apostrophe",
    b" leading space",
    b"trailing space ",
    b"-dash",
    b".hidden",
    b"percent%41%",
    b"escaped%0Alook",
    b"a+b&c=d?e#f",
    b"back\\slash",
    b"tab\there",
    b"caf\xe9.latin1",
    b"\xff\xfe\xfd",
    "grüße-日本語-🎉".as_bytes(),
    "e\u{301}-decomposed".as_bytes(),
    "\u{3000}wide space\u{3000}".as_bytes(),
    b"...",
];

/// Plants a small tree with every oddity below `root`, which must exist.
pub fn plant(root: &Path, tricky: Tricky) {
    for (number, name) in NAMES.iter().enumerate() {
        let path = root.join(OsStr::from_bytes(name));
        fs::write(&path, format!("content {number}\r\nof a file\n")).expect("a file can be written");
        set_mtime(&path, 1_600_000_000 + i64::try_from(number).unwrap_or(0), 123_456_789);
    }
    fs::write(root.join(OsStr::from_bytes(&b"n".repeat(255))), "longest name")
        .expect("a long name is a name");
    fs::write(root.join("empty"), "").expect("a file can be empty");
    let deep = root.join("deep/er/and/deeper");
    fs::create_dir_all(&deep).expect("directories nest");
    fs::write(deep.join("leaf"), "leaf").expect("a file can be written");
    fs::create_dir_all(root.join("empty directory/inside")).expect("directories can be empty");
    let private = root.join("private");
    fs::create_dir(&private).expect("a directory can be made");
    fs::write(private.join("secret"), "secret").expect("a file can be written");
    set_mode(&private.join("secret"), 0o600);
    set_mode(&private, 0o700);
    fs::write(root.join("script.sh"), "#!/bin/sh\necho hello\n").expect("a file can be written");
    set_mode(&root.join("script.sh"), 0o755);
    symlink("plain.txt", root.join("link")).expect("a link can be made");
    symlink("/nowhere/at all", root.join("dangling")).expect("a link can dangle");
    symlink("deep/er", root.join("link-to-directory")).expect("a link can lead to a directory");
    fs::write(root.join("before.epoch"), "old").expect("a file can be written");
    set_mtime(&root.join("before.epoch"), -86_400, 500_000_000);
    let random: Vec<u8> = (0..75_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    fs::write(root.join("binary.bin"), &random).expect("a file can be written");
    fs::write(root.join("copy of binary.bin"), &random).expect("a file can be written");
    fs::write(root.join(".gitignore"), "*\n").expect("a file can be written");
    if tricky == Tricky::All {
        plant_git_names(root);
    }
}

fn plant_git_names(root: &Path) {
    fs::create_dir_all(root.join("project/.git/hooks")).expect("a directory can be named .git");
    fs::write(root.join("project/.git/HEAD"), "ref: refs/heads/main\n").expect("a file can be written");
    fs::write(root.join("project/.git/config"), "[core]\n\tbare = false\n").expect("a file can be written");
    fs::write(root.join("project/.git/hooks/post-checkout"), "#!/bin/sh\ntouch /tmp/owned\n")
        .expect("a file can be written");
    fs::write(root.join("project/.gitattributes"), "*.txt text eol=crlf\n* filter=evil\n")
        .expect("a file can be written");
    fs::write(root.join("project/unix.txt"), "one\ntwo\n").expect("a file can be written");
    fs::write(
        root.join("project/.gitmodules"),
        "[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=evil\n",
    )
    .expect("a file can be written");
    fs::write(root.join(".GIT"), "upper case").expect("a file can be written");
    fs::write(root.join("git~1"), "short name").expect("a file can be written");
    fs::write(root.join(".git.heirloom"), "looks escaped").expect("a file can be written");
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions can be set");
}

fn set_mtime(path: &Path, seconds: i64, nanos: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanos };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)
        .expect("times can be set");
}

/// What stands at each path below a root: enough to tell two trees apart, and small enough to print.
pub type Listing = BTreeMap<OsString, String>;

/// Lists a tree: kind, permissions, modification time (of files and symlinks) and content of everything below `root`.
///
/// Permissions of symlinks and times of directories are left out: no sync keeps them. What vanishes while the tree is listed is
/// left out too: a test that waits for two trees to be the same looks again.
#[must_use]
pub fn list(root: &Path) -> Listing {
    let mut listing = Listing::new();
    list_into(&mut listing, root, &[]);
    listing
}

fn list_into(listing: &mut Listing, directory: &Path, prefix: &[u8]) {
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let Ok(entry) = entry else { continue };
        let name = [prefix, entry.file_name().as_bytes()].concat();
        let Ok(metadata) = entry.metadata() else { continue };
        let (mode, time) = (metadata.mode() & 0o777, (metadata.mtime(), metadata.mtime_nsec()));
        let said = if metadata.is_symlink() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            format!("-> {} at {time:?}", target.display())
        } else if metadata.is_dir() {
            list_into(listing, &entry.path(), &[&name, &b"/"[..]].concat());
            format!("directory {mode:o}")
        } else {
            let Ok(content) = fs::read(entry.path()) else { continue };
            format!("file {mode:o} at {time:?}, {} bytes {:016x}", content.len(), fnv(&content))
        };
        listing.insert(OsString::from_vec(name), said);
    }
}

/// FNV-1a: a difference by accident shows, and nobody attacks a test.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
