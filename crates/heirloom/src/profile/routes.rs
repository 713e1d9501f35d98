//! From states and destinations to routes: one for each folder of a state on its way to each destination.

use super::live::Live;
use crate::config::access::Access;
use crate::config::join::Join;
use crate::config::laptop::{Folder, Laptop, State};
use crate::failure::{Exit, Explain as _, Failure};
use bucket::{Bucket, Limits, Prefix};
use journal::{Journal, RouteKey};
use model::{MachineName, StateName};
use plan::ignore::IgnoreRules;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync::sealed::Keys;
use sync::{Place, Route, Sealed};

/// Requests to one bucket in flight.
pub(crate) const CONCURRENCY: usize = 64;

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

/// The routes of a laptop's states; of `wanted` only, if that names any.
pub(crate) fn of_laptop(
    laptop: &Laptop,
    journal: &Arc<Journal>,
    wanted: &[StateName],
    limits: &Limits,
) -> Result<Vec<Wired>, Failure> {
    refuse_nesting(laptop)?;
    let mut buckets = BTreeMap::new();
    let mut wired = Vec::new();
    let states = laptop.states.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name));
    for (name, state) in states {
        let keys = state.sealing.resolve().attempting(format!("state `{name}`"))?;
        for destination in &state.destinations {
            let bucket = if let Some(bucket) = buckets.get(destination) {
                Bucket::clone(bucket)
            } else {
                let access: &Access = &laptop.destinations[destination];
                let join = access.resolve().attempting(format!("destination `{destination}`"))?;
                let bucket = connect(&join, limits)?;
                buckets.insert(destination, bucket.clone());
                bucket
            };
            let destination = destination.as_str();
            let parts = Parts { laptop, journal, name, state, destination, bucket, keys: &keys };
            wired.extend(parts.routes()?);
        }
    }
    Ok(wired)
}

/// The journal changes with every cycle: in a synced folder it would cause the next one, for ever.
fn refuse_nesting(laptop: &Laptop) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let state_dir = real(&laptop.state_dir);
    let folders = laptop.states.values().flat_map(|state| &state.folders);
    match folders.map(|folder| real(&folder.path)).find(|folder| state_dir.starts_with(folder)) {
        None => Ok(()),
        Some(folder) => Err(Failure::new(
            Exit::Usage,
            format!(
                "the state_dir {} lies in the folder {}, which is synced",
                state_dir.display(),
                folder.display()
            ),
        )
        .hint("Put state_dir somewhere else, or sync the folders beside it one by one.")),
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

struct Parts<'a> {
    laptop: &'a Laptop,
    journal: &'a Arc<Journal>,
    name: &'a StateName,
    state: &'a State,
    destination: &'a str,
    bucket: Bucket,
    keys: &'a Keys,
}

impl Parts<'_> {
    fn routes(&self) -> Result<Vec<Wired>, Failure> {
        let ignore = IgnoreRules::new(&self.state.ignore)?.and_larger_than(self.state.exclude_larger_than);
        let route = |folder: &Folder| {
            let prefix = Prefix::below(&folder.prefix);
            let key = key(self.destination, folder);
            let route = Route {
                state: Some(self.name.clone()),
                destination: self.destination.to_owned(),
                folder: folder.path.clone(),
                prefix: prefix.clone(),
                id: self.journal.route(&key)?,
                direction: self.state.direction,
                max_delete: self.state.max_delete,
                ignore: ignore.clone(),
                machine: MachineName::clone(&self.laptop.machine),
            };
            let place = Place::new(self.bucket.clone(), prefix);
            let place = Sealed::new(place, self.keys.clone(), self.journal, route.id)?;
            Ok(Wired { route, place, interval: self.state.interval, live: Live::default() })
        };
        self.state.folders.iter().map(route).collect()
    }
}
