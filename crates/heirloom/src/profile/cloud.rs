//! The cloud: S3 server, web server and snapshots over one data directory.

use super::snapshots::Snapshots;
use super::users;
use crate::config::Cloud;
use crate::failure::{Exit, Explain as _, Failure};
use crate::session::now;
use accounts::Accounts;
use gateway::Gateway;
use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A cloud whose ports are open and whose data is in order; nothing is served yet.
pub(crate) struct Ready {
    pub(crate) accounts: Accounts,
    pub(crate) snapshots: Snapshots,
    gateway: Arc<Gateway>,
    s3: TcpListener,
    web: TcpListener,
    cloud: Cloud,
}

/// When snapshots are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum History {
    /// By the profile's schedule.
    Scheduled,
    /// When somebody else says so.
    OnDemand,
}

/// Opens the data directory and the ports, and adds the users of the profile.
pub(crate) async fn prepare(cloud: Cloud) -> Result<Ready, Failure> {
    let s3 = listen(cloud.s3.listen, "s3.listen").await?;
    let web = listen(cloud.web.listen, "web.listen").await?;
    prepare_on(cloud, s3, web).await
}

/// As [`prepare`], on ports that are open already.
pub(crate) async fn prepare_on(cloud: Cloud, s3: TcpListener, web: TcpListener) -> Result<Ready, Failure> {
    let opened = tokio::task::spawn_blocking({
        let cloud = cloud.clone();
        move || open(&cloud)
    });
    let (accounts, gateway) = opened.await??;
    let gateway = Arc::new(gateway);
    let snapshots =
        Snapshots::new(&cloud.data_dir, &cloud.machine, cloud.snapshots.timezone).beside(gateway.clone());
    Ok(Ready { accounts, snapshots, gateway, s3, web, cloud })
}

fn open(cloud: &Cloud) -> Result<(Accounts, Gateway), Failure> {
    // Whoever else has an account on this machine has no business in there.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&cloud.data_dir)
        .attempting(format!("could not create the data_dir {}", cloud.data_dir.display()))?;
    let accounts = Accounts::open(&cloud.accounts())?;
    users::ensure(cloud, &accounts)?;
    let options = gateway::Options {
        data_dir: cloud.data_dir.clone(),
        region: cloud.s3.region.clone(),
        domain: cloud.s3.domain.clone(),
    };
    let gateway = Gateway::open(options, accounts.clone())?;
    for (bucket, problem) in gateway.problems() {
        tracing::warn!(%bucket, key = problem.key, reason = problem.reason, "a live file is not served");
    }
    Ok((accounts, gateway))
}

async fn listen(address: SocketAddr, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .attempting(format!("could not listen on {address}"))
        .hint(format!("Choose another address with `{key}` in the profile, or stop what uses this one."))
}

impl Ready {
    /// Serves until stopped.
    pub(crate) async fn serve(self, history: History, stop: CancellationToken) -> Result<Exit, Failure> {
        tracing::info!(s3 = %self.s3.local_addr()?, web = %self.web.local_addr()?, "the cloud is up");
        let router = web::router(self.web_options());
        let mut parts = JoinSet::new();
        parts.spawn(serve_s3(self.gateway, self.s3, stop.clone()));
        parts.spawn(serve_web(self.web, router, stop.clone()));
        if history == History::Scheduled {
            parts.spawn(self.snapshots.keep(self.cloud.snapshots, stop.clone()));
        }
        // One part alone is no cloud: the first that ends takes the others with it, and its error is the one to tell.
        let mut outcome = Ok(Exit::Ok);
        while let Some(ended) = parts.join_next().await {
            stop.cancel();
            let ended = ended.map_err(Failure::from).and_then(|ended| ended);
            if outcome.is_ok() {
                outcome = ended.map(|()| Exit::Ok);
            }
        }
        outcome
    }

    fn web_options(&self) -> web::Options {
        let (data_dir, snapshots) = (self.cloud.data_dir.clone(), self.snapshots.clone());
        let taking = self.snapshots.clone();
        web::Options {
            accounts: self.accounts.clone(),
            archives: self.cloud.data_dir.join("archives"),
            base_url: Some(self.cloud.web_url().to_string()),
            s3_endpoint: Some(self.cloud.s3_endpoint().to_string()),
            readiness: Arc::new(move || readiness(&data_dir, &snapshots)),
            snapshot: Arc::new(move |bucket, incomplete| taking.take_now(bucket, incomplete)),
            clock: now,
            timezone: self.cloud.snapshots.timezone,
        }
    }
}

async fn serve_s3(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), Failure> {
    Ok(gateway.serve(listener, stop).await?)
}

async fn serve_web(
    listener: TcpListener,
    router: axum::Router,
    stop: CancellationToken,
) -> Result<(), Failure> {
    Ok(web::serve(listener, router, stop).await?)
}

/// Ready means that a file could be stored, because the data directory is there and can be written, and that history is made.
fn readiness(data_dir: &std::path::Path, snapshots: &Snapshots) -> Result<(), String> {
    if let Some(trouble) = snapshots.trouble() {
        return Err(trouble);
    }
    let probe = data_dir.join(format!(".ready-{}", std::process::id()));
    std::fs::write(&probe, b"ready")
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| format!("{} cannot be written: {error}", data_dir.display()))
}
