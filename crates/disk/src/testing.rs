//! What the tests of this crate build on: a real directory and short words for what stands in it.

use crate::{Error, Found, Problem, Root};
use model::{Kind, Meta, Mode, RelPath, Stamp, UnixNanos};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A scratch folder with a root in it, and room beside the root to escape to.
pub(crate) struct Scratch {
    pub(crate) top: TempDir,
    pub(crate) root: Root,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("root")).unwrap();
        fs::create_dir(top.path().join("outside")).unwrap();
        let root = Root::open(&top.path().join("root")).unwrap();
        Self { top, root }
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.top.path().join("outside")
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: &str) -> Stamp {
        let whole = self.path(path);
        fs::create_dir_all(whole.parent().unwrap()).unwrap();
        fs::write(whole, content).unwrap();
        self.stamp(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    pub(crate) fn found(&self, path: &str) -> Found {
        self.root.observe(&rel(path)).unwrap().unwrap()
    }

    pub(crate) fn stamp(&self, path: &str) -> Stamp {
        self.found(path).stamp
    }

    pub(crate) fn scan(&self) -> (Vec<Found>, Vec<Problem>) {
        self.scan_but(&|_, _| false)
    }

    pub(crate) fn scan_but(&self, ignored: &dyn Fn(&RelPath, Kind) -> bool) -> (Vec<Found>, Vec<Problem>) {
        let mut found = Vec::new();
        let mut problems = Vec::new();
        for entry in self.root.scan(ignored).unwrap() {
            match entry {
                Ok(entry) => found.push(entry),
                Err(problem) => problems.push(problem),
            }
        }
        (found, problems)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        let (found, problems) = self.scan();
        assert!(problems.is_empty(), "{problems:?}");
        found.iter().map(|found| found.key.as_str().to_owned()).collect()
    }

    /// Every name in a directory, hidden ones too.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(directory))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn rel(path: &str) -> RelPath {
    RelPath::from_os_bytes(path.as_bytes()).unwrap()
}

pub(crate) fn os(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

pub(crate) fn meta(seconds: i64, mode: u32) -> Meta {
    let mtime = Some(UnixNanos::from_seconds_and_nanos(seconds, 123_456_789));
    Meta { mtime, mode: Some(Mode::from_st_mode(mode)), ..Meta::default() }
}

/// Whether permissions do not bind this process, in which case a test says so and ends.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if root {
        println!("skipped: the super-user may do anything");
    }
    root
}

pub(crate) fn is_changed<T>(outcome: Result<T, Error>) -> bool {
    outcome.is_err_and(|error| matches!(error, Error::Changed { .. }))
}

/// Bytes that nothing compresses and no two seeds share.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0; length.next_multiple_of(8)];
    for word in bytes.as_chunks_mut::<8>().0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *word = state.to_le_bytes();
    }
    bytes.truncate(length);
    bytes
}
