//! The scratch place that git processes see: an empty home, and a repository without snapshots.

use crate::failure::Failure;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

/// Made at the first need, removed with the server.
#[derive(Debug, Default)]
pub(crate) struct Workshop(Mutex<Option<TempDir>>);

impl Workshop {
    /// A directory with nothing in it.
    pub(crate) fn home(&self) -> Result<PathBuf, Failure> {
        self.place("home")
    }

    /// A repository without a snapshot.
    pub(crate) fn empty_repository(&self) -> Result<PathBuf, Failure> {
        self.place("empty.git")
    }

    fn place(&self, name: &str) -> Result<PathBuf, Failure> {
        let mut place = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A cleaner of temporary files may have taken it away.
        if let Some(made) = place.as_ref()
            && made.path().join(name).is_dir()
        {
            return Ok(made.path().join(name));
        }
        let made = make().map_err(|error| Failure::broken("make a temporary directory for git", error))?;
        let path = made.path().join(name);
        *place = Some(made);
        Ok(path)
    }
}

fn make() -> io::Result<TempDir> {
    let made = TempDir::with_prefix("heirloom-git-")?;
    std::fs::create_dir(made.path().join("home"))?;
    lay_out(&made.path().join("empty.git"))?;
    Ok(made)
}

/// What `git init --bare` would make, less what nobody reads (gitrepository-layout(5)).
fn lay_out(repository: &Path) -> io::Result<()> {
    std::fs::create_dir_all(repository.join("objects"))?;
    std::fs::create_dir_all(repository.join("refs/heads"))?;
    std::fs::write(repository.join("HEAD"), "ref: refs/heads/main\n")?;
    std::fs::write(repository.join("config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
}
