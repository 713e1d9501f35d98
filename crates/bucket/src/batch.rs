//! Small objects, many in one request, where the server takes them so.
//!
//! Of a small object the request costs more than the bytes. Heirloom's own gateway takes and gives many objects in one; `gateway::batch`
//! describes request and answer. Any other server gets a request for each.
//!
//! Nobody has to collect anything: whoever writes or reads an object waits for it, and what waits while the line is busy goes together
//! when it is free. So a single object is not held up, and a thousand go by the hundred. Rejected: a pause to let some come together, which
//! costs the single one its time.
//!
//! An object that does not come out of a batch for whatever reason is sent or asked for alone, as if there had been no batch: what is to be
//! said about a failure is known there, and so is what to do about an answer that got lost.

mod queue;
mod words;

use crate::conditions::Refused;
use crate::write::{Demand, Task};
use crate::{Bucket, Expect, Get, Object, Prefix, metadata};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use http::{Request, StatusCode};
use model::{ETag, ObjectKey, RemoteVersion, UnixNanos};
use opendal::Buffer;
use queue::{Load, Queue, Sender};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;
use words::Answer;

/// What an answer is.
const CONTENT_TYPE: &str = "application/vnd.heirloom.batch";

/// Bytes of an object that goes in a batch.
const SMALL_MAX: u64 = 256 << 10;

/// What waits, and whether there is any use in waiting.
#[derive(Default)]
pub(crate) struct Batches {
    puts: Queue<Put>,
    gets: Queue<Wanted>,
    /// Set once the server turned out to be one of ours.
    expected: AtomicBool,
    /// Set once it refused a batch for what it is.
    refused: AtomicBool,
}

impl Batches {
    /// The server is one of ours.
    pub(crate) fn expect(&self) {
        self.expected.store(true, Ordering::Relaxed);
    }

    fn take(&self, key: &ObjectKey, size: u64) -> bool {
        self.expected.load(Ordering::Relaxed)
            && !self.refused.load(Ordering::Relaxed)
            && size <= SMALL_MAX
            && !key.is_directory()
    }
}

/// An object that waits to be written.
struct Put {
    line: Bytes,
    body: Bytes,
    answer: oneshot::Sender<Option<Answer>>,
}

/// A version that waits to be read.
struct Wanted {
    line: Bytes,
    size: u64,
    answer: oneshot::Sender<Option<Answer>>,
}

impl Load for Put {
    fn size(&self) -> u64 {
        (self.line.len() + self.body.len()) as u64
    }

    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

impl Load for Wanted {
    fn size(&self) -> u64 {
        self.size
    }

    fn is_given_up(&self) -> bool {
        self.answer.is_closed()
    }
}

impl Bucket {
    /// Writes an object together with others. `None`: it has to be written alone.
    pub(crate) async fn put_in_batch(
        &self,
        task: &Task<'_>,
        body: &Bytes,
        expect: &Expect,
    ) -> Option<Result<ETag, Refused>> {
        let batches = &self.inner.batches;
        if !batches.take(task.key, body.len() as u64) {
            return None;
        }
        let (condition, tag) = match expect.demand() {
            Demand::Absent => ("if_none_match", "*"),
            Demand::Version(version) => ("if_match", version.etag.as_str()),
            Demand::Nothing => return None,
        };
        let pairs = metadata::encode(task.node, None);
        let line = words::put(&task.place, body.len(), task.node.content, (condition, tag), &pairs);
        let (answer, answered) = oneshot::channel();
        if let Some(sender) = batches.puts.push(Put { line, body: body.clone(), answer }) {
            tokio::spawn(self.clone().send_puts(sender));
        }
        match answered.await.ok().flatten()? {
            Answer::Done { etag, .. } => Some(Ok(ETag::new(&etag))),
            Answer::Refused { code } if code == "PreconditionFailed" => Some(Err(Refused::Condition)),
            Answer::Refused { .. } => None,
        }
    }

    /// Reads an object of `size` bytes as [`Bucket::get`] does, together with others if it is small.
    pub async fn get_sized(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        size: u64,
    ) -> Result<Get, crate::Error> {
        match self.get_in_batch(prefix, key, version, size).await {
            Some(got) => Ok(got),
            None => self.get(prefix, key, version).await,
        }
    }

    async fn get_in_batch(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
        size: u64,
    ) -> Option<Get> {
        let batches = &self.inner.batches;
        if !batches.take(key, size) {
            return None;
        }
        let line = words::get(&self.place(prefix, key), version.etag.as_str());
        let (answer, answered) = oneshot::channel();
        if let Some(sender) = batches.gets.push(Wanted { line, size, answer }) {
            tokio::spawn(self.clone().send_gets(sender));
        }
        match answered.await.ok().flatten()? {
            Answer::Done { etag, modified: Some(modified), metadata, bytes }
                if etag == version.etag.as_str() =>
            {
                let said =
                    metadata::parse(metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())));
                let second = UnixNanos(modified.div_euclid(1000).saturating_mul(1_000_000_000));
                let object = Object::described(key, ETag::new(&etag), Some(second), bytes.len() as u64, said);
                Some(Get { object, body: stream::once(async { Ok(bytes) }).boxed() })
            }
            Answer::Done { .. } | Answer::Refused { .. } => None,
        }
    }

    async fn send_puts(self, mut sender: Sender<Put>) {
        while let Some(puts) = sender.next().await {
            let mut body = Vec::with_capacity(puts.iter().map(|put| put.line.len() + put.body.len()).sum());
            for put in &puts {
                body.extend_from_slice(&put.line);
                body.extend_from_slice(&put.body);
            }
            self.send_batch("put", body, puts.into_iter().map(|put| put.answer).collect()).await;
        }
    }

    async fn send_gets(self, mut sender: Sender<Wanted>) {
        while let Some(gets) = sender.next().await {
            let body = gets.iter().flat_map(|wanted| wanted.line.iter().copied()).collect();
            self.send_batch("get", body, gets.into_iter().map(|wanted| wanted.answer).collect()).await;
        }
    }

    /// Sends a batch, and hands out its answers; none if there is no use in it.
    async fn send_batch(&self, what: &str, body: Vec<u8>, waiting: Vec<oneshot::Sender<Option<Answer>>>) {
        let answers = match waiting.len() {
            1 => Vec::new(),
            count => self.ask_batch(what, body, count).await.unwrap_or_else(|error| {
                tracing::debug!(what, count, %error, "a batch failed; its objects go alone");
                Vec::new()
            }),
        };
        let mut answers = answers.into_iter();
        for one in waiting {
            // Whoever has gone wants no answer.
            drop(one.send(answers.next()));
        }
    }

    async fn ask_batch(&self, what: &str, body: Vec<u8>, count: usize) -> opendal::Result<Vec<Answer>> {
        let options = &self.inner.options;
        let request = Request::post(format!("{}/{}?heirloom-batch={what}", options.endpoint, options.bucket))
            .header(http::header::CONTENT_LENGTH, body.len())
            .body(Buffer::from(body));
        let request = request.map_err(|error| {
            opendal::Error::new(opendal::ErrorKind::Unexpected, "phrase a request").set_source(error)
        })?;
        let answer = self.inner.context.http_transport().fetch(request).await?;
        let status = answer.status();
        let kind = answer.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_ours = status.is_success() && kind == Some(CONTENT_TYPE);
        if !is_ours {
            // A server that is full, busy or closed to this key knows batches all the same.
            let knows = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
                || matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
            self.inner.batches.refused.fetch_or(!knows, Ordering::Relaxed);
            let text = format!("the server answered {status}");
            return Err(opendal::Error::new(opendal::ErrorKind::Unexpected, text));
        }
        let body = answer.into_body().to_buffer().await?.to_bytes();
        words::answers(&body, count).map_err(|what| opendal::Error::new(opendal::ErrorKind::Unexpected, what))
    }
}
