//! Where something was mounted below a folder when it was last looked at, and what is known below such a place.

use crate::base::row::read_key;
use crate::{Error, Journal, RouteId};
use model::{ObjectKey, RelPath};
use rusqlite::params;
use std::collections::BTreeMap;

/// Directories on which something is or was mounted, each with what is said of it if it is not as it was.
pub type Mounts = BTreeMap<ObjectKey, Option<String>>;

impl Journal {
    /// All that are remembered.
    pub fn mounts(&self, route: RouteId) -> Result<Mounts, Error> {
        self.with("reading mounts", |connection| {
            let mut statement = connection.prepare_cached("SELECT key, doubt FROM mount WHERE route = ?1")?;
            let mounts = statement.query_map([route.0], |row| Ok((read_key(row, 0)?, row.get(1)?)))?;
            mounts.collect()
        })
    }

    /// Remembers these, and no others.
    pub fn set_mounts(&self, route: RouteId, mounts: &Mounts) -> Result<(), Error> {
        self.with("remembering mounts", |connection| {
            let transaction = connection.transaction()?;
            transaction.execute("DELETE FROM mount WHERE route = ?1", [route.0])?;
            for (key, doubt) in mounts {
                let values = params![route.0, key.as_str(), doubt];
                transaction.execute("INSERT INTO mount VALUES (?1, ?2, ?3)", values)?;
            }
            transaction.commit()
        })
    }

    /// All that is said of mounts that are not as they were, if anything is: a line for each.
    pub fn mount_doubts(&self, route: RouteId) -> Result<Option<String>, Error> {
        let doubts: Vec<String> = self.mounts(route)?.into_values().flatten().collect();
        Ok((!doubts.is_empty()).then(|| doubts.join("\n")))
    }

    /// What is said of the mount at a path or above it, if that is not as it was.
    pub fn mount_doubt_at(&self, route: RouteId, path: &RelPath) -> Result<Option<String>, Error> {
        let key = ObjectKey::directory(path);
        let is_there = |point: &ObjectKey| key.as_str().starts_with(point.as_str());
        Ok(self.mounts(route)?.into_iter().find_map(|(point, doubt)| doubt.filter(|_| is_there(&point))))
    }

    /// How many files that were agreed on at a mount point or below it are not as they were. Where something `is_mounted` there, all of them if some are
    /// gone and none is as agreed, else 0: a person may delete files on a disk that is there, and change some.
    pub fn lost_below(&self, route: RouteId, point: &ObjectKey, is_mounted: bool) -> Result<u64, Error> {
        self.with("counting what is gone below a mount", |connection| {
            // What a rule leaves alone is not looked at, and so is not known to be gone.
            let below = "FROM base b LEFT JOIN sighting s ON s.route = b.route AND s.key = b.key AND s.side = 0
                 WHERE b.route = ?1 AND b.kind <> 2 AND (b.key = rtrim(?2, '/') OR b.key > ?2 AND b.key < ?2 || char(0x10FFFF))
                   AND NOT EXISTS (SELECT 1 FROM sighting r WHERE r.route = b.route AND r.key = b.key AND r.side = 2)";
            let values = params![route.0, point.as_str()];
            let find = format!("SELECT 1 {below} AND s.key IS NULL");
            if is_mounted && connection.prepare_cached(&find)?.exists(values)? {
                return Ok(0);
            }
            let count = |which: &str| {
                let count = format!("SELECT count(*) {below} {which}");
                connection.prepare_cached(&count)?.query_row(values, |row| row.get(0).map(i64::cast_unsigned))
            };
            if !is_mounted {
                return count("AND s.key IS NOT NULL");
            }
            let gone = count("AND s.key IS NOT NULL AND s.kind IS NULL")?;
            if gone > 0 { count("") } else { Ok(0) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Scratch, entry, route_to};
    use crate::{Change, Sighting};

    #[test]
    fn what_is_gone_below_a_mount_is_counted() {
        let scratch = Scratch::new();
        let journal = scratch.open();
        let route = route_to(&journal, "cloud");
        let key = |key: &str| ObjectKey::parse(key).unwrap();
        let agreed: Vec<Change> = ["a", "a-b", "a/x", "a/y/z", "a/rests", "b"]
            .iter()
            .zip(1..)
            .map(|(key, n)| Change::Agree(entry(key, n)))
            .collect();
        journal.record(route, &agreed).unwrap();
        journal.record(route, &[Change::See(Sighting::Rests(key("a/rests")))]).unwrap();
        let lost = |directory: &str| {
            [false, true].map(|is_mounted| journal.lost_below(route, &key(directory), is_mounted).unwrap())
        };
        let remove = |file: &str| {
            journal.record(route, &[Change::See(Sighting::Local(key(file), None))]).unwrap();
        };
        assert_eq!((lost("a/"), lost("c/")), ([0, 0], [0, 0]));
        remove("a/x");
        assert_eq!(lost("a/"), [1, 0], "others are there as agreed");
        remove("a");
        assert_eq!(lost("a/"), [2, 0], "what was mounted may be a file");
        let other = entry("a/y/z", 9);
        let seen = crate::LocalSeen { node: other.agreed.local, stamp: other.stamp };
        journal.record(route, &[Change::See(Sighting::Local(key("a/y/z"), Some(seen)))]).unwrap();
        assert_eq!(lost("a/"), [3, 3], "something else has its name");
        assert_eq!(lost("a/y/"), [1, 0], "written where the disk is not, or by a person on it");
    }

    #[test]
    fn mounts_and_what_was_said_of_them_are_remembered() {
        let scratch = Scratch::new();
        let journal = scratch.open();
        let route = route_to(&journal, "cloud");
        let key = |key: &str| ObjectKey::parse(key).unwrap();
        let mounts = Mounts::from([
            (key("a/"), Some("a is away".to_owned())),
            (key("b/c/"), None),
            (key("d/"), Some("d, too".to_owned())),
        ]);
        journal.set_mounts(route, &mounts).unwrap();
        assert_eq!(journal.mounts(route).unwrap(), mounts);
        assert_eq!(journal.mount_doubts(route).unwrap().as_deref(), Some("a is away\nd, too"));
        let doubt = |path: &str| journal.mount_doubt_at(route, &RelPath::from_key(path).unwrap()).unwrap();
        assert_eq!(
            ["a", "a/x/y", "ab", "b/c/x", "d/e"].map(doubt),
            [
                Some("a is away".to_owned()),
                Some("a is away".to_owned()),
                None,
                None,
                Some("d, too".to_owned())
            ]
        );
        journal.set_mounts(route, &Mounts::new()).unwrap();
        assert_eq!(
            (journal.mounts(route).unwrap(), journal.mount_doubts(route).unwrap()),
            (Mounts::new(), None)
        );
    }

    #[test]
    fn what_is_below_a_mount_in_doubt_is_not_about_to_go() {
        let scratch = Scratch::new();
        let journal = scratch.open();
        let route = route_to(&journal, "cloud");
        let keys = ["a/x", "a-b", "b/x"].map(|key| ObjectKey::parse(key).unwrap());
        let agreed: Vec<Change> = keys.iter().map(|key| Change::Agree(entry(key.as_str(), 1))).collect();
        journal.record(route, &agreed).unwrap();
        journal.record(route, &keys.map(|key| Change::See(Sighting::Local(key, None)))).unwrap();
        assert_eq!(journal.pending(route).unwrap().local_gone, 3);
        let key = |key: &str| ObjectKey::parse(key).unwrap();
        let mounts = Mounts::from([(key("a/"), Some("a is away".to_owned())), (key("b/"), None)]);
        journal.set_mounts(route, &mounts).unwrap();
        assert_eq!(journal.pending(route).unwrap().local_gone, 2);
    }
}
