//! HTTP under `OpenDAL`, on reqwest.
//!
//! A request is given up when *nothing moved* for [`STALL_MAX`], never because it takes long: eight MiB up a slow
//! line take minutes, and a timeout that counts from the start would repeat them for ever. So the body is handed over in
//! small frames, and each frame taken, like each chunk received, starts the wait anew.
//!
//! Bodies wait for the limits that [`Options`] name, frame by frame and chunk by chunk (see `limit`).
//!
//! It also signs what it sends (see `sign`). A server that refuses a request and whose clock is far from ours gets it once more, signed
//! with the server's time.
//!
//! Rejected: `OpenDAL`'s timeout layer (counts whole operations, a multipart upload included) and reqwest's
//! read timeout (runs while the request is still being sent).

use crate::limit::Pass;
use crate::sign::Signer;
use crate::{Limits, Options};
use bytes::Bytes;
use futures::Stream;
use http::header::DATE;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use opendal::raw::{Timestamp, parse_content_encoding, parse_content_length};
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Sleep;

/// How long a request may wait without a byte moving.
const STALL_MAX: Duration = Duration::from_mins(2);

/// How long a server may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long sent bytes may stay unacknowledged before the line counts as dead.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_MAX: Duration = Duration::from_mins(1);

/// Bytes of body per frame: small against what a slow line moves within [`STALL_MAX`].
const FRAME: usize = 64 << 10;

/// How far the server's clock may be off before a refusal is taken to be about that. Servers allow 15 minutes.
const SKEW_MAX_SECONDS: u64 = 300;

/// Signs and sends requests, a bounded number at once.
pub(crate) struct Transport {
    client: reqwest::Client,
    signer: Signer,
    limits: Limits,
    places: Semaphore,
    stall_max: Duration,
}

impl Transport {
    /// Prepares a client; each of the requests that may run at once keeps its connection for the next.
    pub(crate) fn new(options: &Options) -> Result<Self, reqwest::Error> {
        Self::with_stall_max(options, STALL_MAX)
    }

    fn with_stall_max(options: &Options, stall_max: Duration) -> Result<Self, reqwest::Error> {
        let concurrency = options.concurrency.max(1);
        let client = reqwest::Client::builder()
            // Over HTTP/2 all uploads would share one connection and its flow control.
            .http1_only()
            .pool_max_idle_per_host(concurrency)
            .pool_idle_timeout(Duration::from_secs(50))
            .connect_timeout(CONNECT_MAX)
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .tcp_keepalive_interval(Duration::from_secs(10))
            // A signature is good for one address.
            .redirect(reqwest::redirect::Policy::none());
        #[cfg(target_os = "linux")]
        let client = client.tcp_user_timeout(UNACKNOWLEDGED_MAX);
        let (client, signer) = (client.build()?, Signer::new(options));
        let limits = options.limits.clone();
        Ok(Self { client, signer, limits, places: Semaphore::new(concurrency), stall_max })
    }

    async fn send_signed(&self, parts: &Parts, body: &Buffer, now: i64) -> Result<reqwest::Response, Error> {
        let url = reqwest::Url::parse(&parts.uri.to_string()).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "the request's address is invalid").set_source(error)
        })?;
        let mut headers = parts.headers.clone();
        self.signer.sign(&parts.method, &parts.uri, &host_of(&url), &mut headers, now);
        let taken = Arc::new(AtomicUsize::new(0));
        let mut request = self.client.request(parts.method.clone(), url).headers(headers);
        if !body.is_empty() {
            let pass = Pass::new(self.limits.upload.clone());
            let framed = Framed { rest: body.clone(), taken: Arc::clone(&taken), pass };
            request = request.body(reqwest::Body::wrap(framed));
        }
        self.send(request, &taken).await.map_err(|failure| failure.into_error("send a request"))
    }

    /// Sends the request and waits for the head of the answer, as long as bytes are being taken.
    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        taken: &AtomicUsize,
    ) -> Result<reqwest::Response, Failure> {
        let answer = request.send();
        tokio::pin!(answer);
        loop {
            let before = taken.load(Ordering::Relaxed);
            match tokio::time::timeout(self.stall_max, &mut answer).await {
                Ok(answer) => return answer.map_err(Failure::Request),
                Err(_) if taken.load(Ordering::Relaxed) == before => {
                    return Err(Failure::Stalled(self.stall_max));
                }
                Err(_) => {}
            }
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Request(reqwest::Error),
    #[error("nothing moved for {} seconds", .0.as_secs())]
    Stalled(Duration),
}

impl Failure {
    /// Whether the request could not even be phrased, which no waiting mends.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Request(error) if error.is_builder())
    }

    fn into_error(self, what: &'static str) -> Error {
        Error::new(ErrorKind::Unexpected, what).with_temporary(!self.is_ours()).set_source(self)
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Error> {
        // Held until the head of the answer is there. Not longer: a caller with several bodies
        // open must still get the next request through.
        let _place = self.places.acquire().await.expect("because the semaphore is never closed");
        let (parts, body) = request.into_parts();
        let is_head = parts.method == http::Method::HEAD;
        let signed_at = self.signer.now();
        let mut answer = self.send_signed(&parts, &body, signed_at).await?;
        if answer.status() == StatusCode::FORBIDDEN
            && let Some(time) = time_of(answer.headers())
            && time.abs_diff(signed_at) > SKEW_MAX_SECONDS
        {
            tracing::warn!(
                time,
                signed_at,
                "the server's clock is far from this machine's; signing with its time"
            );
            self.signer.set_now(time);
            answer = self.send_signed(&parts, &body, time).await?;
        }
        let encoded = parse_content_encoding(answer.headers())?.is_some();
        let length = if is_head || encoded { None } else { parse_content_length(answer.headers())? };
        let mut response = Response::new(());
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        // OpenDAL names it in its messages.
        response.extensions_mut().insert(parts.uri);
        let stall_max = self.stall_max;
        let pass = Pass::new(self.limits.download.clone());
        let body = Received { chunks: answer.bytes_stream(), stall_max, alarm: None, held: None, pass };
        Ok(response.map(|()| HttpBody::new(body, length)))
    }
}

/// The `Host` header that a request to `url` is sent with: without the port if it is the scheme's own.
fn host_of(url: &reqwest::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// When the server says it answered, in seconds since 1970.
pub(crate) fn time_of(headers: &HeaderMap) -> Option<i64> {
    let date = headers.get(DATE)?.to_str().ok()?;
    Some(Timestamp::parse_rfc2822(date).ok()?.into_inner().as_second())
}

/// A body that counts how often it was taken from.
struct Framed {
    rest: Buffer,
    taken: Arc<AtomicUsize>,
    pass: Pass,
}

impl Body for Framed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.pass.step(FRAME).min(self.rest.len());
        ready!(self.pass.poll(length, context));
        let frame = self.rest.slice(..length).to_bytes();
        self.rest = self.rest.slice(frame.len()..);
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// The body of an answer, which fails when nothing arrives for too long.
struct Received<S> {
    chunks: S,
    stall_max: Duration,
    /// Runs while waiting for a chunk.
    alarm: Option<Pin<Box<Sleep>>>,
    /// A chunk that has yet to wait for the limit.
    held: Option<Bytes>,
    pass: Pass,
}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Unpin> Stream for Received<S> {
    type Item = Result<Buffer, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(length) = self.held.as_ref().map(Bytes::len) {
                ready!(self.pass.poll(length, context));
                return Poll::Ready(self.held.take().map(|chunk| Ok(Buffer::from(chunk))));
            }
            match Pin::new(&mut self.chunks).poll_next(context) {
                // An empty buffer would mean the end.
                Poll::Ready(Some(Ok(chunk))) if chunk.is_empty() => {}
                Poll::Ready(Some(Ok(chunk))) => (self.alarm, self.held) = (None, Some(chunk)),
                Poll::Ready(Some(Err(error))) => {
                    let failed = Failure::Request(error).into_error("receive an answer");
                    return Poll::Ready(Some(Err(failed)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        let stall_max = self.stall_max;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall_max)));
        alarm
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(Failure::Stalled(stall_max).into_error("receive an answer"))))
    }
}

#[cfg(test)]
mod tests;
