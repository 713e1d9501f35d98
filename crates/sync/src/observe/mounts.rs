//! Disks that are mounted below the folder.
//!
//! One that is not there leaves an empty directory in its place, or none; another one in its place, or one that is mounted over a directory, hides what
//! was there. All of these look like a deletion of everything below. So it is remembered where something was mounted, and which disk that was
//! ([`plan::mount`] decides by that). Where another one is or none, both sides are left alone until that is over, or a person says otherwise.

use super::{Hidden, View};
use crate::cycle::{DiskWord, Resume};
use crate::error::Error;
use crate::report::Problem;
use crate::route::Route;
use disk::Extent;
use journal::{Journal, Mount};
use model::{DiskId, ObjectKey};
use plan::ignore::{IgnoreTree, Shape};
use plan::mount::{Below, Doubt, Doubts, Standing, Verdict, outermost, top_level, verdict};
use std::collections::{BTreeMap, BTreeSet};

/// What was mounted before the folder was looked at, and after.
pub(crate) struct Mounts {
    pub(crate) before: disk::Mounts,
    pub(crate) after: disk::Mounts,
}

type Points = BTreeMap<ObjectKey, Option<DiskId>>;

impl Mounts {
    /// Hides what lies below a disk that is not the one that was synced there, except where `resume` answers just that; and remembers what is
    /// mounted, if `keep` says so. Returned are the places at which what was agreed upon does not count in a plan that is not kept.
    pub(crate) fn hide_vacant(
        &self,
        route: &Route,
        journal: &Journal,
        resume: &Resume,
        keep: bool,
        view: &mut View,
    ) -> Result<Hidden, Error> {
        let points = |mounts: &disk::Mounts| -> Points {
            let points = mounts.points.iter();
            points.map(|(path, disk)| (ObjectKey::directory(path), disk.clone())).collect()
        };
        let (before, after) = (points(&self.before), points(&self.after));
        let known = journal.mounts(route.id).map_err(Error::Journal)?;
        let all: BTreeSet<&ObjectKey> = known.keys().chain(before.keys()).chain(after.keys()).collect();
        // Of what came or went while the folder was looked at only a part was seen.
        let (steady, unsteady): (BTreeSet<_>, BTreeSet<_>) =
            all.iter().copied().partition(|point| before.get(*point) == after.get(*point));
        let mut looked =
            Look { route, journal, all: &all, unsteady: &unsteady, known: known.clone(), now: &after };
        for point in steady {
            // What cannot be read has been told of already, and may be what hides the disk.
            if !view.hidden.hides(&point.path()) {
                looked.judge(point, view.rules.as_ref())?;
            }
        }
        for point in &unsteady {
            hide(view, Problem::found(Some((*point).clone()), unsteady_at(point)));
        }
        let apart = looked.answer(resume);
        for (point, doubt) in looked.doubts() {
            hide(view, Problem::of_disk(point, doubt));
        }
        if !keep {
            journal.set_mounts(route.id, &looked.told(known.clone())).map_err(Error::Journal)?;
            let mut uncounted = Hidden::default();
            for point in &apart {
                uncounted.add(point.path(), Extent::Subtree);
            }
            return Ok(uncounted);
        }
        // Before the point is a directory like any other: what is missing there must not be deleted on the other side.
        for point in &apart {
            journal.part_below(route.id, point, &looked.inside(point)).map_err(Error::Journal)?;
        }
        if looked.known != known {
            journal.set_mounts(route.id, &looked.known).map_err(Error::Journal)?;
        }
        Ok(Hidden::default())
    }
}

fn unsteady_at(point: &ObjectKey) -> String {
    let path = point.path();
    format!("{path} was mounted or unmounted while it was looked at; it is left alone until the next sync")
}

fn hide(view: &mut View, problem: Problem) {
    if let Some(point) = &problem.key {
        view.hidden.add(point.path(), Extent::Subtree);
    }
    view.problems.push(problem);
}

/// A look at each mount point.
struct Look<'l> {
    route: &'l Route,
    journal: &'l Journal,
    /// Where something is mounted or was.
    all: &'l BTreeSet<&'l ObjectKey>,
    /// Where that has just changed.
    unsteady: &'l BTreeSet<&'l ObjectKey>,
    /// What is known of that, and then what will be.
    known: journal::Mounts,
    now: &'l Points,
}

impl<'l> Look<'l> {
    fn judge(&mut self, point: &ObjectKey, rules: Option<&IgnoreTree>) -> Result<(), Error> {
        let then = self.known.get(point).cloned();
        let doubted = then.as_ref().is_some_and(|then| then.doubt.is_some());
        let now = self.now.get(point);
        // Over a directory of the folder something was mounted that is in doubt since.
        let of_disk = then.as_ref().filter(|then| then.disk.as_ref() != Some(&DiskId::of_folder()));
        let standing = Standing::of(of_disk.map(|then| then.disk.as_ref()), now.map(Option::as_ref));
        let verdict = match standing {
            None => Verdict::Forget,
            Some(Standing::Same) => verdict(Standing::Same, doubted, &Below::default()),
            Some(standing) => {
                let below = self.below(point)?;
                let rests = rules.is_some_and(|rules| rules.ignores(&point.path(), Shape::Directory));
                verdict(standing, doubted, &if rests { below.at_rest() } else { below })
            }
        };
        let then = then.map(|then| then.disk);
        match verdict {
            Verdict::Forget => drop(self.known.remove(point)),
            Verdict::Leave => {
                self.known.extend(then.map(|disk| (point.clone(), Mount { disk, doubt: None })));
            }
            Verdict::Remember => self.remember(point),
            Verdict::Doubt(doubt) => {
                let disk = then.unwrap_or_else(|| Some(DiskId::of_folder()));
                self.known.insert(point.clone(), Mount { disk, doubt: Some(doubt) });
            }
        }
        Ok(())
    }

    fn remember(&mut self, point: &ObjectKey) {
        let disk = self.now.get(point).cloned().flatten();
        self.known.insert(point.clone(), Mount { disk, doubt: None });
    }

    /// What is below a point, and below none that lies below it: each is asked about for itself.
    fn below(&self, point: &ObjectKey) -> Result<Below, Error> {
        let count = |point: &ObjectKey| self.journal.below(self.route.id, point).map_err(Error::Journal);
        let inside = self.inside(point);
        inside.into_iter().try_fold(count(point)?, |below, inner| Ok(below.without(&count(inner)?)))
    }

    /// The outermost points below a point.
    fn inside(&self, point: &ObjectKey) -> Vec<&'l ObjectKey> {
        let is_inside = |inner: &&ObjectKey| *inner != point && inner.as_str().starts_with(point.as_str());
        top_level(self.all.iter().copied().filter(is_inside))
    }

    /// What a person is told of: one thing at a time, so not of what lies below another point in doubt.
    fn doubts(&self) -> Doubts {
        let steady = self.known.iter().filter(|(point, _)| !self.unsteady.contains(point));
        outermost(steady.filter_map(|(point, mount)| Some((point.clone(), mount.doubt?))).collect())
    }

    /// What was known, and what a person was told of now, who may answer that.
    fn told(&self, mut known: journal::Mounts) -> journal::Mounts {
        let doubted = self.doubts().into_keys();
        known.extend(doubted.filter_map(|point| Some((point.clone(), self.known.get(&point)?.clone()))));
        known
    }

    /// Takes the doubts that a person has answered for over, and tells where both sides are to be put together.
    fn answer(&mut self, resume: &Resume) -> Vec<ObjectKey> {
        let Resume::Disks(word, told) = resume else { return Vec::new() };
        let mut apart = Vec::new();
        for (point, doubt) in self.doubts() {
            if told.get(&point) != Some(&doubt) {
                continue;
            }
            match doubt {
                Doubt::Away { .. } | Doubt::Unagreed { .. } => drop(self.known.remove(&point)),
                Doubt::Another => self.remember(&point),
            }
            let is_to_go = matches!(doubt, Doubt::Away { .. }) && *word == DiskWord::Deleted;
            if !is_to_go {
                apart.push(point);
            }
        }
        apart
    }
}
