//! A file as it was at one time.

use super::{Crumb, Frame, Section, absent, count, crumbs};
use crate::failure::Failure;
use crate::guest::{Door, Guest};
use crate::markdown::{self, Place};
use crate::media::{self, Show};
use crate::past::{self, Moment, Past};
use crate::site::{Site, blocking};
use crate::timeline::{self, Line, Sight};
use crate::{address, highlight, text};
use archive::Entry;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::{ByteSize, Kind, RelPath};
use serde::Deserialize;
use std::sync::Arc;

/// More text than this is offered for download only.
const TEXT_SIZE_MAX: u64 = 1 << 20;
const TARGET_SIZE_MAX: u64 = 64 * 1024;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    view: Option<String>,
}

/// Both ways to look at a Markdown file.
struct Toggle {
    rendered: String,
    source: String,
    is_source: bool,
}

struct Target {
    target: String,
    href: Option<String>,
}

enum Content {
    Lines {
        lines: Arc<Vec<String>>,
        prose: bool,
    },
    Markdown(String),
    Image,
    Audio,
    Video,
    Pdf,
    Symlink(Target),
    Empty,
    /// Why nothing is shown.
    Nothing(&'static str),
}

#[derive(Template)]
#[template(path = "file.html")]
struct Page {
    frame: Frame,
    crumbs: Vec<Crumb>,
    name: String,
    icon: &'static str,
    versions: String,
    download: String,
    raw: String,
    time: Line,
    facts: String,
    size: String,
    toggle: Option<Toggle>,
    content: Content,
}

/// `GET /<bucket>/file/<snapshot>/<path>`.
pub(crate) async fn get(
    State(site): State<Arc<Site>>,
    guest: Guest,
    Path((bucket, snapshot, path)): Path<(String, String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    blocking(move || {
        let visit = site.admit(&guest, Door::Pages, &bucket)?;
        let past = site.past_or_nothing(&visit)?;
        let moment = past.moment(&snapshot)?;
        let path = past::path(&path)?;
        match past.entry(&moment, &path)? {
            Some(entry) if entry.kind == Kind::Directory => {
                Ok(Redirect::to(&address::tree(&visit.bucket, &moment.label, Some(&path))).into_response())
            }
            Some(entry) => super::html(&page(&past, &moment, &entry, &asked)?),
            None => absent::answer(&past, &moment, &path, Sight::File),
        }
    })
    .await
}

fn page(past: &Past, moment: &Moment, entry: &Entry, asked: &Asked) -> Result<Page, Failure> {
    let (visit, path) = (&past.visit, &entry.path);
    let is_source = asked.view.as_deref() == Some("source");
    let content = content(past, moment, entry, is_source)?;
    let here = address::file(&visit.bucket, &moment.label, path);
    let is_markdown = media::show(path) == Show::Markdown && entry.kind == Kind::File;
    let toggle = (is_markdown && matches!(content, Content::Markdown(_) | Content::Lines { .. }))
        .then(|| Toggle { source: format!("{here}?view=source"), rendered: here, is_source });
    let raw = address::raw(&visit.bucket, &moment.label, path);
    Ok(Page {
        frame: Frame::within(path.as_str(), visit, Section::Files),
        crumbs: crumbs(visit, &moment.label, Some(path)),
        name: path.file_name().to_owned(),
        icon: media::icon(path),
        versions: address::versions(&visit.bucket, Some(path)),
        download: format!("{raw}?download"),
        raw,
        time: timeline::line(past, moment, Some(path), Sight::File)?,
        facts: facts(past, entry, &content),
        size: ByteSize(entry.size).to_string(),
        toggle,
        content,
    })
}

fn facts(past: &Past, entry: &Entry, content: &Content) -> String {
    let mut facts = vec![ByteSize(entry.size).to_string()];
    if let Content::Lines { lines, .. } = content {
        facts.push(count(lines.len(), "line", "lines"));
    }
    facts.extend(entry.mtime.map(|mtime| format!("changed {}", past.when(mtime).full)));
    facts.join(" · ")
}

fn content(past: &Past, moment: &Moment, entry: &Entry, is_source: bool) -> Result<Content, Failure> {
    if entry.kind == Kind::Symlink {
        let target = past.read(moment, entry, TARGET_SIZE_MAX)?;
        return symlink(past, moment, entry, &target).map(Content::Symlink);
    }
    if entry.size == 0 {
        return Ok(Content::Empty);
    }
    let show = media::show(&entry.path);
    match show {
        Show::Image => return Ok(Content::Image),
        Show::Audio => return Ok(Content::Audio),
        Show::Video => return Ok(Content::Video),
        Show::Pdf => return Ok(Content::Pdf),
        Show::Markdown | Show::Unknown => {}
    }
    if entry.size > TEXT_SIZE_MAX {
        return Ok(Content::Nothing("Too large to show here"));
    }
    let bytes = past.read(moment, entry, TEXT_SIZE_MAX)?;
    let Some(words) = text::decode(&bytes) else { return Ok(Content::Nothing("This is not a text")) };
    if show == Show::Markdown && !is_source {
        let (bucket, at, folder) = (past.visit.bucket.clone(), moment.label.clone(), entry.path.parent());
        return Ok(Content::Markdown(markdown::render(&words, &Place { bucket, at, folder })));
    }
    let name = entry.path.file_name();
    let syntax = highlight::syntax_for(name, &words);
    let key = (entry.id.to_string(), name.to_owned());
    let lines = past.site.highlights.get(&key).unwrap_or_else(|| {
        let lines = Arc::new(highlight::lines(&words, syntax));
        let weight = lines.iter().map(|line| line.len() + size_of::<String>()).sum();
        past.site.highlights.put(key, Arc::clone(&lines), weight);
        lines
    });
    // Letters wrap; code does not.
    Ok(Content::Lines { lines, prose: syntax.is_none() })
}

/// Where a link points, and the page of it if that lies in the same snapshot.
fn symlink(past: &Past, moment: &Moment, entry: &Entry, target: &[u8]) -> Result<Target, Failure> {
    let shown = String::from_utf8_lossy(target).into_owned();
    let Some(path) = follow(&entry.path, target) else { return Ok(Target { target: shown, href: None }) };
    let sight = past.entry(moment, &path)?.map(|found| match found.kind {
        Kind::Directory => Sight::Folder,
        Kind::File | Kind::Symlink => Sight::File,
    });
    let href = sight.map(|sight| address::sight(sight, &past.visit.bucket, &moment.label, Some(&path)));
    Ok(Target { target: shown, href })
}

/// The path that a relative target names, seen from the link; never outside the bucket.
fn follow(link: &RelPath, target: &[u8]) -> Option<RelPath> {
    if target.starts_with(b"/") {
        return None;
    }
    let parent = link.parent().map(|parent| parent.to_os_bytes()).unwrap_or_default();
    let mut parts: Vec<&[u8]> = parent.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    RelPath::from_os_bytes(&parts.join(&b'/')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_within_the_bucket_only() {
        let link = RelPath::from_key("photos/2026/best.jpg").unwrap();
        let followed = |target: &[u8]| follow(&link, target).map(|path| path.as_str().to_owned());
        assert_eq!(followed(b"a.jpg").as_deref(), Some("photos/2026/a.jpg"));
        assert_eq!(followed(b"../../letters/./a.md").as_deref(), Some("letters/a.md"));
        assert_eq!(followed(b"../../../etc/passwd"), None);
        assert_eq!(followed(b"/etc/passwd"), None);
        assert_eq!(followed(b"../.."), None, "the root has its own page");
    }
}
