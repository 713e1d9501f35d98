//! Plain trees to keep files in: a temporary directory, reached directly, through `rclone serve webdav`, and through
//! OpenSSH's server.

use bucket::Plain;
use bucket::plain::{At, Options};
use model::MachineName;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use testkit::servers::{self, Server, Sftp, Webdav};

/// When a person's files are from, in seconds since 1970.
pub(crate) const LONG_AGO: u64 = 1_500_000_000;

/// A tree and its server, if it has one.
pub(crate) struct Tree {
    pub(crate) at: At,
    /// Where the files are.
    pub(crate) root: PathBuf,
    server: Option<Server>,
    _directory: TempDir,
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
        let (directory, root) = temporary();
        let Webdav { url, user, password, server } = servers::webdav(&root)?;
        let at = At::Webdav { url, user: Some(user.to_owned()), password: Some(password.to_owned()) };
        Some(Self { at, root, server: Some(server), _directory: directory })
    }

    pub(crate) fn sftp() -> Option<Self> {
        let (directory, root) = temporary();
        let Sftp { port, user, key_file, known_hosts, server } = servers::sftp()?;
        let at = At::Sftp {
            host: "127.0.0.1".to_owned(),
            port: Some(port),
            user: Some(user),
            path: root.to_str().unwrap().to_owned(),
            key_file: Some(key_file),
            known_hosts_file: Some(known_hosts),
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

    /// Removes a file over WebDAV.
    pub(crate) async fn person_deletes(&self, name: &str) {
        let At::Webdav { url, user, password } = &self.at else {
            unreachable!("because others use the disk")
        };
        let request = reqwest::Client::new().delete(format!("{url}/{name}"));
        let request = request.basic_auth(user.as_deref().unwrap(), password.as_deref());
        assert!(request.send().await.unwrap().status().is_success());
    }

    /// Ends what the server runs for its connections; the server itself goes on.
    pub(crate) fn drop_connections(&self) {
        self.server.as_ref().unwrap().drop_connections();
    }

    pub(crate) fn connect(&self) -> Plain {
        Plain::connect(&self.options("laptop")).unwrap()
    }

    pub(crate) fn options(&self, machine: &str) -> Options {
        Options {
            name: "attic".to_owned(),
            at: self.at.clone(),
            machine: MachineName::new(machine).unwrap(),
            concurrency: 8,
            limits: bucket::Limits::default(),
        }
    }
}

fn temporary() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("the tree");
    std::fs::create_dir(&root).unwrap();
    (directory, root)
}
