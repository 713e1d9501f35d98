//! A gateway on loopback with two users, each with a key.

use crate::client::Client;
use accounts::Accounts;
use gateway::{Gateway, Options};
use model::{BucketName, UnixNanos, UserName};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const REGION: &str = "us-east-1";

pub(crate) struct Server {
    directory: Option<tempfile::TempDir>,
    data_dir: PathBuf,
    pub(crate) accounts: Accounts,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) address: SocketAddr,
    pub(crate) alice: Client,
    pub(crate) bob: Client,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), gateway::Error>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = directory.path().join("data");
        let mut server = Self::start_in(&data_dir).await;
        server.directory = Some(directory);
        server
    }

    /// Serves what an earlier server left behind.
    pub(crate) async fn start_in(data_dir: &Path) -> Self {
        let accounts = Accounts::open(&data_dir.join("heirloom.db")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = |name: &str| {
            let user = UserName::new(name).unwrap();
            // A second start finds them there.
            drop(accounts.add_user(&user, UnixNanos(0)));
            let key = accounts.add_key(&user, "test", UnixNanos(0)).unwrap();
            Client::new(address, key.id.as_str(), key.secret.reveal())
        };
        let (alice, bob) = (client("alice"), client("bob"));
        let options = Options {
            data_dir: data_dir.to_owned(),
            region: REGION.into(),
            domain: Some("s3.example.org".into()),
        };
        let gateway = Arc::new(Gateway::open(options, accounts.clone()).unwrap());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&gateway).serve(listener, shutdown.clone()));
        let data_dir = data_dir.to_owned();
        Self { directory: None, data_dir, accounts, gateway, address, alice, bob, shutdown, task }
    }

    /// Stops, lets `meanwhile` work on the data directory, and starts again.
    pub(crate) async fn restart(self, meanwhile: impl FnOnce(&Path)) -> Self {
        let Self { directory, data_dir, gateway, shutdown, task, .. } = self;
        shutdown.cancel();
        task.await.unwrap().unwrap();
        drop(gateway);
        meanwhile(&data_dir);
        let mut server = Self::start_in(&data_dir).await;
        server.directory = directory;
        server
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A path among the live files of alice.
    pub(crate) fn live(&self, path: &str) -> PathBuf {
        self.gateway.live_dir(&BucketName::new("alice").unwrap()).join(path)
    }

    /// What is in `incoming/` beside the place for parts.
    pub(crate) fn drafts(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.data_dir.join("incoming")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "parts").collect()
    }
}
