//! One connection: an `ssh` that runs the server's `sftp` subsystem, and the requests under way through it.

use super::wire::{self, Extensions, Reply, Request};
use crate::Cause;
use crate::plain::At;
use crate::plain::store::Failure;
use bytes::Bytes;
use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};

/// How long an answer may take while `ssh` itself still hears from the server.
const STALL_MAX: Duration = Duration::from_mins(2);

/// How long connecting may take, all in all.
const CONNECT_MAX: Duration = Duration::from_mins(1);

/// Bytes that are kept of what `ssh` complains about.
const COMPLAINT_MAX: u64 = 4 << 10;

pub(super) struct Session {
    outgoing: mpsc::Sender<Bytes>,
    waiting: Arc<Mutex<Waiting>>,
    next_id: AtomicU32,
    extensions: Extensions,
    /// Ends with the session.
    _ssh: Child,
}

/// Who waits for which answer; `None` once none will come.
struct Waiting(Option<HashMap<u32, oneshot::Sender<Reply>>>);

/// An answer that is due.
pub(super) struct Pending(oneshot::Receiver<Reply>);

/// A file or directory that the server holds open.
pub(super) struct Handle {
    session: Arc<Session>,
    id: Bytes,
    is_open: bool,
}

impl Session {
    pub(super) async fn connect(at: &At) -> Result<Self, Failure> {
        let mut ssh = command(at)
            .spawn()
            .map_err(|error| Failure::Refused(Cause::new(format!("cannot start `ssh`: {error}"))))?;
        let (stdin, stdout, stderr) = (ssh.stdin.take(), ssh.stdout.take(), ssh.stderr.take());
        let piped = "because it was asked for";
        let (mut stdin, mut stdout, stderr) =
            (stdin.expect(piped), BufReader::new(stdout.expect(piped)), stderr.expect(piped));
        // Read from the start, or a talkative login would block.
        let complaint = tokio::spawn(async move {
            let (mut text, mut rest) = (Vec::new(), tokio::io::sink());
            let mut stderr = stderr;
            drop((&mut stderr).take(COMPLAINT_MAX).read_to_end(&mut text).await);
            drop(tokio::io::copy(&mut stderr, &mut rest).await);
            String::from_utf8_lossy(&text).into_owned()
        });
        let greeted = tokio::time::timeout(CONNECT_MAX, async {
            stdin.write_all(&wire::hello()).await.ok()?;
            stdin.flush().await.ok()?;
            packet(&mut stdout).await
        });
        let greeting = match greeted.await {
            Ok(Some(greeting)) => greeting,
            Ok(None) => {
                drop((stdin, stdout));
                drop(tokio::time::timeout(CONNECT_MAX, ssh.wait()).await);
                return Err(unconnected(&complaint.await.unwrap_or_default()));
            }
            Err(_) => return Err(Failure::Unreachable(Cause::new("the server does not answer"))),
        };
        let extensions = wire::greeting(greeting)
            .ok_or_else(|| Failure::Refused(Cause::new("the server does not speak SFTP")))?;
        let waiting = Arc::new(Mutex::new(Waiting(Some(HashMap::new()))));
        let (outgoing, queue) = mpsc::channel(64);
        tokio::spawn(send(queue, stdin));
        tokio::spawn(receive(stdout, Arc::clone(&waiting)));
        Ok(Self { outgoing, waiting, next_id: AtomicU32::new(0), extensions, _ssh: ssh })
    }

    /// Whether answers may still come.
    pub(super) fn is_alive(&self) -> bool {
        lock(&self.waiting).0.is_some()
    }

    /// Whether a rename can replace a file.
    pub(super) fn replaces(&self) -> bool {
        self.extensions.posix_rename
    }

    /// Whether a file can be brought to the medium.
    pub(super) fn syncs(&self) -> bool {
        self.extensions.sync
    }

    /// Whether the server can copy by itself.
    pub(super) fn copies(&self) -> bool {
        self.extensions.copy
    }

    /// Whether free space can be asked for.
    pub(super) fn tells_space(&self) -> bool {
        self.extensions.space
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&self, request: Request<'_>) -> Result<Reply, Failure> {
        self.begin(request).await?.wait().await
    }

    /// Asks, and leaves the answer for later.
    pub(super) async fn begin(&self, request: Request<'_>) -> Result<Pending, Failure> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        match &mut lock(&self.waiting).0 {
            Some(waiting) => drop(waiting.insert(id, sender)),
            None => return Err(broken()),
        }
        let sent = tokio::time::timeout(STALL_MAX, self.outgoing.send(request.encode(id))).await;
        match sent {
            Ok(Ok(())) => Ok(Pending(receiver)),
            Ok(Err(_)) => Err(broken()),
            Err(_) => {
                self.give_up();
                Err(stalled())
            }
        }
    }

    /// Nothing moves any more: everybody who waits shall know, and the next who asks gets another connection.
    fn give_up(&self) {
        lock(&self.waiting).0 = None;
    }
}

impl Pending {
    /// Waits until the answer comes or the connection ends, which `ssh` sees to when the line is dead.
    pub(super) async fn wait_long(self) -> Result<Reply, Failure> {
        self.0.await.map_err(|_| broken())
    }

    pub(super) async fn wait(self) -> Result<Reply, Failure> {
        match tokio::time::timeout(STALL_MAX, self.0).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(broken()),
            Err(_) => Err(stalled()),
        }
    }
}

impl Handle {
    pub(super) fn new(session: Arc<Session>, id: Bytes) -> Self {
        Self { session, id, is_open: true }
    }

    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// The session, for as long as somebody needs it.
    pub(super) fn shared(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// Asks to close it; the answer says whether all was well.
    pub(super) async fn begin_close(&mut self) -> Result<Pending, Failure> {
        self.is_open = false;
        self.session.begin(Request::Close { handle: &self.id }).await
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Without a runtime the connection ends as well, and everything open with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.is_open && self.session.is_alive() {
            let (session, id) = (Arc::clone(&self.session), self.id.clone());
            runtime.spawn(async move { drop(session.ask(Request::Close { handle: &id }).await) });
        }
    }
}

async fn send(mut queue: mpsc::Receiver<Bytes>, mut stdin: ChildStdin) {
    while let Some(packet) = queue.recv().await {
        if stdin.write_all(&packet).await.is_err() {
            return;
        }
        if queue.is_empty() && stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn receive(mut stdout: impl AsyncRead + Unpin, waiting: Arc<Mutex<Waiting>>) {
    while let Some(packet) = packet(&mut stdout).await {
        let Some((id, reply)) = wire::reply(packet) else {
            tracing::debug!("the SFTP server sent something unreadable");
            break;
        };
        let receiver = lock(&waiting).0.as_mut().and_then(|waiting| waiting.remove(&id));
        if let Some(receiver) = receiver {
            // Who asked may have gone.
            drop(receiver.send(reply));
        }
    }
    lock(&waiting).0 = None;
}

/// The next packet without its length; `None` at the end, and of one that is too long.
async fn packet(stdout: &mut (impl AsyncRead + Unpin)) -> Option<Bytes> {
    let length = stdout.read_u32().await.ok()?;
    if length > wire::PACKET_MAX {
        return None;
    }
    let mut packet = vec![0; usize::try_from(length).ok()?];
    stdout.read_exact(&mut packet).await.ok()?;
    Some(packet.into())
}

fn command(at: &At) -> Command {
    let mut command = Command::new("ssh");
    let options = [
        "BatchMode=yes",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "PermitLocalCommand=no",
        "RequestTTY=no",
        "ConnectTimeout=20",
        // A dead line ends the connection after a minute.
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
    ];
    command.arg("-x").args(options.iter().flat_map(|option| ["-o", option]));
    if let At::Sftp { host, port, user, key_file, known_hosts_file, .. } = at {
        if let Some(port) = port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = user {
            command.arg("-l").arg(user);
        }
        if let Some(key) = key_file {
            command.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
        }
        if let Some(known) = known_hosts_file {
            // In quotes, because the option takes a list.
            let mut option = std::ffi::OsString::from("UserKnownHostsFile=\"");
            option.push(known);
            option.push("\"");
            command.args(["-o", "StrictHostKeyChecking=yes", "-o"]).arg(option);
        }
        command.args(["-s", "--", host, "sftp"]);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Why `ssh` did not connect, from what it complained about.
fn unconnected(complaint: &str) -> Failure {
    let last = complaint.lines().map(str::trim).rfind(|line| !line.is_empty());
    let cause = Cause::new(last.unwrap_or("`ssh` ended without a word"));
    if complaint.contains("Host key verification failed") {
        return Failure::Refused(Cause::new("the host's key is not known, or has changed"));
    }
    if complaint.contains("Permission denied") || complaint.contains("Too many authentication failures") {
        return Failure::Locked(cause);
    }
    if complaint.contains("subsystem request failed") {
        return Failure::Refused(Cause::new("the host offers no SFTP"));
    }
    Failure::Unreachable(cause)
}

fn broken() -> Failure {
    Failure::Unreachable(Cause::new("the connection broke"))
}

fn stalled() -> Failure {
    Failure::Unreachable(Cause::new(format!("no answer for {} seconds", STALL_MAX.as_secs())))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
