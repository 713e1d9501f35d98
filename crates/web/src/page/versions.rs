//! All versions of one path: people know the file, not the date.

use super::{Crumb, Frame, Pages, Section, count, crumbs};
use crate::address;
use crate::dates::When;
use crate::failure::Failure;
use crate::guest::{Door, Guest};
use crate::past::{self, LATEST, Past};
use crate::site::{Site, blocking};
use crate::timeline::{Sight, Turn};
use archive::ChangeKind;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use model::{ByteSize, Kind, RelPath};
use serde::Deserialize;
use std::sync::Arc;

const ROWS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    page: Option<usize>,
}

struct Row {
    when: When,
    change: &'static str,
    class: &'static str,
    size: String,
    view: Option<String>,
    download: Option<String>,
    changes: String,
}

#[derive(Template)]
#[template(path = "versions.html")]
struct Page {
    frame: Frame,
    crumbs: Vec<Crumb>,
    name: String,
    summary: String,
    versions: Vec<Row>,
    pages: Pages,
}

/// `GET /<bucket>/versions/<path>`.
pub(crate) async fn get(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path((bucket, path)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || {
        let visit = site.admit(&guest, Door::Pages, &bucket)?;
        let past = site.past_or_nothing(&visit)?;
        let path = past::path(&path)?;
        let turns = site.timelines.turns(&past, Some(&path))?;
        if turns.is_empty() {
            return Err(Failure::NotFound(format!("No snapshot of {} holds {path}.", visit.bucket)));
        }
        let number = asked.page.unwrap_or(1).max(1);
        let shown = turns.chunks(ROWS_MAX).nth(number - 1).unwrap_or_default();
        super::html(&Page {
            frame: Frame::within(format!("Versions of {path}"), &visit, Section::Files),
            crumbs: crumbs(&visit, LATEST, Some(&path)),
            name: path.file_name().to_owned(),
            summary: summary(&past, &turns),
            versions: shown.iter().map(|turn| row(&past, &path, turn)).collect(),
            pages: Pages::around(number, number * ROWS_MAX < turns.len(), "", ("Newer", "Older")),
        })
    })
    .await
}

fn summary(past: &Past, turns: &[Turn]) -> String {
    let versions = turns.iter().filter(|turn| turn.change != ChangeKind::Deleted).count();
    let since = turns.last().map(|first| past.when(first.time).date).unwrap_or_default();
    match versions {
        1 => format!("1 version, from {since}"),
        _ => format!("{} since {since}", count(versions, "version", "versions")),
    }
}

fn row(past: &Past, path: &RelPath, turn: &Turn) -> Row {
    let bucket = &past.visit.bucket;
    let at = turn.snapshot.short();
    let (change, class) = super::change_words(turn.change);
    let sight = turn.kind.map(|kind| match kind {
        Kind::Directory => Sight::Folder,
        Kind::File | Kind::Symlink => Sight::File,
    });
    let is_file = turn.kind == Some(Kind::File);
    Row {
        when: past.when(turn.time),
        change,
        class,
        size: turn.size.filter(|_| is_file).map(|size| ByteSize(size).to_string()).unwrap_or_default(),
        view: sight.map(|sight| address::sight(sight, bucket, &at, Some(path))),
        download: is_file.then(|| format!("{}?download", address::raw(bucket, &at, path))),
        changes: address::changes(bucket, &at, Some(path)),
    }
}
