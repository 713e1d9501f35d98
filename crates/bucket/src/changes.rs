//! What changed since a cursor: one request, where a listing takes one for every thousand objects and one more for each that is new.
//!
//! Heirloom's own gateway answers it; `gateway::changes` describes the request and its answer. Any other server takes the question
//! for a listing, or refuses it; that is learned once ([`Changes::Unsupported`]). To have such a listing small, the question
//! asks for one key, which means nothing to the gateway.
//!
//! An answer is whole or it is an error, as a listing is: it starts with a line that says what it is, its keys ascend, and the last
//! line counts the others.

mod feed;
mod lines;

pub use feed::{Changed, Feed};

use crate::bucket::{ATTEMPTS, PAUSE_FIRST};
use crate::error::answer_error;
use crate::request::element;
use crate::{Bucket, Cause, Error, Prefix, Retry};
use http::{Request, Response, StatusCode};
use lines::{Broken, Extent, Line, Lines};
use opendal::Buffer;
use opendal::HttpBody;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What an answer is.
const CONTENT_TYPE: &str = "application/vnd.heirloom.changes";

/// The code that comes with status 410.
const UNKNOWN_CURSOR: &str = "UnknownCursor";

/// How long the server may be asked to wait.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// A place in the changes of a bucket. Its text means something to the server only.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// Takes the text of an earlier cursor.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for keeping.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The answer to a question for changes.
#[derive(Debug)]
pub enum Changes {
    /// This store does not tell changes; list it. Once this is known, the store is not asked again.
    Unsupported,
    /// The server does not know the cursor: it may have been put back to an older state, and what stands there may be
    /// older than what is known of it.
    Unknown,
    /// What changed since the cursor, each key once, as it is now.
    Since(Feed),
    /// All that stands; what is not told does not. Without a cursor, or if the cursor is so old that the server has forgotten
    /// deletions since then.
    Everything(Feed),
}

impl Bucket {
    /// Asks what changed below `prefix` since a cursor; without one, what stands there. Nothing of Heirloom's own is told.
    ///
    /// If there is nothing to tell, the server holds the answer back for `wait`, a minute at most, or until there is. Dropping the
    /// future ends the wait; it holds none of the bucket's [`concurrency`](crate::Options::concurrency).
    pub async fn changes(
        &self,
        prefix: &Prefix,
        since: Option<&Cursor>,
        wait: Duration,
    ) -> Result<Changes, Error> {
        if self.inner.tells_no_changes.load(Ordering::Relaxed) {
            return Ok(Changes::Unsupported);
        }
        let asked = self.ask_changes(&question(prefix, since, wait)).await?;
        let Asked::Told(body) = asked else {
            return Ok(match asked {
                Asked::Unknown => Changes::Unknown,
                _ => self.unsupported(),
            });
        };
        // Only a server of ours tells changes.
        self.inner.keeps_directories.store(true, Ordering::Relaxed);
        let mut lines = Lines::new(body);
        let (extent, cursor) = match lines.next().await.map_err(|broken| self.broken(broken))? {
            Some(Line::Head { extent, cursor }) => (extent, cursor),
            // In words of a later version; a listing is in those of all.
            Some(Line::Foreign) => return Ok(self.unsupported()),
            _ => return Err(self.broken(Broken::Nonsense("the answer does not begin as one".to_owned()))),
        };
        self.inner.batches.expect();
        let feed = Feed::new(Cursor(cursor), self.clone(), prefix.clone(), lines);
        Ok(match extent {
            Extent::Since => Changes::Since(feed),
            Extent::Everything => Changes::Everything(feed),
        })
    }

    fn unsupported(&self) -> Changes {
        tracing::debug!(bucket = %self.name(), "the store does not tell changes");
        self.inner.tells_no_changes.store(true, Ordering::Relaxed);
        Changes::Unsupported
    }

    /// Sends the question, a few times if need be.
    async fn ask_changes(&self, question: &str) -> Result<Asked, Error> {
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            match self.ask_changes_once(question).await {
                Err(error) if error.is_temporary() && attempts < ATTEMPTS => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempts += 1;
                }
                Ok(asked) => return Ok(asked),
                Err(error) => {
                    return match self.attempt("ask for changes in", None).failed(&error) {
                        // It would say no the next time as well, but not to a listing.
                        Error::Other { retry: Retry::Never, .. } if is_answer(&error) => {
                            Ok(Asked::Unsupported)
                        }
                        error => Err(error),
                    };
                }
            }
        }
    }

    async fn ask_changes_once(&self, question: &str) -> opendal::Result<Asked> {
        let options = &self.inner.options;
        let request = Request::get(format!("{}/{}?{question}", options.endpoint, options.bucket));
        let request = request.body(Buffer::new()).map_err(|error| {
            opendal::Error::new(opendal::ErrorKind::Unexpected, "phrase a question").set_source(error)
        })?;
        let answer = self.inner.context.http_transport().fetch(request).await?;
        let status = answer.status();
        if status.is_success() {
            let told = is_told(&answer);
            return Ok(if told { Asked::Told(answer.into_body()) } else { Asked::Unsupported });
        }
        let mut body = answer.into_body();
        let text = String::from_utf8_lossy(&body.to_buffer().await?.to_bytes()).into_owned();
        let code = element(&text, "Code");
        if status == StatusCode::GONE && code.as_deref() == Some(UNKNOWN_CURSOR) {
            return Ok(Asked::Unknown);
        }
        Err(answer_error(status, code, element(&text, "Message")))
    }

    fn broken(&self, broken: Broken) -> Error {
        let attempt = self.attempt("ask for changes in", None);
        match broken {
            Broken::Line(error) => attempt.failed(&error),
            Broken::Nonsense(what) => attempt.other(Retry::Later, Cause::new(what)),
        }
    }
}

/// How the server took the question.
enum Asked {
    Unsupported,
    Unknown,
    Told(HttpBody),
}

fn question(prefix: &Prefix, since: Option<&Cursor>, wait: Duration) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut question = format!("heirloom-changes&max-keys=1&prefix={}", encode(prefix.as_str()));
    if let Some(since) = since {
        question = format!("{question}&since={}", encode(since.as_str()));
    }
    let seconds = wait.min(WAIT_MAX).as_millis().div_ceil(1000);
    if seconds > 0 { format!("{question}&wait={seconds}") } else { question }
}

/// Whether a failure is what the server said, and not that it could not be heard.
fn is_answer(error: &opendal::Error) -> bool {
    std::error::Error::source(error).is_none()
}

fn is_told(answer: &Response<HttpBody>) -> bool {
    let kind = answer.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.and_then(|kind| kind.split(';').next()).is_some_and(|kind| kind.trim() == CONTENT_TYPE)
}
