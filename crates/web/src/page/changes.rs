//! What a snapshot changed, and how texts differ.

use super::{Crumb, Frame, Pages, Section, count};
use crate::compare::{self, Comparison};
use crate::dates::When;
use crate::failure::Failure;
use crate::guest::{Door, Guest};
use crate::past::{self, Moment, Past};
use crate::site::{Site, blocking};
use crate::{address, text};
use archive::{Change, ChangeKind};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use model::{Kind, RelPath};
use serde::Deserialize;
use std::sync::Arc;

const ROWS_MAX: usize = 500;
/// Texts compared right on the page of a whole snapshot; the others are one click away.
const COMPARED_MAX: usize = 20;
/// Compared lines on such a page.
const LINES_MAX: usize = 4_000;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    page: Option<usize>,
}

struct Row {
    path: String,
    change: &'static str,
    class: &'static str,
    href: Option<String>,
    before: Option<String>,
    alone: Option<String>,
    versions: String,
}

struct Compared {
    path: String,
    anchor: String,
    counts: String,
    comparison: Comparison,
}

#[derive(Template)]
#[template(path = "changes.html")]
struct Page {
    frame: Frame,
    crumbs: Vec<Crumb>,
    when: When,
    subject: String,
    tree: String,
    earlier: Option<String>,
    incomplete: Option<String>,
    rows: Vec<Row>,
    pages: Pages,
    diffs: Vec<Compared>,
}

/// A snapshot beside the one before it.
struct Pair<'a> {
    past: &'a Past,
    after: Moment,
    /// `None` for the first snapshot.
    before: Option<Moment>,
}

/// `GET /<bucket>/changes/<snapshot>`.
pub(crate) async fn all(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path((bucket, snapshot)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || answer(&site, &guest, &bucket, &snapshot, None, &asked)).await
}

/// `GET /<bucket>/changes/<snapshot>/<path>`.
pub(crate) async fn one(
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
    let past = site.past_or_nothing(&visit)?;
    let path = path.map(past::path).transpose()?;
    let after = past.moment(snapshot)?;
    let before = after.info.parent.map(|parent| past.moment(&parent.to_string())).transpose()?;
    let pair = Pair { past: &past, after, before };
    super::html(&page(&pair, path.as_ref(), asked)?)
}

fn page(pair: &Pair<'_>, path: Option<&RelPath>, asked: &Asked) -> Result<Page, Failure> {
    let (past, after) = (pair.past, &pair.after);
    let bucket = &past.visit.bucket;
    let at = after.id.short();
    let found = past.history.changes(&after.id);
    let mut changes = found.map_err(|error| past.broken(&format!("compare snapshot {at}"), path, error))?;
    if let Some(path) = path {
        changes.retain(|change| change.path == *path || change.path.is_below(path));
    }
    let number = asked.page.unwrap_or(1).max(1);
    let shown = changes.chunks(ROWS_MAX).nth(number - 1).unwrap_or_default();
    let diffs = if number == 1 { compared(pair, shown)? } else { Vec::new() };
    let is_compared = |row: &Row| diffs.iter().any(|diff| diff.path == row.path);
    let mut rows: Vec<Row> = shown.iter().map(|change| row(pair, change)).collect();
    for row in &mut rows {
        if is_compared(row) || path.is_some_and(|path| path.as_str() == row.path) {
            row.alone = None;
        }
    }
    let crumb = |name: &str, href| Crumb { name: name.to_owned(), href: Some(href) };
    let mut crumbs =
        vec![crumb(bucket.as_str(), address::bucket(bucket)), crumb("Snapshots", address::snapshots(bucket))];
    crumbs.extend(path.map(|path| crumb(path.as_str(), address::versions(bucket, Some(path)))));
    Ok(Page {
        frame: Frame::within(
            format!("What changed {}", past.when(after.time).full),
            &past.visit,
            Section::Snapshots,
        ),
        crumbs,
        when: past.when(after.time),
        subject: path.map_or_else(|| after.info.subject.clone(), |path| format!("What happened to {path}")),
        tree: address::tree(bucket, &at, None),
        earlier: pair
            .before
            .as_ref()
            .filter(|_| path.is_none())
            .map(|before| address::changes(bucket, &before.label, None)),
        incomplete: super::incomplete_note(&after.info),
        rows,
        pages: Pages::around(number, number * ROWS_MAX < changes.len(), "", ("Page before", "Next page")),
        diffs,
    })
}

fn row(pair: &Pair<'_>, change: &Change) -> Row {
    let (bucket, path) = (&pair.past.visit.bucket, &change.path);
    let (words, class) = super::change_words(change.kind);
    let file = |moment: &Moment| address::file(bucket, &moment.label, path);
    let is_there = change.kind != ChangeKind::Deleted;
    let was_there = change.kind != ChangeKind::Added;
    Row {
        path: path.to_string(),
        change: words,
        class,
        href: is_there.then(|| address::file(bucket, &pair.after.id.short(), path)),
        before: pair.before.as_ref().filter(|_| was_there).map(file),
        alone: (is_there && was_there).then(|| address::changes(bucket, &pair.after.id.short(), Some(path))),
        versions: address::versions(bucket, Some(path)),
    }
}

/// The comparisons of the first texts that changed.
fn compared(pair: &Pair<'_>, changes: &[Change]) -> Result<Vec<Compared>, Failure> {
    let mut all: Vec<Compared> = Vec::new();
    let mut lines = 0;
    for change in changes {
        if all.len() >= COMPARED_MAX || lines >= LINES_MAX {
            break;
        }
        // A whole new or deleted text is one click away; comparing it with nothing says no more.
        if change.kind != ChangeKind::Modified {
            continue;
        }
        let Some(before) =
            pair.before.as_ref().map(|before| words(pair.past, before, &change.path)).transpose()?.flatten()
        else {
            continue;
        };
        let Some(after) = words(pair.past, &pair.after, &change.path)? else { continue };
        let comparison = compare::compare(&before, &after);
        if comparison.lines.is_empty() {
            continue;
        }
        lines += comparison.lines.len();
        all.push(Compared {
            path: change.path.to_string(),
            anchor: format!("diff-{}", all.len() + 1),
            counts: format!(
                "{} added, {} removed",
                count(comparison.added as usize, "line", "lines"),
                comparison.removed
            ),
            comparison,
        });
    }
    Ok(all)
}

/// A file's text, if it is one and not too long.
fn words(past: &Past, moment: &Moment, path: &RelPath) -> Result<Option<String>, Failure> {
    let Some(entry) = past.entry(moment, path)? else { return Ok(None) };
    if entry.kind != Kind::File || entry.size > compare::SIZE_MAX {
        return Ok(None);
    }
    let bytes = past.read(moment, &entry, compare::SIZE_MAX)?;
    Ok(text::decode(&bytes).map(std::borrow::Cow::into_owned))
}
