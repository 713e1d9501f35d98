//! Hooks: what a person wants done before and after a state is backed up or restored (Clan's states).
//!
//! ```text
//! before_… ──ok──► the work ──► after_… (HEIRLOOM_EXIT_CODE: how the work ended)
//!     └──failed, too slow, stopped──────► after_…, and the work is skipped
//! ```
//!
//! `after_…` runs whatever happened, because it is what starts a service again that `before_…` stopped. A hook is run by
//! `/bin/sh -c` in `/`, without input and in a process group of its own, so that all it started can be ended with it. What it
//! prints goes to the log as it comes, and its last lines into the error.
//!
//! Rejected: a hook for each folder or destination. A service is stopped once for all of a state, and what it
//! dumped is brought to every destination.

mod process;

use futures::FutureExt as _;
use model::StateName;
use process::{Cut, Ended, Spoken};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a hook may take when nothing else is said.
pub const TIMEOUT: Duration = Duration::from_mins(10);

/// How long after the process was told to stop an `after_…` hook may go on. Together with what it takes to end it, this is within the ten seconds that
/// service managers give a process.
const AFTER_STOP: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 6 });

/// The hooks of one state, each a command line of `/bin/sh`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// Which command is run when.
    pub commands: BTreeMap<Occasion, String>,
    /// How long each may take.
    pub timeout: Duration,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { commands: BTreeMap::new(), timeout: TIMEOUT }
    }
}

/// When a hook is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Occasion {
    /// Before a state is synced: to dump a database, say.
    BeforeBackup,
    /// After that, however it ended.
    AfterBackup,
    /// Before files of a state are brought back from a snapshot.
    BeforeRestore,
    /// After that, however it ended.
    AfterRestore,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::BeforeBackup, Self::AfterBackup, Self::BeforeRestore, Self::AfterRestore];

    /// The word in configurations and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BeforeBackup => "before_backup",
            Self::AfterBackup => "after_backup",
            Self::BeforeRestore => "before_restore",
            Self::AfterRestore => "after_restore",
        }
    }
}

impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What hooks are run around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Bringing a state to its destinations.
    Backup,
    /// Bringing a state back.
    Restore,
}

impl Work {
    fn occasions(self) -> (Occasion, Occasion) {
        match self {
            Self::Backup => (Occasion::BeforeBackup, Occasion::AfterBackup),
            Self::Restore => (Occasion::BeforeRestore, Occasion::AfterRestore),
        }
    }
}

/// What a hook is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// `HEIRLOOM_STATE`.
    pub state: StateName,
    /// `HEIRLOOM_FOLDERS`, one on each line.
    pub folders: Vec<PathBuf>,
    /// `HEIRLOOM_SNAPSHOT`: what is restored; `None` for a backup.
    pub snapshot: Option<String>,
}

/// What `HEIRLOOM_EXIT_CODE` says where there was no work to say it. Exit codes are the program's, so it gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// `before_…` failed, so the work was skipped.
    pub skipped: u8,
    /// The process was told to stop.
    pub stopped: u8,
}

/// What came of work with hooks around it.
#[derive(Debug)]
pub struct Around<T> {
    /// What the work gave; `None` if it was skipped.
    pub done: Option<T>,
    /// The hooks that failed.
    pub failed: Vec<Failed>,
}

/// A hook that did not do its work.
#[derive(Debug, thiserror::Error)]
#[error("the {occasion} hook of {state} {how}{}", Tail(tail))]
pub struct Failed {
    /// Whose.
    pub state: StateName,
    /// Which.
    pub occasion: Occasion,
    /// What happened.
    pub how: How,
    /// The last lines it printed.
    pub tail: Vec<String>,
    /// Why it could not be started.
    pub source: Option<io::Error>,
}

/// What became of a hook that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It ended with this exit code.
    Exited(i32),
    /// It was ended by this signal.
    Killed(i32),
    /// It took longer than this, and was ended.
    TimedOut(Duration),
    /// It was ended because the process was told to stop, or did not even begin.
    Stopped,
    /// The shell could not be run.
    NotRun,
}

impl Hooks {
    /// Whether any hook is run around this work.
    #[must_use]
    pub fn surround(&self, work: Work) -> bool {
        let (before, after) = work.occasions();
        self.commands.contains_key(&before) || self.commands.contains_key(&after)
    }

    /// Runs the hook before, then `work`, then the hook after. `work` gives what it made and the exit code that this
    /// deserves; it is not even begun when the hook before fails. The hook after runs in any case.
    ///
    /// Once `stop` is cancelled, a hook before is ended, and a hook after has until six seconds later; `work` has to see to itself.
    pub async fn around<T>(
        &self,
        work: Work,
        subject: &Subject,
        codes: Codes,
        stop: &CancellationToken,
        doing: impl Future<Output = (T, u8)>,
    ) -> Around<T> {
        let (before, after) = work.occasions();
        let mut around = Around { done: None, failed: Vec::new() };
        if stop.is_cancelled() {
            around.failed.push(failed(subject, before, How::Stopped));
            return around;
        }
        let at_once = async { stop.cancelled().await };
        let in_a_while = async {
            stop.cancelled().await;
            tokio::time::sleep(AFTER_STOP).await;
        };
        let in_a_while = in_a_while.boxed().shared();
        let code = match self.run(before, subject, None, at_once).await {
            Ok(()) => {
                let mut doing = std::pin::pin!(doing);
                let (done, code) = tokio::select! {
                    done = &mut doing => done,
                    // The time begins to run here already.
                    () = in_a_while.clone() => doing.await,
                };
                around.done = Some(done);
                code
            }
            Err(failed) => {
                let code = if failed.how == How::Stopped { codes.stopped } else { codes.skipped };
                around.failed.push(failed);
                code
            }
        };
        around.failed.extend(self.run(after, subject, Some(code), in_a_while).await.err());
        around
    }

    /// Runs one hook, if there is one, to its end, its timeout, or until `stopped`.
    async fn run(
        &self,
        occasion: Occasion,
        subject: &Subject,
        exit_code: Option<u8>,
        stopped: impl Future<Output = ()>,
    ) -> Result<(), Failed> {
        let Some(command) = self.commands.get(&occasion) else { return Ok(()) };
        let environment = environment(subject, exit_code);
        let spoken = Spoken::new(subject.state.as_str(), occasion.as_str());
        tracing::debug!(state = %subject.state, hook = %occasion, "running a hook");
        let running = match process::start(command, &environment, spoken) {
            Ok(running) => running,
            Err(error) => {
                return Err(Failed { source: Some(error), ..failed(subject, occasion, How::NotRun) });
            }
        };
        let limit = async {
            tokio::select! {
                () = tokio::time::sleep(self.timeout) => Cut::TooSlow,
                () = stopped => Cut::Stopped,
            }
        };
        let (ended, tail) = running.until_it_ends(limit).await;
        let how = match ended {
            Ended::Well => return Ok(()),
            Ended::Exited(code) => How::Exited(code),
            Ended::Killed(signal) => How::Killed(signal),
            Ended::Lost(error) => {
                return Err(Failed { source: Some(error), tail, ..failed(subject, occasion, How::NotRun) });
            }
            Ended::Cut(Cut::TooSlow) => How::TimedOut(self.timeout),
            Ended::Cut(Cut::Stopped) => How::Stopped,
        };
        Err(Failed { tail, ..failed(subject, occasion, how) })
    }
}

fn failed(subject: &Subject, occasion: Occasion, how: How) -> Failed {
    Failed { state: subject.state.clone(), occasion, how, tail: Vec::new(), source: None }
}

/// What is set, and with `None` what is not, even if we were started with it.
fn environment(subject: &Subject, exit_code: Option<u8>) -> [(&'static str, Option<OsString>); 4] {
    let folders: Vec<&OsStr> = subject.folders.iter().map(|folder| folder.as_os_str()).collect();
    [
        ("HEIRLOOM_STATE", Some(subject.state.as_str().into())),
        ("HEIRLOOM_FOLDERS", Some(folders.join(OsStr::from_bytes(b"\n")))),
        ("HEIRLOOM_SNAPSHOT", subject.snapshot.as_ref().map(Into::into)),
        ("HEIRLOOM_EXIT_CODE", exit_code.map(|code| code.to_string().into())),
    ]
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "ended with exit code {code}"),
            Self::Killed(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut(after) => write!(f, "took longer than {} s and was ended", after.as_secs()),
            Self::Stopped => f.write_str("was stopped"),
            Self::NotRun => f.write_str("could not be run by /bin/sh"),
        }
    }
}

/// The last lines of a hook on one line.
struct Tail<'a>(&'a [String]);

impl fmt::Display for Tail<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0.join(" | ")) }
    }
}

#[cfg(test)]
mod tests;
