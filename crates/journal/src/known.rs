//! All that is known about a route: what both sides agreed on, and what was seen of each since.
//!
//! Two tables are read side by side in the order of their keys, a page at a time, so however much is known, little of it is in memory.

use crate::base::row::read_key;
use crate::sighting::{LocalSeen, RemoteSeen, Sighting, columns, read};
use crate::{BaseEntries, Error, Journal, RouteId};
use model::{BaseEntry, ObjectKey};
use rusqlite::params;
use std::sync::Arc;

/// Rows per page.
const PAGE: usize = 1024;

/// All that is known about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The key.
    pub key: ObjectKey,
    /// What both sides agreed on.
    pub base: Option<BaseEntry>,
    /// The sighting of the local side, if it differs from the base.
    pub local: Option<Option<LocalSeen>>,
    /// The sighting of the remote side, if it differs from the base.
    pub remote: Option<Option<RemoteSeen>>,
    /// A rule left both sides alone since they agreed.
    pub rests: bool,
}

impl Known {
    /// What the local side holds.
    #[must_use]
    pub fn local(&self) -> Option<LocalSeen> {
        let agreed = |base: &BaseEntry| LocalSeen { node: base.agreed.local, stamp: base.stamp };
        self.local.unwrap_or_else(|| self.base.as_ref().map(agreed))
    }

    /// What the remote side holds.
    #[must_use]
    pub fn remote(&self) -> Option<RemoteSeen> {
        let agreed =
            |base: &BaseEntry| RemoteSeen { node: base.agreed.remote, version: base.version.clone() };
        self.remote.clone().unwrap_or_else(|| self.base.as_ref().map(agreed))
    }

    fn add(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::Local(_, seen) => self.local = Some(seen),
            Sighting::Remote(_, seen) => self.remote = Some(seen),
            Sighting::Rests(_) => self.rests = true,
        }
    }
}

impl Journal {
    /// Everything known about a route, in the order of its keys, read as it is asked for. What is recorded meanwhile may show or
    /// not.
    #[must_use]
    pub fn known(self: &Arc<Self>, route: RouteId) -> KnownEntries {
        KnownEntries {
            base: BaseEntries::new(Arc::clone(self), route).peekable(),
            sightings: Sightings {
                journal: Arc::clone(self),
                route,
                page: Vec::new().into_iter(),
                after: Some(String::new()),
            }
            .peekable(),
        }
    }

    /// What is known about one key.
    pub fn known_at(&self, route: RouteId, key: &ObjectKey) -> Result<Option<Known>, Error> {
        let base = self.base_entry(route, key)?;
        let found = self.with("reading a sighting", |connection| {
            let find = concat!("SELECT ", columns!(), " FROM sighting WHERE route = ?1 AND key = ?2");
            let mut statement = connection.prepare_cached(find)?;
            let rows = statement.query_map(params![route.0, key.as_str()], read)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let mut known = Known { key: key.clone(), base, local: None, remote: None, rests: false };
        for sighting in found {
            known.add(sighting);
        }
        let nothing = known.base.is_none() && known.local.is_none() && known.remote.is_none();
        Ok((!nothing).then_some(known))
    }

    /// The keys that begin so and of which something is known, in no order.
    pub fn keys_beginning(&self, route: RouteId, beginning: &str) -> Result<Vec<ObjectKey>, Error> {
        self.with("looking up keys", |connection| {
            let find = "SELECT key FROM base WHERE route = ?1 AND key >= ?2 AND key < ?2 || char(0x10FFFF)
                        UNION SELECT key FROM sighting WHERE route = ?1 AND key >= ?2 AND key < ?2 || char(0x10FFFF)";
            let mut statement = connection.prepare_cached(find)?;
            let rows = statement.query_map(params![route.0, beginning], |row| read_key(row, 0))?;
            rows.collect()
        })
    }

    fn sightings_after(&self, route: RouteId, after: &str) -> Result<Vec<Sighting>, Error> {
        self.with("reading sightings", |connection| {
            // A key has at most three, and a page never ends between them.
            let find = concat!(
                "SELECT ",
                columns!(),
                " FROM sighting WHERE route = ?1 AND key > ?2 AND key <= coalesce(
                     (SELECT key FROM sighting WHERE route = ?1 AND key > ?2 ORDER BY key LIMIT 1 OFFSET ?3),
                     (SELECT max(key) FROM sighting WHERE route = ?1))
                 ORDER BY key, side"
            );
            let mut statement = connection.prepare_cached(find)?;
            let offset = i64::try_from(PAGE - 1).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![route.0, after, offset], read)?;
            rows.collect()
        })
    }
}

struct Sightings {
    journal: Arc<Journal>,
    route: RouteId,
    page: std::vec::IntoIter<Sighting>,
    /// There may be more behind this key.
    after: Option<String>,
}

impl Iterator for Sightings {
    type Item = Result<Sighting, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(sighting) = self.page.next() {
                return Some(Ok(sighting));
            }
            let after = self.after.take()?;
            match self.journal.sightings_after(self.route, &after) {
                Ok(page) => {
                    self.after = page.last().map(|last| last.key().as_str().to_owned());
                    self.page = page.into_iter();
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// All that is known about a route; made by [`Journal::known`]. Ends after the first error.
pub struct KnownEntries {
    base: std::iter::Peekable<BaseEntries<Arc<Journal>>>,
    sightings: std::iter::Peekable<Sightings>,
}

impl Iterator for KnownEntries {
    type Item = Result<Known, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let base = match self.base.peek() {
            Some(Ok(entry)) => Some(&entry.key),
            Some(Err(_)) => {
                return self.base.next().map(|failed| failed.map(|_| unreachable!("it is an error")));
            }
            None => None,
        };
        let sighting = match self.sightings.peek() {
            Some(Ok(sighting)) => Some(sighting.key()),
            Some(Err(_)) => {
                return self.sightings.next().map(|failed| failed.map(|_| unreachable!("it is an error")));
            }
            None => None,
        };
        let key = match (base, sighting) {
            (Some(one), Some(other)) => one.min(other).clone(),
            (Some(key), None) | (None, Some(key)) => key.clone(),
            (None, None) => return None,
        };
        let is_same = |entry: &Result<BaseEntry, Error>| entry.as_ref().is_ok_and(|entry| entry.key == key);
        let base = self.base.next_if(is_same).and_then(Result::ok);
        let mut known = Known { key, base, local: None, remote: None, rests: false };
        while let Some(Ok(sighting)) =
            self.sightings.next_if(|next| next.as_ref().is_ok_and(|next| *next.key() == known.key))
        {
            known.add(sighting);
        }
        Some(Ok(known))
    }
}
