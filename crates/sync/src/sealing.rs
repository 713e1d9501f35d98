//! What stood in the bucket before its state was encrypted.
//!
//! Whoever names recipients expects that nothing stays readable. So what both sides agree on and nobody sealed is sent once more, sealed, by whichever
//! cycle has come through the ordinary work; what is left when it ends is left to the next. The journal tells what is sealed, so an encrypted state pays one
//! query for this.

use crate::apply::Applier;
use crate::cycle::Cycle;
use crate::decide::{Deciding, Job, Seen};
use crate::error::Error;
use crate::progress::Stage;
use crate::remember;
use crate::report::Report;
use crate::sides::{Local, Remote};
use crate::surveys::Surveys;
use crate::threads::blocking;
use journal::{LocalSeen, RemoteSeen};
use model::BaseEntry;
use plan::sync::{Action, Change, PerSide, Phase, Side, Sight, Written};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Uploads that wait for their turn.
const WAITING_MAX: usize = 256;

impl<L: Local, R: Remote> Cycle<'_, L, R> {
    /// Sends what is in clear once more.
    pub(crate) async fn seal_what_is_clear(
        &self,
        deciding: &Deciding,
        surveys: &Surveys,
        report: Report,
    ) -> Result<Report, Error> {
        let Some(first) = self.in_clear(deciding, String::new()).await? else { return Ok(report) };
        let (notes, writing) = remember::begin(self.local.clone(), Arc::clone(self.journal), self.route.id);
        let applier = Applier::new(self, deciding, notes, surveys, PerSide::default(), report);
        let (sender, jobs) = mpsc::channel(WAITING_MAX);
        self.progress.enter(Stage::Applying, 0, 0);
        let (found, sealed) = tokio::join!(self.hand_out_clear(deciding, first, sender), applier.apply(jobs));
        let report = applier.finish();
        writing.finish().await?;
        sealed?;
        found?;
        Ok(report)
    }

    /// The same as actions, for a person to read.
    pub(crate) async fn to_be_sealed(&self, deciding: &Deciding) -> Result<Vec<Action>, Error> {
        let mut actions = Vec::new();
        let mut after = String::new();
        while let Some(page) = self.in_clear(deciding, after).await? {
            after = page.after;
            actions.extend(page.entries.iter().map(action));
        }
        Ok(actions)
    }

    async fn hand_out_clear(
        &self,
        deciding: &Deciding,
        first: Page,
        jobs: mpsc::Sender<Job>,
    ) -> Result<(), Error> {
        let mut next = Some(first);
        while let Some(page) = next {
            for entry in page.entries {
                self.progress.expect(1, entry.agreed.local.size);
                let here = LocalSeen { node: entry.agreed.local, stamp: entry.stamp };
                let there = RemoteSeen { node: entry.agreed.remote, version: entry.version.clone() };
                let seen = Seen { here: Some(here), there: Some(there) };
                if jobs.send(Job::Act(action(&entry), seen)).await.is_err() {
                    // Nobody takes jobs any more once one of them was fatal, which is told there.
                    return Ok(());
                }
            }
            next = self.in_clear(deciding, page.after).await?;
        }
        Ok(())
    }

    /// A page of what is in clear and may be written; `None` behind the last.
    async fn in_clear(&self, deciding: &Deciding, after: String) -> Result<Option<Page>, Error> {
        if !self.remote.seals() || !self.route.direction.writes(Side::Remote) {
            return Ok(None);
        }
        let (journal, route) = (Arc::clone(self.journal), self.route.id);
        let entries = blocking(move || journal.in_clear(route, &after)).await.map_err(Error::Journal)?;
        let Some(last) = entries.last() else { return Ok(None) };
        let after = last.key.as_str().to_owned();
        let is_clear =
            |entry: &BaseEntry| deciding.sight(&entry.key, entry.agreed.local.size) == Sight::Clear;
        Ok(Some(Page { after, entries: entries.into_iter().filter(is_clear).collect() }))
    }
}

struct Page {
    entries: Vec<BaseEntry>,
    /// Where the next page begins.
    after: String,
}

fn action(entry: &BaseEntry) -> Action {
    Action {
        side: Side::Remote,
        key: entry.key.clone(),
        expect: Some(entry.agreed.remote),
        change: Change::Write(Written(entry.agreed.local)),
        phase: Phase::Write,
    }
}
