//! A folder as one file, as it was at one time.
//!
//! Written while it is sent: what is held is the listing of the folders on the way down, never a file, so the
//! whole bucket can be taken away through a small machine. Its length is therefore not known beforehand; a
//! download that breaks off is cut, not ended, and clients report it.

mod tar;
mod walk;
mod zip;

use crate::failure::Failure;
use crate::guest::{Door, Guest};
use crate::past::{self, Moment, Past};
use crate::site::{Site, blocking};
use crate::{dates, raw, stream};
use archive::Entry;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, header};
use model::{Kind, RelPath};
use std::sync::Arc;

/// The two forms: one for people with Windows, one that forgets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tar,
    Zip,
}

/// What is bundled.
struct Folder {
    past: Past,
    moment: Moment,
    /// `None` for the whole bucket.
    path: Option<RelPath>,
}

impl Folder {
    /// The folder that everything lies in once it is unpacked.
    fn name(&self) -> &str {
        self.path.as_ref().map_or(self.past.visit.bucket.as_str(), RelPath::file_name)
    }
}

/// `GET /<bucket>/download/<snapshot>.tar` or `.zip`.
pub(crate) async fn root(
    State(site): State<Arc<Site>>,
    method: Method,
    guest: Guest,
    Path((bucket, snapshot)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (snapshot, form) = split(&snapshot)?;
    answer(site, method, guest, bucket, snapshot.to_owned(), None, form).await
}

/// `GET /<bucket>/download/<snapshot>/<path>.tar` or `.zip`.
pub(crate) async fn folder(
    State(site): State<Arc<Site>>,
    method: Method,
    guest: Guest,
    Path((bucket, snapshot, path)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let (path, form) = split(&path)?;
    let path = past::path(path)?;
    answer(site, method, guest, bucket, snapshot, Some(path), form).await
}

fn split(name: &str) -> Result<(&str, Form), Failure> {
    match name.rsplit_once('.') {
        Some((name, "tar")) => Ok((name, Form::Tar)),
        Some((name, "zip")) => Ok((name, Form::Zip)),
        Some(_) | None => Err(Failure::not_found()),
    }
}

async fn answer(
    site: Arc<Site>,
    method: Method,
    guest: Guest,
    bucket: String,
    snapshot: String,
    path: Option<RelPath>,
    form: Form,
) -> Result<Response, Failure> {
    let finder = Arc::clone(&site);
    let folder = blocking(move || {
        let visit = finder.admit(&guest, Door::Files, &bucket)?;
        let past = finder.past_or_nothing(&visit)?;
        let moment = past.moment(&snapshot)?;
        if let Some(path) = &path {
            let kind = past.entry(&moment, path)?.map(|entry| entry.kind);
            if kind != Some(Kind::Directory) {
                return Err(Failure::NotFound(format!(
                    "{path} is not a folder in this snapshot of {}.",
                    visit.bucket
                )));
            }
        }
        Ok(Folder { past, moment, path })
    })
    .await?;
    let (suffix, content_type) = match form {
        Form::Tar => ("tar", "application/x-tar"),
        Form::Zip => ("zip", "application/zip"),
    };
    let name = format!("{}-{}.{suffix}", folder.name(), dates::stamp(folder.moment.time, folder.past.zone()));
    let body = if method == Method::HEAD { Body::empty() } else { bytes(&site, folder, form).await? };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(disposition) = HeaderValue::from_str(&raw::named("attachment", &name)) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

async fn bytes(site: &Site, folder: Folder, form: Form) -> Result<Body, Failure> {
    let what = format!("the folder {} of {}", folder.name(), folder.past.visit.bucket);
    stream::body(site, what, move |out| {
        let written = match form {
            Form::Tar => tar::write(&folder, out),
            Form::Zip => zip::write(&folder, out),
        };
        written.inspect_err(|_| folder.past.history.spoil())
    })
    .await
}

/// The permissions that a file is unpacked with; never setuid, setgid or sticky.
fn mode(entry: &Entry) -> u32 {
    let usual = match entry.kind {
        Kind::Directory => 0o755,
        Kind::Symlink => 0o777,
        Kind::File => 0o644,
    };
    entry.mode.map_or(usual, |mode| mode.without_special().bits())
}
