//! `heirloom pi`

use crate::failure::{Exit, Failure};
use crate::profile::join::{end_when_replaced, joined};
use crate::profile::{self, lock};
use crate::runtime;
use crate::session::Session;

/// Keeps the drive up to date until stopped.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let pi = session.pi("pi")?;
    let _lock = lock::take(&pi.state_dir)?;
    runtime::run_until_stopped(|stop| async move {
        while let Some(join) = joined(&stop, || Ok(pi.cloud.resolve()?)).await? {
            tracing::info!(machine = %pi.machine, drive = %pi.drive.display(), "mirroring to the drive");
            let round = stop.child_token();
            let mirroring = profile::pi::run(&pi, &join, round.clone());
            let (mirrored, ()) =
                tokio::join!(mirroring, end_when_replaced(std::iter::once(&pi.cloud), round));
            mirrored?;
        }
        Ok(Exit::Ok)
    })
}
