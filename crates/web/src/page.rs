//! The pages. Each module gathers what one page shows into a struct of finished texts; its template only places them.

pub(crate) mod absent;
pub(crate) mod changes;
pub(crate) mod file;
pub(crate) mod home;
pub(crate) mod snapshots;
pub(crate) mod tree;
pub(crate) mod versions;

use crate::failure::{Failure, Trouble};
use crate::guest::{Guest, Visit};
use crate::site::Site;
use crate::{address, assets};
use archive::{ChangeKind, SnapshotInfo};
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use model::{RelPath, UserName};

/// The part of the site that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Files,
    Snapshots,
    Elsewhere,
}

/// What surrounds every page.
pub(crate) struct Frame {
    pub title: String,
    pub user: Option<String>,
    pub bucket: Option<Tabs>,
    pub section: Section,
    pub style: String,
    pub script: String,
}

/// The parts of one bucket.
pub(crate) struct Tabs {
    pub name: String,
    pub files: String,
    pub snapshots: String,
}

impl Frame {
    fn new(title: impl Into<String>, user: Option<&UserName>) -> Self {
        Self {
            title: title.into(),
            user: user.map(ToString::to_string),
            bucket: None,
            section: Section::Elsewhere,
            style: assets::style_address(),
            script: assets::script_address(),
        }
    }

    /// The frame of a page within a bucket.
    pub(crate) fn within(title: impl Into<String>, visit: &Visit, section: Section) -> Self {
        let tabs = Tabs {
            name: visit.bucket.to_string(),
            files: address::bucket(&visit.bucket),
            snapshots: address::snapshots(&visit.bucket),
        };
        Self { bucket: Some(tabs), section, ..Self::new(title, Some(&visit.user)) }
    }
}

/// One step of the way to a page; the page itself has no link.
pub(crate) struct Crumb {
    pub name: String,
    pub href: Option<String>,
}

/// The way from the bucket to a path, as of a snapshot.
pub(crate) fn crumbs(visit: &Visit, at: &str, path: Option<&RelPath>) -> Vec<Crumb> {
    let mut folders: Vec<RelPath> =
        std::iter::successors(path.and_then(RelPath::parent), RelPath::parent).collect();
    folders.reverse();
    let root = path.map(|_| address::tree(&visit.bucket, at, None));
    let mut crumbs = vec![Crumb { name: visit.bucket.to_string(), href: root }];
    crumbs.extend(folders.iter().map(|folder| Crumb {
        name: folder.file_name().to_owned(),
        href: Some(address::tree(&visit.bucket, at, Some(folder))),
    }));
    crumbs.extend(path.map(|path| Crumb { name: path.file_name().to_owned(), href: None }));
    crumbs
}

/// Links to the pages before and after this one of a long list.
#[derive(Default)]
pub(crate) struct Pages {
    pub newer: Option<String>,
    pub older: Option<String>,
    pub newer_label: &'static str,
    pub older_label: &'static str,
}

impl Pages {
    /// The neighbours of page `number` (from 1); `query` is what else stands in the address.
    fn around(number: usize, has_more: bool, query: &str, labels: (&'static str, &'static str)) -> Self {
        let link = |number: usize| match query {
            "" => format!("?page={number}"),
            _ => format!("?{query}&page={number}"),
        };
        Self {
            newer: (number > 1).then(|| link(number - 1)),
            older: has_more.then(|| link(number + 1)),
            newer_label: labels.0,
            older_label: labels.1,
        }
    }
}

/// `1 file`, `2,345 files`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2 + many.len());
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push(' ');
    text.push_str(if number == 1 { one } else { many });
    text
}

/// What a change is called, and its class in the style sheet.
pub(crate) fn change_words(change: ChangeKind) -> (&'static str, &'static str) {
    match change {
        ChangeKind::Added => ("added", "added"),
        ChangeKind::Modified => ("changed", "changed"),
        ChangeKind::Deleted => ("deleted", "deleted"),
    }
}

/// What is said on top of a snapshot that is not whole.
pub(crate) fn incomplete_note(snapshot: &SnapshotInfo) -> Option<String> {
    let reasons = &snapshot.incomplete;
    (!reasons.is_empty()).then(|| format!("This snapshot is incomplete: {}", reasons.join("; ")))
}

/// The command that clones a bucket, as this guest reaches us.
pub(crate) fn clone_command(site: &Site, guest: &Guest, visit: &Visit) -> String {
    let host = || format!("http://{}", guest.host.as_deref().unwrap_or("localhost"));
    let base = site.options.base_url.clone().unwrap_or_else(host);
    format!("git clone {base}/{}.git", visit.bucket)
}

/// A template as an answer.
pub(crate) fn html(page: &impl Template) -> Result<Response, Failure> {
    let html = page.render().map_err(|error| Failure::broken("put this page together", error))?;
    Ok(Html(html).into_response())
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    frame: Frame,
    next: &'a str,
    wrong: Option<&'a str>,
}

/// The form that opens the door.
pub(crate) fn sign_in(next: &str, wrong: Option<&str>) -> Html<String> {
    let page = SignIn { frame: Frame::new("Sign in", None), next, wrong };
    Html(page.render().expect("because writing to a String cannot fail"))
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    frame: Frame,
    status: u16,
    title: &'a str,
    advice: &'a str,
}

/// The page for whatever could not be answered.
pub(crate) fn trouble(trouble: &Trouble) -> String {
    let frame = Frame::new(trouble.title, None);
    let page =
        TroublePage { frame, status: trouble.status.as_u16(), title: trouble.title, advice: &trouble.advice };
    page.render().expect("because writing to a String cannot fail")
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0 files"),
            (1, "1 file"),
            (999, "999 files"),
            (1234, "1,234 files"),
            (1_234_567, "1,234,567 files"),
        ] {
            assert_eq!(count(number, "file", "files"), text);
        }
    }
}
