//! Disks below a folder that are not the ones that were synced there, as a person is told of them.

use super::halted::Ways;
use model::ObjectKey;
use plan::mount::Doubt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use sync::{Nature, Problem};

/// A place below which both sides are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Away {
    path: String,
    /// What is the matter there.
    pub(crate) said: String,
    /// What goes on from there.
    #[serde(flatten)]
    pub(crate) ways: Ways,
}

impl Away {
    /// With the ways on that a route has.
    pub(crate) fn of(point: &ObjectKey, doubt: Doubt, ways: Ways) -> Self {
        let path = point.path();
        Self { said: doubt.said_of(&path), path: path.to_string(), ways: ways.past(doubt) }
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.said, self.ways)
    }
}

/// What is the matter with a path, and how a person goes on if that takes a word.
pub(super) fn said_of(problem: &Problem, ways: &Ways) -> String {
    match (&problem.key, problem.nature) {
        (Some(point), Nature::Disk(doubt)) => Away::of(point, doubt, ways.clone()).to_string(),
        _ => problem.to_string(),
    }
}

/// How a person goes on from what is the matter with disks, each way once.
pub(super) fn hints(problems: &[Problem], ways: &Ways) -> BTreeSet<String> {
    let hint = |problem: &Problem| match problem.nature {
        Nature::Disk(doubt) => Some(ways.clone().past(doubt).to_string()),
        Nature::Other | Nature::Locked | Nature::Left | Nature::Special => None,
    };
    problems.iter().filter_map(hint).collect()
}
