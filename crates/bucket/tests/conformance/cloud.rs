//! Heirloom's own gateway on a loopback port, over a temporary directory.

use crate::options;
use bucket::Options;
use gateway::Gateway;
use model::{UnixNanos, UserName};
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) struct Cloud {
    pub(crate) options: Options,
    serving: JoinHandle<()>,
    shutdown: DropGuard,
    _directory: tempfile::TempDir,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let accounts = accounts::Accounts::open(&directory.path().join("heirloom.db")).unwrap();
        let alice = UserName::new(crate::store::BUCKET).unwrap();
        accounts.add_user(&alice, UnixNanos(0)).unwrap();
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
            _directory: directory,
        }
    }

    /// Ends it while its files are still there.
    pub(crate) async fn stop(self) {
        drop(self.shutdown);
        self.serving.abort();
        drop(self.serving.await);
    }
}
