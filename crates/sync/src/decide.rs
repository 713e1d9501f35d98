//! Planning from what the journal knows, one pass over it at a time.
//!
//! The pure planner is asked twice: first only for what its plan comes to, so that a person can be asked before anything happens, then,
//! phase by phase, for the steps themselves. In between nothing is kept but numbers; what a phase achieved is in the journal by
//! the time the next one is planned.

use crate::cycle::Options;
use crate::error::Error;
use crate::observe::{Hidden, shape};
use crate::route::Route;
use journal::{Change as Remembered, Journal, LocalSeen, MovedOn, RemoteSeen};
use model::{BaseEntry, Kind, ObjectKey};
use plan::sync::{
    Action, Change, Conflict, ConflictLabel, Doubts, Halt, PerSide, Phase, Place, Plan, Planner, Rules,
    Settled, Side, Sight, Step, Tally, Toll, Written,
};
use std::sync::Arc;
use tokio::sync::mpsc;

/// What both sides showed at a place, witnesses included.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) here: Option<LocalSeen>,
    pub(crate) there: Option<RemoteSeen>,
}

/// What an executor is given to do.
#[derive(Debug)]
pub(crate) enum Job {
    Act(Action, Seen),
    SetAside(Conflict, Seen),
    Remember(Remembered),
}

/// What a plan comes to.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) tally: Tally,
    pub(crate) toll: Toll,
    pub(crate) conflicts: u64,
    pub(crate) settled: u64,
    /// Actions of each phase.
    pub(crate) actions: [u64; 4],
    /// Bytes to be moved.
    pub(crate) bytes: u64,
    /// Deletions that are half of a move, by the side on which they happen.
    pub(crate) moved: PerSide,
}

impl Survey {
    /// Whether there is nothing to do, and nothing to write down.
    pub(crate) fn is_empty(&self) -> bool {
        self.conflicts == 0 && self.settled == 0 && self.actions == [0; 4]
    }

    pub(crate) fn has(&self, phase: Phase) -> bool {
        // What follows a conflict is planned once the versions are out of each other's way.
        self.conflicts > 0 || self.actions[number(phase)] > 0
    }

    pub(crate) fn actions(&self) -> u64 {
        self.actions.iter().sum()
    }

    fn count(&mut self, place: &Place<Seen>, step: &Step) {
        self.toll.count(place, step);
        match step {
            Step::Conflict(_) => self.conflicts += 1,
            Step::Settled(_) => self.settled += 1,
            Step::Act(action) => {
                self.actions[number(action.phase)] += 1;
                if let Change::Write(Written(node)) = action.change {
                    self.bytes += node.size;
                }
            }
            Step::Stands => {}
        }
    }
}

fn number(phase: Phase) -> usize {
    match phase {
        Phase::ClearTheWay => 0,
        Phase::Write => 1,
        Phase::Tidy => 2,
        Phase::Furnish => 3,
    }
}

/// Everything a pass needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Deciding {
    pub(crate) journal: Arc<Journal>,
    pub(crate) route: Arc<Route>,
    pub(crate) options: Options,
    pub(crate) doubts: Doubts,
    pub(crate) hidden_here: Arc<Hidden>,
    pub(crate) hidden_there: Arc<Hidden>,
}

/// Which steps of a plan a pass hands out. What needs no effect comes with every pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Conflicts,
    Actions(Phase),
}

impl Deciding {
    /// What a plan would come to, and whether a person has to look first.
    pub(crate) async fn survey(&self) -> Result<(Survey, Option<Halt>), Error> {
        let deciding = self.clone();
        off_thread(move || {
            let mut survey = Survey::default();
            survey.tally = deciding.plan(&mut |place, step| {
                survey.count(place, &step);
                true
            })?;
            let moves = |on| deciding.journal.find_moves(deciding.route.id, on).map_err(Error::Journal);
            survey.moved = PerSide { local: moves(MovedOn::Remote)?, remote: moves(MovedOn::Local)? };
            let Survey { tally, toll, moved, .. } = &survey;
            let halt = deciding.with_rules(|rules| plan::sync::guard(tally, toll, *moved, rules));
            Ok((survey, halt))
        })
        .await
    }

    /// The whole plan, for a person to read.
    pub(crate) async fn whole(&self) -> Result<Plan, Error> {
        let deciding = self.clone();
        off_thread(move || {
            let mut plan = Plan::default();
            deciding.plan(&mut |place, step| {
                plan.add(&place.key, step);
                true
            })?;
            plan.sort();
            Ok(plan)
        })
        .await
    }

    /// Hands out the jobs of one pass, as fast as they are taken. The error of a pass comes after its last job.
    pub(crate) fn jobs(&self, pass: Pass) -> mpsc::Receiver<Result<Job, Error>> {
        const WAITING_MAX: usize = 256;
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        let deciding = self.clone();
        tokio::task::spawn_blocking(move || {
            let planned = deciding.plan(&mut |place, step| match job(place, step, pass) {
                // Nobody takes jobs any more once one of them was fatal.
                Some(job) => sender.blocking_send(Ok(job)).is_ok(),
                None => true,
            });
            if let Err(error) = planned {
                drop(sender.blocking_send(Err(error)));
            }
        });
        jobs
    }

    /// Whether a directory stays although it was emptied.
    pub(crate) fn keeps(&self, directory: &ObjectKey) -> bool {
        match self.journal.known_at(self.route.id, directory) {
            Ok(Some(known)) => place(known).will_stand(),
            Ok(None) => false,
            // What cannot be looked up is better left than removed.
            Err(_) => true,
        }
    }

    /// Plans everything; `take` says whether to go on.
    fn plan(&self, take: &mut dyn FnMut(&Place<Seen>, Step) -> bool) -> Result<Tally, Error> {
        self.with_rules(|rules| {
            let mut goes_on = true;
            let mut sink = |place: &Place<Seen>, step| goes_on = goes_on && take(place, step);
            let mut planner = Planner::new(rules);
            for known in self.journal.known(self.route.id) {
                planner.see(place(known.map_err(Error::Journal)?), &mut sink);
            }
            Ok(planner.finish(&mut sink))
        })
    }

    fn with_rules<T>(&self, then: impl FnOnce(&Rules<'_>) -> T) -> T {
        let label = ConflictLabel::new(&self.options.time, &self.route.machine);
        let sight = |key: &ObjectKey| self.sight(key);
        then(&Rules {
            direction: self.route.direction,
            max_delete: self.route.max_delete,
            guards: self.options.guards,
            doubts: self.doubts,
            label: &label,
            sight: &sight,
        })
    }

    fn sight(&self, key: &ObjectKey) -> Sight {
        let path = key.path();
        let kind = if key.is_directory() { Kind::Directory } else { Kind::File };
        if self.route.ignore.ignores(&path, shape(kind)) {
            Sight::Ignored
        } else if self.hidden_here.hides(&path) {
            Sight::Hidden(Side::Local)
        } else if self.hidden_there.hides(&path) {
            Sight::Hidden(Side::Remote)
        } else {
            Sight::Clear
        }
    }
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.expect("planning does not panic")
}

fn place(known: journal::Known) -> Place<Seen> {
    let (here, there) = (known.local(), known.remote());
    Place {
        key: known.key,
        base: known.base.map(|base| base.agreed),
        local: here.map(|seen| seen.node),
        remote: there.as_ref().map(|seen| seen.node),
        with: Seen { here, there },
    }
}

fn job(place: &Place<Seen>, step: Step, pass: Pass) -> Option<Job> {
    match step {
        Step::Conflict(conflict) if pass == Pass::Conflicts => {
            Some(Job::SetAside(conflict, place.with.clone()))
        }
        Step::Act(action) if pass == Pass::Actions(action.phase) => {
            Some(Job::Act(action, place.with.clone()))
        }
        Step::Settled(settled) => remembered(settled, &place.with).map(Job::Remember),
        Step::Conflict(_) | Step::Act(_) | Step::Stands => None,
    }
}

fn remembered(settled: Settled, seen: &Seen) -> Option<Remembered> {
    match settled {
        Settled::Forget { key } => Some(Remembered::Forget(key)),
        Settled::Agree { key, local, remote } => {
            let stamp = seen.here?.stamp;
            let version = seen.there.as_ref()?.version.clone();
            let agreed = model::Agreed { local, remote };
            Some(Remembered::Agree(BaseEntry { key, agreed, stamp, version }))
        }
    }
}
