//! One `git upload-pack` per request.

use crate::failure::Failure;
use crate::site::Site;
use axum::body::Body;
use bytes::Bytes;
use flate2::write::GzDecoder;
use futures::StreamExt as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

/// Bytes of the answer read at a time.
const CHUNK: usize = 64 * 1024;
/// Compressed bytes unpacked at a time: even a bomb then takes a few megabytes at most.
const UNPACK_STEP: usize = 4 * 1024;
/// What git may complain before the rest is dropped.
const COMPLAINT_MAX: u64 = 16 * 1024;
/// Seconds without a byte from the client after which git gives up.
const SILENCE_MAX: &str = "--timeout=600";

/// How a request's body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

/// What the repository offers.
pub(crate) async fn advertise(
    site: &Site,
    directory: &Path,
    protocol: Option<&str>,
) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::broken(format!("run git for {}", directory.display()), error);
    let _permit = permit(site).await?;
    let mut command = command(site, directory, protocol)?;
    command.args(["--advertise-refs"]).arg(directory).stdin(Stdio::null());
    let output = command.output().await.map_err(failed)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(io::Error::other(format!("git upload-pack: {}: {complaint}", output.status))))
}

/// Answers one request; the body streams while git still reads the request.
pub(crate) async fn converse(
    site: &Site,
    directory: &Path,
    protocol: Option<&str>,
    request: Body,
    packing: Packing,
) -> Result<Body, Failure> {
    let permit = permit(site).await?;
    let mut command = command(site, directory, protocol)?;
    command.arg(directory).stdin(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| Failure::broken(format!("run git for {}", directory.display()), error))?;
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err(Failure::broken("talk to git", io::Error::other("a pipe is missing")));
    };
    let talk = Talk {
        feeding: tokio::spawn(feed(request, stdin, packing)),
        complaint: tokio::spawn(listen(stderr)),
        stdout,
        child,
        place: directory.display().to_string(),
        _permit: permit,
    };
    Ok(Body::from_stream(futures::stream::unfold(Some(talk), next_chunk)))
}

async fn permit(site: &Site) -> Result<OwnedSemaphorePermit, Failure> {
    let permit = Arc::clone(&site.fetches).acquire_owned().await;
    permit.map_err(|closed| Failure::broken("begin a fetch", closed))
}

fn command(site: &Site, directory: &Path, protocol: Option<&str>) -> Result<Command, Failure> {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("HOME", site.workshop.home()?)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // The archive may belong to another user of the machine; git would refuse to read it.
        .env("GIT_CONFIG_COUNT", "3")
        .envs([("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")])
        .envs([("GIT_CONFIG_KEY_1", "uploadpack.allowFilter"), ("GIT_CONFIG_VALUE_1", "true")])
        .envs([("GIT_CONFIG_KEY_2", "uploadpack.allowAnySHA1InWant"), ("GIT_CONFIG_VALUE_2", "true")])
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(protocol.map(|protocol| ("GIT_PROTOCOL", protocol)))
        .current_dir(directory)
        .args(["upload-pack", "--stateless-rpc", "--strict", SILENCE_MAX])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// A request and its process. Dropped when the client goes away, which kills the process.
struct Talk {
    feeding: JoinHandle<()>,
    complaint: JoinHandle<String>,
    stdout: ChildStdout,
    child: Child,
    place: String,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.feeding.abort();
        self.complaint.abort();
    }
}

async fn next_chunk(talk: Option<Talk>) -> Option<(io::Result<Bytes>, Option<Talk>)> {
    let mut talk = talk?;
    let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
    match talk.stdout.read_buf(&mut chunk).await {
        Ok(0) => {}
        Ok(_) => return Some((Ok(chunk.freeze()), Some(talk))),
        Err(error) => return Some((Err(error), None)),
    }
    let complaint = (&mut talk.complaint).await.unwrap_or_default();
    match talk.child.wait().await {
        Ok(status) if status.success() => None,
        Ok(status) => {
            tracing::warn!(archive = talk.place, %status, complaint = complaint.trim(), "git upload-pack failed");
            Some((Err(io::Error::other("git upload-pack failed")), None))
        }
        Err(error) => Some((Err(error), None)),
    }
}

/// Passes the request on. That git stops listening early is no failure of ours, and a client that goes away
/// ends the whole talk.
async fn feed(request: Body, mut stdin: ChildStdin, packing: Packing) {
    let mut chunks = request.into_data_stream();
    let mut unpacker = GzDecoder::new(Vec::new());
    let fed: io::Result<()> = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(io::Error::other)?;
            match packing {
                Packing::Plain => stdin.write_all(&chunk).await?,
                Packing::Gzip => {
                    for step in chunk.chunks(UNPACK_STEP) {
                        unpacker.write_all(step)?;
                        stdin.write_all(unpacker.get_ref()).await?;
                        unpacker.get_mut().clear();
                    }
                }
            }
        }
        if packing == Packing::Gzip {
            unpacker.try_finish()?;
            stdin.write_all(unpacker.get_ref()).await?;
        }
        stdin.shutdown().await
    }
    .await;
    if let Err(error) = fed {
        tracing::debug!(%error, "a git request ended early");
    }
}

async fn listen(stderr: ChildStderr) -> String {
    let mut complaint = Vec::new();
    let mut stderr = stderr.take(COMPLAINT_MAX);
    // What was heard until then is still worth logging.
    let _partial = stderr.read_to_end(&mut complaint).await;
    let _rest = tokio::io::copy(&mut stderr.into_inner(), &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&complaint).into_owned()
}
