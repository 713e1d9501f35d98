//! A collection of a WebDAV server (RFC 4918).
//!
//! Only what nearly every server knows is asked for: `PROPFIND` of depth 0 and 1, `GET` with ranges, `PUT`, `MOVE`,
//! `MKCOL` and `DELETE` of single files. A file is sent as it is read, and a request is given up when nothing moved for a
//! while, never because it takes long.

mod answer;

use super::store::{Body, Entry, EntryKind, Failure, Named, Onto};
use crate::Cause;
use answer::Resource;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, RequestBuilder, Response, Url};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

/// How long a request may wait without a byte moving.
const STALL_MAX: Duration = Duration::from_mins(2);

/// How long a server may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long to wait for a lock to go, at first and before the last try.
const LOCKED_PAUSE_FIRST: Duration = Duration::from_millis(10);
const LOCKED_PAUSE_LAST: Duration = Duration::from_secs(2);

/// Bytes of an answer that is no file.
const ANSWER_MAX: usize = 256 << 20;

/// Bytes of a body that are handed over at once.
const FRAME: usize = 64 << 10;

/// All but what RFC 3986 calls unreserved.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const PROPFIND: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>"#,
    "<D:resourcetype/><D:getcontentlength/><D:getetag/><D:getlastmodified/></D:prop></D:propfind>"
);

#[derive(Clone)]
pub(super) struct Webdav {
    client: Client,
    /// The collection, with a slash at its end.
    root: Url,
    login: Option<(String, String)>,
    places: Arc<Semaphore>,
}

/// A file being sent.
pub(super) struct Writer {
    chunks: Option<mpsc::Sender<Bytes>>,
    sending: JoinHandle<Result<Response, Failure>>,
    webdav: Webdav,
    path: String,
}

impl Webdav {
    pub(super) fn new(url: &str, login: Option<(&str, &str)>, concurrency: usize) -> Result<Self, Cause> {
        let unusable = |what: &str| Cause::new(format!("{what}: an address as https://host/path is needed"));
        let mut root = Url::parse(url).map_err(|error| unusable(&error.to_string()))?;
        if !matches!(root.scheme(), "http" | "https") || root.query().is_some() || root.fragment().is_some() {
            return Err(unusable("not an address of a collection"));
        }
        if !root.username().is_empty() || root.password().is_some() {
            return Err(unusable("user and password belong beside the address, not into it"));
        }
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        // The process may have chosen a provider already; whichever came first serves as well.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .http1_only()
            .pool_max_idle_per_host(concurrency)
            .pool_idle_timeout(Duration::from_secs(50))
            .connect_timeout(CONNECT_MAX)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            // A password is for one address.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Cause::new(error.to_string()))?;
        let login = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        Ok(Self { client, root, login, places: Arc::new(Semaphore::new(concurrency)) })
    }

    pub(super) async fn list(&self, directory: &str) -> Result<Vec<Named>, Failure> {
        let url = self.collection(directory);
        let found = self.propfind(&url, "1").await?;
        let mut names = Vec::with_capacity(found.len());
        let mut itself = None;
        for resource in found {
            let entry = resource.entry()?;
            match resource.below(url.path()).map_err(Failure::Other)? {
                None => itself = Some(entry.kind),
                Some(name) => names.push(Named { name, entry }),
            }
        }
        match itself {
            Some(EntryKind::Directory) => Ok(names),
            Some(_) => Err(Failure::Blocked(Cause::new("it is not a collection"))),
            None => Err(Failure::Other(Cause::new("the server lists a collection without itself"))),
        }
    }

    pub(super) async fn stat(&self, path: &str) -> Result<Entry, Failure> {
        let url = if path.is_empty() { self.root.clone() } else { self.url(path) };
        let found = match self.propfind(&url, "0").await {
            // Some servers insist on the slash at the end of a collection.
            Err(Failure::Other(_)) if !path.is_empty() => self.propfind(&self.collection(path), "0").await?,
            found => found?,
        };
        let [resource] = found.as_slice() else {
            return Err(Failure::Other(Cause::new("the server answers about several things at once")));
        };
        resource.entry()
    }

    pub(super) async fn open(&self, path: &str, from: u64) -> Result<(Entry, Body), Failure> {
        let mut request = self.request(Method::GET, self.url(path));
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let answer = self.send(request, None).await?;
        let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
        if answer.status() != StatusCode::OK && !is_part {
            return Err(self.refused(answer).await);
        }
        let entry = answer::of_file(answer.headers(), if is_part { from } else { 0 })?;
        let chunks = answer.bytes_stream().map_err(|error| unreachable(&error));
        let body = stream::try_unfold(Box::pin(chunks), |mut chunks| async move {
            match tokio::time::timeout(STALL_MAX, chunks.next()).await {
                Ok(chunk) => Ok(chunk.transpose()?.map(|chunk| (chunk, chunks))),
                Err(_) => Err(stalled()),
            }
        });
        // A server that knows no ranges sends all of it.
        let mut before = if is_part { 0 } else { from };
        let body = body.map_ok(move |mut chunk: Bytes| {
            let skipped = before.min(chunk.len() as u64);
            before -= skipped;
            chunk.split_off(usize::try_from(skipped).expect("because it is part of a chunk"))
        });
        Ok((entry, body.boxed()))
    }

    pub(super) fn create(&self, path: &str, size: u64) -> Writer {
        let (sender, receiver) = mpsc::channel(4);
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let body = stream::unfold(receiver, |mut receiver: mpsc::Receiver<Bytes>| async move {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        let body = body.map(move |chunk| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(chunk)
        });
        let mut request = self
            .request(Method::PUT, self.url(path))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, size);
        if size > 0 {
            request = request.body(reqwest::Body::wrap_stream(body));
        }
        let webdav = self.clone();
        let sending = tokio::spawn(async move { webdav.send(request, Some(&taken)).await });
        Writer { chunks: Some(sender), sending, webdav: self.clone(), path: path.to_owned() }
    }

    pub(super) async fn copy(&self, from: &str, to: &str) -> Result<Entry, Failure> {
        let request = self
            .request(Method::from_bytes(b"COPY").expect("because it is a token"), self.url(from))
            .header("destination", self.url(to).as_str())
            .header("overwrite", "F");
        let answer = self.change(request).await?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => self.stat(to).await,
            _ => Err(self.refused(answer).await),
        }
    }

    pub(super) async fn place(&self, from: &str, to: &str, onto: Onto) -> Result<(), Failure> {
        let overwrite = if onto == Onto::Nothing { "F" } else { "T" };
        let above = to.rsplit_once('/').map_or("", |(above, _)| above);
        let mut is_second = false;
        loop {
            let request = self
                .request(Method::from_bytes(b"MOVE").expect("because it is a token"), self.url(from))
                .header("destination", self.url(to).as_str())
                .header("overwrite", overwrite);
            let answer = self.change(request).await?;
            match answer.status() {
                StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => return Ok(()),
                StatusCode::PRECONDITION_FAILED => return Err(Failure::Exists),
                // There is no collection to move it into: 409 says the standard, Go's servers say 403.
                StatusCode::CONFLICT | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if !is_second => {
                    // Or there was none, and somebody made it just now.
                    self.stat(above).await?;
                    is_second = true;
                }
                _ => return Err(self.refused(answer).await),
            }
        }
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        let answer = self.change(self.request(Method::DELETE, self.url(path))).await?;
        match answer.status() {
            StatusCode::NO_CONTENT | StatusCode::OK | StatusCode::ACCEPTED => Ok(()),
            _ => Err(self.refused(answer).await),
        }
    }

    pub(super) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        let method = Method::from_bytes(b"MKCOL").expect("because it is a token");
        let answer = self.change(self.request(method, self.collection(path))).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(()),
            StatusCode::CONFLICT => Err(Failure::NotFound),
            // Something is there already.
            StatusCode::METHOD_NOT_ALLOWED => match self.stat(path).await?.kind {
                EntryKind::Directory => Ok(()),
                _ => Err(Failure::Blocked(Cause::new("a file stands there"))),
            },
            _ => Err(self.refused(answer).await),
        }
    }

    /// Sends a request that changes something, and again while the server has what it concerns locked: some lock a
    /// directory for the moment of another request. A lock that stays is somebody's who works on it.
    async fn change(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let mut pause = LOCKED_PAUSE_FIRST;
        loop {
            let again = request.try_clone().expect("because it has no body");
            let answer = self.send(again, None).await?;
            if answer.status() != StatusCode::LOCKED || pause > LOCKED_PAUSE_LAST {
                return Ok(answer);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn propfind(&self, url: &Url, depth: &'static str) -> Result<Vec<Resource>, Failure> {
        let method = Method::from_bytes(b"PROPFIND").expect("because it is a token");
        let request = self
            .request(method, url.clone())
            .header("depth", depth)
            .header(header::CONTENT_TYPE, "application/xml; charset=utf-8")
            .body(PROPFIND);
        let answer = self.send(request, None).await?;
        if answer.status() != StatusCode::MULTI_STATUS {
            return Err(self.refused(answer).await);
        }
        answer::resources(&text_of(answer).await?).map_err(Failure::Other)
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.client.request(method, url);
        match &self.login {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    /// Sends a request and waits for the head of the answer, as long as bytes are being taken.
    async fn send(&self, request: RequestBuilder, taken: Option<&AtomicUsize>) -> Result<Response, Failure> {
        let _place = self.places.acquire().await.expect("because the semaphore is never closed");
        let count = || taken.map_or(0, |taken| taken.load(Ordering::Relaxed));
        let answer = request.send();
        tokio::pin!(answer);
        loop {
            let before = count();
            match tokio::time::timeout(STALL_MAX, &mut answer).await {
                Ok(answer) => return answer.map_err(|error| unreachable(&error)),
                Err(_) if count() == before => return Err(stalled()),
                Err(_) => {}
            }
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.root.clone();
        let encoded: Vec<_> =
            path.split('/').map(|component| utf8_percent_encode(component, IN_PATH).to_string()).collect();
        url.set_path(&format!("{}{}", self.root.path(), encoded.join("/")));
        url
    }

    fn collection(&self, path: &str) -> Url {
        let mut url = self.url(path);
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        url
    }

    /// Why a request was refused.
    async fn refused(&self, answer: Response) -> Failure {
        let status = answer.status();
        let text = text_of(answer).await.unwrap_or_default();
        let said = text.lines().next().unwrap_or_default().trim();
        let cause = if said.is_empty() || said.starts_with('<') {
            Cause::new(format!("the server answered {status}"))
        } else {
            Cause::new(format!(
                "the server answered {status}: {}",
                said.chars().take(200).collect::<String>()
            ))
        };
        match status.as_u16() {
            404 | 410 => Failure::NotFound,
            412 => Failure::Exists,
            401 | 407 => Failure::Locked(cause),
            403 | 414 | 422 | 423 => Failure::Refused(cause),
            413 | 507 => Failure::Full(cause),
            408 | 429 | 500 | 502..=504 => Failure::Unreachable(cause),
            _ => Failure::Other(cause),
        }
    }
}

impl Writer {
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let frame = bytes.split_to(FRAME.min(bytes.len()));
            let sender = self.chunks.as_ref().expect("because the end comes last");
            if sender.send(frame).await.is_err() {
                // The server answered before it had everything: whatever it says, the file is not there.
                return match (&mut self.sending).await {
                    Ok(Ok(answer)) => Err(self.webdav.refused(answer).await),
                    Ok(Err(failure)) => Err(failure),
                    Err(_) => Err(Failure::Other(Cause::new("sending it was stopped"))),
                };
            }
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<Entry, Failure> {
        drop(self.chunks.take());
        let answer =
            (&mut self.sending).await.map_err(|_| Failure::Other(Cause::new("sending it was stopped")))??;
        match answer.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => {
                self.webdav.stat(&self.path).await
            }
            StatusCode::CONFLICT => Err(Failure::NotFound),
            _ => Err(self.webdav.refused(answer).await),
        }
    }
}

impl Drop for Writer {
    /// A body that is not sent to its end makes the server drop what came of it.
    fn drop(&mut self) {
        self.sending.abort();
    }
}

async fn text_of(answer: Response) -> Result<String, Failure> {
    let mut chunks = Box::pin(answer.bytes_stream());
    let mut all = Vec::new();
    loop {
        match tokio::time::timeout(STALL_MAX, chunks.next()).await {
            Err(_) => return Err(stalled()),
            Ok(None) => return Ok(String::from_utf8_lossy(&all).into_owned()),
            Ok(Some(chunk)) => all.extend_from_slice(&chunk.map_err(|error| unreachable(&error))?),
        }
        if all.len() > ANSWER_MAX {
            return Err(Failure::Other(Cause::new("the server's answer has no end")));
        }
    }
}

fn stalled() -> Failure {
    Failure::Unreachable(Cause::new(format!("nothing moved for {} seconds", STALL_MAX.as_secs())))
}

fn unreachable(error: &reqwest::Error) -> Failure {
    // The last in the chain says it plainest.
    let mut root: &dyn std::error::Error = error;
    while let Some(deeper) = root.source() {
        root = deeper;
    }
    Failure::Unreachable(Cause::new(root.to_string()))
}
