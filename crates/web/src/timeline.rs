//! One path through time: where its versions lie, and which of them a page shows.
//!
//! The versions of a path are computed once per latest snapshot and kept: every page of the path shows them, and
//! sliding through time asks for one page after another. A step is always to a snapshot *in which this path changed*;
//! a hundred snapshots without news are one step.

use crate::address;
use crate::dates::When;
use crate::failure::Failure;
use crate::past::{Moment, Past};
use crate::shelf::Shelf;
use archive::{ChangeKind, SnapshotId, SnapshotInfo, Version};
use model::{Kind, RelPath, UnixNanos};
use std::collections::HashMap;
use std::sync::Arc;

/// Versions shown as marks on one line; a path with more shows those around the current one.
const TICKS_MAX: usize = 400;
/// Versions kept for all paths together, in bytes.
const KEPT_MAX: usize = 16 << 20;

/// What sort of page a path has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Folder,
    File,
}

/// One snapshot in which a path appeared, changed or vanished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub snapshot: SnapshotId,
    pub time: UnixNanos,
    pub change: ChangeKind,
    /// What the path was from then on.
    pub kind: Option<Kind>,
    /// Bytes of content from then on, of a file.
    pub size: Option<u64>,
}

impl Turn {
    /// Of the whole bucket every snapshot is a turn.
    fn of_bucket(snapshot: &SnapshotInfo) -> Self {
        let kind = Some(Kind::Directory);
        Self { snapshot: snapshot.id, time: snapshot.time, change: ChangeKind::Modified, kind, size: None }
    }
}

impl From<&Version> for Turn {
    fn from(version: &Version) -> Self {
        let snapshot = &version.snapshot;
        let Version { change, kind, size, .. } = *version;
        Self { snapshot: snapshot.id, time: snapshot.time, change, kind, size }
    }
}

type PathKey = (SnapshotId, Option<RelPath>);
/// How many snapshots came after each.
type Ages = HashMap<SnapshotId, usize>;

/// What was computed already. Snapshot ids are unique among all archives.
#[derive(Debug)]
pub(crate) struct Timelines {
    turns: Shelf<PathKey, Vec<Turn>>,
    ages: Shelf<SnapshotId, Ages>,
}

impl Default for Timelines {
    fn default() -> Self {
        Self { turns: Shelf::new(KEPT_MAX), ages: Shelf::new(KEPT_MAX) }
    }
}

impl Timelines {
    /// All turns of a path, newest first.
    pub(crate) fn turns(&self, past: &Past, path: Option<&RelPath>) -> Result<Arc<Vec<Turn>>, Failure> {
        let key = (past.latest, path.cloned());
        if let Some(turns) = self.turns.get(&key) {
            return Ok(turns);
        }
        let turns: Vec<Turn> = if let Some(path) = path {
            let found = past.history.versions(path);
            let found = found.map_err(|error| past.broken("list the versions", Some(path), error))?;
            found.iter().map(Turn::from).collect()
        } else {
            past.snapshots(0, usize::MAX)?.iter().map(Turn::of_bucket).collect()
        };
        let turns = Arc::new(turns);
        self.turns.put(key, Arc::clone(&turns), turns.len() * size_of::<Turn>() + 256);
        Ok(turns)
    }

    /// How many snapshots there are.
    pub(crate) fn count(&self, past: &Past) -> Result<usize, Failure> {
        Ok(self.turns(past, None)?.len())
    }

    /// Which turn is in force at a moment: the newest that is not newer. `None` before the first.
    fn in_force(&self, past: &Past, moment: &Moment, turns: &[Turn]) -> Result<Option<usize>, Failure> {
        if moment.id == past.latest {
            return Ok((!turns.is_empty()).then_some(0));
        }
        // Links lead to turns, so this is nearly always all.
        if let Some(found) = turns.iter().position(|turn| turn.snapshot == moment.id) {
            return Ok(Some(found));
        }
        let ages = self.ages(past)?;
        let age = |id| ages.get(&id).copied().unwrap_or(usize::MAX);
        Ok(turns.iter().position(|turn| age(turn.snapshot) >= age(moment.id)))
    }

    fn ages(&self, past: &Past) -> Result<Arc<Ages>, Failure> {
        if let Some(ages) = self.ages.get(&past.latest) {
            return Ok(ages);
        }
        let all = self.turns(past, None)?;
        let ages: Ages = all.iter().enumerate().map(|(age, turn)| (turn.snapshot, age)).collect();
        let ages = Arc::new(ages);
        self.ages.put(past.latest, Arc::clone(&ages), ages.len() * 48);
        Ok(ages)
    }
}

/// A mark on the line.
#[derive(Clone, Debug)]
pub(crate) struct Tick {
    pub href: String,
    pub when: When,
    pub current: bool,
    pub gone: bool,
}

/// A link to one time.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub href: String,
    pub when: When,
}

/// What a page shows above its content.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub when: When,
    pub note: String,
    pub earlier: Option<Step>,
    pub later: Option<Step>,
    /// Oldest first.
    pub ticks: Vec<Tick>,
    /// Where all versions are listed, and how many there are.
    pub all: Option<String>,
    pub total: usize,
}

impl Line {
    pub(crate) fn current_index(&self) -> usize {
        self.ticks.iter().position(|tick| tick.current).unwrap_or(0)
    }
}

/// The line of `path` as seen from `moment`.
pub(crate) fn line(
    past: &Past,
    moment: &Moment,
    path: Option<&RelPath>,
    sight: Sight,
) -> Result<Line, Failure> {
    let timelines = &past.site.timelines;
    let turns = timelines.turns(past, path)?;
    let current = timelines.in_force(past, moment, &turns)?;
    let step = |index: usize| {
        let turn = turns.get(index)?;
        Some(Step {
            href: address::sight(sight, &past.visit.bucket, &turn.snapshot.short(), path),
            when: past.when(turn.time),
        })
    };
    let (earlier, later) = match current {
        Some(index) => (step(index + 1), index.checked_sub(1).and_then(step)),
        None => (None, turns.len().checked_sub(1).and_then(step)),
    };
    let ticks = window(turns.len(), current)
        .rev()
        .filter_map(|index| {
            let Step { href, when } = step(index)?;
            let gone = turns[index].change == ChangeKind::Deleted;
            Some(Tick { href, when, current: current == Some(index), gone })
        })
        .collect();
    Ok(Line {
        when: past.when(moment.time),
        note: note(past, moment, &turns, current),
        earlier,
        later,
        ticks,
        all: path.map(|path| address::versions(&past.visit.bucket, Some(path))),
        total: turns.len(),
    })
}

/// The turns around the current one that are shown, by index.
fn window(total: usize, current: Option<usize>) -> std::ops::Range<usize> {
    let middle = current.unwrap_or(total);
    let begin = middle.saturating_sub(TICKS_MAX / 2).min(total.saturating_sub(TICKS_MAX));
    begin..total.min(begin + TICKS_MAX)
}

fn note(past: &Past, moment: &Moment, turns: &[Turn], current: Option<usize>) -> String {
    let Some(index) = current else {
        // An empty folder leaves no trace that could be followed through time.
        return if turns.is_empty() { String::new() } else { "before its first version".to_owned() };
    };
    let turn = turns[index];
    if turn.change == ChangeKind::Deleted {
        return format!("deleted {}", past.when(turn.time).date);
    }
    let number = turns.len() - index;
    let place = match (index, turns.len()) {
        (_, 1) => "the only version".to_owned(),
        (0, total) => format!("latest of {total} versions"),
        (_, total) => format!("version {number} of {total}"),
    };
    if turn.snapshot == moment.id {
        place
    } else {
        let since = past.when(turn.time).date;
        if turns.len() == 1 {
            format!("unchanged since {since}")
        } else {
            format!("{place}, unchanged since {since}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_holds_the_current_turn() {
        assert_eq!(window(5, Some(2)), 0..5);
        assert_eq!(window(1000, Some(0)), 0..400);
        assert_eq!(window(1000, Some(500)), 300..700);
        assert_eq!(window(1000, Some(999)), 600..1000);
        assert_eq!(window(1000, None), 600..1000, "before the first version one sees the first");
        assert_eq!(window(0, None), 0..0);
    }
}
