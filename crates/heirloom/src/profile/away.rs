//! Disks below a folder that are not the ones that were synced there, as a person is told of them.

use super::halted::Ways;
use model::ObjectKey;
use plan::mount::Doubts;
use serde::{Deserialize, Serialize};
use std::fmt;
use sync::{Nature, Problem};

/// A place below which both sides are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Away {
    path: String,
    /// What is the matter there.
    pub(crate) said: String,
    /// What goes on from there. A word is about one disk, so of several the first one is asked about.
    #[serde(flatten)]
    ways: Option<Ways>,
}

impl Away {
    /// All of them, with the ways on that a route has.
    pub(crate) fn all(doubts: Doubts, ways: &Ways) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for (point, doubt) in doubts {
            let path = point.path();
            let ways = all.is_empty().then(|| ways.clone().past(doubt));
            all.push(Self { said: doubt.said_of(&path), path: path.to_string(), ways });
        }
        all
    }

    /// The one at this point.
    pub(crate) fn at(point: &ObjectKey, doubts: Doubts, ways: &Ways) -> Option<Self> {
        let path = point.path().to_string();
        Self::all(doubts, ways).into_iter().find(|away| away.path == path)
    }

    /// How a person goes on.
    pub(crate) fn way_on(&self) -> String {
        match &self.ways {
            Some(ways) => format!("{}: {ways}", self.path),
            None => format!("{}: asked about once the disk before it is settled", self.path),
        }
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.said, self.way_on())
    }
}

/// How a person goes on from what is the matter with disks.
pub(super) fn hints(problems: &[Problem], ways: &Ways) -> Vec<String> {
    Away::all(doubts(problems), ways).iter().map(Away::way_on).collect()
}

/// What is the matter, and how a person goes on where that takes a word.
pub(super) fn said_of(problems: &[Problem], ways: &Ways) -> Vec<String> {
    let away = |problem: &Problem| Away::at(problem.key.as_ref()?, doubts(problems), ways);
    let said = |problem: &Problem| match problem.nature {
        Nature::Disk(_) => away(problem).map_or_else(|| problem.to_string(), |away| away.to_string()),
        _ => problem.to_string(),
    };
    problems.iter().map(said).collect()
}

fn doubts(problems: &[Problem]) -> Doubts {
    let doubt = |problem: &Problem| match problem.nature {
        Nature::Disk(doubt) => Some((problem.key.clone()?, doubt)),
        Nature::Other | Nature::Locked | Nature::Left | Nature::Special => None,
    };
    problems.iter().filter_map(doubt).collect()
}
