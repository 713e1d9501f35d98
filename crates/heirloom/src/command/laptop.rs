//! `heirloom laptop`

use crate::config::Error as ConfigError;
use crate::failure::{Exit, Failure};
use crate::profile::keep::{Heart, keep, open_folder};
use crate::profile::routes::{Wired, of_laptop, open_journal};
use crate::profile::{lock, pi::pause};
use crate::runtime;
use crate::session::Session;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look for a join file that the cloud has not written yet.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps every state in sync until stopped.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let laptop = session.laptop("laptop")?;
    let _lock = lock::take(&laptop.state_dir)?;
    runtime::run_until_stopped(|stop| async move {
        let journal = open_journal(&laptop.state_dir)?;
        let wired: Option<Vec<Wired>> = joined(&stop, || of_laptop(&laptop, &journal, &[])).await?;
        if let Some(wired) = wired {
            tracing::info!(machine = %laptop.machine, routes = wired.len(), "keeping folders in sync");
            keep(wired, journal, Heart::new(laptop.state_dir.clone()), open_folder(), stop).await;
        }
        Ok(Exit::Ok)
    })
}

/// What `attempt` gives once the join file it needs is there; `None` if stopped before.
pub(crate) async fn joined<T>(
    stop: &CancellationToken,
    attempt: impl Fn() -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut told = false;
    while !stop.is_cancelled() {
        match attempt() {
            Ok(joined) => return Ok(Some(joined)),
            Err(failure) => match failure.cause::<ConfigError>() {
                Some(ConfigError::JoinMissing { path }) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::info!(path = %path.display(), "waiting for the join file that the cloud writes");
                    }
                }
                _ => return Err(failure),
            },
        }
        pause(stop, LOOK).await;
    }
    Ok(None)
}
