//! A file's exact bytes, for `<img>`, `<video>`, `curl` and whoever wants the file itself.

use crate::failure::Failure;
use crate::guest::{self, Door, Guest};
use crate::media::{self, ContentType, Trust};
use crate::past::{self, LATEST, Moment, Past};
use crate::range::{self, Wanted};
use crate::site::{Site, blocking};
use crate::{address, dates, stream};
use archive::Entry;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use model::Kind;
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;

/// For what may run something: no origin, no scripts, no forms, nothing from elsewhere.
const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; frame-ancestors 'self'";
/// For what runs nothing; without a sandbox, because browsers' readers for PDF and players do not work in one.
const PASSIVE: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; \
     object-src 'self'; frame-ancestors 'self'";
/// Bytes looked at where the name says nothing.
const SNIFFED: u64 = 1024;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    download: Option<String>,
}

/// What the headers need, gathered on a thread that may block.
struct Found {
    past: Past,
    entry: Entry,
    content_type: ContentType,
}

/// `GET /<bucket>/raw/<snapshot>/<path>`.
pub(crate) async fn get(
    State(site): State<Arc<Site>>,
    method: Method,
    headers: HeaderMap,
    guest: Guest,
    Path((bucket, snapshot, path)): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let is_fixed = snapshot != LATEST;
    let finder = Arc::clone(&site);
    let found = blocking(move || {
        let visit = finder.admit(&guest, Door::Files, &bucket)?;
        let past = finder.past_or_nothing(&visit)?;
        let moment = past.moment(&snapshot)?;
        let path = past::path(&path)?;
        let unheld = || Failure::NotFound(format!("{path} is not in this snapshot of {}.", visit.bucket));
        let entry = past.entry(&moment, &path)?.ok_or_else(unheld)?;
        if entry.kind == Kind::Directory {
            return Ok(Err(Redirect::to(&address::tree(&visit.bucket, &moment.label, Some(&path)))));
        }
        let content_type = content_type(&past, &moment, &entry)?;
        Ok(Ok(Found { past, entry, content_type }))
    })
    .await?;
    match found {
        Ok(found) => answer(&site, found, &method, &headers, &asked, is_fixed).await,
        Err(redirect) => Ok(redirect.into_response()),
    }
}

fn content_type(past: &Past, moment: &Moment, entry: &Entry) -> Result<ContentType, Failure> {
    if entry.kind == Kind::Symlink {
        return Ok(media::by_bytes(b""));
    }
    if let Some(known) = media::content_type(&entry.path) {
        return Ok(known);
    }
    let mut start = Vec::new();
    let read = past.history.copy_to(entry, Some(0..SNIFFED), &mut start);
    let doing = format!("read snapshot {}", moment.id.short());
    read.map_err(|error| past.broken(&doing, Some(&entry.path), error))?;
    Ok(media::by_bytes(&start))
}

async fn answer(
    site: &Site,
    found: Found,
    method: &Method,
    request: &HeaderMap,
    asked: &Asked,
    is_fixed: bool,
) -> Result<Response, Failure> {
    let total = found.entry.size;
    let etag = format!("\"{}\"", found.entry.id);
    let told = headers(&found, &etag, asked.download.is_some(), is_fixed);
    if guest::text(request, header::IF_NONE_MATCH).is_some_and(|tags| names(tags, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, told).into_response());
    }
    // A range of another version would be glued to bytes of this one.
    let is_same = guest::text(request, header::IF_RANGE).is_none_or(|condition| condition.trim() == etag);
    let wanted = range::parse(guest::text(request, header::RANGE).filter(|_| is_same), total);
    let (status, range) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0..total),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Beyond => {
            let unsatisfied = [(header::CONTENT_RANGE, format!("bytes */{total}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, unsatisfied).into_response());
        }
    };
    let length = HeaderValue::from(range.end - range.start);
    let part = (status == StatusCode::PARTIAL_CONTENT)
        .then(|| [(header::CONTENT_RANGE, format!("bytes {}-{}/{total}", range.start, range.end - 1))]);
    let body = if *method == Method::HEAD || range.is_empty() {
        Body::empty()
    } else {
        bytes(site, found, range).await?
    };
    let mut response = (status, told, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, length);
    Ok(match part {
        Some(part) => (part, response).into_response(),
        None => response,
    })
}

async fn bytes(site: &Site, found: Found, range: Range<u64>) -> Result<Body, Failure> {
    let what = format!("{}/{}", found.past.visit.bucket, found.entry.path);
    stream::body(site, what, move |out| {
        let copied = found.past.history.copy_to(&found.entry, Some(range), out);
        copied.map(drop).inspect_err(|_| found.past.history.spoil()).map_err(Into::into)
    })
    .await
}

fn headers(found: &Found, tag: &str, is_download: bool, is_fixed: bool) -> HeaderMap {
    let policy = match found.content_type.trust {
        Trust::Passive => PASSIVE,
        Trust::Sandboxed => SANDBOX,
    };
    let cache = if is_fixed { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    let disposition = if is_download { "attachment" } else { "inline" };
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        // Values that no header can hold are left out; all of these can.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, &found.content_type.value);
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::ETAG, tag);
    set(header::CACHE_CONTROL, cache);
    set(header::ACCEPT_RANGES, "bytes");
    set(header::CONTENT_DISPOSITION, &named(disposition, found.entry.path.file_name()));
    if let Some(mtime) = found.entry.mtime {
        set(header::LAST_MODIFIED, &dates::http(mtime));
    }
    headers
}

/// `Content-Disposition` with a name that every browser understands (RFC 6266).
pub(crate) fn named(disposition: &str, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' })
        .collect();
    format!("{disposition}; filename=\"{plain}\"; filename*=UTF-8''{}", address::encode(name))
}

/// Whether an `If-None-Match` holds the tag.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_header() {
        assert_eq!(
            named("attachment", "a b.txt"),
            "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt"
        );
        assert_eq!(
            named("inline", "Zoë\"\\\n.txt"),
            "inline; filename=\"Zo____.txt\"; filename*=UTF-8''Zo%C3%AB%22%5C%0A.txt"
        );
    }

    #[test]
    fn tags_are_compared_weakly() {
        assert!(names("\"a\", W/\"b\"", "\"b\""));
        assert!(names("*", "\"b\""));
        assert!(!names("\"bb\"", "\"b\""));
    }
}
