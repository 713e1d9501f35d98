//! The pi: a mirror of the files and the history on a drive that may not be there.

use super::fetch::{fetch, minute, write_guide};
use super::keep::{Heart, Open, keep};
use super::routes::{Wired, connect, open_journal};
use crate::config::Pi;
use crate::config::join::Join;
use crate::failure::{Colour, Failure};
use archive::Fetched;
use bucket::Prefix;
use journal::{Journal, RouteKey};
use mirror::Drive;
use model::BucketName;
use plan::ignore::IgnoreRules;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use sync::sealed::Keys;
use sync::{Folder, Place, Route, Sealed};
use tokio_util::sync::CancellationToken;

/// How often to look for a drive that is not there, and whether the one in use still is.
const LOOK: Duration = Duration::from_secs(10);

/// The mirror of a whole bucket on a drive. Another drive has another base: it is a fresh mirror.
pub(crate) fn route(pi: &Pi, join: &Join, drive: &Drive, journal: &Arc<Journal>) -> Result<Wired, Failure> {
    let key = RouteKey {
        destination: "cloud".to_owned(),
        prefix: String::new(),
        folder: PathBuf::from(format!("drive:{}/{}", drive.id(), join.bucket)),
    };
    let route = Route {
        state: None,
        destination: "cloud".to_owned(),
        folder: drive.files(&join.bucket),
        prefix: Prefix::root(),
        id: journal.route(&key)?,
        direction: pi.mirror.direction,
        max_delete: pi.mirror.max_delete,
        ignore: IgnoreRules::new(&[])?,
        machine: pi.machine.clone(),
    };
    let place = Place::new(connect(join)?, Prefix::root());
    // A mirror holds what is sealed as it is: whoever has the identity opens it with age.
    let place = Sealed::new(place, Keys::default(), journal, route.id)?;
    Ok(Wired { route, place, interval: pi.mirror.interval })
}

/// Mirrors and fetches whenever the drive is there, until stopped.
pub(crate) async fn run(pi: &Pi, join: &Join, stop: CancellationToken) -> Result<(), Failure> {
    let journal = open_journal(&pi.state_dir)?;
    let heart = Heart::new(pi.state_dir.clone());
    let mut absent_told = false;
    while !stop.is_cancelled() {
        match Drive::open(&pi.drive) {
            Ok(drive) => {
                absent_told = false;
                heart.beat("the drive", true, "the drive is there");
                with_drive(pi, join, &drive, &journal, &heart, &stop).await?;
            }
            Err(error) => {
                heart.beat("the drive", false, &error.to_string());
                if !std::mem::replace(&mut absent_told, true) {
                    tracing::warn!("{error}; waiting for it");
                }
                pause(&stop, LOOK).await;
            }
        }
    }
    Ok(())
}

/// Returns when stopped, or when the drive is gone or another one.
async fn with_drive(
    pi: &Pi,
    join: &Join,
    drive: &Drive,
    journal: &Arc<Journal>,
    heart: &Heart,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let gone = stop.child_token();
    let wired = route(pi, join, drive, journal)?;
    let keeping = keep(
        vec![wired],
        Arc::clone(journal),
        heart.clone(),
        open_on(drive.clone(), join.bucket.clone(), pi.drive.clone()),
        gone.clone(),
    );
    let fetching =
        fetch_again_and_again(pi.clone(), join.clone(), drive.clone(), heart.clone(), gone.clone());
    tokio::join!(keeping, fetching, watch_drive(pi, drive, &gone));
    Ok(())
}

/// The folder of the mirror, reached through the drive itself.
pub(crate) fn open_folder(drive: &Drive, bucket: &BucketName) -> Result<Folder, Failure> {
    Ok(Folder::open_named(&drive.hold()?.files(bucket)?, &drive.files(bucket))?)
}

/// The marker is looked for before every cycle: nothing is written below a mount point without its drive.
pub(crate) fn open_on(drive: Drive, bucket: BucketName, at: PathBuf) -> Open {
    Arc::new(move |_: &Route| {
        open_folder(&drive, &bucket).map_err(|_| disk::Error::Missing { path: at.clone() })
    })
}

async fn watch_drive(pi: &Pi, drive: &Drive, gone: &CancellationToken) {
    while !gone.is_cancelled() {
        pause(gone, LOOK).await;
        if !Drive::open(&pi.drive).is_ok_and(|there| there.id() == drive.id()) {
            gone.cancel();
        }
    }
}

async fn fetch_again_and_again(pi: Pi, join: Join, drive: Drive, heart: Heart, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let fetched = fetch_once(&pi, &join, &drive, &stop).await;
        match &fetched {
            Ok(Fetched::Updated { to, .. }) => {
                tracing::info!(bucket = %join.bucket, latest = %to.short(), "fetched new snapshots");
                heart.beat("history", true, "the history is up to date");
            }
            Ok(Fetched::UpToDate) => heart.beat("history", true, "the history is up to date"),
            Ok(Fetched::Stopped) => return,
            Err(failure) => {
                let text = failure.text(Colour::Off);
                let text = text.trim_end().trim_start_matches("error: ").replace('\n', " ");
                tracing::warn!("the history was not fetched: {text}; trying again by itself");
                heart.beat("history", false, &text);
            }
        }
        let wait = if fetched.is_ok() {
            pi.archive.interval
        } else {
            pi.archive.interval.min(Duration::from_mins(1))
        };
        pause(&stop, wait).await;
    }
}

async fn fetch_once(
    pi: &Pi,
    join: &Join,
    drive: &Drive,
    stop: &CancellationToken,
) -> Result<Fetched, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    let work = tokio::task::spawn_blocking({
        let (pi, join, drive, flag) = (pi.clone(), join.clone(), drive.clone(), Arc::clone(&flag));
        move || {
            let fetched = fetch(&drive, &join, &flag)?;
            write_guide(&drive, &pi.machine, &join.bucket, Some(minute()))?;
            Ok(fetched)
        }
    });
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done?,
        () = stop.cancelled() => flag.store(true, Ordering::Relaxed),
    }
    work.await?
}

/// Waits, or stops waiting.
pub(crate) async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
