//! `heirloom fetch`

use super::hand_over::hand_over;
use crate::control::client;
use crate::control::message::Ask;
use crate::failure::{Exit, Failure};
use crate::profile::fetch::{fetch, minute, write_guide};
use crate::profile::lock;
use crate::report::Message;
use crate::runtime;
use crate::session::Session;
use archive::Fetched as Outcome;
use mirror::Drive;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Fetches the history onto the drive, once.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let pi = session.pi("fetch")?;
    let drive = Drive::open(&pi.drive)?;
    let _lock = match lock::take(&pi.state_dir) {
        Ok(lock) => lock,
        Err(busy) if busy.kind() == Exit::Busy => {
            return hand_over(session, &pi.state_dir, &Ask::Fetch, client::START)?.ok_or(busy);
        }
        Err(failure) => return Err(failure),
    };
    let join = pi.cloud.resolve()?;
    let bucket = join.bucket.to_string();
    let stop = Arc::new(Stop::default());
    runtime::run_once({
        let guard = StopOnDrop(Arc::clone(&stop));
        let report = session.report.clone();
        async move {
            let work = tokio::task::spawn_blocking(move || {
                let outcome = fetch(&drive, &join, &stop.0)?;
                write_guide(&drive, &pi.machine, &join.bucket, Some(minute()))?;
                Ok::<_, Failure>(outcome)
            });
            let outcome = work.await??;
            drop(guard);
            report.say(&Fetched::new(bucket, &outcome));
            Ok(Exit::Ok)
        }
    })
}

#[derive(Default)]
struct Stop(AtomicBool);

/// Tells a fetch that nobody waits for any more to end.
struct StopOnDrop(Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// What came of it.
#[derive(Serialize)]
pub(crate) struct Fetched {
    bucket: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest: Option<String>,
    new: bool,
}

impl Fetched {
    pub(crate) fn new(bucket: String, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Updated { to, .. } => Self { bucket, latest: Some(to.to_string()), new: true },
            Outcome::UpToDate | Outcome::Stopped => Self { bucket, latest: None, new: false },
        }
    }
}

impl Message for Fetched {
    const TYPE: &'static str = "fetched";
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.latest {
            Some(latest) => write!(f, "{}: fetched; the latest snapshot is {latest}", self.bucket),
            None => write!(f, "{}: the history is up to date", self.bucket),
        }
    }
}
