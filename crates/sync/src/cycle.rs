//! One cycle of one route.

use crate::apply::Applier;
use crate::error::Error;
use crate::observe::{self, LocalView, RemoteView};
use crate::progress::{Progress, Stage};
use crate::remember::{self, Note};
use crate::report::{Outcome, Report};
use crate::route::Route;
use crate::sides::{Local, Remote};
use journal::{Change, Journal};
use model::{Agreed, BaseEntry, ObjectKey};
use plan::ignore::Shape;
use plan::sync::{ConflictLabel, Guards, Plan, Rules, Settled, Side, Sight, Verdict};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a cycle is told besides its route.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether a person has confirmed a halt.
    pub guards: Guards,
    /// Plan only.
    pub dry_run: bool,
    /// When conflicts are noticed, written `YYYYMMDD-HHMMSS`: a label for people.
    pub time: String,
    /// Begins no further effect once cancelled.
    pub stop: CancellationToken,
}

/// Cycles that follow up conflicts and paths that changed meanwhile, at most: a file that is written all the
/// time is left to the next run.
const FOLLOW_UPS_MAX: usize = 3;

/// One cycle of one route: everything it needs.
pub struct Cycle<'a, L, R> {
    /// What is synced with what.
    pub route: &'a Route,
    /// The machine's folder.
    pub local: &'a L,
    /// Its place in the bucket.
    pub remote: &'a R,
    /// Where the base is.
    pub journal: &'a Arc<Journal>,
    /// How to go about it.
    pub options: &'a Options,
    /// Moves while it runs.
    pub progress: &'a Progress,
}

/// What was seen at the start.
struct Views {
    base: Vec<BaseEntry>,
    here: LocalView,
    there: RemoteView,
}

impl<L: Local, R: Remote> Cycle<'_, L, R> {
    /// Runs until nothing is left that an immediate further cycle could do.
    pub async fn until_settled(&self) -> Result<Outcome, Error> {
        let mut done: Option<Report> = None;
        for _ in 0..=FOLLOW_UPS_MAX {
            let report = match self.once().await? {
                Outcome::Done(report) => report,
                other @ (Outcome::Halted(_) | Outcome::Planned(_)) => return Ok(other),
            };
            let another = report.wants_another();
            done = Some(match done {
                Some(before) => before.followed_by(report),
                None => report,
            });
            if !another {
                break;
            }
        }
        Ok(Outcome::Done(done.unwrap_or_default()))
    }

    /// Observes both sides, plans, applies the plan, and remembers what came of it.
    pub async fn once(&self) -> Result<Outcome, Error> {
        self.progress.enter(Stage::Observing, 0, 0);
        let views = self.observe().await?;
        let plan = match decide(self.route, &views, self.options) {
            Verdict::Halt(halt) => return Ok(Outcome::Halted(halt)),
            Verdict::Proceed(plan) if self.options.dry_run => return Ok(Outcome::Planned(plan)),
            Verdict::Proceed(plan) => plan,
        };
        let outcome = self.carry_out(views, plan).await;
        self.progress.enter(Stage::Idle, 0, 0);
        outcome.map(Outcome::Done)
    }

    async fn observe(&self) -> Result<Views, Error> {
        let base = read_base(self.journal, self.route).await?;
        let (here, there) = tokio::join!(
            observe::local(self.route, self.local, &base, self.progress),
            observe::remote(self.remote, &base)
        );
        Ok(Views { here: here.map_err(Error::Local)?, there: there.map_err(Error::Remote)?, base })
    }

    async fn carry_out(&self, views: Views, plan: Plan) -> Result<Report, Error> {
        let (notes, writing) = remember::begin(self.local.clone(), Arc::clone(self.journal), self.route.id);
        for change in settle(&plan.settled, &views) {
            notes.hand_in(Note { change, placed: None });
        }
        let mut applier = Applier::new(self, views.here, views.there, notes);
        let carried_out = applier.apply(plan).await;
        let report = applier.finish();
        let written = writing.await.expect("the writer does not panic");
        carried_out?;
        written?;
        Ok(report)
    }
}

async fn read_base(journal: &Arc<Journal>, route: &Route) -> Result<Vec<BaseEntry>, Error> {
    let (journal, id) = (Arc::clone(journal), route.id);
    tokio::task::spawn_blocking(move || journal.base(id))
        .await
        .expect("reading the base does not panic")
        .map_err(Error::Journal)
}

fn decide(route: &Route, views: &Views, options: &Options) -> Verdict {
    let Views { base, here, there } = views;
    let label = ConflictLabel::new(&options.time, &route.machine);
    let sight = |key: &ObjectKey| {
        let path = key.path();
        let shape = if key.is_directory() { Shape::Directory } else { Shape::Leaf };
        if route.ignore.ignores(&path, shape) {
            Sight::Ignored
        } else if here.hidden.hides(&path) {
            Sight::Hidden(Side::Local)
        } else if there.hidden.hides(&path) {
            Sight::Hidden(Side::Remote)
        } else {
            Sight::Clear
        }
    };
    let rules = Rules {
        direction: route.direction,
        max_delete: route.max_delete,
        guards: options.guards,
        label: &label,
        sight: &sight,
    };
    plan::sync::sync(
        base.iter().map(|entry| (entry.key.clone(), entry.agreed)),
        here.seen.iter().map(|(key, seen)| (key.clone(), seen.node)),
        there.seen.iter().map(|(key, seen)| (key.clone(), seen.node)),
        &rules,
    )
}

/// What is so already, and witnesses that were seen more sharply than before.
fn settle(settled: &[Settled], views: &Views) -> Vec<Change> {
    let Views { base, here, there } = views;
    let mut changes: Vec<Change> = settled
        .iter()
        .filter_map(|settled| match settled {
            Settled::Forget { key } => Some(Change::Forget(key.clone())),
            Settled::Agree { key, local, remote } => {
                let stamp = observe::at(&here.seen, key)?.found.stamp;
                let version = observe::at(&there.seen, key)?.version.clone();
                let agreed = Agreed { local: *local, remote: *remote };
                Some(Change::Agree(BaseEntry { key: key.clone(), agreed, stamp, version }))
            }
        })
        .collect();
    changes.extend(base.iter().filter_map(|entry| sharpened(entry, here, there).map(Change::Agree)));
    changes
}

/// A store tells an object's time only in listings; a file's inode may have been touched without any other change.
fn sharpened(entry: &BaseEntry, here: &LocalView, there: &RemoteView) -> Option<BaseEntry> {
    let local = observe::at(&here.seen, &entry.key)?;
    let remote = observe::at(&there.seen, &entry.key)?;
    let same = local.node.same_content(&entry.agreed.local)
        && local.node.same_meta(&entry.agreed.local)
        && remote.node.same_content(&entry.agreed.remote)
        && remote.node.same_meta(&entry.agreed.remote);
    let newer = local.found.stamp != entry.stamp || remote.version != entry.version;
    (same && newer).then(|| BaseEntry {
        key: entry.key.clone(),
        agreed: entry.agreed,
        stamp: local.found.stamp,
        version: remote.version.clone(),
    })
}
