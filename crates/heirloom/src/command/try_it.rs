//! `heirloom try`: cloud, laptop and pi in one process, over loopback, on values made up here.
//!
//! Nothing is simulated: the three talk S3 and git over real ports, and what is left in the scratch folder can be run
//! by the three daemons as it is.

mod ports;
mod sample;
mod scratch;

use crate::args;
use crate::config::join::Join;
use crate::config::{Cloud, Pi};
use crate::failure::{Exit, Explain as _, Failure};
use crate::profile::attempt::{Attempt, Wanted};
use crate::profile::cloud::{History, Ready, prepare_on};
use crate::profile::daemon::Daemon;
use crate::profile::keep::{Heart, Open, keep, open_folder, sweep_all};
use crate::profile::rounds::Round;
use crate::profile::routes::{Wired, of_laptop, open_journal};
use crate::profile::snapshots::Snapshots;
use crate::profile::words::Word;
use crate::profile::{self, lock, runs};
use crate::report::Message;
use crate::runtime;
use crate::session::{Session, now};
use bucket::Limits;
use journal::Journal;
use mirror::Drive;
use scratch::Scratch;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a snapshot is taken, if anything has changed.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(30);

/// How long the link signs in.
const SIGN_IN_LIFETIME: Duration = Duration::from_hours(1);

/// Runs everything until Ctrl-C.
pub(crate) fn run(session: &Session, wanted: &args::Try) -> Result<Exit, Failure> {
    let scratch = Scratch::prepare(&session.environment, wanted)?;
    let _lock = lock::take(&scratch.data).map_err(|failure| match failure.kind() {
        Exit::Busy => failure.hint(
            "Another `heirloom try` on the same folder must end first, or take another with `--data DIR`.",
        ),
        _ => failure,
    })?;
    let stopped = runtime::run_until_stopped(|stop| all(session, &scratch, wanted.word.said(), stop))?;
    session.report.note(format_args!(
        "stopped; everything is in {}, and `heirloom try` goes on from there",
        scratch.data.display()
    ));
    Ok(stopped)
}

async fn all(
    session: &Session,
    scratch: &Scratch,
    word: Word,
    stop: CancellationToken,
) -> Result<Exit, Failure> {
    let (s3, web) = (ports::open(9000).await?, ports::open(8080).await?);
    let cloud = scratch.cloud(s3.local_addr()?, web.local_addr()?);
    let ready = prepare_on(cloud.clone(), s3, web).await?;
    let (accounts, snapshots) = (ready.accounts.clone(), ready.snapshots.clone());
    let serving = tokio::spawn(serve(ready, stop.clone()));
    let first = first_round(session, scratch, word, &snapshots);
    let first = tokio::select! {
        first = first => first,
        () = stop.cancelled() => return serving.await?,
    };
    let pi = first?;
    let token = accounts.create_sign_in(&scratch.user, now(), SIGN_IN_LIFETIME)?;
    session.report.say(&Running::new(scratch, &cloud, &scratch.pi_join()?, token.reveal()));
    go_on(scratch, pi, snapshots, stop).await?;
    serving.await?
}

async fn serve(ready: Ready, stop: CancellationToken) -> Result<Exit, Failure> {
    ready.serve(History::OnDemand, stop).await
}

/// Once through the whole chain, so that there is something to look at everywhere.
async fn first_round(
    session: &Session,
    scratch: &Scratch,
    word: Word,
    snapshots: &Snapshots,
) -> Result<Pi, Failure> {
    let laptop = scratch.laptop();
    // Whoever stops the trial drops this round.
    let never = CancellationToken::new();
    let first = First { session, word, stop: &never };
    let journal = open_journal(&laptop.state_dir)?;
    let wired = of_laptop(&laptop, &journal, &[], &Limits::default())?.complete()?;
    // A halt is for the person to see; the rest still runs.
    if first.round(&journal, wired, open_folder()).await == Exit::Halted {
        session.report.note(
            "Here: end this trial and start it with `heirloom try --resume` or `heirloom try --resync`.",
        );
    }
    let take = snapshots.clone();
    tokio::task::spawn_blocking(move || take.run()).await?;
    let (pi, join) = (scratch.pi(), scratch.pi_join()?);
    let (drive, _) = Drive::init(&pi.drive)?;
    let journal = open_journal(&pi.state_dir)?;
    let mirror = profile::pi::route(&pi, &join, &drive, &journal, &Limits::default())?;
    let on_drive = profile::pi::open_on(drive.clone(), join.bucket.clone(), pi.drive.clone());
    first.round(&journal, vec![mirror], on_drive).await;
    fetch(&pi, join, drive).await?;
    Ok(pi)
}

/// One run of each route.
struct First<'a> {
    session: &'a Session,
    word: Word,
    stop: &'a CancellationToken,
}

impl First<'_> {
    async fn round(&self, journal: &Arc<Journal>, wired: Vec<Wired>, open: Open) -> Exit {
        let rounds = [Round::plain(wired)];
        sweep_all(&rounds, &open);
        let notice = |one: &_, moment: sync::Moment<'_>| runs::note(journal, one, &moment);
        let attempt = Attempt {
            report: &self.session.report,
            wanted: &Wanted { word: self.word, ..Wanted::default() },
            journal,
            open: &open,
            notice: &notice,
            stop: self.stop,
        };
        attempt.rounds(&rounds, &[]).await.exit()
    }
}

async fn fetch(pi: &Pi, join: Join, drive: Drive) -> Result<(), Failure> {
    let machine = pi.machine.clone();
    let work = tokio::task::spawn_blocking(move || {
        profile::fetch::fetch(&drive, &join, &std::sync::atomic::AtomicBool::new(false))?;
        profile::fetch::write_guide(&drive, &machine, &join.bucket, Some(profile::fetch::minute()))
    });
    work.await?.attempting("the drive did not get its history")
}

/// All three machines, until stopped.
async fn go_on(
    scratch: &Scratch,
    pi: Pi,
    snapshots: Snapshots,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let laptop = scratch.laptop();
    let journal = open_journal(&laptop.state_dir)?;
    let wired = of_laptop(&laptop, &journal, &[], &Limits::default())?.complete()?;
    let keeping = keep(wired, journal, Heart::new(laptop.state_dir.clone()), open_folder(), stop.clone());
    let join = scratch.pi_join()?;
    let journal = open_journal(&pi.state_dir)?;
    let mirror = Daemon::new(&pi.machine, "pi", journal, pi.state_dir.clone(), Limits::default());
    let mirroring = profile::pi::run(&pi, &join, &mirror, stop.clone());
    let ((), mirrored, ()) =
        tokio::join!(keeping, mirroring, snapshot_again_and_again(snapshots, stop.clone()));
    mirrored
}

async fn snapshot_again_and_again(snapshots: Snapshots, stop: CancellationToken) {
    while !stop.is_cancelled() {
        profile::pi::pause(&stop, SNAPSHOT_EVERY).await;
        let take = snapshots.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || take.run()).await {
            tracing::error!(%error, "taking snapshots ended unexpectedly");
        }
    }
}

/// Everything is up.
#[derive(Serialize)]
struct Running {
    web: String,
    clone: String,
    s3_endpoint: String,
    bucket: String,
    access_key_id: String,
    secret_access_key: String,
    folder: PathBuf,
    drive: PathBuf,
    data: PathBuf,
}

impl Running {
    fn new(scratch: &Scratch, cloud: &Cloud, join: &Join, token: &str) -> Self {
        let web = cloud.web_url();
        let host = web.as_str().trim_start_matches("http://");
        let (id, secret) = (&join.access_key_id, join.secret_access_key.reveal());
        let bucket = &join.bucket;
        Self {
            web: format!("{web}/sign-in?token={token}"),
            clone: format!("git clone http://{id}:{secret}@{host}/{bucket}.git"),
            s3_endpoint: join.endpoint.to_string(),
            bucket: bucket.to_string(),
            access_key_id: id.clone(),
            secret_access_key: secret.to_owned(),
            folder: scratch.folder.clone(),
            drive: scratch.pi().drive,
            data: scratch.data.clone(),
        }
    }
}

impl Message for Running {
    const TYPE: &'static str = "running";
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nHeirloom is running: a laptop, a cloud and a pi with its drive, all on this machine.\n"
        )?;
        writeln!(f, "  files   {}", self.folder.display())?;
        writeln!(f, "          change something here, and it shows up everywhere below")?;
        writeln!(f, "  web     {}", self.web)?;
        writeln!(f, "          signs you in, once, within the hour")?;
        writeln!(f, "  clone   {}", self.clone)?;
        writeln!(f, "  drive   {}", self.drive.display())?;
        writeln!(f, "          what an heir would find; open START-HERE.html")?;
        writeln!(f, "  S3      {}  bucket {}", self.s3_endpoint, self.bucket)?;
        writeln!(
            f,
            "          access key id {}  secret access key {}",
            self.access_key_id, self.secret_access_key
        )?;
        write!(f, "\nSnapshots are taken every half minute when something changed. Ctrl-C ends it.")
    }
}
