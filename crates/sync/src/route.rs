//! What is synced with what.

use bucket::Prefix;
use journal::RouteId;
use model::{MachineName, StateName};
use plan::ignore::{IgnoreRules, IgnoreTree};
use plan::sync::{Direction, MaxDelete};
use std::path::PathBuf;

/// One folder of a state on its way to one destination.
#[derive(Clone, Debug)]
pub struct Route {
    /// The state, for people; `None` for a pi's mirror of a whole bucket.
    pub state: Option<StateName>,
    /// The destination's name in the configuration.
    pub destination: String,
    /// Whether the state goes to other destinations as well, so that a command must say which is meant.
    pub is_one_of_several: bool,
    /// The local folder.
    pub folder: PathBuf,
    /// Where the folder's content lies in the bucket.
    pub prefix: Prefix,
    /// Which base in the journal belongs to it.
    pub id: RouteId,
    /// Which sides may be written.
    pub direction: Direction,
    /// How many deletions are normal.
    pub max_delete: MaxDelete,
    /// Which paths are left alone.
    pub ignore: IgnoreRules,
    /// This machine, for the names of conflict copies.
    pub machine: MachineName,
}

impl Route {
    /// What a cycle is told to do, as text: as long as it is the same, a side without news has nothing to do.
    pub(crate) fn instructions(&self, rules: &IgnoreTree, seals: bool) -> String {
        let sealed = if seals { " sealed" } else { "" };
        format!("{:?} {:?} {}{sealed}", self.direction, self.max_delete, rules.fingerprint())
    }

    /// `documents → cloud`, and `documents/letters → cloud` where the state has several folders: how people tell routes apart.
    #[must_use]
    pub fn name(&self) -> String {
        let what = self.state.as_ref().map_or("everything", |_| self.prefix.as_str().trim_end_matches('/'));
        format!("{what} → {}", self.destination)
    }
}
