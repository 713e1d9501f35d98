//! What a cycle does about what both sides agree on: no plan asks for it, and no side is decided upon.
//!
//! - **What has lost its description is described once more**, see `observe::unsaid`. Before the ordinary work, and directories first: one that holds
//!   something that is described is not known again.
//! - **What stands in clear in an encrypted state is sealed.** Whoever names recipients expects that nothing stays readable. So what nobody
//!   sealed is sent once more by whichever cycle has come through the ordinary work.
//!
//! What is left when a cycle ends is left to the next. The journal tells what there is, a page at a time; as a rule nothing, for one query each.

use crate::apply::Applier;
use crate::cycle::Cycle;
use crate::decide::{Deciding, Job, Seen};
use crate::error::Error;
use crate::observe::is_unsaid;
use crate::progress::Stage;
use crate::remember;
use crate::report::Report;
use crate::sides::{Local, Remote};
use crate::surveys::Surveys;
use crate::threads::blocking;
use journal::{Known, LocalSeen, RemoteSeen};
use model::BaseEntry;
use plan::sync::{Action, Change, PerSide, Phase, Side, Sight, Written};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Actions that wait for their turn.
const WAITING_MAX: usize = 256;

/// What is seen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Directories are described once more.
    DescribeDirectories,
    /// Files and links are.
    DescribeFiles,
    /// What is in clear is sealed.
    Seal,
}

impl<L: Local, R: Remote> Cycle<'_, L, R> {
    /// Sees to it.
    pub(crate) async fn run_errand(
        &self,
        errand: Errand,
        deciding: &Deciding,
        surveys: &Surveys,
        report: Report,
    ) -> Result<Report, Error> {
        let Some(first) = self.errands(errand, deciding, String::new()).await? else { return Ok(report) };
        let (notes, writing) = remember::begin(self.local.clone(), Arc::clone(self.journal), self.route.id);
        let applier = Applier::new(self, deciding, notes, surveys, PerSide::default(), report);
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        self.progress.enter(Stage::Applying, 0, 0);
        let handing_out = self.hand_out_errands(errand, deciding, first, sender);
        let (found, done) = tokio::join!(handing_out, applier.apply(jobs));
        let report = applier.finish();
        writing.finish().await?;
        done?;
        found?;
        Ok(report)
    }

    /// All of it as actions, for a person to read.
    pub(crate) async fn errands_planned(&self, deciding: &Deciding) -> Result<Vec<Action>, Error> {
        let mut actions = Vec::new();
        for errand in [Errand::DescribeDirectories, Errand::DescribeFiles, Errand::Seal] {
            let mut after = String::new();
            while let Some(page) = self.errands(errand, deciding, after).await? {
                after = page.after;
                actions.extend(page.jobs.into_iter().map(|(action, _)| action));
            }
        }
        Ok(actions)
    }

    async fn hand_out_errands(
        &self,
        errand: Errand,
        deciding: &Deciding,
        first: Page,
        jobs: mpsc::Sender<Job>,
    ) -> Result<(), Error> {
        let mut next = Some(first);
        while let Some(page) = next {
            for (action, seen) in page.jobs {
                let bytes = match &action.change {
                    Change::Write(Written(node)) => node.size,
                    Change::SetMeta(_) | Change::Delete => 0,
                };
                self.progress.expect(1, bytes);
                if jobs.send(Job::Act(action, seen)).await.is_err() {
                    // Nobody takes jobs any more once one of them was fatal, which is told there.
                    return Ok(());
                }
            }
            next = self.errands(errand, deciding, page.after).await?;
        }
        Ok(())
    }

    /// A page of what there is to be done and may be; `None` behind the last.
    async fn errands(
        &self,
        errand: Errand,
        deciding: &Deciding,
        after: String,
    ) -> Result<Option<Page>, Error> {
        let is_due = match errand {
            Errand::DescribeDirectories | Errand::DescribeFiles => self.remote.may_forget(),
            Errand::Seal => self.remote.seals(),
        };
        if !is_due || !self.route.direction.writes(Side::Remote) {
            return Ok(None);
        }
        let (journal, route) = (Arc::clone(self.journal), self.route.id);
        let page = blocking(move || match errand {
            Errand::DescribeDirectories => {
                journal.unsaid(route, &after).map(|known| Page::to_describe(known, true))
            }
            Errand::DescribeFiles => {
                journal.unsaid(route, &after).map(|known| Page::to_describe(known, false))
            }
            Errand::Seal => journal.in_clear(route, &after).map(Page::to_seal),
        });
        let Some(mut page) = page.await.map_err(Error::Journal)? else { return Ok(None) };
        page.jobs.retain(|(action, seen)| {
            let size = seen.here.as_ref().map_or(0, |here| here.node.size);
            deciding.sight(&action.key, size) == Sight::Clear
        });
        Ok(Some(page))
    }
}

struct Page {
    jobs: Vec<(Action, Seen)>,
    /// Where the next page begins.
    after: String,
}

impl Page {
    fn to_seal(entries: Vec<BaseEntry>) -> Option<Self> {
        let after = entries.last()?.key.as_str().to_owned();
        let job = |entry: BaseEntry| {
            let there = RemoteSeen { node: entry.agreed.remote, version: entry.version.clone() };
            job(&entry, Change::Write(Written(entry.agreed.local)), there)
        };
        Some(Self { jobs: entries.into_iter().map(job).collect(), after })
    }

    /// What this machine has news of is described by sending them.
    fn to_describe(known: Vec<Known>, directories: bool) -> Option<Self> {
        let after = known.last()?.key.as_str().to_owned();
        let job = |known: Known| {
            let there = known.remote.clone()??;
            let is_due = known.local.is_none()
                && !known.rests
                && known.key.is_directory() == directories
                && is_unsaid(&there, &known);
            let entry = known.base.filter(|_| is_due)?;
            Some(job(&entry, Change::SetMeta(Written(entry.agreed.remote)), there))
        };
        Some(Self { jobs: known.into_iter().filter_map(job).collect(), after })
    }
}

fn job(entry: &BaseEntry, change: Change, there: RemoteSeen) -> (Action, Seen) {
    let (key, expect) = (entry.key.clone(), Some(there.node));
    let here = LocalSeen { node: entry.agreed.local, stamp: entry.stamp };
    let action = Action { side: Side::Remote, key, expect, change, phase: Phase::Write };
    (action, Seen { here: Some(here), there: Some(there) })
}
