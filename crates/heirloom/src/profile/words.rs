//! What a person's word to go on answers, route by route.
//!
//! A word answers what was told last: that is what the person has looked at. What is found while the request waits for its turn is another
//! matter. A destination that has lost its marker is begun anew only if the word names it: a disk is away more often than anything halts, and a word
//! that was meant for a halt beside it must not fill its mount point.

use super::attempt::Wanted;
use super::rounds::Round;
use super::routes::Wired;
use bucket::plain::PlaceId;
use journal::{Journal, RouteId};
use plan::mount::Doubts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync::{DiskWord, Outcome, Resume};

/// What a person has said of halts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// Nothing.
    #[default]
    None,
    /// To go on from the one that was told last.
    Resume,
    /// To put both sides together.
    Resync,
}

/// The words of one attempt.
#[derive(Default)]
pub(crate) struct Words {
    is_resync: bool,
    told: BTreeMap<RouteId, Told>,
    /// What was told of a destination that the person has named.
    missing: Option<(String, String)>,
    /// Which place that destination has become.
    begun: Option<PlaceId>,
}

/// What was told of a route.
enum Told {
    /// Why it halted.
    Halt(String),
    /// Which disk below its folder is not as it was.
    Disks(Doubts),
}

impl Told {
    /// One answer at a time: what is said of a disk keeps nothing else from going on, so a halt comes first.
    fn of(journal: &Journal, route: RouteId) -> Option<Self> {
        let halt = journal.halt(route).ok().flatten().map(Self::Halt);
        // Nor is what is said of one disk said of another.
        let disk = || Some(Self::Disks([journal.mount_doubts(route).ok()?.pop_first()?].into()));
        halt.or_else(disk)
    }
}

impl Words {
    /// What `wanted` answers.
    pub(crate) fn of(wanted: &Wanted, journal: &Journal, rounds: &[Round]) -> Self {
        let mut words = Self { is_resync: wanted.word == Word::Resync, ..Self::default() };
        for one in rounds.iter().flat_map(|round| &round.wired).filter(|_| wanted.word != Word::None) {
            let route = one.route.id;
            words.told.extend(Told::of(journal, route).map(|told| (route, told)));
            let destination = &one.route.destination;
            if wanted.destination.as_ref() == Some(destination)
                && let Ok(Some(missing)) = journal.missing(one.route.id)
            {
                words.missing = Some((destination.clone(), missing));
            }
        }
        words
    }

    /// The word for a route.
    pub(crate) fn to(&self, one: &Wired) -> Resume {
        let missing = self.missing.as_ref().filter(|(destination, _)| *destination == one.route.destination);
        match (missing, &self.begun, self.told.get(&one.route.id)) {
            (Some((_, said)), ..) if self.is_resync => Resume::Resync(Some(said.clone())),
            (Some(_), Some(place), _) => Resume::At(place.clone()),
            (None, _, Some(Told::Disks(doubts))) => {
                let word = if self.is_resync { DiskWord::Union } else { DiskWord::Deleted };
                Resume::Disks(word, doubts.clone())
            }
            (None, ..) if self.is_resync => Resume::Resync(None),
            (Some((_, said)), None, _) | (None, _, Some(Told::Halt(said))) => Resume::From(said.clone()),
            (None, _, None) => Resume::Not,
        }
    }

    /// A destination that was begun anew for one route was so for all that this attempt has.
    pub(crate) fn heard(&mut self, journal: &Journal, one: &Wired, outcome: &Result<Outcome, sync::Error>) {
        let word = self.to(one);
        let is_of_place = self.missing.as_ref().is_some_and(|(_, said)| word == Resume::From(said.clone()));
        if is_of_place && matches!(outcome, Ok(Outcome::Done(_))) {
            let place = journal.place(one.route.id).ok().flatten();
            self.begun = place.as_deref().map(PlaceId::new);
        }
    }
}
