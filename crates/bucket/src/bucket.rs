//! A connection to one bucket.

use crate::batch::Batches;
use crate::conditions::Learned;
use crate::error::Attempt;
use crate::transport::Transport;
use crate::{Cause, Error, Limits, Retry};
use model::{BucketName, ObjectKey};
use opendal::layers::{RetryEvent, RetryLayer};
use opendal::raw::{Layer as _, Servicer};
use opendal::{Builder as _, HttpTransporter, OperationContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// How to reach a bucket.
#[derive(Clone)]
pub struct Options {
    /// The server's address, as `https://s3.example.org` or `http://cloud:9000`.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: BucketName,
    /// The key's id.
    pub access_key_id: String,
    /// The key's secret.
    pub secret_access_key: String,
    /// Requests in flight at once, at least 1.
    pub concurrency: usize,
    /// How fast bodies may move; to be shared with whatever else uses the same line.
    pub limits: Limits,
}

/// One bucket of an S3 store. Clones share connections and what was learned about the store.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) service: Servicer,
    pub(crate) context: OperationContext,
    pub(crate) learned: Learned,
    pub(crate) batches: Batches,
    /// Set once the store gave a tag that looks like a digest but is none (as AWS does under KMS encryption).
    pub(crate) opaque_tags: AtomicBool,
    /// Set once the store turned out not to tell changes.
    pub(crate) tells_no_changes: AtomicBool,
    /// Set once the store said that it cannot copy a range as a part.
    pub(crate) no_part_copies: AtomicBool,
    /// Set once the store turned out to keep the slash at the end of a directory's key.
    pub(crate) keeps_directories: AtomicBool,
    /// Held by the one that finds that out.
    pub(crate) learning_of_directories: Mutex<()>,
    /// Set once it turned out to drop it, or a listing showed a file that stands for a directory.
    pub(crate) stands_in: AtomicBool,
    /// Set once the store began a listing elsewhere than where it was asked to.
    pub(crate) lists_in_one: AtomicBool,
}

impl Bucket {
    /// Prepares a connection; talks to nobody yet.
    pub fn connect(options: &Options) -> Result<Self, Error> {
        // The process may have chosen a provider already; whichever came first serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let unusable = |source: Cause| Error::Other {
            attempt: format!("use {} as an S3 server", options.endpoint),
            retry: Retry::Never,
            source,
        };
        let transport = Transport::new(options).map_err(|error| unusable(Cause::new(error.to_string())))?;
        // Everything is said here; nothing may come from the environment, a profile or a cloud's metadata service.
        let backend = opendal::services::S3::default()
            .root("/")
            .bucket(options.bucket.as_str())
            .endpoint(&options.endpoint)
            .region(&options.region)
            // The transport signs.
            .skip_signature()
            .disable_config_load()
            .disable_ec2_metadata()
            .build()
            .map_err(|error| unusable(Cause::new(error.message())))?;
        let service = retries().apply_service(Arc::new(backend));
        let context = OperationContext::default().with_http_transport(HttpTransporter::new(transport));
        let mut options = options.clone();
        options.endpoint.truncate(options.endpoint.trim_end_matches('/').len());
        let learned = Learned::default();
        let inner = Inner {
            options,
            service,
            context,
            learned,
            batches: Batches::default(),
            opaque_tags: AtomicBool::new(false),
            tells_no_changes: AtomicBool::new(false),
            no_part_copies: AtomicBool::new(false),
            keeps_directories: AtomicBool::new(false),
            learning_of_directories: Mutex::default(),
            stands_in: AtomicBool::new(false),
            lists_in_one: AtomicBool::new(false),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The bucket's name.
    #[must_use]
    pub fn name(&self) -> &BucketName {
        &self.inner.options.bucket
    }

    /// Whether the store copies ranges as parts of an upload, as far as known. Where it does not, all of a file is sent.
    #[must_use]
    pub fn copies_parts(&self) -> bool {
        !self.inner.no_part_copies.load(Ordering::Relaxed)
    }

    pub(crate) fn attempt<'a>(&'a self, verb: &'static str, key: Option<&'a ObjectKey>) -> Attempt<'a> {
        let Options { endpoint, bucket, access_key_id, .. } = &self.inner.options;
        Attempt { endpoint, bucket, access_key_id, verb, key }
    }
}

/// How often and how patiently a failed request is repeated.
pub(crate) const ATTEMPTS: usize = 4;
pub(crate) const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// Few and short: this bridges a hiccup; an outage is the engine's to wait out, which can tell a person about it.
fn retries() -> RetryLayer<fn(RetryEvent<'_>)> {
    RetryLayer::new()
        .with_max_times(ATTEMPTS - 1)
        .with_min_delay(PAUSE_FIRST)
        .with_factor(2.0)
        .with_jitter()
        .with_notify(note_retry as fn(RetryEvent<'_>))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn note_retry(event: RetryEvent<'_>) {
    tracing::debug!(operation = %event.op, attempt = event.attempt, error = %event.err, "trying again");
}
