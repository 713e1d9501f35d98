//! The local side: a scan beside what is known, both in key order, and reading what changed.

use super::{BATCH, View, at, before, node_of, received, same};
use crate::error::Error;
use crate::progress::{Progress, Stage};
use crate::remember::{Note, Notes};
use crate::report::Problem;
use crate::route::Route;
use crate::sides::{LeaveOut, Local};
use crate::surveys::Surveys;
use crate::threads::{blocking, is_large};
use disk::{Extent, Found, Reason, Special, Surveyed, Waypoints};
use futures::{Stream, StreamExt as _};
use journal::{Change, Chunks, Journal, Known, KnownEntries, LocalSeen, RouteId, Sighting};
use model::{ContentId, Kind, ObjectKey};
use plan::ignore::RULES_FILE;
use std::iter::Peekable;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Files that are read at the same time to see whether they changed: enough to keep two cores and a disk busy.
const DIGESTS_AT_ONCE: usize = 4;

/// Files that wait to be read.
const UNREAD_MAX: usize = BATCH;

/// Looks at the whole folder, and records where it differs from what is known.
pub(crate) async fn local<L: Local>(
    route: &Route,
    side: &L,
    journal: &Arc<Journal>,
    notes: &Notes,
    surveys: &Surveys,
    progress: &Progress,
) -> Result<View, Error> {
    let (sender, unread) = mpsc::channel(UNREAD_MAX);
    let before = |unread: &Unread| surveyed_before(journal, route.id, unread);
    let (scanned, read) = tokio::join!(
        scan(route, side, journal, sender),
        read_changed(side, received(unread), notes, (surveys, &before), progress)
    );
    let mut view = scanned?;
    view.hidden.paths.extend(read.hidden.paths);
    view.problems.extend(read.problems);
    view.overtaken.extend(&read.overtaken);
    Ok(view)
}

/// Goes through the folder a page at a time, handing on what has to be read.
async fn scan<L: Local>(
    route: &Route,
    side: &L,
    journal: &Arc<Journal>,
    unread: mpsc::Sender<Unread>,
) -> Result<View, Error> {
    let leave_out = LeaveOut::new(route.ignore.clone());
    let (begun, rules) = (side.clone(), leave_out.clone());
    let mut look = Look {
        scan: blocking(move || begun.scan(rules)).await.map_err(Error::Local)?,
        leave_out,
        known: journal.known(route.id).peekable(),
        journal: Arc::clone(journal),
        route: route.id,
        changes: Vec::new(),
        unread: Vec::new(),
        view: View::default(),
    };
    loop {
        let page;
        (look, page) = blocking(move || {
            let page = look.page();
            (look, page)
        })
        .await;
        let page = page?;
        for file in look.unread.drain(..) {
            // The reader is gone only if the whole cycle is.
            unread.send(file).await.map_err(|_| Error::Stopped)?;
        }
        if page == Page::Last {
            let (rules, remarks) = look.leave_out.found();
            look.view.remarks.extend(remarks);
            look.view.rules = Some(rules);
            return Ok(look.view);
        }
    }
}

/// A file whose content has to be read to be known.
struct Unread {
    found: Found,
    known: Option<Known>,
}

/// A scan on its way.
struct Look<S> {
    scan: S,
    known: Peekable<KnownEntries>,
    leave_out: LeaveOut,
    journal: Arc<Journal>,
    route: RouteId,
    changes: Vec<Change>,
    unread: Vec<Unread>,
    view: View,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    More,
    Last,
}

impl<S: Iterator<Item = Result<Found, disk::Problem>>> Look<S> {
    fn page(&mut self) -> Result<Page, Error> {
        for _ in 0..BATCH {
            let Some(entry) = self.scan.next() else { return self.rest() };
            match entry {
                Ok(found) => self.find(found)?,
                Err(problem) => {
                    self.tell(&problem);
                    self.view.hidden.add(problem.path, problem.extent);
                }
            }
        }
        self.flush().map(|()| Page::More)
    }

    /// What no backup keeps is remarked upon; all else that could not be observed is the matter.
    fn tell(&mut self, problem: &disk::Problem) {
        let (key, message) = (ObjectKey::file(&problem.path), problem.to_string());
        match problem.reason {
            Reason::Unsupported(Special::Socket | Special::Pipe | Special::Device) => {
                self.view.remarks.push(Problem::special(key, message));
            }
            Reason::Unsupported(Special::Reserved) => {
                let is_at_top = problem.path.parent().is_none();
                let rule =
                    if is_at_top { format!(", or add `/{key}` to `{RULES_FILE}`") } else { String::new() };
                let message = format!("{message}: rename it{rule}");
                self.view.problems.push(Problem::found(Some(key), message));
            }
            Reason::Unreadable(_) => self.view.problems.push(Problem::found(Some(key), message)),
        }
    }

    /// What is known of keys behind the last that was found.
    fn rest(&mut self) -> Result<Page, Error> {
        while let Some(left) = self.known.next() {
            self.miss(&left.map_err(Error::Journal)?)?;
        }
        self.flush().map(|()| Page::Last)
    }

    fn find(&mut self, found: Found) -> Result<(), Error> {
        self.view.seen += 1;
        while let Some(missing) = before(&mut self.known, &found.key)? {
            self.miss(&missing)?;
        }
        let known = at(&mut self.known, &found.key);
        if found.kind == Kind::File && self.leave_out.ignores_size(found.size) {
            // Neither read nor decided upon: whatever stands on the other side stays as well.
            self.view.hidden.add(found.key.path(), Extent::Entry);
            return Ok(());
        }
        let then = known.as_ref().and_then(Known::local);
        let is_still = then.filter(|then| then.stamp == found.stamp && then.node.kind == found.kind);
        let content = match (found.kind, is_still) {
            (_, Some(_)) if !restates_the_base(known.as_ref()) => return Ok(()),
            (Kind::Directory, _) => ContentId::EMPTY,
            (_, Some(then)) => then.node.content,
            (_, None) => {
                self.unread.push(Unread { found, known });
                return Ok(());
            }
        };
        self.record(change(&found, content, known.as_ref()))
    }

    /// What the scan passed by.
    fn miss(&mut self, known: &Known) -> Result<(), Error> {
        if known.local().is_none() {
            return Ok(());
        }
        if self.view.hidden.hides(&known.key.path()) || self.leave_out.ignores_key(&known.key) {
            return Ok(());
        }
        self.record(match known.base {
            Some(_) => Change::See(Sighting::Local(known.key.clone(), None)),
            None => Change::LocalAsAgreed(known.key.clone()),
        })
    }

    fn record(&mut self, change: Change) -> Result<(), Error> {
        self.changes.push(change);
        if self.changes.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let changes = std::mem::take(&mut self.changes);
        if changes.is_empty() {
            return Ok(());
        }
        self.journal.record(self.route, &changes).map_err(Error::Journal)
    }
}

/// A sighting that says what the base says is left over from a look beside a running cycle.
fn restates_the_base(known: Option<&Known>) -> bool {
    let both = known.and_then(|known| Some((known.base.as_ref()?, known.local.as_ref()?.as_ref()?)));
    both.is_some_and(|(base, sighting)| same(&base.agreed.local, &sighting.node))
}

/// What to write down about a file whose content is known.
fn change(found: &Found, content: ContentId, known: Option<&Known>) -> Change {
    let node = node_of(found, content);
    let base = known.and_then(|known| known.base.as_ref());
    if base.is_some_and(|base| same(&base.agreed.local, &node)) {
        return Change::Stamped(found.key.clone(), found.stamp);
    }
    Change::See(Sighting::Local(found.key.clone(), Some(LocalSeen { node, stamp: found.stamp })))
}

/// What is remembered of the version that was agreed on. That it cannot be read costs time alone.
fn surveyed_before(journal: &Journal, route: RouteId, Unread { found, known }: &Unread) -> Option<Surveyed> {
    let content = known.as_ref()?.base.as_ref()?.agreed.remote.content;
    let Chunks { chunks, waypoints } = journal.chunks(route, &found.key, content).ok()??;
    Some(Surveyed { content, chunks, waypoints: Waypoints::from_bytes(waypoints) })
}

/// What a file holds. A large one is cut into chunks on the way, as far as it is not as it was before.
async fn content_of<L: Local>(
    side: &L,
    unread: &Unread,
    (surveys, before): (&Surveys, impl Fn(&Unread) -> Option<Surveyed>),
) -> Result<ContentId, disk::Error> {
    let found = &unread.found;
    if found.kind != Kind::File || !is_large(found.size) {
        return side.digest(found).await;
    }
    let surveyed = side.survey(found, before(unread)).await?;
    let content = surveyed.content;
    surveys.keep(found.key.clone(), found.stamp, surveyed);
    Ok(content)
}

async fn read_changed<L: Local>(
    side: &L,
    unread: impl Stream<Item = Unread> + Unpin,
    notes: &Notes,
    (surveys, before): (&Surveys, &impl Fn(&Unread) -> Option<Surveyed>),
    progress: &Progress,
) -> View {
    let mut view = View::default();
    let mut digests = unread
        .map(|unread| {
            progress.enter_once(Stage::Digesting);
            progress.expect(1, unread.found.size);
            async move { (content_of(side, &unread, (surveys, before)).await, unread) }
        })
        .buffer_unordered(DIGESTS_AT_ONCE);
    while let Some((digest, Unread { found, known })) = digests.next().await {
        progress.file_done();
        progress.bytes_done(found.size);
        match digest {
            Ok(content) => {
                notes.hand_in(Note { change: change(&found, content, known.as_ref()), placed: None }).await;
            }
            Err(disk::Error::Changed { .. } | disk::Error::Missing { .. }) => {
                view.overtaken.add(&found.key);
                view.hidden.add(found.key.path(), Extent::Entry);
            }
            Err(error) => {
                view.problems.push(Problem::failed(&found.key, "read", &error));
                view.hidden.add(found.key.path(), Extent::Entry);
            }
        }
    }
    view
}
