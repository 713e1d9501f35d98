//! Snapshots: who took them, when, and what they say of themselves.

use super::History;
use crate::snapshot::trailers;
use crate::{Error, SnapshotId};
use gix::ObjectId;
use model::UnixNanos;

/// What a snapshot's commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The commit.
    pub id: SnapshotId,
    /// The snapshot before; `None` for the first.
    pub parent: Option<SnapshotId>,
    /// When it was taken, in whole seconds, by the clock of the machine that took it.
    pub time: UnixNanos,
    /// What that machine's clocks showed beside UTC.
    pub utc_offset_seconds: i32,
    /// The user.
    pub author: String,
    /// The user's address.
    pub author_email: String,
    /// What changed, in a few words.
    pub subject: String,
    /// The machine that took it, if it says so.
    pub machine: Option<String>,
    /// The states it holds.
    pub states: Vec<String>,
    /// Why it is not all it should be; empty for a complete snapshot.
    pub incomplete: Vec<String>,
}

/// A commit, taken apart as far as walking history needs it.
pub(super) struct Commit {
    pub(super) tree: ObjectId,
    pub(super) parent: Option<SnapshotId>,
    pub(super) info: SnapshotInfo,
}

impl Commit {
    pub(super) fn parse(id: SnapshotId, content: &[u8]) -> Option<Self> {
        let commit = gix::objs::CommitRef::from_bytes(content, gix::hash::Kind::Sha1).ok()?;
        let parent = commit.parents().next().map(SnapshotId);
        let author = commit.author().ok()?;
        let committer = commit.committer().ok()?;
        let time = committer.time().ok()?;
        let message = commit.message.to_string();
        let trailer = |key: &str| {
            let values = message.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            values.map(str::to_owned).collect::<Vec<_>>()
        };
        let states = trailer(trailers::STATES);
        let info = SnapshotInfo {
            id,
            parent,
            time: UnixNanos::from_seconds_and_nanos(time.seconds, 0),
            utc_offset_seconds: time.offset,
            author: author.name.to_string(),
            author_email: author.email.to_string(),
            subject: message.lines().next().unwrap_or_default().to_owned(),
            machine: trailer(trailers::MACHINE).pop(),
            states: states.iter().flat_map(|names| names.split(", ")).map(str::to_owned).collect(),
            incomplete: trailer(trailers::INCOMPLETE),
        };
        Some(Self { tree: commit.tree(), parent, info })
    }
}

impl History {
    /// What a snapshot says of itself.
    pub fn info(&self, at: &SnapshotId) -> Result<SnapshotInfo, Error> {
        Ok(self.commit(*at)?.info)
    }

    /// Snapshots, newest first, without the first `skip` and at most `take` of them. Skipping costs one
    /// small read each.
    pub fn snapshots(&self, skip: usize, take: usize) -> Result<Vec<SnapshotInfo>, Error> {
        let mut found = Vec::new();
        for (number, id) in self.ids()?.enumerate() {
            let id = id?;
            if number < skip {
                continue;
            }
            if found.len() == take {
                break;
            }
            found.push(self.commit(id)?.info);
        }
        Ok(found)
    }

    /// How many snapshots there are.
    pub fn count(&self) -> Result<usize, Error> {
        let mut count = 0;
        for id in self.ids()? {
            id?;
            count += 1;
        }
        Ok(count)
    }

    /// Snapshots, newest first: along the first parents, for history is one line.
    pub(super) fn ids(&self) -> Result<impl Iterator<Item = Result<SnapshotId, Error>>, Error> {
        let walking = || format!("walk through the history of {}", self.repo.path().display());
        let walk = self
            .latest
            .map(|latest| self.repo.rev_walk([latest.0]).first_parent_only().all())
            .transpose()
            .map_err(Error::git(walking()))?;
        let ids = walk.into_iter().flatten();
        Ok(ids.map(move |found| found.map(|found| SnapshotId(found.id)).map_err(Error::git(walking()))))
    }
}
