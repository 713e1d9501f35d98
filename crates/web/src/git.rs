//! git's smart HTTP protocol, read only (gitprotocol-http(5)): clone and fetch with stock git.
//!
//! The stock `git upload-pack` does the work, one process per request, with bytes streamed both ways; gitoxide
//! has no server side. The process gets an empty environment and home, so nothing a machine's user configured
//! changes what is served. Rejected: the dumb protocol (no partial clone, and it would serve the archive's own files).

use crate::failure::Failure;
use crate::guest::{Door, Guest, Visit};
use crate::site::{Site, blocking};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

mod process;
mod workshop;

pub(crate) use workshop::Workshop;

const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";
const READ_ONLY: &str = "This archive is read only: history is written by Heirloom's snapshots. To change files, change them in the bucket.";

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    service: Option<String>,
}

/// `GET /<bucket>.git/info/refs?service=git-upload-pack`.
pub(crate) async fn info_refs(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(repository): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let directory = admit(&site, guest, repository).await?;
    match asked.service.as_deref() {
        Some("git-upload-pack") => {}
        Some("git-receive-pack") => return Err(Failure::Forbidden(READ_ONLY)),
        Some(_) | None => {
            return Err(Failure::Forbidden(
                "Only git's smart protocol is spoken here: use git 1.6.6 or newer.",
            ));
        }
    }
    let protocol = protocol(&headers);
    let advertised = process::advertise(&site, &directory, protocol.as_deref()).await?;
    // As git http-backend does: version 2 opens with its own line.
    let is_v2 = protocol.is_some_and(|protocol| protocol.split(':').any(|word| word == "version=2"));
    let mut body = if is_v2 { Vec::new() } else { b"001e# service=git-upload-pack\n0000".to_vec() };
    body.extend_from_slice(&advertised);
    Ok(answer(ADVERTISEMENT, Body::from(body)))
}

/// `POST /<bucket>.git/git-upload-pack`.
pub(crate) async fn upload_pack(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(repository): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let directory = admit(&site, guest, repository).await?;
    let headers = request.headers();
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if content_type != Some(b"application/x-git-upload-pack-request".as_slice()) {
        return Err(Failure::Unclear("This address is for git; open the bucket's page instead."));
    }
    let packing = match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => process::Packing::Plain,
        Some(b"gzip" | b"x-gzip") => process::Packing::Gzip,
        Some(_) => return Err(Failure::Unclear("Requests may be sent plain or with gzip.")),
    };
    let protocol = protocol(headers);
    let body =
        process::converse(&site, &directory, protocol.as_deref(), request.into_body(), packing).await?;
    Ok(answer(RESULT, body))
}

/// `/<bucket>.git/git-receive-pack`: nobody writes history from outside.
pub(crate) async fn receive_pack(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(repository): Path<String>,
) -> Result<StatusCode, Failure> {
    admit(&site, guest, repository).await?;
    Err(Failure::Forbidden(READ_ONLY))
}

/// The repository to serve; an empty one while the bucket has no snapshot, so that a clone made today fetches
/// tomorrow's first snapshot.
async fn admit(site: &Arc<Site>, guest: Guest, repository: String) -> Result<PathBuf, Failure> {
    let site = Arc::clone(site);
    blocking(move || {
        let bucket = repository.strip_suffix(".git").ok_or_else(Failure::not_found)?;
        let Visit { bucket, .. } = site.admit(&guest, Door::Git, bucket)?;
        let directory = site.archive_path(&bucket);
        if directory.is_dir() { Ok(directory) } else { site.workshop.empty_repository() }
    })
    .await
}

/// The `Git-Protocol` header, if it holds what such a header may hold; it becomes an environment variable.
fn protocol(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("git-protocol")?.to_str().ok()?;
    let is_fit = value.len() <= 256
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b':' | b'-' | b'.' | b'_'));
    is_fit.then(|| value.to_owned())
}

fn answer(content_type: &'static str, body: Body) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
    response
}
