//! Planning from what the journal knows, one pass over it at a time.
//!
//! The pure planner is asked twice: first only for what its plan comes to, so that a person can be asked before anything happens, then,
//! phase by phase, for the steps themselves. In between nothing is kept but numbers; what a phase achieved is in the journal by
//! the time the next one is planned.

mod survey;

pub(crate) use survey::Survey;

use crate::cycle::Options;
use crate::error::Error;
use crate::observe::{BATCH, Hidden, is_unknown};
use crate::route::Route;
use crate::threads::blocking;
use chrono::{NaiveDateTime, TimeDelta};
use journal::{
    Change as Remembered, Crossing, Journal, Known, KnownEntries, LocalSeen, MovedOn, Origin, RemoteSeen,
    Sighting,
};
use model::{BaseEntry, MachineName, Node, ObjectKey};
use plan::ignore::{IgnoreTree, Shape};
use plan::sync::{
    Action, Change, Conflict, ConflictLabel, Doubts, Guards, Halt, Left, Move, PerSide, Phase, Place, Plan,
    Planner, Rules, Settled, Side, Sight, Step, Tally,
};
use std::collections::BTreeSet;
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

/// Everything a pass needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Deciding {
    pub(crate) journal: Arc<Journal>,
    pub(crate) route: Arc<Route>,
    pub(crate) options: Options,
    pub(crate) guards: Guards,
    pub(crate) doubts: Doubts,
    pub(crate) rules: Arc<IgnoreTree>,
    pub(crate) hidden_here: Arc<Hidden>,
    pub(crate) hidden_there: Arc<Hidden>,
    /// Places at which what was agreed upon does not count, because a content would be left nowhere; once they are surveyed.
    pub(crate) crossed: Arc<BTreeSet<ObjectKey>>,
    /// Nor does it below these.
    pub(crate) apart: Arc<Hidden>,
}

/// Which steps of a plan a pass hands out. What needs no effect comes with every pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Conflicts,
    Actions(Phase),
}

impl Deciding {
    /// What a plan would come to, and whether a person has to look first.
    pub(crate) async fn survey(&mut self) -> Result<(Survey, Option<Halt>), Error> {
        let (mut survey, crossed) = self.find_moves().await?;
        self.part_crossed(crossed).await?;
        let mut planning = self.begin();
        while let Some(steps) = planning.page().await? {
            for (place, step) in &steps {
                survey.count(place, step);
            }
            let kept = self.kept(&steps).await?;
            survey.no_loss.local += kept.local;
            survey.no_loss.remote += kept.remote;
        }
        survey.tally = planning.tally;
        let Survey { tally, toll, no_loss, .. } = &survey;
        let halt = self.with_rules(|rules| plan::sync::guard(tally, toll, *no_loss, rules));
        Ok((survey, halt))
    }

    /// A survey that knows of the moves, and of nothing else yet; and what was moved on both sides, crosswise.
    async fn find_moves(&self) -> Result<(Survey, Vec<Crossing>), Error> {
        let (journal, route) = (Arc::clone(&self.journal), self.route.id);
        let find = move || {
            let (there, here) =
                (journal.find_moves(route, MovedOn::Remote)?, journal.find_moves(route, MovedOn::Local)?);
            let at_hand = PerSide { local: there.moved + there.copied, remote: here.moved + here.copied };
            let crossed = [here.crossed, there.crossed, journal.given_up(route)?].concat();
            Ok((Survey { at_hand, ..Survey::default() }, crossed))
        };
        blocking(find).await.map_err(Error::Journal)
    }

    /// Takes what either side holds at these places for its own. It is written down at once: should some of it not come off, it counts in the next
    /// cycle as well, in which the content is not seen to leave any more.
    async fn part_crossed(&mut self, crossed: Vec<Crossing>) -> Result<(), Error> {
        if crossed.is_empty() || self.route.direction.leads().is_some() {
            return Ok(());
        }
        let is_clear = |key: &ObjectKey| self.sight(key, 0) == Sight::Clear;
        let crossed = crossed.into_iter().filter(|one| is_clear(&one.left) && is_clear(&one.key));
        let keys = crossed.map(|crossing| crossing.key);
        self.crossed = Arc::new(keys.collect());
        if self.options.dry_run {
            return Ok(());
        }
        let (journal, route, keys) = (Arc::clone(&self.journal), self.route.id, Arc::clone(&self.crossed));
        let part = move || {
            let mut parting = Vec::new();
            for key in keys.iter() {
                parting.extend(journal.known_at(route, key)?.map(parted));
            }
            journal.record_durably(route, &parting)
        };
        blocking(part).await.map_err(Error::Journal)
    }

    /// How many of these steps delete what was moved, or what both sides keep under another name. What a move left and is not deleted, because a rule
    /// or a missing disk hides it, makes up for no other deletion.
    async fn kept(&self, steps: &Steps) -> Result<PerSide, Error> {
        let deleted = |on: Side| -> Vec<ObjectKey> {
            let deleted = steps.iter().filter_map(|(_, step)| match step {
                Step::Act(Action { key, side, change: Change::Delete, .. }) if *side == on => Some(key),
                Step::Act(_) | Step::Conflict(_) | Step::Settled(_) | Step::Left(_) | Step::Stands => None,
            });
            deleted.cloned().collect()
        };
        let (here, there) = (deleted(Side::Local), deleted(Side::Remote));
        if here.is_empty() && there.is_empty() {
            return Ok(PerSide::default());
        }
        let (journal, route) = (Arc::clone(&self.journal), self.route.id);
        let count = move || {
            Ok(PerSide {
                local: journal.count_kept(route, MovedOn::Remote, &here)?,
                remote: journal.count_kept(route, MovedOn::Local, &there)?,
            })
        };
        blocking(count).await.map_err(Error::Journal)
    }

    /// Whether what was agreed upon at a place does count.
    fn counts(&self, key: &ObjectKey) -> bool {
        !self.crossed.contains(key) && !self.apart.hides(&key.path())
    }

    /// The whole plan, for a person to read.
    pub(crate) async fn whole(&self) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        let mut planning = self.begin();
        while let Some(steps) = planning.page().await? {
            for (place, step) in steps {
                plan.add(&place.key, step);
            }
        }
        plan.sort();
        let deciding = self.clone();
        blocking(move || deciding.name_moves(plan)).await
    }

    /// Says "move" where the survey found that what is written is what is deleted.
    fn name_moves(&self, mut plan: Plan) -> Result<Plan, Error> {
        let is_deletion = |action: &&Action| action.change == Change::Delete;
        let deleted = plan.actions.iter().filter(is_deletion).map(|action| (action.side, action.key.clone()));
        let mut deleted: BTreeSet<_> = deleted.collect();
        let mut gone = BTreeSet::new();
        for Action { side, key, change, .. } in &plan.actions {
            let on = if *side == Side::Remote { MovedOn::Local } else { MovedOn::Remote };
            if deleted.is_empty() || !matches!(change, Change::Write(_)) {
                continue;
            }
            let origin = self.journal.origin(self.route.id, on, key).map_err(Error::Journal)?;
            if let Some(Origin::Left(from)) = origin
                && let Some(from) = deleted.take(&(*side, from))
            {
                gone.extend([from.clone(), (*side, key.clone())]);
                plan.moves.push(Move { side: *side, from: from.1, to: key.clone() });
            }
        }
        plan.actions.retain(|action| !gone.contains(&(action.side, action.key.clone())));
        Ok(plan)
    }

    /// Hands out the jobs of one pass, as fast as they are taken.
    pub(crate) async fn hand_out(&self, pass: Pass, taker: mpsc::Sender<Job>) -> Result<(), Error> {
        let mut planning = self.begin();
        while let Some(steps) = planning.page().await? {
            self.part_from(&steps, pass).await?;
            for job in steps.into_iter().filter_map(|(place, step)| job(place, step, pass)) {
                if taker.send(job).await.is_err() {
                    // Nobody takes jobs any more once one of them was fatal, which is told there.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Writes down what is about to go, for the case that nobody hears of its end. A file that a person moves back meanwhile is the agreed one
    /// by all that can be seen of it: it would follow the deletion of its own old name, or make way for what only went past here. And what a rule
    /// leaves alone, because a person who deletes it here must be able to trust in that.
    async fn part_from(&self, steps: &Steps, pass: Pass) -> Result<(), Error> {
        let parting = steps.iter().filter_map(|(place, step)| parting(place, step, pass));
        let parting: Vec<Remembered> = parting.collect();
        if parting.is_empty() {
            return Ok(());
        }
        let (journal, route) = (Arc::clone(&self.journal), self.route.id);
        blocking(move || journal.record_durably(route, &parting)).await.map_err(Error::Journal)
    }

    fn begin(&self) -> Planning {
        Planning {
            deciding: self.clone(),
            known: Some(self.journal.known(self.route.id)),
            planner: Planner::new(),
            tally: Tally::default(),
        }
    }

    /// Whether a directory stays although it was emptied.
    pub(crate) fn keeps(&self, directory: &ObjectKey) -> bool {
        match self.journal.known_at(self.route.id, directory) {
            Ok(Some(known)) => place(known).will_stand(self.route.direction),
            Ok(None) => false,
            // What cannot be looked up is better left than removed.
            Err(_) => true,
        }
    }

    /// Whether what is left at a place goes, and may go on under another name instead.
    pub(crate) fn gives_up(&self, known: &Known) -> bool {
        self.with_rules(|rules| plan::sync::gives_up(rules, &place(known.clone())))
    }

    fn with_rules<T>(&self, then: impl FnOnce(&Rules<'_>) -> T) -> T {
        let sight = |key: &ObjectKey, size| self.sight(key, size);
        then(&Rules {
            direction: self.route.direction,
            max_delete: self.route.max_delete,
            guards: self.guards,
            doubts: self.doubts,
            copy_of: &|key, side| self.copy_of(key, side),
            insists: &|key, node| self.insists(key, node),
            sight: &sight,
        })
    }

    /// The key for a conflict copy, which says whose version it is: this machine's, or the destination's, of which it is not known who wrote it.
    /// What cannot be looked up is found taken in the doing.
    fn copy_of(&self, key: &ObjectKey, side: Side) -> ObjectKey {
        let is_taken = |copy: &ObjectKey| matches!(self.journal.known_at(self.route.id, copy), Ok(Some(_)));
        let label = |time: &str| self.label(time, side).copy_of(key);
        let free = seconds_from(&self.options.time).map(|time| label(&time)).find(|copy| !is_taken(copy));
        free.unwrap_or_else(|| label(&self.options.time))
    }

    fn label(&self, time: &str, side: Side) -> ConflictLabel {
        let machine = &self.route.machine;
        let whose = match side {
            Side::Local => machine.clone(),
            Side::Remote => MachineName::new(&self.route.destination).unwrap_or_else(|_| machine.clone()),
        };
        ConflictLabel::new(time, &whose)
    }

    /// Whether the version of the side that follows stands in a conflict copy already. Of a version that cannot be told apart from others, nobody
    /// knows; and what cannot be looked up is better left than set aside without end.
    fn insists(&self, key: &ObjectKey, node: &Node) -> Option<Left> {
        let follows = self.route.direction.yields();
        let known = |key: &ObjectKey| self.journal.known_at(self.route.id, key).ok().flatten();
        if follows == Side::Remote && known(key)?.remote().is_some_and(|seen| is_unknown(&seen)) {
            return Some(Left::Unknown);
        }
        let beginning = self.label(&self.options.time, follows).beginning_of(key);
        let Ok(copies) = self.journal.keys_beginning(self.route.id, &beginning) else {
            return Some(Left::Unknown);
        };
        let is_kept = |copy: &ObjectKey| {
            known(copy)
                .is_some_and(|known| place(known).on(follows).is_some_and(|one| one.same_content(node)))
        };
        copies.iter().any(is_kept).then_some(Left::Insisted)
    }

    pub(crate) fn sight(&self, key: &ObjectKey, size: u64) -> Sight {
        let path = key.path();
        let shape = if key.is_directory() { Shape::Directory } else { Shape::Leaf };
        if self.rules.ignores(&path, shape) || self.rules.ignores_size(size) {
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

/// A pass on its way: what is known goes in, steps come out, a page at a time.
struct Planning {
    deciding: Deciding,
    /// What has yet to be planned; nothing is left after the last page.
    known: Option<KnownEntries>,
    planner: Planner<Seen>,
    /// How much each side holds, once the last page is out.
    tally: Tally,
}

type Steps = Vec<(Place<Seen>, Step)>;

impl Planning {
    /// The steps that the next page of what is known leads to; `None` after the last.
    async fn page(&mut self) -> Result<Option<Steps>, Error> {
        let Some(mut known) = self.known.take() else { return Ok(None) };
        let deciding = self.deciding.clone();
        let mut planner = std::mem::take(&mut self.planner);
        let (outcome, planner) = blocking(move || {
            let mut steps = Steps::new();
            let mut sink = |place: &Place<Seen>, step| steps.push((place.clone(), step));
            let outcome = deciding.with_rules(|rules| {
                for _ in 0..BATCH {
                    match known.next() {
                        Some(next) => {
                            let mut place = place(next.map_err(Error::Journal)?);
                            place.base = place.base.filter(|_| deciding.counts(&place.key));
                            planner.see(rules, place, &mut sink);
                        }
                        None => return Ok((None, std::mem::take(&mut planner).finish(rules, &mut sink))),
                    }
                }
                Ok((Some(known), Tally::default()))
            });
            (outcome.map(|(known, tally)| (known, tally, steps)), planner)
        })
        .await;
        let (known, tally, steps) = outcome?;
        (self.known, self.tally, self.planner) = (known, tally, planner);
        Ok(Some(steps))
    }
}

/// The seconds of the hour that begins with `time`, each written like it: how far ahead a name is looked for that no conflict has yet.
fn seconds_from(time: &str) -> impl Iterator<Item = String> {
    const FORMAT: &str = "%Y%m%d-%H%M%S";
    let first = NaiveDateTime::parse_from_str(time, FORMAT).ok();
    std::iter::successors(first, |time| time.checked_add_signed(TimeDelta::seconds(1)))
        .take(3_600)
        .map(|time| time.format(FORMAT).to_string())
}

fn place(known: Known) -> Place<Seen> {
    let (here, there) = (known.local(), known.remote());
    Place {
        key: known.key,
        base: known.base.map(|base| base.agreed),
        local: here.map(|seen| seen.node),
        remote: there.as_ref().map(|seen| seen.node),
        rests: known.rests,
        with: Seen { here, there },
    }
}

fn parted(known: Known) -> Remembered {
    let (local, remote) = (known.local(), known.remote());
    Remembered::Part { key: known.key, local, remote }
}

fn job(place: Place<Seen>, step: Step, pass: Pass) -> Option<Job> {
    match step {
        Step::Conflict(conflict) if pass == Pass::Conflicts => Some(Job::SetAside(conflict, place.with)),
        Step::Act(action) if pass == Pass::Actions(action.phase) => Some(Job::Act(action, place.with)),
        Step::Settled(settled) => remembered(settled, &place.with).map(Job::Remember),
        Step::Conflict(_) | Step::Act(_) | Step::Left(_) | Step::Stands => None,
    }
}

fn parting(place: &Place<Seen>, step: &Step, pass: Pass) -> Option<Remembered> {
    if let Step::Settled(Settled::Rest { key }) = step {
        return Some(Remembered::See(Sighting::Rests(key.clone())));
    }
    let Step::Act(Action { key, side, phase, change: Change::Delete | Change::Write(_), .. }) = step else {
        return None;
    };
    let base = place.base.filter(|_| pass == Pass::Actions(*phase) && !key.is_directory())?;
    let (then, now) = match side {
        Side::Local => (base.remote, place.remote),
        Side::Remote => (base.local, place.local),
    };
    // What is sent again as it was agreed upon is no news on its own side, where the agreement is all that is known of it.
    let is_news = now.is_none_or(|now| !now.same_content(&then));
    is_news.then(|| match side {
        Side::Local => Remembered::RemoteOver(key.clone()),
        Side::Remote => Remembered::LocalOver(key.clone()),
    })
}

fn remembered(settled: Settled, seen: &Seen) -> Option<Remembered> {
    match settled {
        Settled::Forget { key } => Some(Remembered::Forget(key)),
        Settled::Rest { key } => Some(Remembered::See(Sighting::Rests(key))),
        Settled::Wake { key } => Some(Remembered::Wake(key)),
        Settled::Part { key } => Some(Remembered::Part { key, local: seen.here, remote: seen.there.clone() }),
        Settled::Agree { key, local, remote } => {
            let stamp = seen.here?.stamp;
            let version = seen.there.as_ref()?.version.clone();
            let agreed = model::Agreed { local, remote };
            Some(Remembered::Agree(BaseEntry { key, agreed, stamp, version }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_after_the_last_of_a_year_is_the_first_of_the_next() {
        let seconds: Vec<_> = seconds_from("20261231-235959").take(2).collect();
        assert_eq!(seconds, ["20261231-235959", "20270101-000000"]);
        assert_eq!(seconds_from("no time").count(), 0);
    }
}
