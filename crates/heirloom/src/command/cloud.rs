//! `heirloom cloud`

use crate::failure::{Exit, Failure};
use crate::profile::cloud::{History, prepare};
use crate::runtime;
use crate::session::Session;

/// Serves until stopped.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let cloud = session.cloud("cloud")?;
    runtime::run_until_stopped(
        |stop| async move { prepare(cloud).await?.serve(History::Scheduled, stop).await },
    )
}
