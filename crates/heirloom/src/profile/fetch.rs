//! Fetching a bucket's history onto the drive.

use crate::config::join::Join;
use crate::failure::{Exit, Failure};
use archive::{Archive, Fetched, Remote};
use chrono::Local;
use mirror::{Drive, Guide, GuideBucket, Held};
use model::{BucketName, MachineName};
use std::sync::atomic::AtomicBool;

/// Brings the bucket's archive on the drive up to date.
pub(crate) fn fetch(drive: &Drive, join: &Join, stop: &AtomicBool) -> Result<Fetched, Failure> {
    Ok(mirror::fetch(&drive.hold()?, &join.bucket, &remote(join)?, stop)?)
}

/// The archive of the join file's bucket at the cloud.
fn remote(join: &Join) -> Result<Remote, Failure> {
    let Some(web) = &join.web else {
        return Err(Failure::new(
            Exit::Usage,
            "the join file names no web address, so there is no archive to fetch",
        )
        .hint("Join files that `heirloom user add` writes name it; or set `web` beside `endpoint`."));
    };
    Ok(Remote {
        url: format!("{}/{}.git", web.as_str().trim_end_matches('/'), join.bucket),
        basic: Some((join.access_key_id.clone(), join.secret_access_key.reveal().to_owned())),
    })
}

/// Writes what a stranger should know onto the drive.
pub(crate) fn write_guide(
    drive: &Drive,
    machine: &MachineName,
    bucket: &BucketName,
    synced: Option<String>,
) -> Result<(), Failure> {
    let drive = drive.hold()?;
    let (latest_snapshot, snapshots) = history(&drive, bucket).unwrap_or_default();
    let name = bucket.to_string();
    let bucket = GuideBucket { name, synced, latest_snapshot, snapshots };
    let guide = Guide { machine: machine.to_string(), written: today(), buckets: vec![bucket] };
    Ok(drive.write_guide(&guide.html())?)
}

fn history(drive: &Held, bucket: &BucketName) -> Option<(Option<String>, usize)> {
    let history = Archive::open(&drive.archive(bucket)).ok()?.history().ok()?;
    let latest = history.snapshots(0, 1).ok()?.into_iter().next()?;
    let (seconds, nanos) = latest.time.seconds_and_nanos();
    let time = chrono::DateTime::from_timestamp(seconds, nanos)?.with_timezone(&Local);
    Some((Some(time.format("%-d %B %Y, %H:%M").to_string()), history.count().ok()?))
}

/// The time, as a person says it.
pub(crate) fn minute() -> String {
    Local::now().format("%-d %B %Y, %H:%M").to_string()
}

fn today() -> String {
    Local::now().format("%-d %B %Y").to_string()
}
