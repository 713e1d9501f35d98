//! Everything there is in one run: the machines, the bucket, the weather, chance, and what is true.
//!
//! All of it belongs to one thread. Wherever an effect of the engine could take a while, it comes here ([`World::go`], [`World::come`]), and
//! the seed decides what happens meanwhile.

use crate::ledger::Ledger;
use crate::mounts::Slot;
use crate::objects::{Now, Objects};
use crate::person;
use crate::plant::Plant;
use crate::random::Random;
use crate::trace::Trace;
use crate::tree::{self, Tree};
use crate::weather::Weather;
use journal::Journal;
use model::ContentId;
use plan::ignore::IgnoreTree;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use sync::Route;
use tokio::sync::Notify;
use tokio::time::Instant;

/// 2026-11-20, when it all begins.
const BEGINNING_NANOS: i64 = 1_795_166_100_000_000_000;

#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

/// One life of a machine's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) machine: usize,
    pub(crate) life: u64,
}

/// What a folder's path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    /// The folder.
    There,
    /// The empty directory on which it is usually mounted.
    Beneath,
    /// Nothing.
    Gone,
}

#[expect(clippy::struct_excessive_bools, reason = "each befalls a machine whatever the others say")]
pub(crate) struct Machine {
    pub(crate) folder: Tree,
    /// What is seen where the folder is not mounted.
    pub(crate) beneath: Tree,
    pub(crate) mount: Mount,
    /// Where a disk is mounted in the folder.
    pub(crate) slot: Option<Slot>,
    pub(crate) route: Route,
    pub(crate) journal: Arc<Journal>,
    /// Ahead of the true time.
    pub(crate) clock_nanos: i64,
    pub(crate) is_full: bool,
    /// What may not be read for now.
    pub(crate) unreadable: BTreeSet<String>,
    /// What the last cycle told that the side that follows does not get.
    pub(crate) left: BTreeSet<String>,
    /// What a rule has the machine leave alone.
    pub(crate) leaves_alone: Option<IgnoreTree>,
    /// What a person deleted while it was left alone.
    pub(crate) removed_aside: BTreeMap<String, ContentId>,
    /// Whether a person has been asked to look.
    pub(crate) is_halted: bool,
    /// Whether a person has said to go on.
    pub(crate) is_resumed: bool,
    /// Whether a person has said to put both sides together whatever was agreed upon.
    pub(crate) wants_resync: bool,
    /// Whether the running cycle does that.
    pub(crate) is_resyncing: bool,
    /// The current life of the process; 0: none.
    pub(crate) life: u64,
    /// Whether it died of a loss of power.
    pub(crate) is_dark: bool,
    pub(crate) died: Arc<Notify>,
    pub(crate) wake: Arc<Notify>,
    /// When the running cycle began, as the ledger counts, or until when a lagging listing shows the bucket.
    pub(crate) cycle_began: u64,
    /// Effects of the running cycle that changed something.
    pub(crate) cycle_wrote: u64,
    /// What the running cycle takes for the folder.
    pub(crate) cycle_sees: Mount,
}

/// Something that is to happen when an effect is about to.
pub(crate) struct Cue {
    pub(crate) what: &'static str,
    pub(crate) key: &'static str,
    pub(crate) act: fn(&mut State, usize) -> Twist,
}

pub(crate) struct State {
    pub(crate) random: Random,
    pub(crate) weather: Weather,
    pub(crate) trace: Trace,
    pub(crate) ledger: Ledger,
    pub(crate) bucket: Objects,
    pub(crate) machines: Vec<Machine>,
    pub(crate) plant: Option<Plant>,
    /// For stories: what happens at one effect, once.
    pub(crate) cue: Option<Cue>,
    /// How often what happened.
    pub(crate) census: BTreeMap<&'static str, u64>,
    /// Edits that persons will still make.
    pub(crate) edits_left: u32,
    /// Contents made up so far.
    pub(crate) contents: u32,
    lives: u64,
    ticks: i64,
    began: Instant,
}

/// Which way an effect goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Disk,
    Line,
}

/// What becomes of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    /// It happens.
    None,
    /// It does not.
    Lost,
    /// It is refused, alone.
    Refused,
    /// It happens, and nobody hears of it.
    Unanswered,
    /// It happens twice.
    Twice,
}

impl Twist {
    fn name(self) -> &'static str {
        match self {
            Self::None => "undisturbed",
            Self::Lost => "requests lost",
            Self::Refused => "effects refused",
            Self::Unanswered => "answers lost",
            Self::Twice => "requests carried out twice",
        }
    }
}

enum Pause {
    None,
    Yield,
    Sleep(Duration),
}

impl World {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// An effect on its way. Does not return if the machine dies meanwhile.
    pub(crate) async fn go(&self, who: Who, port: Port, what: &str, key: &str) -> Twist {
        self.pause().await;
        let (dies, cued) = {
            let mut state = self.lock();
            state.meddle(who.machine);
            let cued = state.take_cue(who, what, key);
            (!state.survives(who, what, key), cued)
        };
        if dies {
            std::future::pending::<()>().await;
        }
        if cued != Twist::None {
            return cued;
        }
        let twist = self.lock().twist(port);
        if twist != Twist::None {
            self.lock().count(twist.name());
        }
        twist
    }

    /// Its outcome on the way back.
    pub(crate) async fn come(&self, who: Who) {
        self.pause().await;
        let dies = !self.lock().survives(who, "hear of it", "");
        if dies {
            std::future::pending::<()>().await;
        }
    }

    async fn pause(&self) {
        let pause = self.lock().pause();
        match pause {
            Pause::None => {}
            Pause::Yield => tokio::task::yield_now().await,
            Pause::Sleep(time) => tokio::time::sleep(time).await,
        }
    }
}

impl Machine {
    /// Whether what was agreed counts for nothing, because a side is not the one with which it was.
    pub(crate) fn has_doubts(&self) -> bool {
        let known = self.journal.root_identity(self.route.id).unwrap();
        let is_other = known.is_some_and(|known| known.inode != self.folder.identity.inode);
        is_other || self.journal.is_rewound(self.route.id).unwrap()
    }
}

impl Machine {
    /// Whether the running cycle works on the directory on which the folder is mounted, although it has known the folder.
    pub(crate) fn is_beneath_the_folder(&self) -> bool {
        let known = self.journal.root_identity(self.route.id).unwrap();
        self.cycle_sees == Mount::Beneath
            && known.is_some_and(|known| known.inode == self.folder.identity.inode)
    }
}

impl State {
    pub(crate) fn new(random: Random, trace: Trace, bucket: Objects) -> Self {
        Self {
            random,
            trace,
            bucket,
            weather: Weather::calm(),
            ledger: Ledger::default(),
            machines: Vec::new(),
            plant: None,
            cue: None,
            census: BTreeMap::new(),
            edits_left: 0,
            contents: 0,
            lives: 0,
            ticks: 0,
            began: Instant::now(),
        }
    }

    fn pause(&mut self) -> Pause {
        if !self.random.chance(self.weather.slow) {
            return Pause::None;
        }
        match self.random.below(2) {
            0 => Pause::Yield,
            _ => Pause::Sleep(Duration::from_millis(1 + self.random.below(self.weather.slow_ms_max))),
        }
    }

    fn take_cue(&mut self, who: Who, what: &str, key: &str) -> Twist {
        match self.cue.take_if(|cue| (cue.what, cue.key) == (what, key)) {
            Some(cue) => (cue.act)(self, who.machine),
            None => Twist::None,
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.census.entry(what).or_default() += 1;
    }

    /// A person may change something, just now.
    pub(crate) fn meddle(&mut self, machine: usize) {
        if self.edits_left > 0 && self.random.chance(self.weather.meddling) {
            self.edits_left -= 1;
            let elsewhere = self.random.chance(250);
            let machine = if elsewhere { self.random.index(self.machines.len()) } else { machine };
            person::edit(self, machine);
        }
    }

    fn twist(&mut self, port: Port) -> Twist {
        let Weather { disk_trouble, lost_request, lost_answer, refused, twice, .. } = self.weather;
        match port {
            Port::Disk if self.random.chance(disk_trouble) => Twist::Refused,
            Port::Line if self.random.chance(lost_request) => Twist::Lost,
            Port::Line if self.random.chance(lost_answer) => Twist::Unanswered,
            Port::Line if self.random.chance(refused) => Twist::Refused,
            Port::Line if self.random.chance(twice) => Twist::Twice,
            Port::Disk | Port::Line => Twist::None,
        }
    }

    /// Whether the process lives on at this point.
    fn survives(&mut self, who: Who, what: &str, key: &str) -> bool {
        if self.machines[who.machine].life != who.life {
            return false;
        }
        let dies = self.random.chance(self.weather.crash);
        if dies {
            self.note(format_args!("{} dies about to {what} {key}", who.machine));
            self.count("deaths");
            self.die(who.machine);
            let folder = &mut self.machines[who.machine].folder;
            if what == "write" && folder.is_directory(tree::parent(key)) {
                folder.litter(tree::parent(key));
            }
        }
        !dies
    }

    /// Ends a machine's process, or the machine.
    pub(crate) fn die(&mut self, machine: usize) {
        self.kill(machine);
        self.machines[machine].is_dark |= self.random.chance(self.weather.power);
    }

    /// Ends a machine's process between two effects.
    pub(crate) fn kill(&mut self, machine: usize) {
        let machine = &mut self.machines[machine];
        machine.life = 0;
        machine.died.notify_one();
    }

    /// Begins a machine's process.
    pub(crate) fn start(&mut self, machine: usize) -> Who {
        self.lives += 1;
        let life = self.lives;
        self.ledger.forget_unrecorded(machine);
        self.lose_power(machine);
        self.endanger(machine);
        let it = &mut self.machines[machine];
        (it.life, it.is_resyncing) = (life, false);
        if it.mount == Mount::There {
            it.folder.sweep(None);
        }
        self.note(format_args!("{machine} starts"));
        Who { machine, life }
    }

    pub(crate) fn ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    fn true_nanos(&mut self) -> i64 {
        self.ticks += 1;
        BEGINNING_NANOS + i64::try_from(self.ms()).unwrap() * 1_000_000 + self.ticks
    }

    /// The store's clock.
    pub(crate) fn now(&mut self) -> Now {
        Now { ms: self.ms(), nanos: self.true_nanos(), moment: self.ledger.moment() }
    }

    /// A machine's clock. No two readings are the same, and it may be years off.
    pub(crate) fn clock(&mut self, machine: usize) -> i64 {
        self.true_nanos() + self.machines[machine].clock_nanos
    }

    pub(crate) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let ms = self.ms();
        self.trace.note(format_args!("{ms:>7} {what}"));
    }

    pub(crate) fn plants(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    // The engine is judged.

    /// Something is wrong; it stands in the story where it happened.
    pub(crate) fn violate(&mut self, what: std::fmt::Arguments<'_>) {
        self.note(format_args!("WRONG: {what}"));
        self.ledger.violate(what.to_string());
    }
}
