//! The asynchronous runtime, and how a run ends.
//!
//! Two sorts of work run on it. A command is simply dropped on Ctrl-C: every crate below finishes an interrupted run
//! at its next start, so there is nothing to tidy. A daemon, or a command that runs hooks, is told to stop and gets time to; a
//! second signal drops it.

use crate::failure::{Exit, Failure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How long the end may take. Service managers wait ten seconds before they kill, and a crash is nothing that the next start could not mend;
/// but hooks, and whoever is waiting for an answer, are served better by an end of our own.
const END_MAX: Duration = Duration::from_millis(9_500);

/// Files that may be open, if the system allows so many: those that wait for a disk together are.
const FILES_OPEN: u64 = 8192;

/// Runs a command to its end, or until Ctrl-C or SIGTERM.
pub(crate) fn run_once(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tokio::select! {
            outcome = work => outcome,
            exit = signals.next() => Ok(exit),
        }
    });
    // Blocking work that was dropped on the way may still sit in a system call; nobody waits for it.
    runtime.shutdown_background();
    outcome
}

/// Runs a command that ends something first when it is interrupted, a hook or a snapshot it waits for. The token is cancelled
/// by the first Ctrl-C or SIGTERM; the second one drops the command like any other.
pub(crate) fn run_interruptible<F>(work: impl FnOnce(CancellationToken) -> F) -> Result<Exit, Failure>
where
    F: Future<Output = Result<Exit, Failure>>,
{
    let stop = CancellationToken::new();
    let outcome = run_until(&stop, work(stop.clone()));
    if stop.is_cancelled() { outcome.map(|_| Exit::Interrupted) } else { outcome }
}

/// Runs a daemon until it ends. The token is cancelled by the first Ctrl-C or SIGTERM, for a clean end; the second one
/// ends it at once.
pub(crate) fn run_until_stopped<F>(work: impl FnOnce(CancellationToken) -> F) -> Result<Exit, Failure>
where
    F: Future<Output = Result<Exit, Failure>>,
{
    let stop = CancellationToken::new();
    run_until(&stop, work(stop.clone()))
}

fn run_until(
    stop: &CancellationToken,
    work: impl Future<Output = Result<Exit, Failure>>,
) -> Result<Exit, Failure> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut work = std::pin::pin!(work);
        tokio::select! {
            outcome = &mut work => return outcome,
            _ = signals.next() => stop.cancel(),
        }
        tokio::select! {
            outcome = &mut work => outcome,
            _ = signals.next() => Ok(Exit::Interrupted),
            () = tokio::time::sleep(END_MAX) => {
                tracing::warn!("some work did not end in time and is cut off; the next start goes on with it");
                Ok(Exit::Ok)
            }
        }
    });
    runtime.shutdown_background();
    outcome
}

fn runtime() -> io::Result<Runtime> {
    allow_open_files();
    Builder::new_multi_thread().enable_all().thread_name("heirloom").build()
}

/// A process may open 1024 files, as a rule, unless it asks for more.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES_OPEN, |most| most.min(FILES_OPEN));
    if limit.current.is_some_and(|now| now < wanted) {
        let more = Rlimit { current: Some(wanted), maximum: limit.maximum };
        if let Err(errno) = setrlimit(Resource::Nofile, more) {
            tracing::debug!(%errno, "fewer files wait for a disk together");
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Interrupted,
        }
    }
}
