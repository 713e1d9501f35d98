//! One cycle of one route.

use crate::afterwards::Errand;
use crate::apply::Applier;
use crate::decide::{Deciding, Pass, Survey};
use crate::error::Error;
use crate::observe::{self, Moment, Mounts, View};
use crate::progress::{Progress, Stage};
use crate::remember;
use crate::report::{Outcome, Problem, Report};
use crate::route::Route;
use crate::sides::{Held, Local, Remote, Standing};
use crate::surveys::Surveys;
use bucket::plain::PlaceId;
use journal::{Change, Journal, RootIdentity};
use plan::ignore::IgnoreTree;
use plan::mount::Doubts as DiskDoubts;
use plan::sync::{Doubts, Guards, Phase};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a cycle is told besides its route.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a person has said about a halt.
    pub resume: Resume,
    /// Plan only.
    pub dry_run: bool,
    /// When conflicts are noticed, written `YYYYMMDD-HHMMSS`: a label for people.
    pub time: String,
    /// Begins no further effect once cancelled.
    pub stop: CancellationToken,
}

/// What a person has said about a halt, or about a place that does not carry its marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Nothing.
    Not,
    /// To go on from what said this. What says something else is another matter, and nobody has looked at it yet.
    From(String),
    /// To go on at this place, if it is in doubt as another one than was known: it was begun anew for another route, and that word holds for this one.
    At(PlaceId),
    /// To go on whatever it says, for a machine at which the person who says so is the only one.
    Anything,
    /// To put both sides together, keeping every version of either, whatever halts: nothing can be lost by it. A place without its marker may be
    /// another disk's mount point, so it takes having been told this of it.
    Resync(Option<String>),
    /// To go on at these disks below the folder, of which just this was told; they are all that this is about.
    Disks(DiskWord, DiskDoubts),
}

/// What a person says of a disk that is not there. Where another one is in its place, or nothing is agreed upon any more, both sides are put together
/// in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskWord {
    /// Its files are to be deleted.
    Deleted,
    /// They are to come back, into the directory that is there now.
    Union,
}

impl Resume {
    fn answers(&self, told: &impl ToString) -> bool {
        match self {
            Self::Not | Self::At(_) | Self::Resync(None) | Self::Disks(..) => false,
            Self::From(said) | Self::Resync(Some(said)) => *said == told.to_string(),
            Self::Anything => true,
        }
    }

    /// What answered one thing answers all that follows from it in the same run.
    fn widen(&mut self) {
        if !matches!(self, Self::Resync(_)) {
            *self = Self::Anything;
        }
    }

    fn guards(&self) -> Guards {
        if matches!(self, Self::Resync(_)) { Guards::Resync } else { Guards::On }
    }
}

/// Cycles that follow up paths that changed meanwhile, at most: a file that is written all the time is left to the next run.
const FOLLOW_UPS_MAX: usize = 3;

/// Jobs that were planned and wait for their turn.
const JOBS_WAITING_MAX: usize = 256;

/// No directory is this one.
const NO_DIRECTORY: RootIdentity = RootIdentity { device: 0, inode: 0, born: None };

/// One cycle of one route: everything it needs.
pub struct Cycle<'a, L, R> {
    /// What is synced with what.
    pub route: &'a Route,
    /// The machine's folder.
    pub local: &'a L,
    /// Its place in the bucket.
    pub remote: &'a R,
    /// Where it is remembered what both sides hold.
    pub journal: &'a Arc<Journal>,
    /// How to go about it.
    pub options: &'a Options,
    /// Moves while it runs.
    pub progress: &'a Progress,
}

impl<L: Local, R: Remote> Cycle<'_, L, R> {
    /// Runs until nothing is left that an immediate further cycle could do.
    pub async fn until_settled(&self) -> Result<Outcome, Error> {
        let mut done: Option<Report> = None;
        let mut resume = self.options.resume.clone();
        for _ in 0..=FOLLOW_UPS_MAX {
            let report = match Box::pin(self.once_more(&mut resume)).await? {
                Outcome::Done(report) => report,
                other @ (Outcome::Halted(_) | Outcome::Planned(..)) => return Ok(other),
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
        self.once_more(&mut self.options.resume.clone()).await
    }

    async fn once_more(&self, resume: &mut Resume) -> Result<Outcome, Error> {
        self.progress.enter(Stage::Observing, 0, 0);
        let outcome = self.hold_and_go(resume).await;
        self.progress.enter(Stage::Idle, 0, 0);
        outcome
    }

    /// With what stands at the destination now, for as long as the cycle takes.
    async fn hold_and_go(&self, resume: &mut Resume) -> Result<Outcome, Error> {
        let Held { remote, standing } = self.remote.hold().await.map_err(Error::Remote)?;
        let is_another = self.meet(&remote, standing, resume).await?;
        Box::pin(Cycle { remote: &remote, ..*self }.go(is_another, resume)).await
    }

    /// Whether the destination is another place than the base was agreed upon with. One that carries no marker gets one if it was never met, or if
    /// that is what a person has answered; else it is not the destination. Who has answered knows that it is another place, so it is no halt once more.
    async fn meet(&self, remote: &R, standing: Standing, resume: &mut Resume) -> Result<bool, Error> {
        let (journal, route) = (self.journal, self.route);
        let known = journal.place(route.id).map_err(Error::Journal)?;
        let id = match standing {
            Standing::Named => return Ok(false),
            Standing::Marked(id) => id,
            Standing::Unmarked(error) => {
                if journal.has_met(&route.destination).map_err(Error::Journal)? {
                    if !resume.answers(&error) {
                        return Err(Error::Remote(error));
                    }
                    resume.widen();
                }
                if self.options.dry_run {
                    return Ok(known.is_some());
                }
                remote.mark().await.map_err(Error::Remote)?
            }
        };
        if !self.options.dry_run {
            journal.set_place(route.id, id.as_str()).map_err(Error::Journal)?;
        }
        let is_another = known.is_some_and(|known| known != id.as_str());
        let is_doubted = is_another || journal.is_rewound(route.id).map_err(Error::Journal)?;
        if is_doubted && *resume == Resume::At(id) {
            *resume = Resume::Anything;
        }
        Ok(is_another)
    }

    /// A halt that `resume` answers makes it an answer to all that follows in the same run: what is left of that halt says other numbers.
    async fn go(&self, is_another: bool, resume: &mut Resume) -> Result<Outcome, Error> {
        let identity = self.local.identity().map_err(Error::Local)?;
        let surveys = Surveys::default();
        let before = self.local.mounts().map_err(Error::Local)?;
        let (mut here, mut there) = self.observe(&surveys).await?;
        // Held to the end: what is written goes where it was planned to go.
        let mounts = Mounts { before, after: self.local.mounts().map_err(Error::Local)? };
        let keep = !self.options.dry_run;
        let apart = mounts.hide_vacant(self.route, self.journal, resume, keep, &mut here)?;
        observe::recall(self.route, self.remote, self.journal, &mut there).await?;
        observe::look_into(self.route, self.remote, self.journal, &mut there).await?;
        let rules = here.rules.take().unwrap_or_else(|| IgnoreTree::new(self.route.ignore.clone()));
        let instructions = self.route.instructions(&rules, self.remote.seals());
        let rules = Arc::new(rules);
        let mut deciding = Deciding {
            journal: Arc::clone(self.journal),
            route: Arc::new(self.route.clone()),
            options: self.options.clone(),
            guards: resume.guards(),
            doubts: self.doubts(&identity, is_another)?,
            rules: Arc::clone(&rules),
            hidden_here: Arc::new(here.hidden.clone()),
            hidden_there: Arc::new(there.hidden.clone()),
            crossed: Arc::default(),
            apart: Arc::new(apart),
        };
        if !deciding.doubts.any() && self.is_calm(&instructions)? && !self.options.dry_run {
            return Ok(Outcome::Done(Report::begin(&here, &there)));
        }
        let (mut survey, halt) = deciding.survey().await?;
        if let Some(halt) = halt {
            if !resume.answers(&halt) {
                return Ok(Outcome::Halted(halt));
            }
            resume.widen();
            deciding.guards = Guards::Resumed;
            (survey, _) = deciding.survey().await?;
        }
        if self.options.dry_run {
            let mut plan = deciding.whole().await?;
            plan.actions.extend(self.errands_planned(&deciding).await?);
            let problems = here.problems.into_iter().chain(there.problems).collect();
            return Ok(Outcome::Planned(plan, problems));
        }
        self.vouch(&deciding, &identity)?;
        let mut report = Report::begin(&here, &there);
        report.problems.extend(survey.left.iter().map(|(key, left)| Problem::left(key, *left)));
        for errand in [Errand::DescribeDirectories, Errand::DescribeFiles] {
            report = self.run_errand(errand, &deciding, &surveys, report).await?;
        }
        let report = self.carry_out(&deciding, &survey, &surveys, report).await?;
        let report = self.run_errand(Errand::Seal, &deciding, &surveys, report).await?;
        self.conclude(&deciding, identity, &instructions, &report)?;
        if report.wrote_remote() {
            // Our own changes come back as news; taken in now, they do not make the next cycle look busy.
            self.look_at_remote(Moment::After).await?;
        }
        Ok(Outcome::Done(report))
    }

    async fn observe(&self, surveys: &Surveys) -> Result<(View, View), Error> {
        let (notes, writing) = remember::begin(self.local.clone(), Arc::clone(self.journal), self.route.id);
        let (here, there) = tokio::join!(
            async move {
                let view =
                    observe::local(self.route, self.local, self.journal, &notes, surveys, self.progress)
                        .await;
                drop(notes);
                view
            },
            self.look_at_remote(Moment::Before)
        );
        writing.finish().await?;
        Ok((here?, there?))
    }

    async fn look_at_remote(&self, moment: Moment) -> Result<View, Error> {
        observe::remote(self.route, self.remote, self.journal, moment).await
    }

    /// Whether a side is another one than that with which the base was agreed upon.
    fn doubts(&self, identity: &disk::Identity, is_another: bool) -> Result<Doubts, Error> {
        let known = self.journal.root_identity(self.route.id).map_err(Error::Journal)?;
        Ok(Doubts {
            local: known.is_some_and(|known| differs(&known, identity)),
            remote: is_another || self.journal.is_rewound(self.route.id).map_err(Error::Journal)?,
        })
    }

    fn is_calm(&self, instructions: &str) -> Result<bool, Error> {
        let calm = self.journal.calm(self.route.id).map_err(Error::Journal)?;
        Ok(calm.as_deref() == Some(instructions))
    }

    async fn carry_out(
        &self,
        deciding: &Deciding,
        survey: &Survey,
        surveys: &Surveys,
        report: Report,
    ) -> Result<Report, Error> {
        if survey.is_empty() {
            return Ok(report);
        }
        self.progress.enter(Stage::Applying, survey.actions(), survey.bytes);
        let mut report = report;
        let phases = [Phase::ClearTheWay, Phase::Write, Phase::Tidy, Phase::Furnish];
        let passes = phases.into_iter().filter(|phase| survey.has(*phase)).map(Pass::Actions);
        let first = (survey.conflicts + survey.settled > 0).then_some(Pass::Conflicts);
        for pass in first.into_iter().chain(passes) {
            // What a pass achieved is written down before the next one is planned.
            let (notes, writing) =
                remember::begin(self.local.clone(), Arc::clone(self.journal), self.route.id);
            let applier = Applier::new(self, deciding, notes, surveys, survey.at_hand, report);
            let (sender, jobs) = mpsc::channel(JOBS_WAITING_MAX);
            let (planning, carried_out) = tokio::join!(deciding.hand_out(pass, sender), applier.apply(jobs));
            report = applier.finish();
            writing.finish().await?;
            carried_out?;
            planning?;
        }
        // What was moved is deleted under its old name, and no loss.
        report.deleted_remote = report.deleted_remote.saturating_sub(report.moved.remote);
        Ok(report)
    }

    /// Writes down, before anything is agreed upon, with which directory that will be. Beside agreements with another one, with none: the mixture
    /// that is left if this cycle does not come to its end says nothing about either.
    fn vouch(&self, deciding: &Deciding, identity: &disk::Identity) -> Result<(), Error> {
        let (journal, route) = (self.journal, self.route.id);
        let vouch = || match journal.root_identity(route)? {
            None => journal.set_root_identity(route, root(identity)),
            Some(_) if deciding.doubts.local => journal.set_root_identity(route, NO_DIRECTORY),
            Some(_) => Ok(()),
        };
        vouch().map_err(Error::Journal)
    }

    /// Writes down how far this cycle came.
    fn conclude(
        &self,
        deciding: &Deciding,
        identity: disk::Identity,
        instructions: &str,
        report: &Report,
    ) -> Result<(), Error> {
        let (journal, route) = (self.journal, self.route.id);
        let conclude = || {
            let is_settled = report.is_settled();
            // What was left undone is remembered as agreed upon with another directory.
            let may_be_trusted = is_settled || !deciding.doubts.local;
            if may_be_trusted && journal.root_identity(route)? != Some(root(&identity)) {
                journal.set_root_identity(route, root(&identity))?;
            }
            if is_settled && deciding.doubts.remote {
                journal.record(route, &[Change::Rewound(false)])?;
            }
            let is_calm = is_settled && report.problems.is_empty();
            journal.set_calm(route, is_calm.then_some(instructions))
        };
        conclude().map_err(Error::Journal)
    }
}

fn root(identity: &disk::Identity) -> RootIdentity {
    RootIdentity { device: identity.device, inode: identity.inode, born: identity.born }
}

/// A device's number changes when the machine starts anew, an inode's does not, but is given once more to a directory that is made after another
/// was deleted.
fn differs(known: &RootIdentity, identity: &disk::Identity) -> bool {
    let born_apart = known.born.zip(identity.born).is_some_and(|(known, born)| known != born);
    known.inode != identity.inode || born_apart
}
