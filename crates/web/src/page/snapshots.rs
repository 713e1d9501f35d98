//! All snapshots, newest first, by day.

use super::{Frame, Pages, Section, count};
use crate::address;
use crate::dates::When;
use crate::failure::Failure;
use crate::guest::{Door, Guest};
use crate::past::Past;
use crate::site::{Site, blocking};
use archive::SnapshotInfo;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

const ROWS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    page: Option<usize>,
}

struct Day {
    name: String,
    snapshots: Vec<Row>,
}

struct Row {
    when: When,
    subject: String,
    tree: String,
    changes: String,
    incomplete: Option<String>,
}

#[derive(Template)]
#[template(path = "snapshots.html")]
struct Page {
    frame: Frame,
    summary: String,
    days: Vec<Day>,
    pages: Pages,
}

/// `GET /<bucket>/snapshots`.
pub(crate) async fn get(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path(bucket): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || {
        let visit = site.admit(&guest, Door::Pages, &bucket)?;
        let Some(past) = site.past(&visit)? else {
            return Ok(Redirect::to(&address::bucket(&visit.bucket)).into_response());
        };
        let number = asked.page.unwrap_or(1).max(1);
        // One more than is shown tells whether there are older ones.
        let mut found = past.snapshots((number - 1).saturating_mul(ROWS_MAX), ROWS_MAX + 1)?;
        let has_more = found.len() > ROWS_MAX;
        found.truncate(ROWS_MAX);
        super::html(&Page {
            frame: Frame::within(format!("Snapshots of {}", visit.bucket), &visit, Section::Snapshots),
            summary: count(past.count_snapshots()?, "snapshot", "snapshots"),
            days: by_day(&past, &found),
            pages: Pages::around(number, has_more, "", ("Newer", "Older")),
        })
    })
    .await
}

fn by_day(past: &Past, snapshots: &[SnapshotInfo]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for snapshot in snapshots {
        let row = row(past, snapshot);
        match days.last_mut().filter(|day| day.name == row.when.day) {
            Some(day) => day.snapshots.push(row),
            None => days.push(Day { name: row.when.day.clone(), snapshots: vec![row] }),
        }
    }
    days
}

fn row(past: &Past, snapshot: &SnapshotInfo) -> Row {
    let at = snapshot.id.short();
    Row {
        when: past.when(snapshot.time),
        subject: snapshot.subject.clone(),
        tree: address::tree(&past.visit.bucket, &at, None),
        changes: address::changes(&past.visit.bucket, &at, None),
        incomplete: (!snapshot.incomplete.is_empty()).then(|| snapshot.incomplete.join("; ")),
    }
}
