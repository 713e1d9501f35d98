//! The loss of power: a machine's journal is as it was at some moment since it last was durable, its folder is not thrown back.
//!
//! Rejected: throwing the folder back as well. What the engine agrees upon is in the folder durably before the journal says so, and a
//! name that is lost before is an effect that the machine died about to have.

use crate::plant::Plant;
use crate::world::State;
use journal::{Journal, Peril, RouteId};
use model::BaseEntry;
use std::collections::BTreeMap;

impl State {
    /// Once the dead process does nothing any more.
    pub(crate) fn lose_power(&mut self, machine: usize) {
        let it = &mut self.machines[machine];
        if !std::mem::take(&mut it.is_dark) {
            return;
        }
        let before = agreed(&it.journal, it.route.id);
        if !it.journal.lose_power().unwrap() {
            return;
        }
        let after = agreed(&it.journal, it.route.id);
        let keys = before.keys().chain(after.keys());
        for key in keys.filter(|key| before.get(*key) != after.get(*key)) {
            self.ledger.forget_path(machine, key);
        }
        self.ledger.forget_unless(machine, |path| {
            after.contains_key(path) || after.contains_key(&format!("{path}/"))
        });
        if self.machines[machine].has_doubts() {
            // Again: what was deleted since may come back with the union of both sides.
            self.ledger.forget_deletions();
        }
        self.count("journals thrown back with the power");
        self.note(format_args!("{machine} has its journal thrown back by the loss of power"));
    }

    /// Chooses what of the journal the next loss of power will take. Some machines live on, some were at rest for so long that all is on the medium.
    pub(crate) fn endanger(&mut self, machine: usize) {
        if self.weather.power == 0 {
            return;
        }
        let reach = *self.random.pick(&[0, 0, 0, 1, 2, 4]);
        let was_at_rest = self.random.chance(500);
        let journal = &self.machines[machine].journal;
        if was_at_rest || !journal.is_endangered() {
            let lies = self.plants(Plant::MediumLies);
            journal.endanger(Some(Peril { reach, lies })).unwrap();
        }
    }
}

fn agreed(journal: &Journal, route: RouteId) -> BTreeMap<String, BaseEntry> {
    let base = journal.base(route).unwrap();
    base.into_iter().map(|entry| (entry.key.as_str().to_owned(), entry)).collect()
}
