//! `heirloom laptop`

use crate::args;
use crate::failure::{Exit, Failure};
use crate::profile::daemon::{Daemon, Work};
use crate::profile::join::{end_when_ready, joined};
use crate::profile::keep::{keep, open_folder};
use crate::profile::routes::{Routes, of_laptop, open_journal};
use crate::profile::{left, lock, rounds};
use crate::runtime;
use crate::session::Session;
use std::sync::Arc;

/// Keeps every state in sync until stopped.
pub(crate) fn run(session: &Session, limits: args::Limits) -> Result<Exit, Failure> {
    let laptop = session.laptop("laptop")?;
    let _lock = lock::take(&laptop.state_dir)?;
    let limits = limits.before(laptop.limits).shared();
    runtime::run_until_stopped(|stop| async move {
        let journal = open_journal(&laptop.state_dir)?;
        let state_dir = laptop.state_dir.clone();
        let daemon = Daemon::new(&laptop.machine, "laptop", journal.clone(), state_dir, limits.clone());
        let (listening, remembering) = (daemon.listen(&stop), daemon.remember(&stop));
        let heart = &daemon.heart;
        daemon.rest(Exit::Failed, "the join file that the cloud writes is not there yet");
        while let Some(routes) = joined(&stop, || of_laptop(&laptop, &journal, &[], &limits)?.any()).await? {
            let Routes { wired, unready } = routes;
            let unready = Arc::new(unready);
            tracing::info!(machine = %laptop.machine, routes = wired.len(), "keeping folders in sync");
            for told in left::told_at_the_start(&laptop, &journal, wired.iter().map(|one| &one.route))? {
                tracing::warn!("{told}");
            }
            let stop = stop.child_token();
            let rounds = rounds::of_states(&laptop, wired);
            let (open, fetching) = (open_folder(), None);
            daemon.begin(Work {
                rounds: rounds.clone(),
                unready: Arc::clone(&unready),
                open,
                fetching,
                stop: stop.clone(),
            });
            let (hooked, watched) = rounds::apart(rounds);
            let keeping = keep(watched, journal.clone(), heart.clone(), open_folder(), stop.clone());
            let backing_up =
                rounds::keep(hooked, journal.clone(), heart.clone(), open_folder(), stop.clone());
            let ready = end_when_ready(&laptop, &unready, heart, stop);
            tokio::join!(keeping, backing_up, ready);
        }
        // Those who asked for something hear how it ended.
        listening.await?;
        remembering.await??;
        Ok(Exit::Ok)
    })
}
