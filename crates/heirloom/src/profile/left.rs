//! Places that this machine has synced with and that its profile no longer names: a state or destination was renamed, or got more folders.
//!
//! A route is known by its folder and by where that goes, so another name is another place: the folder is sent there, and what was is left
//! where it is. Nothing is moved or deleted for it, because other machines may still go there; it is told until a person says to forget it.

use super::routes::key;
use crate::config::Laptop;
use crate::report::{Message, counted};
use journal::{Error, Journal, RouteId, RouteKey};
use serde::Serialize;
use std::fmt;
use sync::Route;

/// A place that was left behind.
pub(crate) struct Left {
    pub(crate) id: RouteId,
    pub(crate) key: RouteKey,
    /// Paths that were there when it was last synced.
    paths: u64,
}

/// All of them at which something is.
pub(crate) fn behind(laptop: &Laptop, journal: &Journal) -> Result<Vec<Left>, Error> {
    let live = live(laptop);
    let is_named = |key: &RouteKey| {
        live.iter().any(|live| (&live.destination, &live.prefix) == (&key.destination, &key.prefix))
    };
    let mut left = Vec::new();
    for (id, key) in journal.routes()?.into_iter().filter(|(_, key)| !is_named(key)) {
        let paths = journal.count_agreed(id, "*")?;
        if paths > 0 {
            left.push(Left { id, key, paths });
        }
    }
    Ok(left)
}

/// What to tell of routes that have never been run, about where their folders went before.
pub(crate) fn told_at_the_start<'r>(
    laptop: &Laptop,
    journal: &Journal,
    routes: impl Iterator<Item = &'r Route>,
) -> Result<Vec<String>, Error> {
    let left = behind(laptop, journal)?;
    let mut told = Vec::new();
    for route in routes {
        if !left.is_empty() && journal.last_runs(route.id, 1)?.is_empty() {
            told.extend(left.iter().filter_map(|left| left.told_of(laptop, route)));
        }
    }
    Ok(told)
}

fn live(laptop: &Laptop) -> Vec<RouteKey> {
    let states = laptop.states.values();
    let routes = states.flat_map(|state| {
        let folders = move |destination| state.folders.iter().map(move |folder| (destination, folder));
        state.destinations.iter().flat_map(folders)
    });
    routes.map(|(destination, folder)| key(destination.as_str(), folder)).collect()
}

impl Left {
    /// The place's name at its destination.
    pub(crate) fn name(&self) -> &str {
        self.key.prefix.trim_end_matches('/')
    }

    fn told_of(&self, laptop: &Laptop, route: &Route) -> Option<String> {
        let RouteKey { destination, prefix, folder } = &self.key;
        if *folder != route.folder {
            return None;
        }
        let (folder, name, now) = (folder.display(), route.name(), &route.prefix);
        if *destination == route.destination {
            return Some(format!(
                "{name}: {folder} went to {prefix} so far and goes to {now} from now on, so all of it is sent there; what is in {prefix} stays, and nothing of \
                 this machine goes there any more"
            ));
        }
        let is_renamed = laptop.destinations.keys().all(|known| known.as_str() != destination);
        (is_renamed && *prefix == now.as_str()).then(|| {
            format!(
                "{name}: if {} is what was called {destination}, both sides are put together: what was deleted on one of them since the last sync comes back",
                route.destination
            )
        })
    }
}

/// One of them, for `status`.
#[derive(Serialize)]
pub(crate) struct LeftBehind {
    destination: String,
    place: String,
    folder: String,
    paths: u64,
}

impl From<&Left> for LeftBehind {
    fn from(left: &Left) -> Self {
        let RouteKey { destination, folder, .. } = &left.key;
        Self {
            destination: destination.clone(),
            place: left.name().to_owned(),
            folder: folder.display().to_string(),
            paths: left.paths,
        }
    }
}

impl Message for LeftBehind {
    const TYPE: &'static str = "left_behind";
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, place, folder, paths } = self;
        let forget = crate::printed::command(&format!("state forget {}", crate::printed::word(place)));
        let (paths, are) = (counted(*paths, "path"), if *paths == 1 { "is" } else { "are" });
        write!(
            f,
            "{paths} of {folder} {are} left in {place} at {destination}, which no state names any more; nothing is deleted there, and `{forget}` ends this line"
        )
    }
}
