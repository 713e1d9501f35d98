//! What changed since a cursor: one request, where a listing takes one for every thousand objects and one more for each that is new.
//!
//! Heirloom's own gateway answers it; `gateway::changes` describes the request and its answer. Any other server takes the question
//! for a listing, or refuses it; that is learned once ([`Changes::Unsupported`]). To have such a listing small, the question
//! asks for one key, which means nothing to the gateway.
//!
//! An answer is whole or it is an error, as a listing is: it starts with a line that says what it is, its keys ascend, and the last
//! line counts the others.

mod lines;

use crate::bucket::{ATTEMPTS, PAUSE_FIRST};
use crate::copy::element;
use crate::error::answer_error;
use crate::list::is_ours;
use crate::{Bucket, Cause, Error, Object, Prefix, Retry, metadata};
use http::{Request, Response, StatusCode};
use lines::{Broken, Extent, Line, Lines, Put};
use model::{ETag, ObjectKey, UnixNanos};
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

/// One piece of a [`Feed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// This stands at the key, as [`Bucket::head`] would describe it, with the time of its version as a listing tells it.
    Put {
        /// The key, relative to the prefix.
        key: ObjectKey,
        /// What stands there.
        object: Object,
    },
    /// Nothing stands at the key, relative to the prefix, any more.
    Gone(ObjectKey),
    /// A key as in [`Listing::unusable`](crate::Listing::unusable) was written.
    Unusable(String),
}

/// Changes, in the order of their keys. They are of one moment; memory holds a chunk of them.
pub struct Feed {
    /// Where somebody is who has taken in everything that follows. Not before.
    pub cursor: Cursor,
    bucket: Bucket,
    prefix: Prefix,
    lines: Lines,
    /// The key seen last, which the next one must come after.
    last: Option<String>,
    count: u64,
    ended: bool,
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("cursor", &self.cursor)
            .field("prefix", &self.prefix)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
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
        let asked = self.ask(&question(prefix, since, wait)).await?;
        let Asked::Told(body) = asked else {
            return Ok(match asked {
                Asked::Unknown => Changes::Unknown,
                _ => self.unsupported(),
            });
        };
        let mut lines = Lines::new(body);
        let (extent, cursor) = match lines.next().await.map_err(|broken| self.broken(broken))? {
            Some(Line::Head { extent, cursor }) => (extent, cursor),
            // In words of a later version; a listing is in those of all.
            Some(Line::Foreign) => return Ok(self.unsupported()),
            _ => return Err(self.broken(Broken::Nonsense("the answer does not begin as one".to_owned()))),
        };
        let feed = Feed {
            cursor: Cursor(cursor),
            bucket: self.clone(),
            prefix: prefix.clone(),
            lines,
            last: None,
            count: 0,
            ended: false,
        };
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
    async fn ask(&self, question: &str) -> Result<Asked, Error> {
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            match self.ask_once(question).await {
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

    async fn ask_once(&self, question: &str) -> opendal::Result<Asked> {
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

impl Feed {
    /// The next change; `None` behind the last one. After an error nothing follows, and what came before must not be taken for all.
    pub async fn next(&mut self) -> Result<Option<Changed>, Error> {
        while !self.ended {
            let line = self.lines.next().await;
            match line.and_then(|line| self.take(line).map_err(Broken::Nonsense)) {
                Ok(None) => {}
                Ok(changed) => return Ok(changed),
                Err(broken) => {
                    self.ended = true;
                    return Err(self.bucket.broken(broken));
                }
            }
        }
        Ok(None)
    }

    /// What a line tells; `None` for what is nobody's business, and for the last one.
    fn take(&mut self, line: Option<Line>) -> Result<Option<Changed>, String> {
        let found = match line {
            Some(Line::Put(put)) => {
                let below = self.follow(&put.key)?;
                self.usable(below).map(|usable| match usable {
                    Ok(key) => Changed::Put { object: object(&key, &put), key },
                    Err(unusable) => Changed::Unusable(unusable.to_owned()),
                })
            }
            // What could not be used before is no loss.
            Some(Line::Gone { key }) => {
                let below = self.follow(&key)?;
                self.usable(below).and_then(Result::ok).map(Changed::Gone)
            }
            Some(Line::End { count }) if count == self.count => {
                self.ended = true;
                return Ok(None);
            }
            Some(Line::End { count }) => {
                return Err(format!("the server has told {count} changes, and {} came", self.count));
            }
            Some(Line::Head { .. } | Line::Foreign) => {
                return Err("a line of the answer makes no sense".to_owned());
            }
            None => return Err("the answer was cut off".to_owned()),
        };
        self.count += 1;
        Ok(found)
    }

    /// The part of a key below the prefix, if it may come after the last one.
    fn follow<'k>(&mut self, key: &'k str) -> Result<&'k str, String> {
        if self.last.as_deref().is_some_and(|last| last >= key) {
            return Err(format!("the server tells `{key}` out of order"));
        }
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(key);
        key.strip_prefix(self.prefix.as_str())
            .ok_or_else(|| format!("the server tells `{key}`, which is not below `{}`", self.prefix))
    }

    /// As in a listing: nothing for the prefix itself and for what is Heirloom's own; an error for what names no path here.
    fn usable<'k>(&self, below: &'k str) -> Option<Result<ObjectKey, &'k str>> {
        // The key that was followed last is this one.
        if below.is_empty() || self.last.as_deref().is_some_and(is_ours) {
            return None;
        }
        // A key that is not its path's own spelling cannot be asked for by that path.
        Some(ObjectKey::parse(below).ok().filter(|parsed| parsed.as_str() == below).ok_or(below))
    }
}

/// A look at the object brings whole seconds, so those are what it says about itself; its version has them as finely as a listing.
fn object(key: &ObjectKey, put: &Put) -> Object {
    let second = UnixNanos(put.modified.div_euclid(1000).saturating_mul(1_000_000_000));
    let said = metadata::parse(put.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut object = Object::described(key, ETag::new(&put.etag), Some(second), put.size, said);
    object.version.modified = Some(UnixNanos(put.modified.saturating_mul(1_000_000)));
    object
}
