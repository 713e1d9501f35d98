//! Places that have lost what they said of their files: a disk that was copied without its sidecars, say.
//!
//! What says nothing of its kind, its permissions and its digest would be a file that somebody put there: a link would come down as the text of its
//! target, and everything be brought over. So where it may be what was agreed upon, it is read; if it is, it is taken for that, and noted as a
//! sighting that says nothing, until it is described once more ([`crate::afterwards`]).

use super::contested::look_at;
use super::remote::change;
use super::{View, is_unknown};
use crate::error::Error;
use crate::route::Route;
use crate::sides::Remote;
use crate::threads::blocking;
use journal::{Change, Journal, Known, RemoteSeen, Sighting};
use model::{Kind, Meta, Node, ObjectKey};
use std::sync::Arc;

/// Finds out which objects that say nothing any more hold what was agreed upon.
pub(crate) async fn recall<R: Remote>(
    route: &Route,
    side: &R,
    journal: &Arc<Journal>,
    view: &mut View,
) -> Result<(), Error> {
    let mut after = String::new();
    while side.may_forget() {
        let (asked, from, id) = (Arc::clone(journal), after, route.id);
        let page = blocking(move || asked.unsaid(id, &from)).await.map_err(Error::Journal)?;
        let Some(Known { key: last, .. }) = page.last() else { break };
        after = last.as_str().to_owned();
        let doubtful = page.into_iter().filter_map(|known| doubtful(known, side.may_be_sealed()));
        look_at(route, side, journal, view, doubtful).await?;
    }
    Ok(())
}

/// What may be as agreed, by all that is known without reading it.
fn doubtful(known: Known, may_be_sealed: bool) -> Option<(ObjectKey, RemoteSeen)> {
    let (base, seen) = (known.base?, known.remote??);
    let fits = may_be_sealed || base.agreed.remote.size == seen.node.size;
    (fits && is_unknown(&seen)).then_some((known.key, seen))
}

/// What to write down about an object of a place that may forget.
pub(super) fn news(key: ObjectKey, seen: RemoteSeen, known: Option<&Known>) -> Option<Change> {
    let seen = recalled(seen, known);
    if !known.is_some_and(|known| is_unsaid(&seen, known)) {
        return change(key, seen, known);
    }
    let is_known = known.and_then(|known| known.remote.as_ref()) == Some(&Some(seen.clone()));
    (!is_known).then_some(Change::See(Sighting::Remote(key, Some(seen))))
}

/// Bytes that say nothing of themselves are what they were, or what this machine has of them.
fn recalled(seen: RemoteSeen, known: Option<&Known>) -> RemoteSeen {
    let agreed = known.and_then(|known| known.base.as_ref()).map(|base| base.agreed.remote);
    let here = known.and_then(Known::local).map(|here| here.node).filter(|node| node.kind == Kind::Symlink);
    let is_it = |node: &Node| (node.content, node.size) == (seen.node.content, seen.node.size);
    match agreed.or(here).filter(is_it) {
        Some(node) if seen.node.meta.mode.is_none() => {
            RemoteSeen { node: Node { meta: Meta::default(), ..node }, version: seen.version }
        }
        _ => seen,
    }
}

/// Whether it is as agreed, and has lost what it said.
pub(crate) fn is_unsaid(seen: &RemoteSeen, known: &Known) -> bool {
    known.base.as_ref().is_some_and(|base| {
        let agreed = &base.agreed.remote;
        seen.node.meta == Meta::default() && agreed.meta.mode.is_some() && seen.node.same_content(agreed)
    })
}
