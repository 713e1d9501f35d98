//! From states and destinations to routes: one for each folder of a state on its way to each destination.

use super::live::Live;
use crate::config::destination::{self, Destination};
use crate::config::join::Join;
use crate::config::laptop::{DestinationName, Folder, Laptop};
use crate::config::{Error, apart};
use crate::failure::{Exit, Explain as _, Failure};
use bucket::{Bucket, Limits, Plain, Prefix, plain};
use journal::{Journal, RouteKey};
use model::{MachineName, StateName};
use plan::ignore::IgnoreRules;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync::{Place, Route, Sealed, Store};

/// Requests to one bucket in flight.
pub(crate) const CONCURRENCY: usize = 64;

/// The same for a server of plain files, which is most often a small one.
const CONCURRENCY_PLAIN: usize = 16;

/// A route with everything it runs on.
#[derive(Clone)]
pub(crate) struct Wired {
    pub(crate) route: Route,
    pub(crate) place: Sealed<Place>,
    pub(crate) interval: Duration,
    /// What its runs share.
    pub(crate) live: Live,
}

/// Opens the machine's journal, and says so if a damaged one had to be set aside.
pub(crate) fn open_journal(state_dir: &Path) -> Result<Arc<Journal>, Failure> {
    let journal = Journal::open(&state_dir.join("journal.db"))?;
    if let Some(aside) = journal.recovered() {
        tracing::warn!(
            aside = %aside.display(),
            "the journal was damaged and has been set aside; the next cycle compares everything anew"
        );
    }
    Ok(Arc::new(journal))
}

/// A client of the bucket that a join file describes. No request is made yet.
pub(crate) fn connect(join: &Join, limits: &Limits) -> Result<Bucket, Failure> {
    let options = bucket::Options {
        endpoint: join.endpoint.to_string(),
        region: join.region.clone(),
        bucket: join.bucket.clone(),
        access_key_id: join.access_key_id.clone(),
        secret_access_key: join.secret_access_key.reveal().to_owned(),
        concurrency: CONCURRENCY,
        limits: limits.clone(),
    };
    Ok(Bucket::connect(&options)?)
}

/// What a laptop's routes came to.
pub(crate) struct Routes {
    /// Those that can be run.
    pub(crate) wired: Vec<Wired>,
    /// What is wanted and cannot be used yet, which holds up none of the others.
    pub(crate) unready: Vec<Unready>,
}

/// What a route needs of the profile, and others may do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A destination.
    Destination(DestinationName),
    /// A state.
    State(StateName),
}

/// A part of which something cannot be read that is needed to use it: a destination's join file or password, a state's keys.
pub(crate) struct Unready {
    pub(crate) part: Part,
    failure: Failure,
    /// What it keeps from being synced; at least one.
    pub(crate) routes: Vec<Route>,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(name) => write!(f, "destination `{name}`"),
            Self::State(name) => write!(f, "state `{name}`"),
        }
    }
}

impl Unready {
    /// Why, to be said once more.
    pub(crate) fn failure(&self) -> Failure {
        self.failure.told().failure()
    }

    /// The join file that the cloud has yet to write, if that is all there is to it.
    pub(crate) fn awaits(&self) -> Option<&Path> {
        match self.failure.cause::<Error>() {
            Some(Error::JoinMissing { path }) => Some(path),
            _ => None,
        }
    }

    /// The file that could not be read, if that is why.
    pub(crate) fn unread(&self) -> Option<&Path> {
        match self.failure.cause::<Error>() {
            Some(Error::IdentityFile { path, .. } | Error::SecretFile { path, .. }) => Some(path),
            _ => None,
        }
    }
}

impl Routes {
    /// Those there are; if all there is to be done waits for join files, that.
    pub(crate) fn any(mut self) -> Result<Self, Failure> {
        let waits = self.wired.is_empty() && self.unready.iter().all(|one| one.awaits().is_some());
        match self.unready.pop_if(|_| waits) {
            Some(one) => Err(one.failure),
            None => Ok(self),
        }
    }

    /// All of them, or why not.
    pub(crate) fn complete(self) -> Result<Vec<Wired>, Failure> {
        match self.unready.into_iter().next() {
            None => Ok(self.wired),
            Some(unready) => Err(unready.failure),
        }
    }
}

/// The routes of a laptop's states, ready to run; of `wanted` only, if that names any.
pub(crate) fn of_laptop(
    laptop: &Laptop,
    journal: &Arc<Journal>,
    wanted: &[StateName],
    limits: &Limits,
) -> Result<Routes, Failure> {
    refuse_nesting(laptop)?;
    let mut routes = Routes { wired: Vec::new(), unready: Vec::new() };
    let (mut stores, mut keys) = (Known::default(), Known::default());
    for (route, destination, interval) in named(laptop, journal, wanted)? {
        let part = Part::Destination(destination.clone());
        let ask = || {
            store(laptop, destination, limits).attempting(format!("nothing could be synced to {destination}"))
        };
        let Some(store) = stores.get(&part, &route, &mut routes.unready, ask) else { continue };
        let (name, state) = (route.state.as_ref())
            .and_then(|name| laptop.states.get_key_value(name))
            .expect("because a laptop's routes are those of its states");
        let ask = || state.sealing.resolve().attempting(format!("{name} could not be synced"));
        let part = Part::State(name.clone());
        let Some(keys) = keys.get(&part, &route, &mut routes.unready, ask) else { continue };
        let place = Place::new(store, route.prefix.clone());
        let place = Sealed::new(place, keys, journal, route.id)?;
        routes.wired.push(Wired { route, place, interval, live: Live::over(limits) });
    }
    Ok(routes)
}

/// What is known of parts. Each is asked about once, because a command may want to be answered by a person.
struct Known<T>(Vec<(Part, Option<T>)>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Clone> Known<T> {
    /// What a route needs of `part`; where that cannot be had, the route waits with others for it.
    fn get(
        &mut self,
        part: &Part,
        route: &Route,
        unready: &mut Vec<Unready>,
        ask: impl FnOnce() -> Result<T, Failure>,
    ) -> Option<T> {
        let Self(known) = self;
        let at = known.iter().position(|(of, _)| of == part).unwrap_or_else(|| {
            let asked = ask();
            let failed = |failure| {
                unready.push(Unready { part: part.clone(), failure, routes: Vec::new() });
            };
            known.push((part.clone(), asked.map_err(failed).ok()));
            known.len() - 1
        });
        let found = known[at].1.clone();
        if found.is_none() {
            let waiting = unready.iter_mut().filter(|one| one.part == *part);
            waiting.for_each(|one| one.routes.push(route.clone()));
        }
        found
    }
}

/// A client of a destination. No request is made yet.
fn store(laptop: &Laptop, name: &DestinationName, limits: &Limits) -> Result<Store, Failure> {
    match &laptop.destinations[name] {
        Destination::S3(access) => Ok(connect(&access.resolve()?, limits)?.into()),
        Destination::Plain(plain) => {
            let options = plain::Options {
                name: name.to_string(),
                at: plain.resolve()?,
                machine: laptop.machine.clone(),
                concurrency: CONCURRENCY_PLAIN,
                limits: limits.clone(),
            };
            Ok(Plain::connect(&options)?.into())
        }
    }
}

/// What the journal knows a route by.
pub(crate) fn key(destination: &str, folder: &Folder) -> RouteKey {
    RouteKey {
        destination: destination.to_owned(),
        prefix: Prefix::below(&folder.prefix).as_str().to_owned(),
        folder: folder.path.clone(),
    }
}

/// The routes of a laptop's states, whether they can be run or not, each with its destination and interval.
pub(crate) fn named<'l>(
    laptop: &'l Laptop,
    journal: &Journal,
    wanted: &[StateName],
) -> Result<Vec<(Route, &'l DestinationName, Duration)>, Failure> {
    let mut routes = Vec::new();
    for (name, state) in &laptop.states {
        if !wanted.is_empty() && !wanted.contains(name) {
            continue;
        }
        let ignore = IgnoreRules::new(&state.ignore)?.and_larger_than(state.exclude_larger_than);
        for (destination, folder) in
            state.destinations.iter().flat_map(|one| state.folders.iter().map(move |folder| (one, folder)))
        {
            let prefix = Prefix::below(&folder.prefix);
            let key = key(destination.as_str(), folder);
            let route = Route {
                state: Some(name.clone()),
                destination: destination.to_string(),
                is_one_of_several: state.destinations.len() > 1,
                folder: folder.path.clone(),
                prefix,
                id: journal.route(&key)?,
                direction: state.direction,
                max_delete: state.max_delete,
                ignore: ignore.clone(),
                machine: MachineName::clone(&laptop.machine),
            };
            routes.push((route, destination, state.interval));
        }
    }
    Ok(routes)
}

/// The journal changes with every cycle: in a synced folder it would cause the next one, for ever. So would a destination there.
fn refuse_nesting(laptop: &Laptop) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folders = || laptop.states.values().flat_map(|state| &state.folders).map(|folder| real(&folder.path));
    if let Some((state, message)) = apart::folders(&laptop.states, real) {
        return Err(Failure::new(Exit::Usage, format!("the folders of the state `{state}`: {message}")));
    }
    let state_dir = real(&laptop.state_dir);
    if let Some(folder) = folders().find(|folder| state_dir.starts_with(folder)) {
        let (state_dir, folder) = (state_dir.display(), folder.display());
        let message = format!("the state_dir {state_dir} lies in the folder {folder}, which is synced");
        return Err(Failure::new(Exit::Usage, message)
            .hint("Put state_dir somewhere else, or sync the folders beside it one by one."));
    }
    for (name, destination) in &laptop.destinations {
        let Destination::Plain(destination::Plain::Fs(path)) = destination else { continue };
        let path = real(path);
        if let Some(folder) = folders().find(|folder| path.starts_with(folder) || folder.starts_with(&path)) {
            let (outer, inner) = if path.starts_with(&folder) { (&folder, &path) } else { (&path, &folder) };
            let message = format!(
                "the destination `{name}` and a folder that is synced lie in each other: {} is in {}",
                inner.display(),
                outer.display()
            );
            return Err(Failure::new(Exit::Usage, message)
                .hint("Put the destination beside the folder, best on another disk."));
        }
    }
    Ok(())
}
