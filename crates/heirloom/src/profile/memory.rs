//! Whether a daemon's state directory is still the one that it began with.
//!
//! A file that was deleted goes on for whoever has it open: such a daemon would keep agreements that are gone with it, while the next command begins
//! a journal beside it. So it ends, and the next start puts both sides together.

use super::pi::pause;
use crate::failure::{Exit, Failure};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look.
const LOOK: Duration = Duration::from_secs(1);

/// The files of a state directory by which it is known.
pub(crate) struct Memory {
    files: Vec<(PathBuf, (u64, u64))>,
}

impl Memory {
    /// As it is now: locked, and with its journal open.
    pub(crate) fn of(state_dir: &Path) -> Self {
        let files = ["lock", "journal.db"].map(|name| state_dir.join(name)).into_iter();
        Self { files: files.filter_map(|path| identity(&path).ok().map(|it| (path, it))).collect() }
    }

    /// A file that is gone, or another one by now. One that cannot be looked at may be there.
    pub(crate) fn lost(&self) -> Option<&Path> {
        let is_lost = |path: &Path, then: (u64, u64)| match identity(path) {
            Ok(now) => now != then,
            Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
        };
        self.files.iter().find(|(path, then)| is_lost(path, *then)).map(|(path, _)| path.as_path())
    }

    /// Looks until stopped, and stops everything once it is lost.
    pub(crate) async fn watch(&self, stop: CancellationToken) -> Result<(), Failure> {
        while !stop.is_cancelled() {
            pause(&stop, LOOK).await;
            if let Some(path) = self.lost() {
                stop.cancel();
                return Err(failure(path));
            }
        }
        Ok(())
    }
}

/// Why nothing goes on.
pub(crate) fn failure(lost: &Path) -> Failure {
    Failure::new(Exit::Failed, format!("{} is gone, or is another file by now", lost.display()))
        .context("this daemon lost its memory of what both sides agreed on, and ends")
        .hint("Nothing was deleted on either side. If the state_dir lies on a disk that is not mounted, mount it first.")
        .hint(
            "Without that memory, the next start puts both sides together: what was deleted on one side since the last sync comes back from the other.",
        )
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    path.metadata().map(|data| (data.dev(), data.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_that_was_replaced_is_lost_and_one_that_never_was_is_not() {
        let place = tempfile::tempdir().unwrap();
        let journal = place.path().join("journal.db");
        fs::write(&journal, "one").unwrap();
        let memory = Memory::of(place.path());
        fs::write(&journal, "longer").unwrap();
        assert_eq!(memory.lost(), None);
        fs::write(place.path().join("other"), "two").unwrap();
        fs::rename(place.path().join("other"), &journal).unwrap();
        assert_eq!(memory.lost(), Some(journal.as_path()));
        fs::remove_file(&journal).unwrap();
        assert_eq!(memory.lost(), Some(journal.as_path()));
    }
}
