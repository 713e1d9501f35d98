//! Many small objects in one request.
//!
//! Of a small object, the request costs more than the bytes: a signature, headers, an answer, and a flush of the disk. So clients of ours
//! send what they have many of together. Each object has an answer of its own, as if it had come alone.
//!
//! `POST /<bucket>?heirloom-batch=put` has for each object a line of JSON and then its bytes:
//!
//! ```text
//! {"put":"documents/a","size":5,"md5":"5d41402abc4b2a76b9719d911017c592","if_none_match":"*","metadata":{"mtime":"1.5"}}
//! hello{"put":"documents/b","size":0,"md5":"d41d8cd98f00b204e9800998ecf8427e","if_match":"9e107d9d372bb6826bd81d3542a419d6"}
//! ```
//!
//! and is answered, once all of it is on the disk, by lines in the same order, and their number:
//!
//! ```text
//! {"etag":"5d41402abc4b2a76b9719d911017c592"}
//! {"code":"PreconditionFailed","message":"…"}
//! {"end":2}
//! ```
//!
//! `POST /<bucket>?heirloom-batch=get` has a line for each version that is wanted, `{"get":"documents/a","etag":"…"}`. The answer has for each
//! what a line of `changes` says and then the bytes, or a code:
//!
//! ```text
//! {"etag":"5d41402abc4b2a76b9719d911017c592","size":5,"modified":1763683200123,"metadata":{"mtime":"1.5"}}
//! hello{"code":"NoSuchKey","message":"there is no object with this key"}
//! {"end":2}
//! ```
//!
//! Names and codes are S3's: `if_match` and `if_none_match` mean what the headers mean, a `md5` that is wrong is `BadDigest`. What is too
//! large for a batch (`EntityTooLarge`) is to be asked for alone. An answer without its last line is not whole.

mod words;

use crate::fault::Fault;
use crate::s3::answer::s3_error_of;
use crate::s3::receive::broken_off;
use crate::store::Store;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use model::BucketName;
use s3s::{Body, S3Error, S3Result, s3_error};
use std::sync::Arc;
use tokio::sync::Semaphore;
use words::Answers;

/// What an answer is.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.heirloom.batch";

/// Bytes of a request and, give or take an object, of an answer. Both are held in memory.
const BODY_MAX: usize = 16 << 20;

/// Objects in a batch.
const OBJECTS_MAX: usize = 4096;

/// Batches at once; the others wait their turn.
const AT_ONCE: usize = 4;

/// Objects that are put in place together. Of each, file and directory are open meanwhile.
const GROUP: usize = 128;

/// Answers batches.
#[derive(Debug)]
pub(crate) struct Batches {
    store: Arc<Store>,
    places: Semaphore,
}

impl Batches {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, places: Semaphore::new(AT_ONCE) }
    }

    /// Writes objects.
    pub(crate) async fn put(&self, bucket: BucketName, body: Body) -> S3Result<Body> {
        let _place = self.places.acquire().await.map_err(S3Error::internal_error)?;
        let body = whole(body).await?;
        let work = move |store: &Store| {
            let mut puts = words::parse_puts(&bucket, &body)?.into_iter();
            let (mut outcomes, mut pending) = (Vec::new(), Vec::new());
            while !puts.as_slice().is_empty() {
                let (done, awaited) = store.put_batch(puts.by_ref().take(GROUP).collect());
                outcomes.extend(done);
                pending.extend(awaited);
            }
            Ok((outcomes, pending))
        };
        let (outcomes, pending) = self.store.visit(work).await?;
        for pending in pending {
            pending.done().await.map_err(s3_error_of)?;
        }
        let mut answers = Answers::default();
        for outcome in outcomes {
            answers.put(outcome);
        }
        Ok(answers.finish().into())
    }

    /// Reads objects.
    pub(crate) async fn get(&self, bucket: BucketName, body: Body) -> S3Result<Body> {
        let _place = self.places.acquire().await.map_err(S3Error::internal_error)?;
        let body = whole(body).await?;
        let work = move |store: &Store| {
            let mut answers = Answers::default();
            for wanted in words::parse_gets(&body)? {
                let outcome = match wanted {
                    Ok(_) if answers.len() >= BODY_MAX => Err(Fault::TooLargeForBatch),
                    Ok((key, etag)) => store.read_small(&bucket, &key, &etag),
                    Err(fault) => Err(fault),
                };
                answers.get(outcome);
            }
            Ok(answers.finish())
        };
        Ok(self.store.visit(work).await?.into())
    }
}

async fn whole(body: Body) -> S3Result<Bytes> {
    match Limited::new(body, BODY_MAX).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(s3_error!(EntityTooLarge, "a batch has at most {BODY_MAX} bytes"))
        }
        Err(error) => Err(broken_off(error)),
    }
}
