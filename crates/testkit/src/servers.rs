//! Servers that others wrote, over a directory: what a destination may be besides our own cloud.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::tools::{have, path_of, skip};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Where OpenSSH's subsystem is, by distribution.
const SFTP_SERVERS: [&str; 3] =
    ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];

/// A process that ends with the test.
pub struct Server {
    child: Child,
    /// Its configuration and keys.
    _scratch: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// Ends what it runs for its connections; the server itself goes on.
    pub fn drop_connections(&self) {
        let ended = Command::new("sh")
            .args(["-c", "for child in $(cat /proc/$0/task/*/children); do kill $child; done"])
            .arg(self.child.id().to_string())
            .status();
        assert!(ended.unwrap().success());
    }
}

/// How to reach a WebDAV server.
pub struct Webdav {
    /// The collection.
    pub url: String,
    /// Who may.
    pub user: &'static str,
    /// Their password.
    pub password: &'static str,
    /// It runs as long as this.
    pub server: Server,
}

/// How to reach an SFTP server.
pub struct Sftp {
    /// Its port on the loopback.
    pub port: u16,
    /// Who may.
    pub user: String,
    /// Their key.
    pub key_file: PathBuf,
    /// The server's.
    pub known_hosts: PathBuf,
    /// It runs as long as this.
    pub server: Server,
}

/// `rclone serve webdav`; `None` without rclone.
#[must_use]
pub fn webdav(root: &Path) -> Option<Webdav> {
    let (user, password) = ("alice", "sesame");
    // Without the last, it takes two spellings of a letter for one name.
    let arguments =
        ["--user", user, "--pass", password, "--baseurl", "/dav/tree", "--no-unicode-normalization"];
    let (address, server) = rclone("webdav", &arguments, root)?;
    Some(Webdav { url: format!("{address}/dav/tree"), user, password, server })
}

/// `rclone serve s3` over a directory of buckets, with a key; its address. `None` without rclone.
#[must_use]
pub fn s3(root: &Path, id: &str, secret: &str) -> Option<(String, Server)> {
    let knows = Command::new("rclone").args(["serve", "s3", "--help"]).output();
    let knows = knows.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("--auth-key"));
    if !knows {
        skip("rclone is missing or has no `serve s3`, which came with 1.65");
        return None;
    }
    rclone("s3", &["--auth-key", &format!("{id},{secret}")], root)
}

fn rclone(service: &str, arguments: &[&str], root: &Path) -> Option<(String, Server)> {
    if !have("rclone") {
        return None;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Command::new("rclone")
        .args(["serve", service, "--addr", "127.0.0.1:0", "--log-format", ""])
        .args(arguments)
        .arg(root)
        .env("RCLONE_CONFIG", scratch.path().join("rclone.conf"))
        .env("HOME", scratch.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = lines
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| {
            let (_, rest) = line.split_once("http://")?;
            let end = rest.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit()).unwrap_or(rest.len());
            Some(format!("http://{}", &rest[..end]))
        })
        .expect("rclone says where it listens");
    // Or it would be ended by what it has to say.
    std::thread::spawn(move || lines.for_each(drop));
    Some((address, Server { child, _scratch: scratch }))
}

/// OpenSSH's server on a port of its own, for whoever runs the test; `None` without it.
#[must_use]
pub fn sftp() -> Option<Sftp> {
    let subsystem = SFTP_SERVERS.into_iter().find(|path| Path::new(path).exists());
    if !have("sshd") || !have("ssh") || !have("ssh-keygen") {
        return None;
    }
    let subsystem = subsystem.expect("sshd comes with its sftp-server");
    let scratch = tempfile::tempdir().unwrap();
    let keys = scratch.path();
    for name in ["host", "user"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(keys.join(name))
            .status();
        assert!(made.unwrap().success());
    }
    std::fs::copy(keys.join("user.pub"), keys.join("authorized")).unwrap();
    let user = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
    let (child, port) = start_sshd(keys, subsystem);
    let host_key = std::fs::read_to_string(keys.join("host.pub")).unwrap();
    // A space in its name, as people have them.
    let known_hosts = keys.join("known hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{port} {host_key}")).unwrap();
    let key_file = keys.join("user");
    Some(Sftp { port, user, key_file, known_hosts, server: Server { child, _scratch: scratch } })
}

/// Starts a server on a port that was free a moment ago, on another one if it no longer is.
fn start_sshd(keys: &Path, subsystem: &str) -> (Child, u16) {
    let sshd = path_of("sshd").unwrap();
    if std::fs::create_dir_all("/run/sshd").is_err() {
        // Only root's server wants it.
    }
    for _ in 0..10 {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let show = |name: &str| keys.join(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nMaxStartups 100\nSubsystem sftp {subsystem}\n",
            show("host"),
            show("authorized"),
        );
        std::fs::write(keys.join("config"), config).unwrap();
        // It insists on its whole path.
        let mut child = Command::new(&sshd)
            .args(["-D", "-E"])
            .arg(keys.join("log"))
            .arg("-f")
            .arg(keys.join("config"))
            // It still talks when its directory is gone.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while child.try_wait().unwrap().is_none() {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return (child, port);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    panic!("sshd does not start: {:?}", std::fs::read_to_string(keys.join("log")));
}
