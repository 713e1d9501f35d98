//! What changed in a bucket.
//!
//! `GET /<bucket>?heirloom-changes&prefix=…&since=<cursor>&wait=<seconds>`, signed like any other, and open to whoever may list the
//! bucket. Without `since`, the answer is all that stands below `prefix`; with it, what changed since, each key once, as it is
//! now. With `wait`, an answer that would be empty is held back until there is something to tell, or the time is over, or the server
//! stops.
//!
//! The answer is lines of JSON, of [`CONTENT_TYPE`], in the order of keys:
//!
//! ```text
//! {"changes":1,"extent":"since","cursor":"6f2a90c1d3e4b587-1042"}
//! {"put":"documents/a","etag":"5d41402abc4b2a76b9719d911017c592","size":5,"modified":1763683200123,"metadata":{"mtime":"1.5"}}
//! {"gone":"documents/b"}
//! {"end":2}
//! ```
//!
//! - The first line has the cursor for the next question, and what is told: `since` the given cursor, or `everything`. That also is the
//!   answer to a cursor from so long ago that deletions since then are forgotten.
//! - `modified` is in milliseconds since 1970, as in a listing; `metadata` is left out when there is none.
//! - The last line counts those between. An answer without it is not whole.
//! - Empty lines mean nothing; they keep the line open while there is nothing to tell.
//!
//! All of it is one state of the bucket, and what it holds at a time of it in memory is a few pieces of [`lines::PIECE`].
//!
//! A cursor that this server may not have handed out in the state it is in now (see `index::epochs`) is answered with status 410 and the
//! code `UnknownCursor`: what it left out may be gone from here without a trace.

mod answer;
mod lines;

use crate::index::{Cursor, News, Scope};
use crate::own::pairs;
use crate::s3::answer::{s3_error_of, with_status};
use crate::store::Store;
use answer::Answering;
use http::{StatusCode, Uri};
use model::BucketName;
use s3s::{Body, S3Error, S3Result, s3_error};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What an answer is.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.heirloom.changes";

/// How long an empty answer is held back at most.
const WAIT_MAX: Duration = Duration::from_mins(1);

/// How many answers are read from the index at once. Each holds a thread meanwhile, and clients may be slow.
const READING_MAX: usize = 16;

/// Answers the question.
#[derive(Debug)]
pub(crate) struct Changes {
    store: Arc<Store>,
    shutdown: CancellationToken,
    readings: Arc<Semaphore>,
}

/// A question, taken apart.
#[derive(Debug, Default)]
struct Question {
    prefix: String,
    since: Option<String>,
    wait: Duration,
}

impl Changes {
    pub(crate) fn new(store: Arc<Store>, shutdown: CancellationToken) -> Self {
        Self { store, shutdown, readings: Arc::new(Semaphore::new(READING_MAX)) }
    }

    /// Tells what changed in a bucket.
    pub(crate) async fn answer(&self, bucket: BucketName, uri: &Uri) -> S3Result<Body> {
        let Question { prefix, since, wait } = Question::parse(uri)?;
        let since = since.map(|text| Cursor::parse(&text).ok_or_else(unknown_cursor)).transpose()?;
        let scope = Scope { bucket, prefix };
        // From before the question, so that nothing happens between that and the wait unseen.
        let watcher = (since.is_some() && !wait.is_zero()).then(|| self.store.index.watch(&scope));
        let (store, asked, cursor) = (Arc::clone(&self.store), scope.clone(), since.clone());
        let news = tokio::task::spawn_blocking(move || store.index.news(&asked, cursor.as_ref())).await;
        let watcher = match (news.map_err(S3Error::internal_error)?.map_err(s3_error_of)?, watcher) {
            (News::Unknown, _) => return Err(unknown_cursor()),
            // By far the most frequent answer, and one that needs nothing more.
            (News::None(here), None) => return Ok(lines::nothing_since(here).into()),
            (News::None(_), watcher) => watcher,
            (News::Some, _) => None,
        };
        let answering = Answering {
            store: Arc::clone(&self.store),
            readings: Arc::clone(&self.readings),
            shutdown: self.shutdown.clone(),
            scope,
            since,
        };
        Ok(answering.start(watcher.map(|watcher| (watcher, wait))))
    }
}

impl Question {
    fn parse(uri: &Uri) -> S3Result<Self> {
        let mut question = Self::default();
        for (name, value) in pairs(uri) {
            match &*name {
                "prefix" => question.prefix = value.into_owned(),
                "since" => question.since = Some(value.into_owned()),
                "wait" => {
                    let seconds = value.parse().ok().map(Duration::from_secs);
                    let wait =
                        seconds.ok_or_else(|| s3_error!(InvalidArgument, "wait is a number of seconds"))?;
                    question.wait = wait.min(WAIT_MAX);
                }
                _ => {}
            }
        }
        Ok(question)
    }
}

fn unknown_cursor() -> S3Error {
    let message =
        "this server does not know what changed since then: it may have been put back to an older state";
    with_status("UnknownCursor", StatusCode::GONE, message)
}
