//! `heirloom laptop`

use crate::failure::{Exit, Failure};
use crate::profile::join::{end_when_ready, joined};
use crate::profile::keep::{Heart, keep, open_folder};
use crate::profile::routes::{Routes, of_laptop, open_journal};
use crate::profile::{lock, rounds};
use crate::runtime;
use crate::session::Session;

/// Keeps every state in sync until stopped.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let laptop = session.laptop("laptop")?;
    let _lock = lock::take(&laptop.state_dir)?;
    runtime::run_until_stopped(|stop| async move {
        let journal = open_journal(&laptop.state_dir)?;
        let heart = Heart::new(laptop.state_dir.clone());
        while let Some(routes) = joined(&stop, || of_laptop(&laptop, &journal, &[])?.any()).await? {
            let Routes { wired, unready } = routes;
            tracing::info!(machine = %laptop.machine, routes = wired.len(), "keeping folders in sync");
            let round = stop.child_token();
            let (hooked, watched) = rounds::apart(&laptop, wired);
            let keeping = keep(watched, journal.clone(), heart.clone(), open_folder(), round.clone());
            let backing_up =
                rounds::keep(hooked, journal.clone(), heart.clone(), open_folder(), round.clone());
            let ready = end_when_ready(&laptop, unready, &heart, round);
            tokio::join!(keeping, backing_up, ready);
        }
        Ok(Exit::Ok)
    })
}
