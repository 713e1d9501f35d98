//! What is true, written down beside the engine and without asking it: the basis of every oracle.
//!
//! Three books. *Contents*: everything a person wrote, and whether a person destroyed it since. *Versions*: when a path on a side
//! changed last. *Agreements*: what a machine and the bucket held in common when the engine last carried a path across. With these, a
//! write by the engine can be judged in the moment it happens: the side it comes from must have changed since they agreed.

use model::{ContentId, Node};
use std::collections::{BTreeMap, BTreeSet};

/// The bucket, or a machine's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Site {
    Bucket,
    Machine(usize),
}

/// What changed about a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// What it holds, or whether it is there at all.
    Content,
    /// Time and permissions alone.
    Meta,
}

/// When a path changed last, by a count of all changes anywhere. 0: never, or not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    content: u64,
    any: u64,
}

impl Version {
    /// As far as two nodes are alike.
    pub(crate) fn as_far_as(self, one: &Node, other: &Node) -> Self {
        match (one.same_content(other), one.same_meta(other)) {
            (true, true) => self,
            (true, false) => Self { any: 0, ..self },
            (false, _) => Self::default(),
        }
    }

    fn is_still(self, then: Self, aspect: Aspect) -> bool {
        match aspect {
            Aspect::Content => self.content != 0 && self.content == then.content,
            Aspect::Meta => self.any != 0 && self.any == then.any,
        }
    }
}

/// A path was the same on a machine and in the bucket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreement {
    pub(crate) here: Version,
    pub(crate) there: Version,
    /// Whether the cycle that made it is over, so that it is in the journal.
    pub(crate) is_recorded: bool,
}

struct Claim {
    text: String,
    is_at_stake: bool,
}

struct Tombstone {
    content: ContentId,
    who: usize,
    /// Machines that got the file since, and have yet to write that down.
    unsettled: BTreeSet<usize>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    count: u64,
    contents: BTreeMap<ContentId, Claim>,
    versions: BTreeMap<(Site, String), Version>,
    agreements: BTreeMap<(usize, String), Agreement>,
    tombstones: BTreeMap<String, Tombstone>,
    /// What each machine wrote last at a path, and when; for stores that have to be listed.
    writers: BTreeMap<String, BTreeMap<usize, (u64, ContentId)>>,
    /// When the last whole listing of a machine began.
    listed: BTreeMap<usize, u64>,
    /// Objects whose time and permissions somebody changed, or which somebody deleted and wrote again with the same bytes, before their writer
    /// had listed them: no listing will show it that.
    blind: BTreeSet<String>,
    violations: Vec<String>,
}

impl Ledger {
    pub(crate) fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    pub(crate) fn violations(&self) -> &[String] {
        &self.violations
    }

    /// A moment, to be compared with [`Ledger::changed_since`].
    pub(crate) fn moment(&self) -> u64 {
        self.count
    }

    // Contents.

    /// Empty files are all alike: there is nothing of them to lose.
    pub(crate) fn wrote(&mut self, content: ContentId, text: &str) {
        if content == ContentId::EMPTY {
            return;
        }
        self.contents.entry(content).or_insert_with(|| Claim { text: text.to_owned(), is_at_stake: true });
    }

    /// A person saw it and wanted it gone.
    pub(crate) fn destroyed(&mut self, content: ContentId) {
        if let Some(claim) = self.contents.get_mut(&content) {
            claim.is_at_stake = false;
        }
    }

    pub(crate) fn is_known(&self, content: ContentId) -> bool {
        content == ContentId::EMPTY || self.contents.contains_key(&content)
    }

    /// What must be somewhere.
    pub(crate) fn at_stake(&self) -> impl Iterator<Item = (ContentId, &str)> {
        let at_stake = self.contents.iter().filter(|(_, claim)| claim.is_at_stake);
        at_stake.map(|(content, claim)| (*content, claim.text.as_str()))
    }

    // Versions.

    pub(crate) fn changed(&mut self, site: Site, path: &str, aspect: Aspect) {
        self.count += 1;
        let version = self.versions.entry((site, path.to_owned())).or_default();
        version.any = self.count;
        if aspect == Aspect::Content {
            version.content = self.count;
        }
    }

    pub(crate) fn version(&self, site: Site, path: &str) -> Version {
        self.versions.get(&(site, path.to_owned())).copied().unwrap_or_default()
    }

    pub(crate) fn changed_since(&self, moment: u64, site: Site, path: &str) -> bool {
        self.version(site, path).content > moment
    }

    /// Whether anything below a path or above it changed anywhere.
    pub(crate) fn changed_around(&self, moment: u64, path: &str) -> bool {
        let is_below =
            |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
        let mut changed = self.versions.iter().filter(|(_, version)| version.content > moment);
        changed.any(|((_, other), _)| is_below(other, path) || is_below(path, other))
    }

    // Agreements.

    pub(crate) fn agreed(&mut self, machine: usize, path: &str, agreement: Agreement) {
        self.agreements.insert((machine, path.to_owned()), agreement);
    }

    pub(crate) fn agreement(&self, machine: usize, path: &str) -> Option<Agreement> {
        self.agreements.get(&(machine, path.to_owned())).copied()
    }

    pub(crate) fn nothing_left(&mut self, machine: usize, path: &str) {
        self.agreements.remove(&(machine, path.to_owned()));
    }

    /// Whether a path is at one site as it was when the machine and the bucket agreed.
    pub(crate) fn is_as_agreed(&self, machine: usize, site: Site, path: &str, aspect: Aspect) -> bool {
        self.agreement(machine, path).is_some_and(|agreement| {
            let then = if site == Site::Bucket { agreement.there } else { agreement.here };
            self.version(site, path).is_still(then, aspect)
        })
    }

    /// A cycle came to its end: what it did is written down.
    pub(crate) fn record(&mut self, machine: usize) {
        let own = self.agreements.iter_mut().filter(|((whose, _), _)| *whose == machine);
        own.for_each(|(_, agreement)| agreement.is_recorded = true);
        for tombstone in self.tombstones.values_mut() {
            tombstone.unsettled.remove(&machine);
        }
    }

    /// A cycle did not: what it did may have been forgotten.
    pub(crate) fn forget_unrecorded(&mut self, machine: usize) {
        let lost = |whose: usize, agreement: &Agreement| whose == machine && !agreement.is_recorded;
        let (tombstones, agreements) = (&mut self.tombstones, &mut self.agreements);
        agreements.retain(|(whose, path), agreement| {
            let is_lost = lost(*whose, agreement);
            if is_lost {
                tombstones.remove(path);
            }
            !is_lost
        });
        tombstones.retain(|_, tombstone| !tombstone.unsettled.contains(&machine));
    }

    /// A machine remembers nothing any more.
    pub(crate) fn forget(&mut self, machine: usize) {
        self.agreements.retain(|(whose, _), _| *whose != machine);
        self.tombstones.clear();
    }

    /// A machine has forgotten what it last wrote down about a path.
    pub(crate) fn forget_path(&mut self, machine: usize, path: &str) {
        self.agreements.remove(&(machine, path.to_owned()));
        self.tombstones.remove(path);
    }

    /// A machine has forgotten all paths but these.
    pub(crate) fn forget_unless(&mut self, machine: usize, knows: impl Fn(&str) -> bool) {
        self.agreements.retain(|(whose, path), _| *whose != machine || knows(path));
    }

    /// The bucket is another one.
    pub(crate) fn forget_all(&mut self) {
        self.agreements.clear();
        self.tombstones.clear();
    }

    // Listings.

    /// A machine wrote an object to a store that has to be listed.
    pub(crate) fn wrote_unlisted(&mut self, machine: usize, path: &str, content: ContentId, aspect: Aspect) {
        let has_listed = |writer: &usize, at: &u64| self.listed.get(writer).is_some_and(|listed| listed > at);
        let writers = self.writers.entry(path.to_owned()).or_default();
        let takes_it_for_its_own = |(writer, (at, wrote)): (&usize, &(u64, ContentId))| {
            *writer != machine && *wrote == content && !has_listed(writer, at)
        };
        if writers.iter().any(takes_it_for_its_own) {
            self.blind.insert(path.to_owned());
        } else if aspect == Aspect::Content {
            self.blind.remove(path);
        }
        writers.insert(machine, (self.count, content));
    }

    pub(crate) fn listed(&mut self, machine: usize, began: u64) {
        self.listed.insert(machine, began);
    }

    /// Whether time and permissions may differ, as nobody could know.
    pub(crate) fn is_blind(&self, path: &str) -> bool {
        self.blind.contains(path)
    }

    // Tombstones.

    pub(crate) fn bury(&mut self, path: &str, content: ContentId, who: usize) {
        self.tombstones.insert(path.to_owned(), Tombstone { content, who, unsettled: BTreeSet::new() });
    }

    pub(crate) fn forget_deletions(&mut self) {
        self.tombstones.clear();
    }

    /// Somebody wants something there again.
    pub(crate) fn revive(&mut self, path: &str) {
        self.tombstones.remove(path);
    }

    /// The engine brought the file to a machine, perhaps before it heard of the deletion.
    pub(crate) fn arrived(&mut self, machine: usize, path: &str) {
        if let Some(tombstone) = self.tombstones.get_mut(path) {
            tombstone.unsettled.insert(machine);
        }
    }

    /// Paths at which a content must not stand any more, and on which machine it was deleted.
    pub(crate) fn buried(&self) -> impl Iterator<Item = (&str, ContentId, usize)> {
        self.tombstones.iter().map(|(path, tombstone)| (path.as_str(), tombstone.content, tombstone.who))
    }
}
