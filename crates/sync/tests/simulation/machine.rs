//! The life of a machine: a keeper that runs until it is told to stop or the power is cut, again and again.

use crate::folder::SimFolder;
use crate::mounts;
use crate::objects::Objects;
use crate::plant::Plant;
use crate::random::Random;
use crate::store::SimStore;
use crate::trace::{Keep, Trace};
use crate::tree::Tree;
use crate::world::{Machine, Mount, State, Who, World};
use chrono::DateTime;
use disk::Identity;
use journal::{Change, Journal, RouteId, RouteKey};
use model::MachineName;
use plan::ignore::{IgnoreRules, IgnoreTree};
use plan::sync::{ConflictLabel, Direction, Halt, MaxDelete};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use sync::{
    Cycle, DiskWord, Error, Keeper, Moment, Nature, Options, Outcome, Progress, Report, Resume, Route, Turn,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often a keeper looks without a reason.
const INTERVAL: Duration = Duration::from_secs(8);

thread_local! {
    /// Journals that nobody uses any more: making a new one takes as long as ten cycles.
    static SPARE: RefCell<Vec<Arc<Journal>>> = const { RefCell::new(Vec::new()) };

    /// The label for conflict copies, by the clock of the machine whose cycle is about to begin.
    static LABEL: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Machine {
    pub(crate) fn new(index: usize, direction: Direction, max_delete: MaxDelete) -> Self {
        let number = index as u64 + 1;
        let identity = |inode| Identity { device: number, inode, born: None };
        let journal = empty_journal();
        let route = Route {
            state: None,
            destination: "cloud".into(),
            is_one_of_several: false,
            folder: "folder".into(),
            prefix: bucket::Prefix::root(),
            id: route_in(&journal),
            direction,
            max_delete,
            ignore: IgnoreRules::new(&[]).unwrap(),
            machine: MachineName::new(&format!("m{index}")).unwrap(),
        };
        Self {
            folder: Tree::new(identity(1_000 * number)),
            beneath: Tree::new(identity(2)),
            mount: Mount::There,
            slot: None,
            route,
            journal,
            clock_nanos: 0,
            is_full: false,
            unreadable: BTreeSet::new(),
            left: BTreeSet::new(),
            leaves_alone: None,
            removed_aside: BTreeMap::new(),
            is_halted: false,
            is_resumed: false,
            wants_resync: false,
            is_resyncing: false,
            life: 0,
            is_dark: false,
            died: Arc::new(Notify::new()),
            wake: Arc::new(Notify::new()),
            cycle_began: 0,
            cycle_wrote: 0,
            cycle_sees: Mount::There,
        }
    }

    pub(crate) fn leave_alone(&mut self, patterns: &[String]) {
        self.route.ignore = IgnoreRules::new(patterns).unwrap();
        self.leaves_alone = (!patterns.is_empty()).then(|| IgnoreTree::new(self.route.ignore.clone()));
    }

    pub(crate) fn lose_journal(&mut self) {
        spare(std::mem::replace(&mut self.journal, empty_journal()));
        self.route.id = route_in(&self.journal);
        self.is_dark = false;
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        spare(Arc::clone(&self.journal));
    }
}

fn empty_journal() -> Arc<Journal> {
    let journal = SPARE.with_borrow_mut(Vec::pop);
    let Some(journal) = journal else { return Arc::new(Journal::open_in_memory().unwrap()) };
    journal.endanger(None).unwrap();
    for (route, _) in journal.routes().unwrap() {
        journal.forget_route(route).unwrap();
    }
    journal
}

fn spare(journal: Arc<Journal>) {
    SPARE.with_borrow_mut(|spare| spare.push(journal));
}

/// One machine, a bucket that tells what changed, and nothing that goes wrong.
pub(crate) fn quiet_world() -> (World, Who) {
    let world = quiet_world_of(1);
    let who = world.lock().start(0);
    (world, who)
}

/// The same with several machines.
pub(crate) fn quiet_world_of(machines: usize) -> World {
    let mut state = State::new(Random::new(0), Trace::new(Keep::Sum), Objects::with_feed());
    state.machines =
        (0..machines).map(|index| Machine::new(index, Direction::TwoWay, MaxDelete::Percent(100))).collect();
    World::new(state)
}

fn route_in(journal: &Journal) -> RouteId {
    let key = RouteKey { destination: "cloud".into(), prefix: String::new(), folder: "folder".into() };
    journal.route(&key).unwrap()
}

/// Keeps a machine alive for as long as it is wanted.
pub(crate) async fn live(world: World, index: usize, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let (who, died) = {
            let mut state = world.lock();
            (state.start(index), Arc::clone(&state.machines[index].died))
        };
        let store = SimStore::new(&world, who);
        let keeper = keeper(&world, who, stop.clone());
        tokio::select! {
            biased;
            () = died.notified() => {}
            () = keeper.run(|| SimFolder::open(&world, who), store) => {}
        }
        let pause = 1 + world.lock().random.below(3_000);
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(pause)) => {}
        }
    }
    world.lock().machines[index].life = 0;
}

fn keeper(world: &World, who: Who, stop: CancellationToken) -> Keeper {
    let index = who.machine;
    let state = world.lock();
    let machine = &state.machines[index];
    let (told, asked, chosen) = (world.clone(), world.clone(), world.clone());
    Keeper {
        route: machine.route.clone(),
        journal: Arc::clone(&machine.journal),
        interval: INTERVAL,
        wake: Arc::clone(&machine.wake),
        progress: Arc::new(Progress::default()),
        notice: Arc::new(move |_, moment| match moment {
            Moment::Begins => told.lock().set_label(index),
            Moment::Ended(outcome) => told.lock().ended(index, outcome),
            Moment::Waits(_) => {}
        }),
        turn: Arc::new(move || {
            let world = asked.clone();
            Box::pin(async move {
                resume_if_asked(&world, who).await;
                Some(Box::new(()) as Turn)
            })
        }),
        chance: Arc::new(move || chosen.lock().jitter()),
        time: || LABEL.with_borrow(Clone::clone),
        stop,
    }
}

/// A person's run, which takes its turn before the keeper's next one.
async fn resume_if_asked(world: &World, who: Who) {
    let asked = {
        let state = world.lock();
        let machine = &state.machines[who.machine];
        machine.is_resumed || machine.wants_resync || state.plants(Plant::GuardsAreOff)
    };
    if asked {
        drop(run_once(world, who).await);
    }
}

/// One run of a machine that nothing disturbs.
pub(crate) async fn run_once(world: &World, who: Who) -> Result<Outcome, Error> {
    let local = SimFolder::open(world, who).map_err(Error::Local)?;
    let remote = SimStore::new(world, who);
    let (route, journal, resume) = {
        let mut state = world.lock();
        state.set_label(who.machine);
        let machine = &state.machines[who.machine];
        (machine.route.clone(), Arc::clone(&machine.journal), state.resume(who.machine))
    };
    let time = LABEL.with_borrow(Clone::clone);
    let options = Options { resume, dry_run: false, time, stop: CancellationToken::new() };
    let (route, progress) = (&route, &Progress::default());
    let cycle =
        Cycle { route, local: &local, remote: &remote, journal: &journal, options: &options, progress };
    let outcome = cycle.until_settled().await;
    world.lock().ended(who.machine, &outcome);
    outcome
}

impl State {
    fn set_label(&mut self, machine: usize) {
        LABEL.set(self.time_for_labels(machine));
    }

    fn time_for_labels(&mut self, machine: usize) -> String {
        let seconds = self.clock(machine).div_euclid(1_000_000_000);
        DateTime::from_timestamp(seconds, 0).unwrap().format("%Y%m%d-%H%M%S").to_string()
    }

    /// What the machine would write into the name of a conflict copy.
    pub(crate) fn conflict_label(&mut self, machine: usize) -> ConflictLabel {
        let time = self.time_for_labels(machine);
        ConflictLabel::new(&time, &self.machines[machine].route.machine)
    }

    /// How much longer than necessary to wait.
    fn jitter(&mut self) -> f64 {
        f64::from(u32::try_from(self.random.below(1_000)).unwrap()) / 1_000.0
    }

    /// What a person has said, once.
    fn resume(&mut self, machine: usize) -> Resume {
        if self.plants(Plant::GuardsAreOff) {
            return Resume::Anything;
        }
        if self.begins_resync(machine) {
            let is_planted = self.plants(Plant::ResyncCountsTheBase);
            return if is_planted { Resume::Anything } else { Resume::Resync(None) };
        }
        let it = &mut self.machines[machine];
        // Nobody confirms that a disk which is not there was meant to be emptied.
        if !std::mem::take(&mut it.is_resumed) || it.mount != Mount::There {
            return Resume::Not;
        }
        let others = it.other_disks();
        if others.is_empty() {
            return Resume::Anything;
        }
        self.count("other disks that were taken for the right one");
        self.note(format_args!("{machine} is to take the disk for the right one"));
        self.ledger.forget_unless(machine, |path| !mounts::is_on_it(path));
        Resume::Disks(DiskWord::Union, others)
    }

    /// Deletions that the machine has yet to hear of are undone by it.
    fn begins_resync(&mut self, machine: usize) -> bool {
        let it = &mut self.machines[machine];
        // Nobody wants the directory filled on which the folder is usually mounted.
        let wants = it.mount == Mount::There && std::mem::take(&mut it.wants_resync);
        it.is_resyncing = wants;
        if wants {
            self.count("resyncs");
            self.note(format_args!("{machine} resyncs"));
            self.ledger.forget(machine);
        }
        wants
    }

    fn ended(&mut self, machine: usize, outcome: &Result<Outcome, Error>) {
        let wrote = self.machines[machine].cycle_wrote;
        self.machines[machine].is_halted = matches!(outcome, Ok(Outcome::Halted(_)));
        self.machines[machine].is_resyncing = false;
        if let Ok(Outcome::Done(report)) = outcome {
            self.machines[machine].left = left(report);
        }
        match outcome {
            Ok(Outcome::Halted(halt)) => {
                self.note(format_args!("{machine} halts: {halt}"));
                self.count(match halt {
                    Halt::Emptied { .. } => "halts: emptied",
                    Halt::MassDeletion { .. } => "halts: mass deletion",
                    Halt::Replaced { .. } => "halts: replaced",
                    Halt::Vacant { .. } => "halts: vacant",
                    Halt::Strangers { .. } => "halts: strangers",
                });
                if wrote > 0 {
                    self.violate(format_args!("machine {machine} wrote in a cycle that halted: {halt}"));
                }
            }
            Ok(outcome) => self.note(format_args!("{machine} is through: {}", words(outcome))),
            Err(error) => self.note(format_args!("{machine} fails: {}", chain(error))),
        }
        if outcome.is_err() {
            self.ledger.forget_unrecorded(machine);
        } else if self.machines[machine].life != 0 {
            self.ledger.record(machine);
        }
        if self.plants(Plant::JournalForgets) {
            self.forget_one(machine);
        }
        if self.plants(Plant::JournalForgetsRest) {
            self.forget_rest(machine);
        }
    }

    fn forget_rest(&mut self, machine: usize) {
        let it = &self.machines[machine];
        let resting = it.journal.known(it.route.id).map(Result::unwrap).filter(|known| known.rests);
        let changes: Vec<Change> = resting.map(|known| Change::Wake(known.key)).collect();
        it.journal.record(it.route.id, &changes).unwrap();
    }

    fn forget_one(&mut self, machine: usize) {
        let it = &self.machines[machine];
        let base = it.journal.base(it.route.id).unwrap();
        if !base.is_empty() {
            let key = self.random.pick(&base).key.clone();
            let it = &self.machines[machine];
            it.journal.record(it.route.id, &[Change::Forget(key)]).unwrap();
        }
    }
}

/// What the side that follows does not get.
fn left(report: &Report) -> BTreeSet<String> {
    let left = report.problems.iter().filter(|problem| problem.nature == Nature::Left);
    left.filter_map(|problem| problem.key.as_ref()).map(ToString::to_string).collect()
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(report) => {
            let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
            format!(
                "overtaken {}, conflicts {}, problems {problems:?}",
                report.overtaken.count(),
                report.conflicts.len()
            )
        }
        Outcome::Halted(halt) => halt.to_string(),
        Outcome::Planned(plan, _) => plan.to_string(),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(": ");
        text.push_str(&deeper.to_string());
        cause = deeper.source();
    }
    text
}
