//! What a loss of power would leave of a journal in memory, for simulations.
//!
//! A copy stands for the medium. Whole transactions reach one in their order: those up to the last durable one have, and of the later
//! ones the first few, unasked.

use crate::{Commit, Error, Journal};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::sync::PoisonError;

/// How a medium treats what is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peril {
    /// Commits behind the last durable one that reach it unasked.
    pub reach: u32,
    /// Whether it calls durable what is not.
    pub lies: bool,
}

/// The medium of a journal in memory.
#[derive(Debug)]
pub(crate) struct Medium {
    /// What it holds, once more was committed than reaches it.
    copy: Connection,
    peril: Peril,
    /// Commits behind the last durable one.
    commits: u32,
    /// Rows changed by all of them and whatever was before, by which a commit shows.
    changes: u64,
}

impl Journal {
    /// Whatever is committed from now on may be lost with the power, or, with no peril, nothing. What was committed before is on the medium.
    pub fn endanger(&self, peril: Option<Peril>) -> Result<(), Error> {
        let medium = self.with("copying", |connection| {
            let Some(peril) = peril else { return Ok(None) };
            let changes = connection.total_changes();
            let mut medium = Medium { copy: Connection::open_in_memory()?, peril, commits: 0, changes };
            medium.keep(connection)?;
            Ok(Some(medium))
        })?;
        *self.medium.lock().unwrap_or_else(PoisonError::into_inner) = medium;
        Ok(())
    }

    /// Whether anything may be lost with the power.
    #[must_use]
    pub fn is_endangered(&self) -> bool {
        self.medium.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Goes back to what the medium holds; whether that is less than there was.
    pub fn lose_power(&self) -> Result<bool, Error> {
        let mut connection = self.lock();
        let mut medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner);
        let throw_back = |medium: &mut Medium| {
            let loses = medium.commits > medium.peril.reach;
            medium.commits = 0;
            if loses {
                copy(&medium.copy, &mut connection).map(|()| true)
            } else {
                medium.keep(&connection).map(|()| false)
            }
        };
        let lost = medium.as_mut().map_or(Ok(false), throw_back);
        lost.map_err(|source| self.failed("losing power", source))
    }

    /// After whatever may have been a commit.
    pub(crate) fn reach_medium(&self, connection: &Connection, commit: Commit) -> rusqlite::Result<()> {
        let mut medium = self.medium.lock().unwrap_or_else(PoisonError::into_inner);
        medium.as_mut().map_or(Ok(()), |medium| medium.follow(connection, commit))
    }
}

impl Medium {
    fn follow(&mut self, connection: &Connection, commit: Commit) -> rusqlite::Result<()> {
        let changes = connection.total_changes();
        let is_none = changes == std::mem::replace(&mut self.changes, changes);
        if is_none || commit == Commit::Temporary {
            return Ok(());
        }
        self.commits = if commit == Commit::Durable && !self.peril.lies { 0 } else { self.commits + 1 };
        if self.commits == self.peril.reach { self.keep(connection) } else { Ok(()) }
    }

    fn keep(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        copy(connection, &mut self.copy)
    }
}

fn copy(from: &Connection, to: &mut Connection) -> rusqlite::Result<()> {
    Backup::new(from, to)?.step(-1).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{entry, route_to};
    use crate::{Change, RouteId};

    fn endangered(reach: u32, lies: bool) -> (Journal, RouteId) {
        let journal = Journal::open_in_memory().unwrap();
        let route = route_to(&journal, "cloud");
        journal.endanger(Some(Peril { reach, lies })).unwrap();
        (journal, route)
    }

    fn agree(journal: &Journal, route: RouteId, key: &str) {
        journal.record(route, &[Change::Agree(entry(key, 1))]).unwrap();
    }

    fn keys(journal: &Journal, route: RouteId) -> Vec<String> {
        journal.base(route).unwrap().into_iter().map(|entry| entry.key.as_str().to_owned()).collect()
    }

    #[test]
    fn what_was_committed_last_goes_with_the_power() {
        for (reach, left) in [(0, vec![]), (1, vec!["a"]), (2, vec!["a", "b"]), (3, vec!["a", "b"])] {
            let (journal, route) = endangered(reach, false);
            agree(&journal, route, "a");
            agree(&journal, route, "b");
            assert_eq!(journal.lose_power().unwrap(), left.len() < 2, "{reach}");
            assert_eq!(keys(&journal, route), left, "{reach}");
        }
    }

    #[test]
    fn what_is_durable_stays_and_all_before_it_unless_the_medium_lies() {
        for (lies, left) in [(false, vec!["a", "b"]), (true, vec![])] {
            let (journal, route) = endangered(0, lies);
            agree(&journal, route, "a");
            journal.record_durably(route, &[Change::Agree(entry("b", 2))]).unwrap();
            agree(&journal, route, "c");
            assert!(journal.lose_power().unwrap());
            assert_eq!(keys(&journal, route), left);
        }
    }

    #[test]
    fn a_journal_works_on_after_it_was_thrown_back() {
        let (journal, route) = endangered(0, false);
        agree(&journal, route, "a");
        assert!(journal.lose_power().unwrap());
        assert!(!journal.lose_power().unwrap(), "there is nothing left to lose");
        journal.endanger(None).unwrap();
        agree(&journal, route, "b");
        assert!(!journal.lose_power().unwrap());
        assert_eq!(keys(&journal, route), ["b"]);
    }
}
