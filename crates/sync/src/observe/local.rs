//! The local side: a scan beside what is known, both in key order, and reading what changed.

use super::{BATCH, View, node_of, received, same, shape};
use crate::error::Error;
use crate::progress::{Progress, Stage};
use crate::remember::{Note, Notes};
use crate::report::Problem;
use crate::route::Route;
use crate::sides::{LeaveOut, Local};
use disk::{Extent, Found};
use futures::{Stream, StreamExt as _};
use journal::{Change, Journal, Known, LocalSeen, Sighting};
use model::{ContentId, Kind};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Files that are read at the same time to see whether they changed: enough to keep two cores and a disk busy.
const DIGESTS_AT_ONCE: usize = 4;

/// Files that wait to be read.
const UNREAD_MAX: usize = 1_000;

/// Looks at the whole folder, and records where it differs from what is known.
pub(crate) async fn local<L: Local>(
    route: &Route,
    side: &L,
    journal: &Arc<Journal>,
    notes: &Notes,
    progress: &Progress,
) -> Result<View, Error> {
    let (sender, unread) = mpsc::channel(UNREAD_MAX);
    let scan = Scan {
        side: side.clone(),
        journal: Arc::clone(journal),
        route: route.clone(),
        unread: sender,
        changes: Vec::new(),
        view: View::default(),
    };
    let scanning = tokio::task::spawn_blocking(move || scan.run());
    let read = read_changed(side, received(unread), notes, progress).await;
    let mut view = scanning.await.expect("scanning does not panic")?;
    view.hidden.paths.extend(read.hidden.paths);
    view.problems.extend(read.problems);
    view.overtaken += read.overtaken;
    Ok(view)
}

/// A file whose content has to be read to be known.
struct Unread {
    found: Found,
    known: Option<Known>,
}

struct Scan<L> {
    side: L,
    journal: Arc<Journal>,
    route: Route,
    unread: mpsc::Sender<Unread>,
    changes: Vec<Change>,
    view: View,
}

impl<L: Local> Scan<L> {
    fn run(mut self) -> Result<View, Error> {
        let journal = Arc::clone(&self.journal);
        let mut known = journal.known(self.route.id).peekable();
        let ignore = self.route.ignore.clone();
        let leave_out: LeaveOut = Arc::new(move |path, kind| ignore.ignores(path, shape(kind)));
        let mut failed = None;
        let side = self.side.clone();
        side.scan(&leave_out, &mut |entry| {
            if failed.is_none() {
                failed = self.take(entry, &mut known).err();
            }
        })
        .map_err(Error::Local)?;
        if let Some(error) = failed {
            return Err(error);
        }
        for left in known {
            self.miss(&left.map_err(Error::Journal)?)?;
        }
        self.flush()?;
        Ok(self.view)
    }

    fn take(
        &mut self,
        entry: Result<Found, disk::Problem>,
        known: &mut std::iter::Peekable<journal::KnownEntries<'_>>,
    ) -> Result<(), Error> {
        let found = match entry {
            Ok(found) => found,
            Err(problem) => {
                let key = Some(model::ObjectKey::file(&problem.path));
                self.view.problems.push(Problem { key, message: problem.to_string() });
                self.view.hidden.add(problem.path, problem.extent);
                return Ok(());
            }
        };
        self.view.seen += 1;
        let same = loop {
            match known.peek() {
                Some(Ok(next)) if next.key < found.key => {
                    let missing = known.next().expect("it was peeked at").map_err(Error::Journal)?;
                    self.miss(&missing)?;
                }
                Some(Ok(next)) if next.key == found.key => break known.next(),
                Some(Err(_)) => break known.next(),
                Some(Ok(_)) | None => break None,
            }
        };
        self.see(found, same.transpose().map_err(Error::Journal)?)
    }

    fn see(&mut self, found: Found, known: Option<Known>) -> Result<(), Error> {
        let then = known.as_ref().and_then(Known::local);
        let is_still = then.is_some_and(|then| then.stamp == found.stamp && then.node.kind == found.kind);
        if is_still && !restates_the_base(known.as_ref()) {
            return Ok(());
        }
        if found.kind == Kind::Directory {
            return self.record(change(&found, ContentId::EMPTY, known.as_ref()));
        }
        if let Some(then) = then.filter(|_| is_still) {
            return self.record(change(&found, then.node.content, known.as_ref()));
        }
        // The reader is gone only if the whole cycle is.
        self.unread.blocking_send(Unread { found, known }).map_err(|_| Error::Stopped)
    }

    /// What the scan passed by.
    fn miss(&mut self, known: &Known) -> Result<(), Error> {
        if known.local().is_none() {
            return Ok(());
        }
        let path = known.key.path();
        let kind = if known.key.is_directory() { Kind::Directory } else { Kind::File };
        if self.view.hidden.hides(&path) || self.route.ignore.ignores(&path, shape(kind)) {
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
        self.journal.record(self.route.id, &changes).map_err(Error::Journal)
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

async fn read_changed<L: Local>(
    side: &L,
    unread: impl Stream<Item = Unread> + Unpin,
    notes: &Notes,
    progress: &Progress,
) -> View {
    let mut view = View::default();
    let mut digests = unread
        .map(|unread| {
            progress.enter_once(Stage::Digesting);
            progress.expect(1, unread.found.size);
            async move { (side.digest(&unread.found).await, unread) }
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
                view.overtaken += 1;
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
