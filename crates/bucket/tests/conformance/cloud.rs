//! Heirloom's own gateway on a loopback port, over a temporary directory.

use crate::options;
use bucket::Options;
use gateway::Gateway;
use model::{UnixNanos, UserName};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) struct Cloud {
    pub(crate) options: Options,
    serving: JoinHandle<()>,
    shutdown: DropGuard,
    directory: tempfile::TempDir,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// Serves what an earlier one left behind.
    pub(crate) async fn start_in(directory: tempfile::TempDir) -> Self {
        let accounts = accounts::Accounts::open(&directory.path().join("heirloom.db")).unwrap();
        let alice = UserName::new(crate::store::BUCKET).unwrap();
        // A second start finds the user there.
        drop(accounts.add_user(&alice, UnixNanos(0)));
        let key = accounts.add_key(&alice, "test", UnixNanos(0)).unwrap();
        let data_dir = directory.path().to_owned();
        let gateway =
            Gateway::open(gateway::Options { data_dir, region: "us-east-1".into(), domain: None }, accounts)
                .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let serving = Arc::new(gateway).serve(listener, shutdown.clone());
        let options = Options {
            access_key_id: key.id.as_str().to_owned(),
            secret_access_key: key.secret.reveal().to_owned(),
            ..options(endpoint)
        };
        Self {
            options,
            serving: tokio::spawn(async { serving.await.unwrap() }),
            shutdown: shutdown.drop_guard(),
            directory,
        }
    }

    /// Stops it, lets `meanwhile` work on its files, and starts another one.
    pub(crate) async fn restart(self, meanwhile: impl FnOnce(&Path)) -> Self {
        drop(self.shutdown);
        self.serving.await.unwrap();
        meanwhile(self.directory.path());
        Self::start_in(self.directory).await
    }

    /// Ends it while its files are still there.
    pub(crate) async fn stop(self) {
        drop(self.shutdown);
        self.serving.abort();
        drop(self.serving.await);
    }
}
