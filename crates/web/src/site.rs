//! What all requests share.

use crate::failure::Failure;
use crate::git::Workshop;
use crate::readers::Readers;
use crate::shelf::Shelf;
use crate::throttle::Throttle;
use crate::timeline::Timelines;
use accounts::Accounts;
use archive::Outcome;
use chrono_tz::Tz;
use model::{BucketName, UnixNanos};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Downloads and git fetches that may run at a time; each holds a thread or a process, whatever its client's speed.
const STREAMS_MAX: usize = 128;
const FETCHES_MAX: usize = 16;
/// Snapshots that are taken or waited for at a time; each holds a thread.
const SNAPSHOTS_MAX: usize = 16;
/// Highlighted sources kept, in bytes of HTML.
const HIGHLIGHTS_MAX: usize = 16 << 20;

/// Takes a snapshot of a bucket now, incomplete for these reasons beside its own; `None` while the bucket has no files. May
/// block for as long as it takes.
pub type TakeSnapshot =
    Arc<dyn Fn(&BucketName, Vec<String>) -> Result<Option<Outcome>, archive::Error> + Send + Sync>;

/// What the pages are built from.
#[derive(Clone)]
pub struct Options {
    /// Who may see what.
    pub accounts: Accounts,
    /// The directory that holds `<bucket>.git` for each bucket with a snapshot.
    pub archives: PathBuf,
    /// The address under which people reach the pages, like `https://files.example.org`, without a path. When it
    /// is `https`, session cookies are sent over TLS only.
    pub base_url: Option<String>,
    /// The S3 address that users are told; nothing here connects to it.
    pub s3_endpoint: Option<String>,
    /// Whether the machine can do its work; the reason if it cannot. Called for `/readyz`; may block.
    pub readiness: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Called when an owner's program asks for a snapshot.
    pub snapshot: TakeSnapshot,
    /// The present.
    pub clock: fn() -> UnixNanos,
    /// The zone in which dates are shown.
    pub timezone: Tz,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("archives", &self.archives)
            .field("base_url", &self.base_url)
            .field("s3_endpoint", &self.s3_endpoint)
            .field("timezone", &self.timezone)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Site {
    pub options: Options,
    pub throttle: Throttle,
    /// By object id and file name: the same bytes are coloured by their name.
    pub highlights: Shelf<(String, String), Vec<String>>,
    pub timelines: Timelines,
    pub readers: Arc<Readers>,
    pub streams: Arc<Semaphore>,
    pub fetches: Arc<Semaphore>,
    pub snapshots: Arc<Semaphore>,
    pub workshop: Workshop,
}

impl Site {
    pub(crate) fn new(mut options: Options) -> Self {
        options.base_url = options.base_url.map(|url| url.trim_end_matches('/').to_owned());
        Self {
            options,
            throttle: Throttle::default(),
            highlights: Shelf::new(HIGHLIGHTS_MAX),
            timelines: Timelines::default(),
            readers: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            fetches: Arc::new(Semaphore::new(FETCHES_MAX)),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS_MAX)),
            workshop: Workshop::default(),
        }
    }

    pub(crate) fn now(&self) -> UnixNanos {
        (self.options.clock)()
    }

    pub(crate) fn is_https(&self) -> bool {
        self.options.base_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// Runs what touches disks away from the threads that serve connections.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(Failure::broken("answer this request", source)),
    }
}
