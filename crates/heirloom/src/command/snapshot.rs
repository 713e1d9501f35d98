//! `heirloom snapshot`

use crate::args::Snapshot;
use crate::failure::{Exit, Failure};
use crate::printed::command;
use crate::profile::snapshots::Snapshots;
use crate::report::{Action, Counts, Message};
use crate::session::Session;
use archive::Outcome;
use model::ByteSize;
use serde::Serialize;
use std::fmt;

/// Takes a snapshot of each bucket.
pub(crate) fn run(session: &Session, wanted: Snapshot) -> Result<Exit, Failure> {
    let cloud = session.cloud("snapshot")?;
    let snapshots = Snapshots::new(&cloud.data_dir, &cloud.machine, cloud.snapshots.timezone);
    let known = snapshots.buckets()?;
    if let Some(unknown) = wanted.buckets.iter().find(|bucket| !known.contains(bucket)) {
        return Err(Failure::new(Exit::Usage, format!("there is no bucket `{unknown}`")).hint(format!(
            "A bucket is there once its user has stored a file; `{}` shows the users.",
            command("user list")
        )));
    }
    let buckets = if wanted.buckets.is_empty() { known } else { wanted.buckets };
    if buckets.is_empty() {
        session.report.note("no bucket has files yet, so there is nothing to snapshot");
    }
    let mut exit = Exit::Ok;
    for bucket in buckets {
        let taken = snapshots.take(&bucket, &shown(session));
        let outcome = taken
            .outcome
            .map_err(|error| Failure::from(error).context(format!("could not snapshot {bucket}")))?;
        for problem in outcome.problems() {
            session.report.say(&LeftOut {
                bucket: bucket.to_string(),
                path: problem.path.to_string(),
                reason: problem.reason.clone(),
            });
            exit = exit.or_worse(Exit::Incomplete);
        }
        session.report.say(&Taken::new(bucket.to_string(), &outcome));
    }
    Ok(exit)
}

fn shown(session: &Session) -> impl Fn(archive::Progress) + use<> {
    let bar = session.report.progress(Action::Snapshotting);
    move |progress| {
        let (files, bytes) = (progress.files, progress.bytes);
        let done = progress.work;
        bar.show(Counts { files_done: done.files_read, files, bytes_done: done.bytes_read, bytes });
    }
}

#[derive(Serialize)]
struct LeftOut {
    bucket: String,
    path: String,
    reason: String,
}

impl Message for LeftOut {
    const TYPE: &'static str = "problem";
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "problem: {}/{} is left out: {}", self.bucket, self.path, self.reason)
    }
}

/// What came of one bucket.
#[derive(Serialize)]
struct Taken {
    bucket: String,
    snapshot: String,
    new: bool,
    added: u64,
    changed: u64,
    deleted: u64,
    files: u64,
    bytes: u64,
}

impl Taken {
    fn new(bucket: String, outcome: &Outcome) -> Self {
        let snapshot = outcome.id().to_string();
        match outcome {
            Outcome::Created(made) => Self {
                bucket,
                snapshot,
                new: true,
                added: made.added,
                changed: made.modified,
                deleted: made.deleted,
                files: made.files,
                bytes: made.bytes,
            },
            Outcome::Unchanged { .. } => {
                Self { bucket, snapshot, new: false, added: 0, changed: 0, deleted: 0, files: 0, bytes: 0 }
            }
        }
    }
}

impl Message for Taken {
    const TYPE: &'static str = "snapshot";
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.snapshot.get(..10).unwrap_or(&self.snapshot);
        if self.new {
            let Self { bucket, added, changed, deleted, files, .. } = self;
            let bytes = ByteSize(self.bytes);
            write!(
                f,
                "{bucket}: snapshot {short}, {added} added, {changed} changed, {deleted} deleted; {files} files, {bytes}"
            )
        } else {
            write!(f, "{}: nothing has changed since snapshot {short}", self.bucket)
        }
    }
}
