//! `heirloom health`: whether the machine of this profile is well.
//!
//! A cloud is asked over its own HTTP, because a process that runs but does not answer is not well. A laptop or pi has
//! no port; its daemon leaves a [`Pulse`], and one that is not renewed means that the daemon hangs or is gone.

use crate::config::{Cloud, Config};
use crate::failure::{Exit, Failure};
use crate::report::Message;
use crate::session::{Session, now};
use model::UnixNanos;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The sign of life that a laptop's or pi's daemon renews after every cycle, and at least once per interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pulse {
    /// Whether the last cycle went well.
    pub(crate) ok: bool,
    /// What a person should know about it.
    pub(crate) message: String,
    /// When it was renewed, in seconds since 1970.
    pub(crate) at: i64,
}

impl Pulse {
    /// A pulse of now.
    pub(crate) fn new(ok: bool, message: impl Into<String>) -> Self {
        Self { ok, message: message.into(), at: now().seconds_and_nanos().0 }
    }

    /// Leaves it in the machine's state directory, in one step.
    pub(crate) fn leave(&self, state_dir: &Path) -> io::Result<()> {
        let staged = state_dir.join(".health.json");
        std::fs::write(&staged, serde_json::to_vec(self)?)?;
        std::fs::rename(staged, place(state_dir))
    }
}

fn place(state_dir: &Path) -> PathBuf {
    state_dir.join("health.json")
}

/// The answer.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Health {
    ok: bool,
    message: String,
}

impl Message for Health {
    const TYPE: &'static str = "health";
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.ok { "well" } else { "not well" }, self.message)
    }
}

/// Finds out and says so; exit code 0 or 1.
pub(crate) fn run(session: &Session) -> Result<Exit, Failure> {
    let health = match session.load()?.config {
        Config::Cloud(cloud) => {
            let (ok, message) = ask(&cloud);
            Health { ok, message }
        }
        Config::Laptop(laptop) => feel(&laptop.state_dir, laptop.shortest_interval(), now()),
        Config::Pi(pi) => feel(&pi.state_dir, pi.shortest_interval(), now()),
    };
    session.report.say(&health);
    Ok(if health.ok { Exit::Ok } else { Exit::Failed })
}

/// Feels for the pulse in `state_dir`; one older than three intervals, and than a minute, is none.
fn feel(state_dir: &Path, interval: Duration, now: UnixNanos) -> Health {
    let path = place(state_dir);
    let unwell = |message: String| Health { ok: false, message };
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return unwell(format!(
                "there is no {}; the daemon has not finished its first cycle",
                path.display()
            ));
        }
        Err(error) => return unwell(format!("could not read {}: {error}", path.display())),
    };
    let pulse: Pulse = match serde_json::from_slice(&text) {
        Ok(pulse) => pulse,
        Err(error) => return unwell(format!("{} is damaged: {error}", path.display())),
    };
    // A clock that was set back makes the pulse lie ahead; that says nothing about the daemon.
    let age = now.seconds_and_nanos().0.saturating_sub(pulse.at).max(0).unsigned_abs();
    let limit = interval.as_secs().saturating_mul(3).max(60);
    if age > limit {
        return unwell(format!(
            "the daemon last gave a sign of life {age} s ago; more than {limit} s is too long"
        ));
    }
    Health { ok: pulse.ok, message: pulse.message }
}

/// Asks the cloud's web server whether it is well, and what it says.
pub(crate) fn ask(cloud: &Cloud) -> (bool, String) {
    let address = nearby(cloud.web.listen);
    match get(address, "/readyz") {
        Ok(200) => (true, format!("http://{address}/readyz answers")),
        Ok(status) => (false, format!("http://{address}/readyz answers {status}")),
        Err(error) => (false, format!("http://{address}/readyz does not answer: {error}")),
    }
}

/// A server that listens everywhere is asked over loopback.
fn nearby(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// The status of one GET. By hand, because a health check should not start a runtime and a TLS stack every half minute.
fn get(address: SocketAddr, path: &str) -> io::Result<u16> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In one write: a server may answer and close as soon as it has read the first packet.
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    BufReader::new(stream.take(1024)).read_until(b'\n', &mut line)?;
    let status = std::str::from_utf8(&line).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is not an HTTP answer"))
}

#[cfg(test)]
mod tests;
