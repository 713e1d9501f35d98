//! A cloud for a test, with the profiles of the machines that join it.

use crate::home::{Daemon, Home, eventually, free_port};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

pub(crate) struct Cloud<'h> {
    home: &'h Home,
    pub(crate) s3: u16,
    pub(crate) web: u16,
    config: PathBuf,
}

impl<'h> Cloud<'h> {
    /// Writes the profile of a cloud in `home`, with alice's join files for laptop and pi.
    pub(crate) fn new(home: &'h Home) -> Self {
        let (s3, web) = (free_port(), free_port());
        let root = home.path("").display().to_string();
        let config = home.write(
            "cloud.yml",
            &format!(
                "profile: cloud\nmachine: cloud\ndata_dir: {root}/cloud\n\
                 s3: {{listen: \"127.0.0.1:{s3}\"}}\n\
                 web: {{listen: \"127.0.0.1:{web}\"}}\n\
                 snapshots: {{schedule: \"0 3 * * *\", timezone: Europe/Berlin}}\n\
                 users:\n  alice:\n    keys:\n\
                 \x20     laptop: {{join_file: {root}/laptop.join}}\n\
                 \x20     pi: {{join_file: {root}/pi.join}}\n"
            ),
        );
        Self { home, s3, web, config }
    }

    pub(crate) fn config(&self) -> &str {
        self.config.to_str().unwrap()
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(&self) -> Daemon {
        self.wait_for(self.home.start(&["cloud", "--config", self.config()]))
    }

    /// Waits until what was started as this cloud is ready.
    pub(crate) fn wait_for(&self, mut daemon: Daemon) -> Daemon {
        eventually("a ready cloud", || {
            assert!(daemon.is_running(), "the cloud ended:\n{}", daemon.log());
            match get(self.web, "/readyz", None) {
                Ok((200, _)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        daemon
    }

    pub(crate) fn snapshot(&self) {
        self.home.run(&["snapshot", "--config", self.config()]).ok();
    }

    /// The profile of alice's laptop, syncing `documents`.
    pub(crate) fn laptop(&self, name: &str, folder: &str) -> String {
        let root = self.home.path("");
        self.laptop_with(
            name,
            &format!("  documents: {{folders: [{}/{folder}], interval: 1s}}\n", root.display()),
        )
    }

    /// The profile of alice's laptop, with these states.
    pub(crate) fn laptop_with(&self, name: &str, states: &str) -> String {
        let root = self.home.path("").display().to_string();
        let path = self.home.write(
            &format!("{name}.yml"),
            &format!(
                "profile: laptop\nmachine: {name}\nstate_dir: {root}/state-{name}\n\
                 destinations: {{cloud: {{join: {root}/laptop.join}}}}\n\
                 states:\n{states}"
            ),
        );
        path.to_str().unwrap().to_owned()
    }

    /// The profile of alice's pi.
    pub(crate) fn pi(&self) -> String {
        let root = self.home.path("").display().to_string();
        let path = self.home.write(
            "pi.yml",
            &format!(
                "profile: pi\nmachine: pi\nstate_dir: {root}/state-pi\ndrive: {root}/drive\n\
                 cloud: {{join: {root}/pi.join}}\nmirror: {{interval: 1s}}\narchive: {{interval: 1s}}\n"
            ),
        );
        path.to_str().unwrap().to_owned()
    }

    /// A field of a join file.
    pub(crate) fn joined(&self, machine: &str, field: &str) -> String {
        let text = self.home.read(&format!("{machine}.join")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}: "))).unwrap();
        line.trim_matches(['"', '\'']).to_owned()
    }

    /// The address for `git clone` with the laptop's key.
    pub(crate) fn clone_url(&self) -> String {
        let (id, secret) =
            (self.joined("laptop", "access_key_id"), self.joined("laptop", "secret_access_key"));
        format!("http://{id}:{secret}@127.0.0.1:{}/alice.git", self.web)
    }

    /// Basic credentials of the laptop's key.
    pub(crate) fn basic(&self) -> String {
        let pair = format!(
            "{}:{}",
            self.joined("laptop", "access_key_id"),
            self.joined("laptop", "secret_access_key")
        );
        format!("Basic {}", base64(pair.as_bytes()))
    }
}

/// One GET over a connection of its own: status and body.
pub(crate) fn get(port: u16, path: &str, authorization: Option<&str>) -> Result<(u16, Vec<u8>), String> {
    request(port, "GET", path, authorization)
}

/// One request without a body over a connection of its own: status and body.
pub(crate) fn request(
    port: u16,
    method: &str,
    path: &str,
    authorization: Option<&str>,
) -> Result<(u16, Vec<u8>), String> {
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        let authorization =
            authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{authorization}Connection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error| error.to_string())?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("no HTTP answer")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("no status")?;
    Ok((status, answer[end + 4..].to_vec()))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32, shift: u32| char::from(DIGITS[(bits >> shift & 63) as usize]);
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        text.push(digit(bits, 18));
        text.push(digit(bits, 12));
        text.push(if chunk.len() > 1 { digit(bits, 6) } else { '=' });
        text.push(if chunk.len() > 2 { digit(bits, 0) } else { '=' });
    }
    text
}
