//! `heirloom pi`

use super::laptop::joined;
use crate::failure::{Exit, Failure};
use crate::profile::{self, lock};
use crate::runtime;
use crate::session::Session;

/// Keeps the drive up to date until stopped.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let pi = session.pi("pi")?;
    let _lock = lock::take(&pi.state_dir)?;
    runtime::run_until_stopped(|stop| async move {
        if let Some(join) = joined(&stop, || Ok(pi.cloud.resolve()?)).await? {
            tracing::info!(machine = %pi.machine, drive = %pi.drive.display(), "mirroring to the drive");
            profile::pi::run(&pi, &join, stop).await?;
        }
        Ok(Exit::Ok)
    })
}
