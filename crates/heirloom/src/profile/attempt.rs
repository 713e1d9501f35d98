//! Syncing once, because a person said so: every route, one after the other, with its hooks, and said as it goes.
//!
//! The same whether the command's own process does it or the daemon that it was handed over to; what differs is where the
//! [`Report`] leads and who is told about each run.

use super::keep::{Open, conflict_time};
use super::live::Live;
use super::rounds::{CODES, Round, told};
use super::routes::{Unready, Wired};
use super::runs;
use super::telling::{exit_of, summary, tell};
use super::words::{Word, Words};
use crate::failure::{Exit, Failure};
use crate::report::{Action, Counts, Progress as Bar, Report};
use journal::Journal;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sync::hooks::{Around, Hooks, Occasion, Subject, Work};
use sync::{Cycle, Error, Moment, Options, Outcome, Resume, Stage, or_stopped};
use tokio_util::sync::CancellationToken;

/// How a sync is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Only with this destination; else with all.
    pub(crate) destination: Option<String>,
    /// Only say what would be done.
    pub(crate) dry_run: bool,
    /// What is said of halts.
    pub(crate) word: Word,
}

impl Wanted {
    /// Whether a route to this destination is meant.
    pub(crate) fn covers(&self, destination: &str) -> bool {
        self.destination.as_ref().is_none_or(|wanted| wanted == destination)
    }
}

/// Syncing once: what every route of it is told.
pub(crate) struct Attempt<'a> {
    /// Where everything is said.
    pub(crate) report: &'a Report,
    pub(crate) wanted: &'a Wanted,
    pub(crate) journal: &'a Arc<Journal>,
    pub(crate) open: &'a Open,
    /// Told when a run begins and ends; not told of dry ones.
    pub(crate) notice: &'a (dyn Fn(&Wired, Moment<'_>) + Sync),
    pub(crate) stop: &'a CancellationToken,
}

/// What came of it. Everything in it was said already.
#[derive(Default)]
pub(crate) struct Made {
    /// The worst there was.
    worst: Option<Exit>,
    /// What is not as it should be, with the destination that it concerns; `None`: all of them.
    pub(crate) flaws: Vec<(Option<String>, String)>,
    /// The destinations at which something was tried, and whether anything succeeded.
    pub(crate) reached: BTreeMap<String, bool>,
    words: Words,
}

impl Made {
    /// The exit code for all of it.
    pub(crate) fn exit(&self) -> Exit {
        self.worst.unwrap_or(Exit::Ok)
    }

    fn end(&mut self, exit: Exit) {
        self.worst = Some(self.exit().or_worse(exit));
    }
}

impl Attempt<'_> {
    /// One after the other, so that what is said stays in order; one that fails does not keep the next from its turn.
    pub(crate) async fn rounds<'u>(
        &self,
        rounds: &[Round],
        unready: impl IntoIterator<Item = &'u Unready>,
    ) -> Made {
        let words = Words::of(self.wanted, self.journal, rounds);
        let mut made = Made { words, ..Made::default() };
        for one in unready {
            let failure = one.failure();
            let destinations: BTreeSet<&String> = one.routes.iter().map(|route| &route.destination).collect();
            for destination in destinations.into_iter().filter(|name| self.wanted.covers(name)) {
                made.flaws.push((Some(destination.clone()), failure.line()));
                made.reached.entry(destination.clone()).or_default();
            }
            made.end(failure.kind());
            self.report.fail(&failure);
        }
        for round in rounds {
            if self.stop.is_cancelled() {
                break;
            }
            match &round.around {
                Some((hooks, subject)) if !self.wanted.dry_run => {
                    let _turn = round.turn.lock().await;
                    self.with_hooks(hooks, subject, &round.wired, &mut made).await;
                }
                around => {
                    if let Some((_, subject)) = around {
                        let state = &subject.state;
                        self.report.note(format_args!(
                            "note: the hooks of {state} are not run by a dry run; what they make or end is not in what follows"
                        ));
                    }
                    self.routes(&round.wired, &mut made).await;
                }
            }
        }
        made
    }

    async fn with_hooks(&self, hooks: &Hooks, subject: &Subject, wired: &[Wired], made: &mut Made) {
        let doing = Box::pin(async {
            let exit = self.routes(wired, made).await;
            ((), exit.code())
        });
        let Around { done, failed } = hooks.around(Work::Backup, subject, CODES, self.stop, doing).await;
        for failed in failed {
            if self.stop.is_cancelled() && failed.occasion == Occasion::BeforeBackup {
                continue;
            }
            for one in wired {
                match done {
                    None => runs::skipped(self.journal, &one.route),
                    Some(()) => runs::spoil(self.journal, &one.route),
                }
            }
            made.flaws.push((None, told(&failed)));
            made.end(Exit::Incomplete);
            let attempted = format!("{} was not synced", subject.state);
            let failure = match failed.occasion {
                Occasion::BeforeBackup => Failure::from(failed).context(attempted),
                _ => Failure::from(failed),
            };
            self.report.fail(&failure);
        }
    }

    /// The exit code for these routes.
    async fn routes(&self, wired: &[Wired], made: &mut Made) -> Exit {
        let mut worst = Exit::Ok;
        for one in wired {
            let outcome = self.once(one, made.words.to(one)).await;
            made.words.heard(self.journal, one, &outcome);
            if matches!(outcome, Err(Error::Stopped)) {
                made.end(worst);
                return Exit::Interrupted;
            }
            let destination = &one.route.destination;
            if exit_of(&outcome) != Exit::Ok {
                made.flaws.push((Some(destination.clone()), summary(&one.route, &outcome).1));
            }
            let told = tell(self.report, &one.route, outcome);
            *made.reached.entry(destination.clone()).or_default() |= told.is_ok();
            match told {
                Ok(exit) => worst = worst.or_worse(exit),
                Err(failure) => {
                    worst = worst.or_worse(failure.kind());
                    self.report.fail(&failure);
                }
            }
        }
        made.end(worst);
        worst
    }

    /// One run of one route, with its progress shown; that of the run that has its turn before, while it does.
    async fn once(&self, one: &Wired, word: Resume) -> Result<Outcome, Error> {
        tokio::select! {
            outcome = self.in_turn(one, word) => outcome,
            () = show(self.report, &one.live) => unreachable!("showing goes on until it is dropped"),
        }
    }

    async fn in_turn(&self, one: &Wired, word: Resume) -> Result<Outcome, Error> {
        let turn = tokio::select! {
            turn = one.live.turn() => turn,
            () = self.stop.cancelled() => return Err(Error::Stopped),
        };
        if self.wanted.dry_run {
            // What halts behind a disk whose files are not yet to be deleted in earnest halts nothing yet.
            let is_of_disk = matches!(word, Resume::Disks(..));
            let outcome = self.cycle(one, word).await;
            if !is_of_disk {
                runs::note_told(self.journal, &one.route, &outcome);
            }
            return outcome;
        }
        (self.notice)(one, Moment::Begins);
        let outcome = self.cycle(one, word).await;
        if !matches!(outcome, Err(Error::Stopped)) {
            (self.notice)(one, Moment::Ended(&outcome));
        }
        drop(turn);
        outcome
    }

    async fn cycle(&self, one: &Wired, word: Resume) -> Result<Outcome, Error> {
        let local = (self.open)(&one.route).map_err(Error::Local)?;
        let options = Options {
            resume: word,
            dry_run: self.wanted.dry_run,
            time: conflict_time(),
            stop: self.stop.clone(),
        };
        let cycle = Cycle {
            route: &one.route,
            local: &local,
            remote: &one.place,
            journal: self.journal,
            options: &options,
            progress: one.live.progress(),
        };
        or_stopped(self.stop, cycle.until_settled()).await
    }
}

/// Shows how far a run has come, a few times a second.
async fn show(report: &Report, live: &Live) {
    const PERIOD: Duration = Duration::from_millis(100);
    let mut shown: Option<(Stage, Bar)> = None;
    loop {
        tokio::time::sleep(PERIOD).await;
        let now = live.look();
        let action = match now.stage {
            Stage::Idle | Stage::Observing => {
                shown = None;
                continue;
            }
            Stage::Digesting => Action::Scanning,
            Stage::Applying => Action::Syncing,
        };
        if shown.as_ref().is_none_or(|(stage, _)| *stage != now.stage) {
            shown = Some((now.stage, report.progress(action)));
        }
        if let Some((_, bar)) = &shown {
            let (files_done, files) = (now.files_done, now.files);
            bar.show(Counts { files_done, files, bytes_done: now.bytes_done, bytes: now.bytes });
        }
    }
}
