//! What befalls a world besides edits: disks that are pulled, journals and servers that are lost, clocks that jump.

use crate::ledger::{Aspect, Site};
use crate::person;
use crate::plant::Plant;
use crate::world::{Mount, State, World};
use std::time::Duration;

const TEN_YEARS_NANOS: i64 = 315_360_000_000_000_000;

/// How often something befalls a machine, and what.
type Happening = (u32, fn(&mut State, usize));

/// Which of them may happen in a run, and how often of a thousand.
pub(crate) struct Luck {
    /// What happens otherwise: an edit.
    happenings: Vec<Happening>,
    gap_ms_max: u64,
}

impl Luck {
    pub(crate) fn of(state: &mut State) -> Self {
        let mut happenings: Vec<Happening> = Vec::new();
        let mut possible: Vec<Happening> = vec![
            (60, State::unmount),
            (40, State::lose_journal),
            (60, State::jump),
            (50, State::fill_disk),
            (50, State::fill_bucket),
            (60, State::hide),
            (50, State::change_rules),
            (100, State::edit_bucket),
            (40, State::end),
            (40, State::want_resync),
        ];
        if state.bucket.has_feed() {
            possible.push((50, State::lose_server));
        }
        for (rate, happening) in possible {
            if state.random.chance(400) {
                happenings.push((rate, happening));
            }
        }
        if state.has_disks() {
            happenings.insert(0, (150, State::plug));
        }
        if state.plants(Plant::JournalForgetsRest) {
            // Only a rule that comes and goes shows it.
            happenings.insert(0, (100, State::change_rules));
        }
        Self { happenings, gap_ms_max: *state.random.pick(&[50, 500, 5_000]) }
    }
}

/// Lets things happen, until `count` of them have.
pub(crate) async fn befall(world: &World, luck: &Luck, count: u32) {
    for _ in 0..count {
        let gap = 1 + world.lock().random.below(luck.gap_ms_max);
        tokio::time::sleep(Duration::from_millis(gap)).await;
        let mut state = world.lock();
        let machines = state.machines.len();
        let machine = state.random.index(machines);
        let mut dice = u32::try_from(state.random.below(1_000)).unwrap();
        let mut happening: fn(&mut State, usize) = person::edit;
        for (rate, possible) in &luck.happenings {
            if dice < *rate {
                happening = *possible;
                break;
            }
            dice -= rate;
        }
        state.count("events");
        happening(&mut state, machine);
        state.answer_halts();
    }
}

impl State {
    /// Persons look at what asks for them, some sooner, some later.
    fn answer_halts(&mut self) {
        for machine in 0..self.machines.len() {
            if self.machines[machine].asks() && self.random.chance(200) {
                self.machines[machine].is_resumed = true;
                self.machines[machine].wake.notify_one();
                self.note(format_args!("{machine} may go on"));
            }
        }
    }

    /// Or mounts it again.
    fn unmount(&mut self, machine: usize) {
        let other = *self.random.pick(&[Mount::Beneath, Mount::Gone]);
        let it = &mut self.machines[machine];
        it.mount = if it.mount == Mount::There { other } else { Mount::There };
        let mount = it.mount;
        // A deletion that reaches an empty mount point is not heard by the folder.
        self.ledger.forget_deletions();
        self.note(format_args!("{machine} has its folder {mount:?}"));
    }

    fn lose_journal(&mut self, machine: usize) {
        self.count("journals lost");
        self.note(format_args!("{machine} loses its journal"));
        self.kill(machine);
        self.machines[machine].lose_journal();
        self.ledger.forget(machine);
    }

    fn jump(&mut self, machine: usize) {
        let jump = *self.random.pick(&[-TEN_YEARS_NANOS, 0, TEN_YEARS_NANOS]);
        self.note(format_args!("{machine} has its clock jump by {jump}"));
        self.machines[machine].clock_nanos = jump;
    }

    /// Or makes room again.
    fn fill_disk(&mut self, machine: usize) {
        let it = &mut self.machines[machine];
        it.is_full = !it.is_full;
        let is_full = it.is_full;
        self.note(format_args!("{machine} full: {is_full}"));
    }

    fn fill_bucket(&mut self, _machine: usize) {
        self.bucket.is_full = !self.bucket.is_full;
        let is_full = self.bucket.is_full;
        self.note(format_args!("bucket full: {is_full}"));
    }

    /// Something may not be read any more; or everything may again.
    fn hide(&mut self, machine: usize) {
        if !self.machines[machine].unreadable.is_empty() {
            self.machines[machine].unreadable.clear();
            self.note(format_args!("{machine} shows everything again"));
            return;
        }
        let all: Vec<String> =
            self.machines[machine].folder.entries().map(|(path, _)| path.to_owned()).collect();
        if all.is_empty() {
            return;
        }
        let path = self.random.pick(&all).clone();
        self.note(format_args!("{machine} hides {path}"));
        self.machines[machine].unreadable.insert(path);
    }

    /// A machine leaves something alone from now on; or nothing any more. It starts anew with that.
    fn change_rules(&mut self, machine: usize) {
        let pattern = self.random.pick(&["a", "b", "d", "x", "*.d", "a/b"]).to_string();
        let patterns = if self.machines[machine].leaves_alone.is_some() { Vec::new() } else { vec![pattern] };
        self.note(format_args!("{machine} leaves alone {patterns:?}"));
        self.count("rules changed");
        self.kill(machine);
        self.machines[machine].leave_alone(&patterns);
        self.ledger.forget(machine);
    }

    fn edit_bucket(&mut self, _machine: usize) {
        person::edit_bucket(self);
    }

    fn end(&mut self, machine: usize) {
        self.note(format_args!("{machine} dies"));
        self.die(machine);
    }

    fn want_resync(&mut self, machine: usize) {
        self.note(format_args!("{machine} is to resync"));
        self.machines[machine].wants_resync = true;
        self.machines[machine].wake.notify_one();
    }

    /// The server is backed up, or restored from its backup.
    fn lose_server(&mut self, _machine: usize) {
        if self.random.chance(500) {
            self.note(format_args!("the server is backed up"));
            self.bucket.back_up();
            return;
        }
        let alive: Vec<_> = self.ledger.at_stake().map(|(content, _)| content).collect();
        let Some(changed) = self.bucket.put_back() else { return };
        self.count("servers restored");
        self.note(format_args!("the server is restored from its backup"));
        for key in changed {
            self.ledger.changed(Site::Bucket, key.path().as_str(), Aspect::Content);
        }
        self.ledger.forget_all();
        // What stood nowhere but on the server is gone with it.
        for content in alive {
            if !self.machines.iter().any(|machine| machine.holds(content)) {
                self.ledger.destroyed(content);
            }
        }
    }

    /// Everything is as it should be again, and stays so.
    pub(crate) fn calm_down(&mut self) {
        self.weather = crate::weather::Weather::calm();
        self.edits_left = 0;
        self.bucket.is_full = false;
        for machine in 0..self.machines.len() {
            self.plug_first(machine);
        }
        for machine in &mut self.machines {
            (machine.mount, machine.is_full, machine.wants_resync) = (Mount::There, false, false);
            machine.unreadable.clear();
            machine.leave_alone(&[]);
            machine.died = std::sync::Arc::default();
        }
        self.note(format_args!("all is calm"));
    }
}
