//! Recording the live files as one commit.
//!
//! ```text
//!            ┌────────► walk ──── files to read ───► workers ──── deflated batches ───┐
//! live files │          │  ▲                        (read, hash,                       ▼
//!            └─ cache ──┘  └────── blob ids ──────── deflate)                        pack ──► commit ──► main
//!                        directories: trees and metadata ────────────────────────────┘
//! ```
//!
//! One thread walks the live files in step with the stat cache and completes directories from the leaves up;
//! the others do the work that costs. Memory holds the directories that wait for something, not the tree.
//! Rejected: reading the whole tree first and building bottom-up afterwards, which is simpler and
//! holds a million names.

mod content;
mod directory;
pub(crate) mod furnishing;
mod message;
mod owners;
mod previous;
mod walk;
mod worker;

pub(crate) use message::trailers;

use crate::cache::{CacheReader, CacheWriter};
use crate::lock::WriteLock;
use crate::pack::Pack;
use crate::{Archive, Error, SnapshotId, branch};
use model::{MachineName, RelPath, UnixNanos};
use std::path::Path;

/// Who takes a snapshot, when and where: nothing of it is looked up.
#[derive(Clone, Debug)]
pub struct SnapshotContext {
    /// The user's name, the commit's author.
    pub author: String,
    /// The user's address; need not exist.
    pub author_email: String,
    /// The machine that takes the snapshot.
    pub machine: MachineName,
    /// The date that history will show.
    pub time: UnixNanos,
    /// What the machine's clocks show beside UTC.
    pub utc_offset_seconds: i32,
    /// Why the snapshot is not all it should be, as far as the caller knows: a failed hook, for example.
    pub incomplete: Vec<String>,
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files seen so far.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// What had to be read of it.
    pub work: Work,
}

/// What had to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Files and links whose content was read.
    pub files_read: u64,
    /// Bytes of content that were read.
    pub bytes_read: u64,
}

/// What a snapshot came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// There is a new commit.
    Created(Created),
    /// The live files are what the latest snapshot holds; no commit was made.
    Unchanged {
        /// That snapshot.
        latest: SnapshotId,
        /// What could not be looked at.
        problems: Vec<Problem>,
        /// What had to be read to know.
        work: Work,
    },
}

impl Outcome {
    /// The snapshot that holds the live files now.
    #[must_use]
    pub fn id(&self) -> SnapshotId {
        match self {
            Self::Created(created) => created.id,
            Self::Unchanged { latest, .. } => *latest,
        }
    }

    /// What could not be recorded as it is.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Created(created) => &created.problems,
            Self::Unchanged { problems, .. } => problems,
        }
    }

    /// What had to be read.
    #[must_use]
    pub fn work(&self) -> Work {
        match self {
            Self::Created(created) => created.work,
            Self::Unchanged { work, .. } => *work,
        }
    }
}

/// A new snapshot. Counts are of files and symbolic links.
#[derive(Clone, Debug)]
pub struct Created {
    /// The commit.
    pub id: SnapshotId,
    /// Files that the snapshot before did not have.
    pub added: u64,
    /// Files with another content, executable bit or sort.
    pub modified: u64,
    /// Files that are gone.
    pub deleted: u64,
    /// All files.
    pub files: u64,
    /// Bytes in all files.
    pub bytes: u64,
    /// What could not be recorded as it is.
    pub problems: Vec<Problem>,
    /// What had to be read.
    pub work: Work,
}

/// A path that could not be recorded. If the snapshot before had it, that version is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path below the bucket's root.
    pub path: RelPath,
    /// What happened, in words.
    pub reason: String,
}

/// What changed against the snapshot before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    added: u64,
    modified: u64,
    deleted: u64,
}

impl Archive {
    /// Records the files below `live` as the next snapshot, unless nothing changed since the latest one.
    ///
    /// Nothing is followed: symbolic links are recorded as such, and `.heirloom` at the root and files that
    /// are still being written (`.heirloom-tmp-*`) are passed over. A file that cannot be read, or does not
    /// stop changing, is a [`Problem`] and makes the snapshot incomplete. `progress` is called now and then
    /// from the calling thread. Fails with [`Error::Busy`] while another snapshot or fetch is running.
    pub fn snapshot(
        &self,
        live: &Path,
        context: &SnapshotContext,
        progress: &dyn Fn(Progress),
    ) -> Result<Outcome, Error> {
        let _lock = WriteLock::take(self.path())?;
        let mut repo = self.repository()?;
        // Nobody else writes while the lock is held: a miss need not be looked for again.
        repo.objects.refresh_never();
        let latest = branch::read(&repo)?;
        let parent = latest.map(|latest| commit_tree(&repo, latest)).transpose()?;

        let cache_path = self.path().join("heirloom/stat-cache");
        // First of all: what changes from here on is newer than the cache.
        let mut cache = CacheWriter::create(&cache_path)?;
        let known = latest.and_then(|latest| CacheReader::open(&cache_path, latest.0));
        let pack = Pack::new(self.path().join("objects/pack"));
        let was_known = known.is_some();
        let walked =
            walk::run(&walk::Task { live, repo: &repo, parent, pack: &pack, progress }, known, &mut cache)?;
        tracing::debug!(files = walked.files, read = walked.work.files_read, "live files looked at");

        if let (Some(latest), true) = (latest, parent == Some(walked.tree)) {
            // Every object was there already, so the pack is empty or not worth keeping.
            drop(pack);
            if was_known && walked.work.files_read == 0 {
                cache.discard();
            } else {
                cache.finish(latest.0)?;
            }
            return Ok(Outcome::Unchanged { latest, problems: walked.problems, work: walked.work });
        }

        let commit = message::Commit { context, walked: &walked, parent: latest };
        let id = SnapshotId(worker::write_commit(&pack, commit.encode())?);
        pack.finish()?;
        let log = branch::LogEntry {
            who: &commit.committer(),
            message: &format!("snapshot: {}", commit.subject()),
        };
        branch::advance(&repo, latest, id, &log)?;
        cache.finish(id.0)?;
        let walk::Walked {
            counts: Counts { added, modified, deleted }, files, bytes, problems, work, ..
        } = walked;
        Ok(Outcome::Created(Created { id, added, modified, deleted, files, bytes, problems, work }))
    }
}

fn commit_tree(repo: &gix::Repository, id: SnapshotId) -> Result<gix::ObjectId, Error> {
    let reading = || format!("read the snapshot {id}");
    let commit = repo.find_commit(id.0).map_err(Error::git(reading()))?;
    Ok(commit.tree_id().map_err(Error::git(reading()))?.detach())
}
