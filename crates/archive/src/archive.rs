//! The handle to an archive: a bare git repository on disk.

use crate::{Error, History, SnapshotId, branch};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What every archive is configured to be: read by anybody who may, written by Heirloom alone.
const CONFIG: &str = "\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = true
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
[receive]
\tdenyNonFastForwards = true
\tdenyDeletes = true
[http]
\treceivepack = false
[gc]
\tauto = 0
\treflogExpire = never
\treflogExpireUnreachable = never
[maintenance]
\tauto = false
";

/// A bucket's archive. Cheap to clone: it holds a path, and everything is opened when it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    path: PathBuf,
}

impl Archive {
    /// Opens the archive at `path`, creating it if there is nothing.
    pub fn init(path: &Path) -> Result<Self, Error> {
        match Self::open(path) {
            Err(Error::Missing { .. }) => {}
            opened => return opened,
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        // Built beside its place and moved there whole: half an archive never has its name.
        let building = tempfile::Builder::new()
            .prefix(".heirloom-tmp-")
            // A temporary directory is private; an archive follows the umask, like any repository.
            .permissions(fs::Permissions::from_mode(0o777))
            .tempdir_in(parent)
            .map_err(Error::io("create a directory in", parent))?;
        build(building.path())?;
        match fs::rename(building.path(), path) {
            // It is in its place; there is nothing left to clean up.
            Ok(()) => drop(building.keep()),
            // Somebody else was faster.
            Err(_) if path.join("HEAD").exists() => {}
            Err(error) => return Err(Error::io("create", path)(error)),
        }
        Self::open(path)
    }

    /// Opens the archive at `path`; [`Error::Missing`] if there is none.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let archive = Self { path: path.to_owned() };
        if !path.join("HEAD").is_file() || !path.join("objects").is_dir() {
            return Err(Error::Missing { path: archive.path });
        }
        Ok(archive)
    }

    /// The repository's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The latest snapshot.
    pub fn latest(&self) -> Result<Option<SnapshotId>, Error> {
        branch::read(&self.repository()?)
    }

    /// Opens what has been recorded so far. Cheap, but not free: once per request or job, and again to see
    /// what came since.
    pub fn history(&self) -> Result<History, Error> {
        let mut repo = self.repository()?;
        repo.objects.refresh_never();
        History::new(repo)
    }

    /// Opens the repository, whoever owns it and whatever the configuration of user and machine says.
    pub(crate) fn repository(&self) -> Result<gix::Repository, Error> {
        if !self.path.join("HEAD").is_file() {
            return Err(Error::Missing { path: self.path.clone() });
        }
        let options = gix::open::Options::isolated().with(gix::sec::Trust::Full).open_path_as_is(true);
        let opened = options.open(&self.path);
        Ok(opened.map_err(Error::git(format!("open the archive {}", self.path.display())))?.to_thread_local())
    }
}

fn build(path: &Path) -> Result<(), Error> {
    for directory in ["objects/info", "objects/pack", "refs/heads", "refs/tags", "heirloom"] {
        let directory = path.join(directory);
        fs::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
    }
    for (name, content) in [("config", CONFIG), ("HEAD", "ref: refs/heads/main\n")] {
        let file = path.join(name);
        fs::write(&file, content).map_err(Error::io("write", &file))?;
    }
    Ok(())
}
