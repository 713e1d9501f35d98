//! `heirloom pi`

use crate::args;
use crate::failure::{Exit, Failure};
use crate::profile::daemon::Daemon;
use crate::profile::join::{end_when_replaced, joined};
use crate::profile::routes::open_journal;
use crate::profile::{self, lock};
use crate::runtime;
use crate::session::Session;

/// Keeps the drive up to date until stopped.
pub(crate) fn run(session: &Session, limits: args::Limits) -> Result<Exit, Failure> {
    let pi = session.pi("pi")?;
    let _lock = lock::take(&pi.state_dir)?;
    let limits = limits.before(pi.limits).shared();
    runtime::run_until_stopped(|stop| async move {
        let journal = open_journal(&pi.state_dir)?;
        let daemon = Daemon::new(&pi.machine, "pi", journal, pi.state_dir.clone(), limits);
        let (listening, remembering) = (daemon.listen(&stop), daemon.remember(&stop));
        daemon.rest(Exit::Failed, "the join file that the cloud writes is not there yet");
        while let Some(join) = joined(&stop, || Ok(pi.cloud.resolve()?)).await? {
            tracing::info!(machine = %pi.machine, drive = %pi.drive.display(), "mirroring to the drive");
            let round = stop.child_token();
            let mirroring = profile::pi::run(&pi, &join, &daemon, round.clone());
            let (mirrored, ()) =
                tokio::join!(mirroring, end_when_replaced(std::iter::once(&pi.cloud), round));
            mirrored?;
        }
        // Those who asked for something hear how it ended.
        listening.await?;
        remembering.await??;
        Ok(Exit::Ok)
    })
}
