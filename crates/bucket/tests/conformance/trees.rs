//! Plain trees to keep files in: a temporary directory, reached directly, through `rclone serve webdav`, and through
//! OpenSSH's server.

use bucket::Plain;
use bucket::plain::{At, Options};
use model::{BucketName, MachineName};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Where OpenSSH's subsystem is, by distribution.
const SFTP_SERVERS: [&str; 3] =
    ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"];

/// When a person's files are from, in seconds since 1970.
pub(crate) const LONG_AGO: u64 = 1_500_000_000;

/// A tree and its server, if it has one.
pub(crate) struct Tree {
    pub(crate) at: At,
    /// Where the files are.
    pub(crate) root: PathBuf,
    server: Option<Child>,
    _directory: TempDir,
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }
}

impl Tree {
    /// Every sort whose server is installed.
    pub(crate) fn all() -> Vec<Self> {
        [Some(Self::disk()), Self::webdav(), Self::sftp()].into_iter().flatten().collect()
    }

    pub(crate) fn disk() -> Self {
        let (directory, root) = temporary();
        Self { at: At::Disk { root: root.clone() }, root, server: None, _directory: directory }
    }

    pub(crate) fn webdav() -> Option<Self> {
        if !have("rclone") {
            return None;
        }
        let (directory, root) = temporary();
        let mut server = Command::new("rclone")
            .args(["serve", "webdav", "--addr", "127.0.0.1:0", "--user", "alice", "--pass", "sesame"])
            .args(["--baseurl", "/dav/tree", "--log-format", ""])
            // Or it takes two spellings of a letter for one name.
            .arg("--no-unicode-normalization")
            .arg(&root)
            .env("RCLONE_CONFIG", directory.path().join("rclone.conf"))
            .env("HOME", directory.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| {
                let (_, rest) = line.split_once("http://")?;
                Some(format!("http://{}/", rest.split('/').next()?))
            })
            .expect("rclone says where it listens");
        // Or it would be ended by what it has to say.
        std::thread::spawn(move || lines.for_each(drop));
        let at = At::Webdav {
            url: format!("{address}dav/tree"),
            user: Some("alice".to_owned()),
            password: Some("sesame".to_owned()),
        };
        Some(Self { at, root, server: Some(server), _directory: directory })
    }

    pub(crate) fn sftp() -> Option<Self> {
        let subsystem = SFTP_SERVERS.into_iter().find(|path| Path::new(path).exists());
        if !have("sshd") || !have("ssh") || !have("ssh-keygen") {
            return None;
        }
        let subsystem = subsystem.expect("sshd comes with its sftp-server");
        let (directory, root) = temporary();
        let keys = directory.path();
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
        let (server, port) = start_sshd(keys, subsystem);
        let host_key = std::fs::read_to_string(keys.join("host.pub")).unwrap();
        std::fs::write(keys.join("known hosts"), format!("[127.0.0.1]:{port} {host_key}")).unwrap();
        let at = At::Sftp {
            host: "127.0.0.1".to_owned(),
            port: Some(port),
            user: Some(user),
            path: root.to_str().unwrap().to_owned(),
            key_file: Some(keys.join("user")),
            known_hosts_file: Some(keys.join("known hosts")),
        };
        Some(Self { at, root, server: Some(server), _directory: directory })
    }

    /// A file as a person puts it there, with the programs they have; long ago, where one can say so.
    pub(crate) async fn person_writes(&self, name: &str, body: &'static [u8]) {
        let At::Webdav { url, user, password } = &self.at else {
            let path = self.root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, body).unwrap();
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(LONG_AGO);
            std::fs::File::open(&path).unwrap().set_modified(modified).unwrap();
            return;
        };
        // Not behind the server's back: it keeps what it knows of directories for a while.
        let request = |method: &[u8], path: &str| {
            let method = reqwest::Method::from_bytes(method).unwrap();
            let request = reqwest::Client::new().request(method, format!("{url}/{path}"));
            request.basic_auth(user.as_deref().unwrap(), password.as_deref())
        };
        for (at, _) in name.match_indices('/') {
            request(b"MKCOL", &name[..at]).send().await.unwrap();
        }
        let answer = request(b"PUT", name).body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Ends what the server runs for its connections; the server itself goes on.
    pub(crate) fn drop_connections(&self) {
        let server = self.server.as_ref().unwrap().id().to_string();
        let ended = Command::new("sh")
            .args(["-c", "for child in $(cat /proc/$0/task/*/children); do kill $child; done", &server])
            .status();
        assert!(ended.unwrap().success());
    }

    pub(crate) fn connect(&self) -> Plain {
        Plain::connect(&self.options("laptop")).unwrap()
    }

    pub(crate) fn options(&self, machine: &str) -> Options {
        Options {
            name: BucketName::new("attic").unwrap(),
            at: self.at.clone(),
            machine: MachineName::new(machine).unwrap(),
            concurrency: 8,
        }
    }
}

fn temporary() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("the tree");
    std::fs::create_dir(&root).unwrap();
    (directory, root)
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
        let mut server = Command::new(&sshd)
            .args(["-D", "-E"])
            .arg(keys.join("log"))
            .arg("-f")
            .arg(keys.join("config"))
            // It still talks when its directory is gone.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while server.try_wait().unwrap().is_none() {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return (server, port);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    panic!("sshd does not start: {:?}", std::fs::read_to_string(keys.join("log")));
}

fn path_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Where Debian has the programs of an administrator.
    let more = ["/usr/sbin".into(), "/sbin".into()];
    std::env::split_paths(&path).chain(more).map(|one| one.join(program)).find(|path| path.is_file())
}

/// Whether a program is there; what needs it is skipped without, or fails where all must run.
fn have(program: &str) -> bool {
    let there = path_of(program).is_some();
    let required = std::env::var_os("HEIRLOOM_REQUIRE_TOOLS").is_some();
    assert!(there || !required, "{program} is not installed, and HEIRLOOM_REQUIRE_TOOLS is set");
    if !there {
        eprintln!("SKIPPED: {program} is not installed");
    }
    there
}
