//! The daemon's side: a socket that takes requests until the daemon ends.
//!
//! Only who holds the machine's lock opens it, so a socket that is there already is a dead daemon's, and is replaced.

use super::message::{Answer, Ask, Misunderstood, Request};
use super::place::{Address, NAME, address};
use crate::failure::{Exit, Failure};
use crate::report::{Report, Said};
use futures::future::BoxFuture;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a command may take to say what it wants.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// More is no request of ours.
const REQUEST_MAX: u64 = 1 << 20;

/// How long a command may leave an answer unread. One that is gone hears no more, and the work goes on.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// How long commands may hear of the end of their work once the daemon was told to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Who answers.
pub(crate) trait Desk: Send + Sync + 'static {
    /// Does what is asked, and says so; the exit code for it.
    fn answer(self: Arc<Self>, ask: Ask, to: Asker) -> BoxFuture<'static, Exit>;
}

/// Where answers go. What is said to one that is gone is lost.
#[derive(Clone)]
pub(crate) struct Asker(UnboundedSender<Answer>);

impl Asker {
    /// Answers.
    pub(crate) fn answer(&self, answer: Answer) {
        drop(self.0.send(answer));
    }

    /// A port that leads there.
    pub(crate) fn report(&self) -> Report {
        let asker = self.clone();
        Report::far(move |what: Said| asker.answer(Answer::Said { what }))
    }
}

/// The open socket; its file goes with it.
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Opens the socket of the machine whose lock this process holds.
    pub(crate) fn open(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let Address { path: bound, .. } = &address(state_dir)?;
        let listener = UnixListener::bind(bound)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Answers requests until stopped, each beside the others.
    pub(crate) async fn serve(self, desk: Arc<impl Desk>, stop: CancellationToken) {
        let mut sessions = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
                Some(_) = sessions.join_next() => continue,
            };
            match accepted {
                Ok((stream, _)) => drop(sessions.spawn(session(stream, Arc::clone(&desk)))),
                Err(error) => {
                    tracing::debug!(%error, "a command could not be listened to");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(timeout(LAST_WORDS, async { while sessions.join_next().await.is_some() {} }).await);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // One that stays behind is replaced by the next daemon.
        fs::remove_file(&self.path).ok();
    }
}

async fn session(stream: UnixStream, desk: Arc<impl Desk>) {
    if !is_ours(&stream) {
        tracing::warn!("a request of another user was refused");
        return;
    }
    let (read, write) = stream.into_split();
    let mut line = String::new();
    let mut lines = BufReader::new(read.take(REQUEST_MAX));
    match timeout(REQUEST_WAIT, lines.read_line(&mut line)).await {
        Ok(Ok(1..)) => {}
        // Somebody only looked whether a daemon is there.
        _ => return,
    }
    let (sender, answers) = unbounded_channel();
    let asker = Asker(sender);
    let writing = tokio::spawn(write_all(answers, write));
    let exit = match Request::parse(&line) {
        Ok(ask) => {
            tracing::debug!(?ask, "a command asks");
            desk.answer(ask, asker.clone()).await
        }
        Err(misunderstood) => refuse(misunderstood, &asker),
    };
    asker.answer(Answer::End { code: exit.code() });
    drop(asker);
    drop(writing.await);
}

fn refuse(misunderstood: Misunderstood, asker: &Asker) -> Exit {
    let failure = Failure::from(misunderstood)
        .hint("After an update, the daemon has to be started anew, so that both are the same program.");
    asker.report().fail(&failure);
    failure.kind()
}

/// The socket's mode says the same; this also holds in the moment before it is set.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn write_all(mut answers: UnboundedReceiver<Answer>, mut to: OwnedWriteHalf) {
    while let Some(answer) = answers.recv().await {
        let line = answer.line();
        if !matches!(timeout(ANSWER_WAIT, to.write_all(line.as_bytes())).await, Ok(Ok(()))) {
            return;
        }
    }
}
