//! Looking into objects of which the store does not tell what they hold: those that are sealed, and those in parts by clients that left no digest.
//!
//! As a rule that is not needed: what is new on one side only is brought over, whatever it is. Where the machine has something of its own at the
//! same key, it decides: the same content is no conflict, and what cannot be opened is never decided upon. Each version is read once
//! and let go again; what it was found to hold is a sighting like any other. What differs may be sealed although the store tells its digest: nothing
//! is put aside for that.

use super::remote::change;
use super::{View, is_unknown, unsaid};
use crate::error::Error;
use crate::report::Problem;
use crate::route::Route;
use crate::sides::Remote;
use crate::threads::blocking;
use disk::Extent;
use futures::StreamExt as _;
use journal::{Contested, Inside, Journal, RemoteSeen};
use model::{Node, ObjectKey};
use std::sync::Arc;

/// Objects that are read at the same time.
const AT_ONCE: usize = 4;

/// Finds out what the objects hold that both sides claim. What nobody can tell is hidden.
pub(crate) async fn look_into<R: Remote>(
    route: &Route,
    side: &R,
    journal: &Arc<Journal>,
    view: &mut View,
) -> Result<(), Error> {
    let mut after = String::new();
    loop {
        let (asked, from, id) = (Arc::clone(journal), after, route.id);
        let page = blocking(move || asked.contested(id, &from)).await.map_err(Error::Journal)?;
        let Some(Contested { key: last, .. }) = page.last() else { return Ok(()) };
        after = last.as_str().to_owned();
        let differs = |one: &Contested| one.there.node.content != one.here && !one.key.is_directory();
        let doubtful = page
            .into_iter()
            .filter(|one| is_unknown(&one.there) || side.looks_inside() && differs(one))
            .map(|one| (one.key, one.there));
        look_at(route, side, journal, view, doubtful).await?;
    }
}

/// Looks into these objects, and takes down what they hold.
pub(super) async fn look_at<R: Remote>(
    route: &Route,
    side: &R,
    journal: &Arc<Journal>,
    view: &mut View,
    doubtful: impl Iterator<Item = (ObjectKey, RemoteSeen)>,
) -> Result<(), Error> {
    let mut looks =
        futures::stream::iter(doubtful)
            .map(|(key, seen)| async move {
                (side.look_into(&key, &seen.version, seen.node.size).await, key, seen)
            })
            .buffer_unordered(AT_ONCE);
    while let Some((looked, key, seen)) = looks.next().await {
        match looked {
            Ok(inside) => take_down(route, journal, key, seen, inside, side.may_forget()).await?,
            Err(error) => give_up(view, &key, error)?,
        }
    }
    Ok(())
}

async fn take_down(
    route: &Route,
    journal: &Arc<Journal>,
    key: ObjectKey,
    seen: RemoteSeen,
    Inside { content, size }: Inside,
    may_forget: bool,
) -> Result<(), Error> {
    let (journal, id) = (Arc::clone(journal), route.id);
    let record = move || {
        let known = journal.known_at(id, &key)?;
        let seen = RemoteSeen { node: Node { content, size, ..seen.node }, version: seen.version };
        let note = if may_forget { unsaid::news } else { change };
        let changes: Vec<_> = note(key, seen, known.as_ref()).into_iter().collect();
        journal.record(id, &changes)
    };
    blocking(record).await.map_err(Error::Journal)
}

fn give_up(view: &mut View, key: &ObjectKey, error: bucket::Error) -> Result<(), Error> {
    use bucket::Error as Failed;
    match &error {
        Failed::Changed { .. } | Failed::NotFound { .. } => view.overtaken.add(key),
        Failed::Locked { .. } | Failed::Rejected { .. } | Failed::Other { .. } => {
            view.problems.push(Problem::failed(key, "compared", &error));
        }
        Failed::Unreachable { .. }
        | Failed::WrongKey { .. }
        | Failed::NoSuchBucket { .. }
        | Failed::Absent { .. }
        | Failed::Emptied { .. }
        | Failed::NoSpace { .. } => return Err(Error::Remote(error)),
    }
    view.hidden.add(key.path(), Extent::Entry);
    Ok(())
}
