//! One shell in a process group of its own, listened to until it ends or has to.
//!
//! Both its outputs are one pipe, so that their lines stay in order. The pipe may outlive the shell, in the hands of something
//! that it left in the background; nobody waits for that.

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long a group that was asked to end may take before it is made to: because it was too slow, and because the process is ending.
const GRACE: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 5_000 });
const GRACE_AT_STOP: Duration = Duration::from_millis(if cfg!(test) { 500 } else { 2_000 });

/// How often to see whether all of the group is gone.
const LOOK: Duration = Duration::from_millis(25);

/// How long to listen on after the shell has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How many lines go into an error, and how much of a line.
const TAIL_LINES: usize = 5;
const TAIL_CHARS: usize = 200;

/// A longer line is logged in pieces.
const LINE_MAX: usize = 4096;

/// Why a hook has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    TooSlow,
    Stopped,
}

/// How a hook ended.
#[derive(Debug)]
pub(super) enum Ended {
    Well,
    Exited(i32),
    Killed(i32),
    /// Nobody can say.
    Lost(io::Error),
    Cut(Cut),
}

impl From<io::Result<ExitStatus>> for Ended {
    fn from(status: io::Result<ExitStatus>) -> Self {
        match status.map(|status| (status.code(), status.signal())) {
            Ok((Some(0), _)) => Self::Well,
            Ok((Some(code), _)) => Self::Exited(code),
            Ok((None, signal)) => Self::Killed(signal.unwrap_or_default()),
            Err(error) => Self::Lost(error),
        }
    }
}

/// A hook at work. Dropped, it is killed with all it started.
pub(super) struct Running {
    child: Child,
    group: Group,
    output: Output,
}

/// Starts a shell.
pub(super) fn start(
    line: &str,
    environment: &[(&str, Option<OsString>)],
    spoken: Spoken,
) -> io::Result<Running> {
    let (reader, writer) = io::pipe()?;
    let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", line])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0);
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let child = command.spawn()?;
    let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let leader = leader.expect("because a child that nobody has waited for has an id");
    Ok(Running { child, group: Group(Some(leader)), output: Output { pipe: Some(pipe), spoken } })
}

impl Running {
    /// Listens until the hook ends, or ends it once `limit` says so; gives its last lines, too.
    pub(super) async fn until_it_ends(mut self, limit: impl Future<Output = Cut>) -> (Ended, Vec<String>) {
        let ended = tokio::select! {
            status = self.child.wait() => Ended::from(status),
            cut = limit => Ended::Cut(cut),
            never = self.output.listen() => match never {},
        };
        match ended {
            Ended::Cut(Cut::TooSlow) => self.end(GRACE).await,
            Ended::Cut(Cut::Stopped) => self.end(GRACE_AT_STOP).await,
            _ => {}
        }
        // What it left running in the background it meant to.
        self.group.0 = None;
        drop(timeout(LAST_WORDS, self.output.hear_out()).await);
        (ended, self.output.spoken.into_tail())
    }

    /// Asks the whole group to end, then makes it.
    async fn end(&mut self, grace: Duration) {
        self.group.signal(Signal::TERM);
        let end = Instant::now() + grace;
        let gone = async {
            // The shell alone may be gone before what it started.
            drop(self.child.wait().await);
            while self.group.is_there() {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = gone => {}
            () = sleep_until(end) => {}
            never = self.output.listen() => match never {},
        }
        self.group.signal(Signal::KILL);
        drop(self.child.wait().await);
    }
}

/// The process group that the shell leads; killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // One that is gone already needs no signal.
            kill_process_group(leader, signal).ok();
        }
    }

    fn is_there(&self) -> bool {
        self.0.is_some_and(|leader| test_kill_process_group(leader).is_ok())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

struct Output {
    /// `None` once everybody has closed the other end.
    pipe: Option<Receiver>,
    spoken: Spoken,
}

impl Output {
    /// Takes what comes, for ever.
    async fn listen(&mut self) -> Infallible {
        self.hear_out().await;
        std::future::pending().await
    }

    /// Takes what comes, until nothing can come any more.
    async fn hear_out(&mut self) {
        let mut chunk = vec![0; 4096];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut chunk).await {
                Ok(0) | Err(_) => self.pipe = None,
                Ok(length) => self.spoken.take(&chunk[..length]),
            }
        }
    }
}

/// What a hook has printed: logged line by line, the last lines kept.
pub(super) struct Spoken {
    state: String,
    hook: &'static str,
    line: Vec<u8>,
    tail: VecDeque<String>,
}

impl Spoken {
    pub(super) fn new(state: &str, hook: &'static str) -> Self {
        Self { state: state.to_owned(), hook, line: Vec::new(), tail: VecDeque::new() }
    }

    fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() >= LINE_MAX {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        // Neither a log nor a commit message is a place for escape sequences.
        let line: String = line.chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        tracing::info!(state = self.state, hook = self.hook, "{line}");
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(line.chars().take(TAIL_CHARS).collect());
    }

    fn into_tail(mut self) -> Vec<String> {
        self.end_line();
        self.tail.into()
    }
}
