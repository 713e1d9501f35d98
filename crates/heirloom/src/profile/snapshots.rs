//! Taking snapshots: all buckets one after the other, by schedule, with what was missed made up for at start.
//!
//! The scheduler only ticks. Whether a run is due follows from the time of the last finished one, which is on disk, so
//! that a cloud which slept through the night takes its snapshot in the morning, once.

use super::pi::pause;
use crate::config::schedule::Schedule;
use crate::failure::{Explain as _, Failure};
use crate::session::now;
use archive::{Archive, Outcome, Progress, SnapshotContext};
use chrono::{DateTime, Offset as _, TimeZone as _, Utc};
use chrono_tz::Tz;
use gateway::Gateway;
use model::{BucketName, MachineName, UnixNanos};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_cron_scheduler::{Job, JobScheduler};
use tokio_util::sync::CancellationToken;

/// The part of a cloud that makes history.
#[derive(Clone)]
pub(crate) struct Snapshots {
    data_dir: PathBuf,
    machine: MachineName,
    timezone: Tz,
    /// One run at a time in this process; the archive's own lock tells processes apart.
    turn: Arc<Mutex<()>>,
    /// What went wrong in the latest run.
    trouble: Arc<Mutex<Option<String>>>,
    /// In the cloud itself: what was changed in the live files behind its back is noticed before it becomes history.
    gateway: Option<Arc<Gateway>>,
}

/// How often to see whether a run is due that the scheduler did not tick for: one that failed, or was slept through.
const LOOK_AGAIN: Duration = Duration::from_mins(10);

/// What one bucket's snapshot came to.
pub(crate) struct Taken {
    pub(crate) bucket: BucketName,
    pub(crate) outcome: Result<Outcome, archive::Error>,
}

impl Snapshots {
    pub(crate) fn new(data_dir: &Path, machine: &MachineName, timezone: Tz) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            machine: machine.clone(),
            timezone,
            turn: Arc::default(),
            trouble: Arc::default(),
            gateway: None,
        }
    }

    /// As part of the process that serves the live files.
    pub(crate) fn beside(self, gateway: Arc<Gateway>) -> Self {
        Self { gateway: Some(gateway), ..self }
    }

    /// What went wrong in the latest run, if anything did.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every bucket that has live files.
    pub(crate) fn buckets(&self) -> Result<Vec<BucketName>, Failure> {
        let live = self.data_dir.join("live");
        let entries = match fs::read_dir(&live) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                return Err(Failure::from(error).context(format!("could not read {}", live.display())));
            }
        };
        let names = entries.filter_map(|entry| BucketName::new(entry.ok()?.file_name().to_str()?).ok());
        let mut buckets: Vec<BucketName> = names.collect();
        buckets.sort();
        Ok(buckets)
    }

    /// Where the archive of a bucket is.
    pub(crate) fn archive_path(&self, bucket: &BucketName) -> PathBuf {
        self.data_dir.join("archives").join(format!("{bucket}.git"))
    }

    /// Takes a snapshot of one bucket.
    pub(crate) fn take(&self, bucket: &BucketName, progress: &dyn Fn(Progress)) -> Taken {
        self.take_incomplete(bucket, Vec::new(), progress)
    }

    /// Takes a snapshot of one bucket because somebody asked for it, incomplete for these reasons beside its own; `None` if it
    /// has no files. One that is being taken already is waited for.
    pub(crate) fn take_now(
        &self,
        bucket: &BucketName,
        incomplete: Vec<String>,
    ) -> Result<Option<Outcome>, archive::Error> {
        if !self.live(bucket).is_dir() {
            return Ok(None);
        }
        self.reconcile(bucket);
        let taken = self.take_incomplete(bucket, incomplete, &|_| {});
        taken.log();
        taken.outcome.map(Some)
    }

    fn take_incomplete(
        &self,
        bucket: &BucketName,
        incomplete: Vec<String>,
        progress: &dyn Fn(Progress),
    ) -> Taken {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let time = self.wait_for_a_second_of_its_own(bucket);
        let context = SnapshotContext {
            author: bucket.to_string(),
            author_email: format!("{bucket}@{}", self.machine),
            machine: self.machine.clone(),
            time,
            utc_offset_seconds: self.offset_at(time),
            incomplete,
        };
        let outcome = Archive::init(&self.archive_path(bucket))
            .and_then(|archive| archive.snapshot(&self.live(bucket), &context, progress));
        Taken { bucket: bucket.clone(), outcome }
    }

    fn live(&self, bucket: &BucketName) -> PathBuf {
        self.data_dir.join("live").join(bucket.as_str())
    }

    /// The present, in a second that no snapshot has yet: a snapshot goes by its machine and time.
    fn wait_for_a_second_of_its_own(&self, bucket: &BucketName) -> UnixNanos {
        let latest = || {
            let archive = Archive::open(&self.archive_path(bucket)).ok()?;
            let history = archive.history().ok()?;
            Some(history.info(&history.latest()?).ok()?.time.seconds_and_nanos().0)
        };
        let (seconds, nanos) = now().seconds_and_nanos();
        if latest() == Some(seconds) {
            std::thread::sleep(Duration::from_secs(1).saturating_sub(Duration::from_nanos(nanos.into())));
        }
        now()
    }

    fn offset_at(&self, time: UnixNanos) -> i32 {
        let (seconds, nanos) = time.seconds_and_nanos();
        let utc = DateTime::<Utc>::from_timestamp(seconds, nanos).unwrap_or_default();
        self.timezone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc()
    }

    /// Takes a snapshot of every bucket, logs what came of it, and remembers the run if nothing failed.
    pub(crate) fn run(&self) {
        let buckets = match self.buckets() {
            Ok(buckets) => buckets,
            Err(failure) => {
                tracing::error!(
                    "no snapshots were taken: {}",
                    failure.text(crate::failure::Colour::Off).trim_end()
                );
                return;
            }
        };
        let mut trouble = None;
        for bucket in buckets {
            self.reconcile(&bucket);
            let taken = self.take(&bucket, &|_| {});
            taken.log();
            if let Err(error) = taken.outcome {
                trouble = Some(format!("the latest snapshot of {bucket} failed: {error}"));
            }
        }
        let failed = trouble.is_some();
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
        if !failed && let Err(error) = self.remember() {
            tracing::warn!(%error, "the run could not be remembered and may be repeated after a restart");
        }
    }

    fn reconcile(&self, bucket: &BucketName) {
        let Some(gateway) = &self.gateway else { return };
        match gateway.reconcile(bucket) {
            Ok(reconciled) => tracing::debug!(%bucket, ?reconciled, "compared the index with the live files"),
            Err(error) => {
                tracing::warn!(%bucket, %error, "the index could not be compared with the live files");
            }
        }
    }

    fn record(&self) -> PathBuf {
        self.data_dir.join("last-snapshots")
    }

    fn remember(&self) -> std::io::Result<()> {
        let staged = self.data_dir.join(".last-snapshots");
        fs::write(&staged, format!("{}\n", now().seconds_and_nanos().0))?;
        fs::rename(staged, self.record())
    }

    fn last_run(&self) -> Option<i64> {
        fs::read_to_string(self.record()).ok()?.trim().parse().ok()
    }

    /// Whether the schedule came due since the last finished run. What cannot be read counts as never.
    pub(crate) fn is_due(&self, schedule: &Schedule, at: UnixNanos) -> bool {
        let (seconds, nanos) = at.seconds_and_nanos();
        let here = DateTime::<Utc>::from_timestamp(seconds, nanos)
            .unwrap_or_default()
            .with_timezone(&schedule.timezone);
        let Ok(due) = schedule.cron.find_previous_occurrence(&here, true) else { return false };
        self.last_run().is_none_or(|last| last < due.timestamp())
    }

    /// Takes snapshots by schedule until stopped; one that was missed, at once.
    pub(crate) async fn keep(self, schedule: Schedule, stop: CancellationToken) -> Result<(), Failure> {
        self.run_if_due(&schedule).await;
        let mut clock = JobScheduler::new().await.attempting("could not start the scheduler")?;
        let expression = with_seconds(&schedule.expression);
        let timezone = schedule.timezone;
        let (snapshots, schedule) = (self.clone(), Arc::new(schedule));
        let (again, due) = (self, Arc::clone(&schedule));
        let tick = Job::new_async_tz(expression, timezone, move |_, _| {
            let (snapshots, schedule) = (snapshots.clone(), Arc::clone(&schedule));
            Box::pin(async move { snapshots.run_if_due(&schedule).await })
        });
        clock
            .add(tick.attempting("could not schedule the snapshots")?)
            .await
            .attempting("could not schedule the snapshots")?;
        clock.start().await.attempting("could not start the scheduler")?;
        while !stop.is_cancelled() {
            pause(&stop, LOOK_AGAIN).await;
            if !stop.is_cancelled() {
                again.run_if_due(&due).await;
            }
        }
        clock.shutdown().await.attempting("could not stop the scheduler")
    }

    async fn run_if_due(&self, schedule: &Schedule) {
        if self.is_due(schedule, now()) {
            let snapshots = self.clone();
            let run = tokio::task::spawn_blocking(move || snapshots.run());
            if let Err(error) = run.await {
                tracing::error!(%error, "taking snapshots ended unexpectedly");
            }
        }
    }
}

/// The scheduler wants a field for seconds; a nickname has none.
fn with_seconds(expression: &str) -> String {
    if expression.starts_with('@') { expression.to_owned() } else { format!("0 {expression}") }
}

impl Taken {
    fn log(&self) {
        let bucket = &self.bucket;
        match &self.outcome {
            Ok(Outcome::Created(created)) => tracing::info!(
                %bucket, snapshot = %created.id.short(), added = created.added, changed = created.modified,
                deleted = created.deleted, "took a snapshot"
            ),
            Ok(Outcome::Unchanged { .. }) => {
                tracing::debug!(%bucket, "nothing has changed since the last snapshot");
            }
            Err(error) => {
                tracing::error!(%bucket, error = error as &(dyn std::error::Error + 'static), "the snapshot failed");
            }
        }
        for problem in self.outcome.as_ref().map(Outcome::problems).unwrap_or_default() {
            tracing::warn!(%bucket, path = %problem.path, reason = %problem.reason, "left out of the snapshot");
        }
    }
}

#[cfg(test)]
mod tests;
