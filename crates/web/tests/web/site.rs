//! A served site with two users, one bucket each, and a small client.

use accounts::{Accounts, Key};
use archive::{Archive, Outcome, SnapshotContext, SnapshotId};
use model::{MachineName, UnixNanos, UserName};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) const NOON: i64 = 1_795_172_400; // Fri 20 Nov 2026, 12:00 in Berlin
static CLOCK: AtomicI64 = AtomicI64::new(NOON * 1_000_000_000);

pub(crate) fn now() -> UnixNanos {
    UnixNanos(CLOCK.load(Ordering::Relaxed))
}

pub(crate) struct Site {
    pub(crate) place: TempDir,
    pub(crate) accounts: Accounts,
    pub(crate) base: String,
    pub(crate) alice: Key,
    pub(crate) bob: Key,
    client: reqwest::Client,
    shutdown: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as text; of a page only its head's first lines and what is in `<main>`, so that a failing
    /// test can be read.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        match (text.find("<body>"), text.find("<main")) {
            (Some(head), Some(main)) => format!("{}{}", &text[..head], &text[main..]),
            _ => text.into_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Who asks, and as what.
#[derive(Clone)]
pub(crate) enum As {
    Nobody,
    Session(String),
    Key(String, String),
}

impl Site {
    /// A site whose users have no snapshot yet.
    pub(crate) async fn new() -> Self {
        Self::with_base_url(None).await
    }

    pub(crate) async fn with_base_url(base_url: Option<&str>) -> Self {
        // Only the first of many tests installs it.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let place = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(&place.path().join("heirloom.db")).unwrap();
        let [alice, bob] = ["alice", "bob"].map(|name| {
            let name = UserName::new(name).unwrap();
            accounts.add_user(&name, now()).unwrap();
            accounts.add_key(&name, "test", now()).unwrap()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let readiness_file = place.path().join("not-ready");
        let root = place.path().to_owned();
        let router = web::router(web::Options {
            accounts: accounts.clone(),
            archives: place.path().join("archives"),
            base_url: base_url.map(str::to_owned),
            s3_endpoint: Some("http://127.0.0.1:9000".to_owned()),
            readiness: Arc::new(move || {
                if readiness_file.exists() { Err("the disk is full".to_owned()) } else { Ok(()) }
            }),
            snapshot: Arc::new(move |bucket, incomplete| snapshot_of(&root, bucket.as_str(), incomplete)),
            clock: now,
            timezone: chrono_tz::Europe::Berlin,
        });
        let shutdown = CancellationToken::new();
        tokio::spawn(web::serve(listener, router, shutdown.clone()));
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self { place, accounts, base, alice, bob, client, shutdown }
    }

    pub(crate) fn live(&self, user: &str) -> PathBuf {
        let live = self.place.path().join("live").join(user);
        fs::create_dir_all(&live).unwrap();
        live
    }

    pub(crate) fn archive(&self, user: &str) -> PathBuf {
        self.place.path().join("archives").join(format!("{user}.git"))
    }

    /// Records the user's live files as of `hours` after noon.
    pub(crate) fn snapshot(&self, user: &str, hours: i64) -> SnapshotId {
        self.snapshot_with(user, hours, &[])
    }

    pub(crate) fn snapshot_with(&self, user: &str, hours: i64, incomplete: &[&str]) -> SnapshotId {
        let archive = Archive::init(&self.archive(user)).unwrap();
        let context = SnapshotContext {
            author: user.to_owned(),
            author_email: format!("{user}@example.org"),
            machine: MachineName::new("cloud").unwrap(),
            time: UnixNanos((NOON + hours * 3600) * 1_000_000_000),
            utc_offset_seconds: 3600,
            incomplete: incomplete.iter().map(ToString::to_string).collect(),
        };
        loop {
            match archive.snapshot(&self.live(user), &context, &|_| {}) {
                Ok(Outcome::Created(created)) => return created.id,
                // A process that another test starts holds every lock for as long as it takes to begin.
                Err(archive::Error::Busy { .. }) => std::thread::sleep(Duration::from_millis(5)),
                other => panic!("nothing to record: {other:?}"),
            }
        }
    }

    /// Another process writes to the archive for as long as this is held.
    pub(crate) fn occupy(&self, user: &str) -> fs::File {
        let directory = self.archive(user).join("heirloom");
        fs::create_dir_all(&directory).unwrap();
        let lock = fs::File::create(directory.join("lock")).unwrap();
        lock.lock().unwrap();
        lock
    }

    pub(crate) fn session(&self, key: &Key) -> As {
        let token = self.accounts.create_session(&key.user, now(), Duration::from_hours(1)).unwrap();
        As::Session(token.reveal().to_owned())
    }

    /// Asks as a browser does.
    pub(crate) async fn get(&self, path: &str, who: &As) -> Answer {
        self.ask("GET", path, who, &[("accept", "text/html,*/*")], "").await
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        who: &As,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        request = match who {
            As::Nobody => request,
            As::Session(token) => request.header("cookie", format!("heirloom_session={token}")),
            As::Key(id, secret) => request.basic_auth(id, Some(secret)),
        };
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }
}

/// As the cloud does it, a quarter past noon.
fn snapshot_of(
    root: &Path,
    bucket: &str,
    incomplete: Vec<String>,
) -> Result<Option<Outcome>, archive::Error> {
    let live = root.join("live").join(bucket);
    if !live.is_dir() {
        return Ok(None);
    }
    let context = SnapshotContext {
        author: bucket.to_owned(),
        author_email: format!("{bucket}@example.org"),
        machine: MachineName::new("attic").unwrap(),
        time: UnixNanos((NOON + 900) * 1_000_000_000),
        utc_offset_seconds: 3600,
        incomplete,
    };
    let archive = Archive::init(&root.join("archives").join(format!("{bucket}.git")))?;
    archive.snapshot(&live, &context, &|_| {}).map(Some)
}

pub(crate) fn as_key(key: &Key) -> As {
    As::Key(key.id.as_str().to_owned(), key.secret.reveal().to_owned())
}

pub(crate) fn write(file: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

/// Percent-encodes every byte that is not plainly harmless, as a careful client would.
pub(crate) fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
