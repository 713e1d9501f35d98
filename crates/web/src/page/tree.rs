//! A folder as it was at one time.

use super::{Crumb, Frame, Pages, Section, absent, count, crumbs};
use crate::dates::When;
use crate::failure::Failure;
use crate::guest::{Door, Guest};
use crate::markdown::{self, Place};
use crate::past::{self, LATEST, Moment, Past};
use crate::site::{Site, blocking};
use crate::timeline::{self, Line, Sight};
use crate::{address, media, text};
use archive::Entry;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::{ByteSize, Kind, RelPath};
use serde::Deserialize;
use std::cmp::Reverse;
use std::sync::Arc;

/// Entries on one page; a browser on a phone stays quick.
const ROWS_MAX: usize = 1_000;
const README_SIZE_MAX: u64 = 256 * 1024;

/// The order of a listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    #[default]
    Name,
    Newest,
    Largest,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    sort: Option<Sort>,
    page: Option<usize>,
}

struct Row {
    name: String,
    href: String,
    icon: &'static str,
    when: Option<When>,
    size: String,
}

struct Readme {
    name: String,
    html: String,
}

#[derive(Template)]
#[template(path = "tree.html")]
struct Page {
    frame: Frame,
    crumbs: Vec<Crumb>,
    bucket: String,
    name: String,
    snapshots: String,
    last: When,
    time: Line,
    zip: String,
    tar: String,
    clone: String,
    s3_endpoint: Option<String>,
    incomplete: Option<String>,
    rows: Vec<Row>,
    sort: Sort,
    summary: String,
    pages: Pages,
    readme: Option<Readme>,
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting {
    frame: Frame,
    bucket: String,
    clone: String,
    s3_endpoint: Option<String>,
}

/// `GET /<bucket>`.
pub(crate) async fn latest(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(bucket): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || answer(&site, &guest, &bucket, LATEST, None, &asked)).await
}

/// `GET /<bucket>/tree/<snapshot>`.
pub(crate) async fn root(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path((bucket, snapshot)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || answer(&site, &guest, &bucket, &snapshot, None, &asked)).await
}

/// `GET /<bucket>/tree/<snapshot>/<path>`.
pub(crate) async fn folder(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path((bucket, snapshot, path)): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || answer(&site, &guest, &bucket, &snapshot, Some(&path), &asked)).await
}

fn answer(
    site: &Arc<Site>,
    guest: &Guest,
    bucket: &str,
    snapshot: &str,
    path: Option<&str>,
    asked: &Asked,
) -> Result<Response, Failure> {
    let visit = site.admit(guest, Door::Pages, bucket)?;
    let path = path.map(past::path).transpose()?;
    let Some(past) = site.past(&visit)? else {
        if path.is_some() || snapshot != LATEST {
            return Err(Failure::not_found());
        }
        return super::html(&Waiting {
            frame: Frame::within(visit.bucket.as_str(), &visit, Section::Files),
            bucket: visit.bucket.to_string(),
            clone: super::clone_command(site, guest, &visit),
            s3_endpoint: site.options.s3_endpoint.clone(),
        });
    };
    let moment = past.moment(snapshot)?;
    if let Some(path) = &path {
        match past.entry(&moment, path)?.map(|entry| entry.kind) {
            Some(Kind::Directory) => {}
            Some(_) => {
                return Ok(Redirect::to(&address::file(&visit.bucket, &moment.label, path)).into_response());
            }
            None => return absent::answer(&past, &moment, path, Sight::Folder),
        }
    }
    super::html(&page(&past, guest, &moment, path.as_ref(), asked)?)
}

fn page(
    past: &Past,
    guest: &Guest,
    moment: &Moment,
    path: Option<&RelPath>,
    asked: &Asked,
) -> Result<Page, Failure> {
    let visit = &past.visit;
    let mut entries = past.list(moment, path)?;
    let sort = asked.sort.unwrap_or_default();
    arrange(&mut entries, sort);
    let number = asked.page.unwrap_or(1).max(1);
    let shown = entries.chunks(ROWS_MAX).nth(number - 1).unwrap_or_default();
    let name = path.map_or(visit.bucket.as_str(), RelPath::file_name).to_owned();
    let query = match sort {
        Sort::Name => "",
        Sort::Newest => "sort=newest",
        Sort::Largest => "sort=largest",
    };
    let latest = past.snapshots(0, 1)?;
    Ok(Page {
        frame: Frame::within(path.map_or(visit.bucket.as_str(), RelPath::as_str), visit, Section::Files),
        crumbs: crumbs(visit, &moment.label, path),
        bucket: visit.bucket.to_string(),
        name,
        snapshots: count(past.count_snapshots()?, "snapshot", "snapshots"),
        last: past.when(latest.first().map_or(moment.time, |latest| latest.time)),
        time: timeline::line(past, moment, path, Sight::Folder)?,
        zip: address::download(&visit.bucket, &moment.label, path, "zip"),
        tar: address::download(&visit.bucket, &moment.label, path, "tar"),
        clone: super::clone_command(&past.site, guest, visit),
        s3_endpoint: past.site.options.s3_endpoint.clone().filter(|_| path.is_none()),
        incomplete: super::incomplete_note(&moment.info),
        rows: shown.iter().map(|entry| row(past, moment, entry)).collect(),
        sort,
        summary: summary(&entries, shown.len()),
        pages: Pages::around(number, number * ROWS_MAX < entries.len(), query, ("Page before", "Next page")),
        readme: readme(past, moment, path, &entries)?,
    })
}

/// Folders first, in every order.
fn arrange(entries: &mut [Entry], sort: Sort) {
    let is_file = |entry: &Entry| entry.kind != Kind::Directory;
    match sort {
        Sort::Name => {}
        Sort::Newest => entries.sort_by_key(|entry| (is_file(entry), Reverse(entry.mtime))),
        Sort::Largest => entries.sort_by_key(|entry| (is_file(entry), Reverse(entry.size))),
    }
}

fn row(past: &Past, moment: &Moment, entry: &Entry) -> Row {
    let bucket = &past.visit.bucket;
    let name = entry.path.file_name().to_owned();
    let when = entry.mtime.map(|mtime| past.when(mtime));
    let file = || address::file(bucket, &moment.label, &entry.path);
    match entry.kind {
        Kind::Directory => {
            let href = address::tree(bucket, &moment.label, Some(&entry.path));
            Row { name, href, icon: "folder", when, size: String::new() }
        }
        Kind::Symlink => Row { name, href: file(), icon: "link", when, size: "link".to_owned() },
        Kind::File => {
            let size = ByteSize(entry.size).to_string();
            Row { name, href: file(), icon: media::icon(&entry.path), when, size }
        }
    }
}

fn summary(entries: &[Entry], shown: usize) -> String {
    let folders = entries.iter().filter(|entry| entry.kind == Kind::Directory).count();
    let files = entries.len() - folders;
    let bytes: u64 = entries.iter().map(|entry| entry.size).sum();
    let mut parts = Vec::new();
    if folders > 0 {
        parts.push(count(folders, "folder", "folders"));
    }
    if files > 0 {
        parts.push(format!("{}, {}", count(files, "file", "files"), ByteSize(bytes)));
    }
    if shown < entries.len() {
        parts.push(format!("{shown} shown here"));
    }
    parts.join(" · ")
}

/// The folder's own words about itself.
fn readme(
    past: &Past,
    moment: &Moment,
    path: Option<&RelPath>,
    entries: &[Entry],
) -> Result<Option<Readme>, Failure> {
    let is_readme = |entry: &&Entry| {
        let name = entry.path.file_name().to_ascii_lowercase();
        entry.kind == Kind::File
            && matches!(name.as_str(), "readme.md" | "readme.markdown" | "readme.txt" | "readme")
            && entry.size <= README_SIZE_MAX
    };
    // The richest form first; `README.md` sorts before `README.txt`.
    let found = entries
        .iter()
        .filter(is_readme)
        .min_by_key(|entry| media::show(&entry.path) != media::Show::Markdown);
    let Some(entry) = found else { return Ok(None) };
    let bytes = past.read(moment, entry, README_SIZE_MAX)?;
    let Some(words) = text::decode(&bytes) else { return Ok(None) };
    let html = if media::show(&entry.path) == media::Show::Markdown {
        let place =
            Place { bucket: past.visit.bucket.clone(), at: moment.label.clone(), folder: path.cloned() };
        markdown::render(&words, &place)
    } else {
        let mut html = "<pre>".to_owned();
        crate::highlight::escape_into(&mut html, &words);
        html + "</pre>"
    };
    Ok(Some(Readme { name: entry.path.file_name().to_owned(), html }))
}
