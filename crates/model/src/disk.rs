//! Which disk it is that is mounted somewhere.

use crate::UnixNanos;
use std::fmt;

/// What tells one disk from another, wherever either is mounted: the same text for the same disk, and never for two. Of some it cannot be told,
/// so where one is kept, it is kept as an [`Option`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskId(String);

impl DiskId {
    /// The file system that says this of itself, or the directory `root` of it if that is all that is mounted.
    #[must_use]
    pub fn of_file_system(uuid: &str, root: &[u8]) -> Self {
        Self(format!("uuid {uuid} {}", root.escape_ascii()))
    }

    /// The file system whose root, or what is mounted of it, has this number since then.
    #[must_use]
    pub fn of_root(inode: u64, born: UnixNanos) -> Self {
        Self(format!("root {inode} {}", born.0))
    }

    /// The one on which the folder itself is, beneath whatever is mounted there.
    #[must_use]
    pub fn of_folder() -> Self {
        Self::new("folder")
    }

    /// One that was written down.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What is written down of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DiskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_written_down_as_what_tells_it_from_others() {
        let whole = DiskId::of_file_system("6F2A-11C0", b"/");
        let directory = DiskId::of_file_system("6F2A-11C0", b"/caf\xe9 1");
        let other = DiskId::of_root(128, UnixNanos(1_700_000_000_000_000_001));
        let texts = [&whole, &directory, &other].map(DiskId::as_str);
        assert_eq!(texts, ["uuid 6F2A-11C0 /", "uuid 6F2A-11C0 /caf\\xe9 1", "root 128 1700000000000000001"]);
        assert_eq!(DiskId::new(whole.as_str()), whole);
    }
}
