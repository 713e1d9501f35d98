//! The API: a bucket's snapshots, taken and listed by programs with a key.
//!
//! | request | answer |
//! |---|---|
//! | `GET /api/v1/buckets/<bucket>/snapshots` | 200, a list, oldest first: `name`, `id`, `time`, `incomplete` |
//! | `POST /api/v1/buckets/<bucket>/snapshots` | 200 once it is taken: the same, with `new` and the counts |
//!
//! The body of a POST may give reasons why the snapshot will not be all it should be: `{"incomplete": ["…"]}`. When nothing
//! has changed, the latest snapshot is the answer, and `new` is false. A name is `<machine>-<time>` (of the machine that took
//! it; RFC 3339, UTC).
//!
//! An error is `{"error": {"code": "…", "message": "…"}}`. Whoever may not read a bucket is told that it is not there (404);
//! who may, but does not own it, takes no snapshots of it (403). Sessions open nothing here, so no other site can borrow one.

use crate::failure::{Failure, Trouble};
use crate::guest::{Door, Guest, Visit};
use crate::site::{Site, blocking};
use archive::{Outcome, SnapshotInfo};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How much a program may say about a snapshot.
pub(crate) const BODY_MAX: usize = 64 * 1024;
const REASONS_MAX: usize = 50;
const REASON_CHARS_MAX: usize = 500;

/// A snapshot in the list.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    id: String,
    time: String,
    incomplete: Vec<String>,
}

/// What a POST came to.
#[derive(Debug, Serialize)]
struct Taken {
    #[serde(flatten)]
    snapshot: Listed,
    new: bool,
    added: u64,
    changed: u64,
    deleted: u64,
    /// Of all files in it; `None` when it is not new.
    files: Option<u64>,
    bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    incomplete: Vec<String>,
}

/// Why there is no answer, for a program.
#[derive(Debug)]
pub(crate) enum Refusal {
    Failure(Failure),
    /// Another process writes to the archive.
    Busy,
    /// The bucket holds nothing that could be recorded.
    NoFiles,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// `GET /api/v1/buckets/<bucket>/snapshots`.
pub(crate) async fn list(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(bucket): Path<String>,
) -> Result<Response, Refusal> {
    let listed = blocking(move || {
        let visit = site.admit(&guest, Door::Api, &bucket)?;
        let Some(past) = site.past(&visit)? else { return Ok(Vec::new()) };
        let mut snapshots = past.snapshots(0, usize::MAX)?;
        snapshots.reverse();
        Ok(snapshots.into_iter().map(Listed::new).collect())
    });
    Ok(Json(listed.await?).into_response())
}

/// `POST /api/v1/buckets/<bucket>/snapshots`. Once begun, a snapshot is finished whether or not its client waits for it.
pub(crate) async fn take(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(bucket): Path<String>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let visit = site.admit(&guest, Door::Api, &bucket)?;
    if visit.user.bucket() != visit.bucket {
        let why = "Snapshots of a bucket are taken with a key of its owner.";
        return Err(Failure::Forbidden(why).into());
    }
    let reasons = reasons(&body)?;
    let place = Arc::clone(&site.snapshots).acquire_owned().await;
    let place = place.map_err(|error| Failure::broken("take a snapshot", error))?;
    let outcome = tokio::task::spawn_blocking({
        let (site, visit, reasons) = (Arc::clone(&site), visit.clone(), reasons.clone());
        move || {
            // Held until it is taken, also when its client has gone.
            let _place = place;
            (site.options.snapshot)(&visit.bucket, reasons)
        }
    });
    let outcome = outcome.await.map_err(|error| Failure::broken("take a snapshot", error))?;
    match outcome {
        Ok(Some(outcome)) => {
            let taken = blocking(move || taken(&site, &visit, reasons, &outcome));
            Ok(Json(taken.await?).into_response())
        }
        Ok(None) => Err(Refusal::NoFiles),
        Err(archive::Error::Busy { .. }) => Err(Refusal::Busy),
        Err(error) => Err(Failure::broken(format!("take a snapshot of {}", visit.bucket), error).into()),
    }
}

/// What is not there, for a program.
pub(crate) async fn nothing() -> Refusal {
    Refusal::Failure(Failure::NotFound("The API has nothing at this address.".to_owned()))
}

fn reasons(body: &[u8]) -> Result<Vec<String>, Failure> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let unclear = |_| Failure::Unclear("The body must be JSON like {\"incomplete\": [\"a reason\"]}.");
    let Json(Asked { incomplete }) = Json::from_bytes(body).map_err(unclear)?;
    Ok(incomplete.iter().take(REASONS_MAX).map(|reason| cut(reason)).collect())
}

fn cut(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

fn taken(
    site: &Arc<Site>,
    visit: &Visit,
    mut incomplete: Vec<String>,
    outcome: &Outcome,
) -> Result<Taken, Failure> {
    let info = site.past_or_nothing(visit)?.moment(&outcome.id().to_string())?.info;
    let problems = outcome.problems();
    let listed = problems.iter().take(REASONS_MAX);
    incomplete.extend(listed.map(|problem| cut(&format!("{}: {}", problem.path, problem.reason))));
    if let Some(more @ 1..) = problems.len().checked_sub(REASONS_MAX) {
        incomplete.push(format!("{more} more paths could not be recorded"));
    }
    // What is wrong now, also where the latest snapshot was complete.
    let snapshot = Listed { incomplete, ..Listed::new(info) };
    Ok(match outcome {
        Outcome::Created(made) => Taken {
            snapshot,
            new: true,
            added: made.added,
            changed: made.modified,
            deleted: made.deleted,
            files: Some(made.files),
            bytes: Some(made.bytes),
        },
        Outcome::Unchanged { .. } => {
            Taken { snapshot, new: false, added: 0, changed: 0, deleted: 0, files: None, bytes: None }
        }
    })
}

impl Listed {
    fn new(info: SnapshotInfo) -> Self {
        let (seconds, nanos) = info.time.seconds_and_nanos();
        let time = DateTime::from_timestamp(seconds, nanos).unwrap_or_default();
        let time = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let machine = info.machine.as_deref().unwrap_or("unknown");
        Self { name: format!("{machine}-{time}"), id: info.id.to_string(), time, incomplete: info.incomplete }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: Told,
        }
        #[derive(Serialize)]
        struct Told {
            code: &'static str,
            message: String,
        }
        let say = |code: &'static str, message: &str| {
            Json(Body { error: Told { code, message: message.to_owned() } })
        };
        let mut response = match self {
            Self::Busy => {
                let message =
                    "Another process writes to the history of this bucket; try again when it is done.";
                (StatusCode::CONFLICT, [(header::RETRY_AFTER, "10")], say("busy", message)).into_response()
            }
            Self::NoFiles => {
                (StatusCode::CONFLICT, say("no_files", "This bucket holds no files yet.")).into_response()
            }
            Self::Failure(failure) => {
                let mut response = failure.into_response();
                let trouble = response.extensions_mut().remove::<Trouble>();
                let code = code(response.status());
                let message =
                    trouble.map_or_else(String::new, |told| format!("{}. {}", told.title, told.advice));
                let headers = std::mem::take(response.headers_mut());
                let mut told = (response.status(), say(code, &message)).into_response();
                told.headers_mut().extend(headers);
                told
            }
        };
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// One word for a program to branch on.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "unclear",
        StatusCode::UNAUTHORIZED => "key",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        _ => "broken",
    }
}
