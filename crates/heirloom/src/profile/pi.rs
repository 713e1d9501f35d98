//! The pi: a mirror of the files and the history on a drive that may not be there.

use super::daemon::{Daemon, Work};
use super::fetch::{fetch, minute, write_guide};
use super::keep::{Heart, Open, chance, keep};
use super::live::Live;
use super::rounds::Round;
use super::routes::{Wired, connect};
use crate::config::Pi;
use crate::config::join::Join;
use crate::failure::{Colour, Exit, Failure};
use archive::Fetched;
use bucket::{Limits, Prefix};
use journal::{Journal, RouteKey};
use mirror::Drive;
use model::BucketName;
use plan::ignore::IgnoreRules;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sync::backoff::Backoff;
use sync::{Folder, Place, Route, STOP_GRACE, Sealed};
use tokio_util::sync::CancellationToken;

/// The first wait after a fetch that failed, and the longest.
const BACKOFF_FIRST: Duration = Duration::from_secs(10);
const BACKOFF_LAST: Duration = Duration::from_mins(10);

/// How often to look for a drive that is not there, and whether the one in use still is.
const LOOK: Duration = Duration::from_secs(10);

/// What the journal knows the mirror of a drive by.
pub(crate) fn key(join: &Join, drive: &Drive) -> RouteKey {
    RouteKey {
        destination: "cloud".to_owned(),
        prefix: String::new(),
        folder: PathBuf::from(format!("drive:{}/{}", drive.id(), join.bucket)),
    }
}

/// The mirror of a whole bucket on a drive. Another drive has another base: it is a fresh mirror.
pub(crate) fn route(
    pi: &Pi,
    join: &Join,
    drive: &Drive,
    journal: &Journal,
    limits: &Limits,
) -> Result<Wired, Failure> {
    let key = key(join, drive);
    let route = Route {
        state: None,
        destination: "cloud".to_owned(),
        is_one_of_several: false,
        folder: drive.files(&join.bucket),
        prefix: Prefix::root(),
        id: journal.route(&key)?,
        direction: pi.mirror.direction,
        max_delete: pi.mirror.max_delete,
        ignore: IgnoreRules::new(&[])?,
        machine: pi.machine.clone(),
    };
    let place = Place::new(connect(join, limits)?, Prefix::root());
    // A mirror holds what is sealed as it is: whoever has the identity opens it with age.
    let place = Sealed::closed(place);
    Ok(Wired { route, place, interval: pi.mirror.interval, live: Live::over(limits) })
}

/// Mirrors and fetches whenever the drive is there, until stopped.
pub(crate) async fn run(
    pi: &Pi,
    join: &Join,
    daemon: &Daemon,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let heart = &daemon.heart;
    let mut absent_told = false;
    while !stop.is_cancelled() {
        match Drive::open(&pi.drive) {
            Ok(drive) => {
                absent_told = false;
                heart.beat("the drive", true, "the drive is there");
                with_drive(pi, join, &drive, daemon, &stop).await?;
            }
            Err(error) => {
                heart.beat("the drive", false, &error.to_string());
                daemon.rest(Exit::Skipped, error.to_string());
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
    daemon: &Daemon,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let gone = stop.child_token();
    let wired = route(pi, join, drive, &daemon.journal, &daemon.limits)?;
    let open = open_on(drive.clone(), join.bucket.clone(), pi.drive.clone());
    let fetching = Fetching::new(pi, join, drive);
    daemon.begin(Work {
        rounds: vec![Round::plain(vec![wired.clone()])],
        unready: Arc::default(),
        open: Arc::clone(&open),
        fetching: Some(fetching.clone()),
        stop: gone.clone(),
    });
    let (journal, heart) = (Arc::clone(&daemon.journal), daemon.heart.clone());
    let keeping = keep(vec![wired], journal, heart.clone(), open, gone.clone());
    tokio::join!(keeping, fetching.again_and_again(heart, gone.clone()), watch_drive(pi, drive, &gone));
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

/// Fetching the history of the mirrored bucket: again and again, and when somebody asks for it.
#[derive(Clone)]
pub(crate) struct Fetching {
    pi: Pi,
    join: Join,
    drive: Drive,
    /// Held while it fetches.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// What went wrong the last time.
    trouble: Arc<Mutex<Option<String>>>,
}

impl Fetching {
    fn new(pi: &Pi, join: &Join, drive: &Drive) -> Self {
        let (turn, trouble) = (Arc::default(), Arc::default());
        Self { pi: pi.clone(), join: join.clone(), drive: drive.clone(), turn, trouble }
    }

    /// The bucket's name.
    pub(crate) fn bucket(&self) -> String {
        self.join.bucket.to_string()
    }

    /// Where the history goes.
    pub(crate) fn archive(&self) -> PathBuf {
        self.drive.archive(&self.join.bucket)
    }

    /// What went wrong the last time, if anything did.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches once. One that was told to stop and hangs on the line is not waited for: what it had begun is swept up by the next.
    pub(crate) async fn once(&self, heart: &Heart, stop: &CancellationToken) -> Result<Fetched, Failure> {
        let _turn = tokio::select! {
            turn = self.turn.lock() => turn,
            () = stop.cancelled() => return Ok(Fetched::Stopped),
        };
        let flag = Arc::new(AtomicBool::new(false));
        let work = tokio::task::spawn_blocking({
            let (this, flag) = (self.clone(), Arc::clone(&flag));
            move || {
                let fetched = fetch(&this.drive, &this.join, &flag)?;
                write_guide(&this.drive, &this.pi.machine, &this.join.bucket, Some(minute()))?;
                Ok(fetched)
            }
        });
        tokio::pin!(work);
        let fetched = tokio::select! {
            done = &mut work => done?,
            () = stop.cancelled() => {
                flag.store(true, Ordering::Relaxed);
                match tokio::time::timeout(STOP_GRACE, work).await {
                    Ok(done) => done?,
                    Err(_) => Ok(Fetched::Stopped),
                }
            }
        };
        self.told(&fetched, heart);
        fetched
    }

    fn told(&self, fetched: &Result<Fetched, Failure>, heart: &Heart) {
        let trouble = fetched.as_ref().err().map(|failure| {
            let text = failure.text(Colour::Off);
            text.trim_end().trim_start_matches("error: ").replace('\n', " ")
        });
        let text = trouble.as_deref().unwrap_or("the history is up to date");
        if !matches!(fetched, Ok(Fetched::Stopped)) {
            heart.beat("history", trouble.is_none(), text);
        }
        if let Ok(Fetched::Updated { to, .. }) = fetched {
            tracing::info!(bucket = %self.join.bucket, latest = %to.short(), "fetched new snapshots");
        }
        let mut before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match &trouble {
            Some(text) if *before != trouble => {
                tracing::warn!("the history was not fetched: {text}; trying again by itself");
            }
            None if before.is_some() => tracing::info!("the history is fetched again"),
            Some(_) | None => {}
        }
        *before = trouble;
    }

    async fn again_and_again(self, heart: Heart, stop: CancellationToken) {
        let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_LAST);
        while !stop.is_cancelled() {
            let wait = if self.once(&heart, &stop).await.is_ok() {
                backoff.reset();
                self.pi.archive.interval
            } else {
                backoff.fail(chance()).min(self.pi.archive.interval)
            };
            pause(&stop, wait).await;
        }
    }
}

/// Waits, or stops waiting.
pub(crate) async fn pause(stop: &CancellationToken, time: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}
