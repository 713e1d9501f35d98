//! The gateway as its owner sees it.

use crate::access::Doorkeeper;
use crate::batch::Batches;
use crate::changes::Changes;
use crate::error::Error;
use crate::host::{Domain, Names};
use crate::own::Own;
use crate::s3::Service;
use crate::serve;
use crate::store::{Problem, Reconciled, Store};
use accounts::Accounts;
use model::BucketName;
use s3s::service::{S3Service, S3ServiceBuilder};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a gateway needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where `live/`, `incoming/` and `index.db` are; all on one file system.
    pub data_dir: PathBuf,
    /// The region that clients are told and may sign for.
    pub region: String,
    /// Under which `<bucket>.<domain>` names a bucket; `<domain>/<bucket>` always does.
    pub domain: Option<String>,
}

/// An S3 server over plain files.
#[derive(Debug)]
pub struct Gateway {
    options: Options,
    store: Arc<Store>,
    doorkeeper: Doorkeeper,
    problems: Vec<(BucketName, Problem)>,
    /// Held for as long as the gateway lives, and released by the system if it dies.
    _lock: File,
}

impl Gateway {
    /// Opens the data directory, which is made if it is not there: takes it for this process alone, removes what a
    /// crash left behind, and brings the index up to date with the files. Blocks for as long as it takes to look
    /// at every file, and to read those that are new.
    pub fn open(options: Options, accounts: Accounts) -> Result<Self, Error> {
        let lock = lock(&options.data_dir)?;
        let store = Store::open(&options.data_dir)?;
        let mut gateway = Self {
            options,
            store: Arc::new(store),
            doorkeeper: Doorkeeper { accounts },
            problems: Vec::new(),
            _lock: lock,
        };
        let buckets = gateway.store.buckets().map_err(|fault| unreconciled("all buckets", fault))?;
        for bucket in buckets {
            let outcome = gateway.reconcile(&bucket)?;
            gateway.problems.extend(outcome.problems.into_iter().map(|problem| (bucket.clone(), problem)));
        }
        Ok(gateway)
    }

    /// The paths that could not be looked at when the gateway was opened.
    #[must_use]
    pub fn problems(&self) -> &[(BucketName, Problem)] {
        &self.problems
    }

    /// Brings the index of a bucket up to date with its files, for when somebody works on them beside the gateway.
    /// Clients may go on meanwhile. Blocks.
    pub fn reconcile(&self, bucket: &BucketName) -> Result<Reconciled, Error> {
        let outcome = self.store.reconcile(bucket).map_err(|fault| unreconciled(bucket.as_str(), fault))?;
        if outcome.corrected > 0 {
            let Reconciled { objects, corrected, .. } = outcome;
            tracing::info!(%bucket, objects, corrected, "index brought up to date with the files");
        }
        Ok(outcome)
    }

    /// Serves until `shutdown`, and lets requests in flight finish for up to ten seconds.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> Result<(), Error> {
        serve::serve(self.service(&shutdown), listener, shutdown).await
    }

    /// Where the live files of a bucket are.
    #[must_use]
    pub fn live_dir(&self, bucket: &BucketName) -> PathBuf {
        self.options.data_dir.join("live").join(bucket.as_str())
    }

    fn service(&self, shutdown: &CancellationToken) -> S3Service {
        let domain = self.options.domain.as_deref().map(Domain::new);
        let service = Service {
            store: Arc::clone(&self.store),
            doorkeeper: self.doorkeeper.clone(),
            region: self.options.region.clone(),
        };
        let mut builder = S3ServiceBuilder::new(service);
        // Without an authority, the library would let everybody do everything.
        builder.set_auth(self.doorkeeper.clone());
        builder.set_access(self.doorkeeper.clone());
        builder.set_validation(Names);
        builder.set_route(Own {
            doorkeeper: self.doorkeeper.clone(),
            domain: domain.clone(),
            changes: Changes::new(Arc::clone(&self.store), shutdown.clone()),
            batches: Batches::new(Arc::clone(&self.store)),
        });
        if let Some(domain) = domain {
            builder.set_host(domain);
        }
        builder.build()
    }
}

fn unreconciled(bucket: &str, fault: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Reconcile { bucket: bucket.to_owned(), source: Box::new(fault) }
}

/// Takes the data directory for this process alone.
fn lock(data_dir: &Path) -> Result<File, Error> {
    let cannot = |doing| move |source| Error::Files { doing, path: data_dir.to_owned(), source };
    std::fs::create_dir_all(data_dir).map_err(cannot("create"))?;
    let file = File::options().create(true).truncate(false).write(true).open(data_dir.join("gateway.lock"));
    let file = file.map_err(cannot("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path: data_dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(cannot("lock")(source)),
    }
}
