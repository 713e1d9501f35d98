//! A bucket's live files and its archive in a temporary directory, and git without anybody's configuration.

use archive::{Archive, Created, History, Outcome, SnapshotContext};
use model::{MachineName, RelPath, UnixNanos};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

pub(crate) struct World {
    pub(crate) root: tempfile::TempDir,
    pub(crate) live: PathBuf,
    pub(crate) archive: Archive,
    /// Seconds since 1970 of the next snapshot.
    pub(crate) time: std::cell::Cell<i64>,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let live = root.path().join("live");
        fs::create_dir(&live).unwrap();
        let archive = Archive::init(&root.path().join("archives/alice.git")).unwrap();
        Self { root, live, archive, time: std::cell::Cell::new(1_764_547_200) }
    }

    pub(crate) fn path(&self, name: impl AsRef<[u8]>) -> PathBuf {
        self.live.join(OsStr::from_bytes(name.as_ref()))
    }

    pub(crate) fn write(&self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.symlink_metadata().unwrap().is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
        .unwrap();
    }

    pub(crate) fn link(&self, name: impl AsRef<[u8]>, target: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn context(&self) -> SnapshotContext {
        self.time.set(self.time.get() + 1);
        SnapshotContext {
            author: "Alice".into(),
            author_email: "alice@example.org".into(),
            machine: MachineName::new("cloud").unwrap(),
            time: UnixNanos::from_seconds_and_nanos(self.time.get(), 0),
            utc_offset_seconds: 3600,
            incomplete: Vec::new(),
        }
    }

    pub(crate) fn snapshot(&self) -> Outcome {
        self.archive.snapshot(&self.live, &self.context(), &|_| {}).unwrap()
    }

    #[track_caller]
    pub(crate) fn created(&self) -> Created {
        match self.snapshot() {
            Outcome::Created(created) => created,
            unchanged @ Outcome::Unchanged { .. } => panic!("a snapshot was expected, not {unchanged:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn unchanged(&self) -> archive::Work {
        match self.snapshot() {
            Outcome::Unchanged { work, problems, .. } => {
                assert_eq!(problems, []);
                work
            }
            created @ Outcome::Created(_) => panic!("nothing has changed, but {created:?}"),
        }
    }

    pub(crate) fn history(&self) -> History {
        self.archive.history().unwrap()
    }

    /// Runs git in the archive; it must succeed and have nothing to complain of.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let path = self.archive.path().to_str().unwrap().to_owned();
        git(&[&["-C", &path], arguments].concat())
    }

    #[track_caller]
    pub(crate) fn check(&self) {
        let said = self.git(&["fsck", "--strict", "--full", "--no-dangling", "--no-progress"]);
        assert_eq!(said, "", "fsck complains");
        let counts = self.git(&["count-objects", "-v"]);
        assert!(counts.contains("count: 0\n") && counts.contains("garbage: 0\n"), "{counts}");
    }

    pub(crate) fn clone_with(&self, name: &str, options: &[&str]) -> PathBuf {
        let to = self.root.path().join(name);
        let path = self.archive.path().to_str().unwrap();
        git(&[options, &["clone", "-q", "--no-local", path, to.to_str().unwrap()]].concat());
        to
    }
}

/// Waits until what was written is old enough that the next snapshot can trust its times.
pub(crate) fn settle() {
    std::thread::sleep(Duration::from_millis(70));
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::from_key(text).unwrap()
}

/// git as on a machine that nobody has configured.
pub(crate) fn git_command() -> Command {
    let mut command = Command::new("git");
    let search = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", search).env("HOME", "/nonexistent").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("LC_ALL", "C");
    command
}

/// Runs git; it must succeed. Returns all it said.
#[track_caller]
pub(crate) fn git(arguments: &[&str]) -> String {
    let output = git_command().args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {said}");
    said
}

/// Bytes that do not compress.
pub(crate) fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Everything below a directory but `.git` at its top: path, sort, executable bit and content.
pub(crate) fn inventory(root: &Path) -> std::collections::BTreeMap<Vec<u8>, (char, Vec<u8>)> {
    let mut found = std::collections::BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            let metadata = path.symlink_metadata().unwrap();
            if name == b".git" {
                continue;
            }
            if metadata.is_dir() {
                waiting.push(path);
            } else if metadata.is_symlink() {
                found.insert(name, ('l', fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()));
            } else {
                let kind = if metadata.permissions().mode() & 0o111 == 0 { 'f' } else { 'x' };
                found.insert(name, (kind, fs::read(&path).unwrap()));
            }
        }
    }
    found
}
