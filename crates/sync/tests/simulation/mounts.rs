//! Disks that are mounted in a machine's folder, and come and go.
//!
//! One that goes takes its files out of sight, and shows what lies beneath it; nobody has deleted anything. A machine is switched off while its disk is
//! taken out: as long as it works on a disk, it holds it.

use crate::ledger::{Aspect, Site};
use crate::tree::{Entry, above};
use crate::world::{Machine, State};
use disk::Mounts;
use model::{ContentId, DiskId, Kind, ObjectKey, RelPath, UnixNanos};
use plan::mount::{Doubt, Doubts};

/// Where they are mounted.
pub(crate) const POINT: &str = "m";

/// The place in a machine's folder where disks are mounted.
pub(crate) struct Slot {
    /// Which of the disks is mounted.
    mounted: Option<usize>,
    disks: [Disk; 2],
    /// What is in the directory while no disk is seen there; empty while it is.
    beneath: Files,
}

struct Disk {
    id: DiskId,
    /// What is on it, while that is not seen.
    unseen: Files,
}

type Files = Vec<(String, Entry)>;

/// Whether a path is on the disk, if that is mounted.
pub(crate) fn is_on_it(path: &str) -> bool {
    above(path).last() == Some(POINT)
}

impl Machine {
    /// Gives the machine two disks that are empty, and mounts one.
    pub(crate) fn insert_disk(&mut self, now: i64) {
        let disk = |inode| Disk { id: DiskId::of_root(inode, UnixNanos(now)), unseen: Files::new() };
        self.folder.make_directory(POINT, now).unwrap();
        self.slot = Some(Slot { mounted: Some(0), disks: [disk(2), disk(3)], beneath: Files::new() });
    }

    fn mounted(&self) -> Option<&DiskId> {
        let slot = self.slot.as_ref()?;
        Some(&slot.disks[slot.mounted?].id)
    }

    pub(crate) fn has_mounted(&self, path: &str) -> bool {
        path == POINT && self.mounted().is_some()
    }

    /// Whether one path is on a disk that is mounted, and the other is not.
    pub(crate) fn are_on_two_disks(&self, one: &str, other: &str) -> bool {
        self.has_mounted(POINT) && is_on_it(one) != is_on_it(other)
    }

    pub(crate) fn mounts(&self) -> Mounts {
        let point = RelPath::from_key(POINT).unwrap();
        Mounts::of(self.mounted().map(|id| (point, Some(id.clone()))).into_iter().collect())
    }

    /// What is the matter with disks that are there, and are not the ones that were known.
    pub(crate) fn other_disks(&self) -> Doubts {
        let mut doubts = self.journal.mount_doubts(self.route.id).unwrap();
        doubts.retain(|_, doubt| *doubt == Doubt::Another && self.has_mounted(POINT));
        doubts
    }

    /// Whether a person is asked something.
    pub(crate) fn asks(&self) -> bool {
        self.is_halted || !self.other_disks().is_empty()
    }

    /// Whether another disk is there than the machine knows, or none.
    fn misses_its_disk(&self) -> bool {
        let key = ObjectKey::directory(&RelPath::from_key(POINT).unwrap());
        let known = self.journal.mounts(self.route.id).unwrap().remove(&key).and_then(|mount| mount.disk);
        known.is_some() && known.as_ref() != self.mounted()
    }

    /// Whether a path is where a disk should be that is known to the machine.
    pub(crate) fn misses_the_disk_of(&self, path: &str) -> bool {
        is_on_it(path) && self.slot.is_some() && self.misses_its_disk()
    }

    /// Whether a content is at a path that is not seen.
    pub(crate) fn hides(&self, path: &str, content: ContentId) -> bool {
        self.misses_the_disk_of(path)
            && self.unseen().any(|(unseen, entry)| unseen == path && entry.content == content)
    }

    /// Whether a content is anywhere, in sight or not.
    pub(crate) fn holds(&self, content: ContentId) -> bool {
        let is_it = |entry: &Entry| entry.kind != Kind::Directory && entry.content == content;
        self.folder.files().chain(self.unseen()).any(|(_, entry)| is_it(entry))
    }

    fn unseen(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let unseen = self.slot.iter().flat_map(Slot::unseen);
        unseen.map(|(path, entry)| (path.as_str(), entry))
    }

    /// Mounts one disk or none where another one or none was; the files that go out of sight.
    fn exchange(&mut self, mounted: Option<usize>, now: i64) -> Vec<String> {
        if !self.folder.is_directory(POINT) {
            self.folder.remove(POINT);
            self.folder.make_directory(POINT, now).unwrap();
        }
        let Some(slot) = &mut self.slot else { return Vec::new() };
        let shown = std::mem::take(slot.files(mounted));
        let seen = self.folder.exchange_below(POINT, shown);
        let files = seen.iter().filter(|(_, entry)| entry.kind != Kind::Directory);
        let covered = files.map(|(path, _)| path.clone()).collect();
        *slot.files(slot.mounted) = seen;
        slot.mounted = mounted;
        covered
    }
}

impl Slot {
    fn unseen(&self) -> impl Iterator<Item = &(String, Entry)> {
        let on_disks = self.disks.iter().flat_map(|disk| &disk.unseen);
        self.beneath.iter().chain(on_disks)
    }

    fn files(&mut self, mounted: Option<usize>) -> &mut Files {
        match mounted {
            Some(disk) => &mut self.disks[disk].unseen,
            None => &mut self.beneath,
        }
    }
}

impl State {
    pub(crate) fn has_disks(&self) -> bool {
        self.machines.iter().any(|machine| machine.slot.is_some())
    }

    /// Takes a machine's disk out, or mounts one.
    pub(crate) fn plug(&mut self, machine: usize) {
        let disk = usize::from(self.random.chance(200));
        let mounted = if self.machines[machine].has_mounted(POINT) { None } else { Some(disk) };
        self.mount(machine, mounted);
    }

    /// Mounts the disk that a machine had first.
    pub(crate) fn plug_first(&mut self, machine: usize) {
        if self.machines[machine].slot.as_ref().is_some_and(|slot| slot.mounted != Some(0)) {
            self.mount(machine, None);
            self.mount(machine, Some(0));
        }
    }

    fn mount(&mut self, machine: usize, mounted: Option<usize>) {
        if self.machines[machine].slot.as_ref().is_none_or(|slot| slot.mounted == mounted) {
            return;
        }
        self.count("disks that came or went");
        self.note(format_args!("{machine} has a disk mounted: {mounted:?}"));
        // A deletion is not heard where the disk is not.
        self.ledger.forget_deletions();
        if mounted.is_none() {
            self.kill(machine);
        }
        let now = self.clock(machine);
        let covered = self.machines[machine].exchange(mounted, now);
        // What is beneath a disk is gone from the folder, whatever the machine makes of it.
        for path in covered.iter().filter(|_| mounted.is_some()) {
            self.ledger.changed(Site::Machine(machine), path, Aspect::Content);
        }
        self.machines[machine].wake.notify_one();
    }
}
