//! Handing a request to the running daemon.

use crate::control::client::{self, Asked};
use crate::control::message::Ask;
use crate::failure::{Exit, Failure};
use crate::printed::command;
use crate::runtime;
use crate::session::Session;
use std::path::Path;
use std::time::Duration;

/// Has the daemon do it; `None` if there is none. `patience` is for a daemon that is just being started.
pub(crate) fn hand_over(
    session: &Session,
    state_dir: &Path,
    ask: &Ask,
    patience: Duration,
) -> Result<Option<Exit>, Failure> {
    let mut handed = false;
    let outcome = runtime::run_interruptible(|stop| {
        let handed = &mut handed;
        async move {
            let asked = tokio::select! {
                asked = client::ask(state_dir, ask.clone(), patience) => asked?,
                () = stop.cancelled() => return Ok(Exit::Interrupted),
            };
            let Some(asked) = asked else { return Ok(Exit::Ok) };
            *handed = true;
            tokio::select! {
                exit = Asked::repeat(asked, &session.report) => exit,
                () = stop.cancelled() => {
                    session.report.note(format_args!("the daemon goes on with it; `{}` shows how far it is", command("status")));
                    Ok(Exit::Interrupted)
                }
            }
        }
    });
    match outcome {
        Ok(Exit::Ok) if !handed => Ok(None),
        outcome => outcome.map(Some),
    }
}
