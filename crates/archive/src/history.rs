//! Reading what was recorded.
//!
//! A reader sees the packs that were there when it was opened and looks for no others, so asking for what does
//! not exist costs nothing however many packs there are. Names are translated both ways: callers see the
//! bucket as it was, without anything that Heirloom added.
//! Rejected: keeping one reader for the life of the process, which would have to look for new packs at
//! every miss.

mod changes;
mod content;
mod entries;
mod info;
mod versions;

pub use changes::{Change, ChangeKind};
pub use entries::{Entry, EntryId};
pub use info::SnapshotInfo;
pub use versions::Version;

use crate::{Error, SnapshotId, branch};
use gix::ObjectId;
use gix::objs::Kind;

/// Decoded objects that are kept while a reader walks through history.
const OBJECT_CACHE: usize = 8 << 20;
/// Fewer digits name too many objects.
const PREFIX_MIN: usize = 4;

/// A reader of an archive, as it was when the reader was opened. May be sent to another thread, not shared.
pub struct History {
    repo: gix::Repository,
    latest: Option<SnapshotId>,
}

impl History {
    pub(crate) fn new(mut repo: gix::Repository) -> Result<Self, Error> {
        repo.object_cache_size_if_unset(OBJECT_CACHE);
        let latest = branch::read(&repo)?;
        Ok(Self { repo, latest })
    }

    /// The latest snapshot; `None` before the first.
    #[must_use]
    pub fn latest(&self) -> Option<SnapshotId> {
        self.latest
    }

    /// Finds a snapshot by name: `latest`, or at least four digits of its id. [`Error::UnknownSnapshot`] if there
    /// is no such snapshot, or more than one.
    pub fn resolve(&self, name: &str) -> Result<SnapshotId, Error> {
        let unknown = || Error::UnknownSnapshot { name: name.to_owned() };
        if name == "latest" {
            return self.latest.ok_or_else(unknown);
        }
        let is_hex = name.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hex || !(PREFIX_MIN..=40).contains(&name.len()) {
            return Err(unknown());
        }
        let prefix = gix::hash::Prefix::from_hex(name).map_err(|_| unknown())?;
        let mut candidates = std::collections::HashSet::default();
        self.repo
            .objects
            .lookup_prefix(prefix, Some(&mut candidates))
            .map_err(Error::git(format!("look for the snapshot {name}")))?;
        let mut snapshots = candidates.into_iter().filter(|id| self.is_commit(*id)).map(SnapshotId);
        match (snapshots.next(), snapshots.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(unknown()),
        }
    }

    fn is_commit(&self, id: ObjectId) -> bool {
        self.repo.find_header(id).is_ok_and(|header| header.kind() == Kind::Commit)
    }

    /// The root tree of a snapshot.
    fn root(&self, at: SnapshotId) -> Result<ObjectId, Error> {
        Ok(self.commit(at)?.tree)
    }

    fn commit(&self, at: SnapshotId) -> Result<info::Commit, Error> {
        let object =
            self.repo.try_find_object(at.0).map_err(Error::git(format!("read the snapshot {at}")))?;
        match object {
            Some(object) if object.kind == Kind::Commit => {
                info::Commit::parse(at, &object.data).ok_or_else(|| {
                    Error::git(format!("read the snapshot {at}"))("it is not a well-formed commit")
                })
            }
            _ => Err(Error::UnknownSnapshot { name: at.to_string() }),
        }
    }
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("History").field("path", &self.repo.path()).field("latest", &self.latest).finish()
    }
}
