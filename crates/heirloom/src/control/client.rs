//! A command's side: finding the daemon, and repeating what it says.

use super::message::{Answer, Ask, Request};
use super::place::address;
use crate::failure::{Exit, Explain as _, Failure};
use crate::profile::status::Status;
use crate::report::{Repeated, Report};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::time::Instant;

/// How often to look for a daemon that is just being started.
const LOOK: Duration = Duration::from_millis(50);

/// How long its socket may take after its lock.
pub(crate) const START: Duration = Duration::from_secs(2);

/// A daemon that was asked.
pub(crate) struct Asked {
    answers: Lines<BufReader<OwnedReadHalf>>,
}

/// Asks the daemon of the machine whose state is in `state_dir`; `None` if there is none within `patience`.
pub(crate) async fn ask(state_dir: &Path, ask: Ask, patience: Duration) -> Result<Option<Asked>, Failure> {
    let attempted =
        || format!("could not reach the daemon over {}", state_dir.join(super::place::NAME).display());
    let Some(stream) = connect(state_dir, patience).await.attempting(attempted())? else { return Ok(None) };
    let (read, mut write) = stream.into_split();
    write.write_all(Request::new(ask).line().as_bytes()).await.attempting(attempted())?;
    // The other half stays open: closing it is nothing that the daemon waits for.
    write.forget();
    Ok(Some(Asked { answers: BufReader::new(read).lines() }))
}

async fn connect(state_dir: &Path, patience: Duration) -> io::Result<Option<UnixStream>> {
    let end = Instant::now() + patience;
    loop {
        let connected = match address(state_dir) {
            Ok(address) => UnixStream::connect(&address.path).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) if !is_absent(&error) => return Err(error),
            Err(_) if Instant::now() >= end => return Ok(None),
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// No socket, or that of a daemon that died.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory)
}

impl Asked {
    /// Repeats what the daemon says until its end, which gives the exit code.
    pub(crate) async fn repeat(mut self, report: &Report) -> Result<Exit, Failure> {
        let mut shown = Repeated::default();
        loop {
            match self.next().await? {
                Answer::Said { what } => report.repeat(what, &mut shown),
                Answer::Status { .. } => {}
                Answer::End { code } => return Ok(Exit::of_code(code)),
            }
        }
    }

    /// How the machine is doing.
    pub(crate) async fn status(mut self, report: &Report) -> Result<Option<Status>, Failure> {
        let (mut status, mut shown) = (None, Repeated::default());
        loop {
            match self.next().await? {
                Answer::Said { what } => report.repeat(what, &mut shown),
                Answer::Status { status: told } => status = Some(*told),
                Answer::End { .. } => return Ok(status),
            }
        }
    }

    async fn next(&mut self) -> Result<Answer, Failure> {
        let gone = || {
            Failure::new(Exit::Failed, "the daemon ended before it had answered").hint(
                "What it had begun is finished by its next start, or by the same command without a daemon.",
            )
        };
        match self.answers.next_line().await {
            Ok(Some(line)) => {
                Ok(Answer::parse(&line).attempting("could not understand the daemon's answer")?)
            }
            Ok(None) => Err(gone()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(gone()),
            Err(error) => Err(Failure::from(error).context("could not hear the daemon's answer")),
        }
    }
}
