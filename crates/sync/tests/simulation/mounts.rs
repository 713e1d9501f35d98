//! Disks that are mounted in a machine's folder, and come and go.
//!
//! One that goes takes its files out of sight, and shows what lies beneath it; nobody has deleted anything. A machine is switched off while its disk is
//! taken out: as long as it works on a disk, it holds it.

use crate::ledger::{Aspect, Site};
use crate::tree::{Entry, above};
use crate::world::{Machine, State};
use disk::Mounts;
use model::{ContentId, DiskId, Kind, ObjectKey, RelPath, UnixNanos};
use std::collections::BTreeMap;

/// Where they are mounted.
pub(crate) const POINT: &str = "m";

/// A disk that belongs into a machine's folder.
pub(crate) struct Disk {
    pub(crate) is_mounted: bool,
    id: DiskId,
    /// What is not seen: what it holds, or what lies beneath it.
    unseen: Vec<(String, Entry)>,
}

/// Whether a path is on the disk, if that is mounted.
pub(crate) fn is_on_it(path: &str) -> bool {
    above(path).last() == Some(POINT)
}

impl Machine {
    /// Gives the machine a disk, which is empty.
    pub(crate) fn insert_disk(&mut self, now: i64) {
        let id = DiskId::of_root(2, UnixNanos(now));
        self.folder.make_directory(POINT, now).unwrap();
        self.disk = Some(Disk { is_mounted: true, id, unseen: Vec::new() });
    }

    pub(crate) fn has_mounted(&self, path: &str) -> bool {
        path == POINT && self.disk.as_ref().is_some_and(|disk| disk.is_mounted)
    }

    /// Whether one path is on a disk that is mounted, and the other is not.
    pub(crate) fn are_on_two_disks(&self, one: &str, other: &str) -> bool {
        self.has_mounted(POINT) && is_on_it(one) != is_on_it(other)
    }

    pub(crate) fn mounts(&self) -> Mounts {
        let mounted = self.disk.iter().filter(|disk| disk.is_mounted);
        let point = RelPath::from_key(POINT).unwrap();
        Mounts::of(mounted.map(|disk| (point.clone(), Some(disk.id.clone()))).collect::<BTreeMap<_, _>>())
    }

    /// Whether a path is beneath a disk that is known to the machine and is not there.
    pub(crate) fn is_beneath_a_disk(&self, path: &str) -> bool {
        let is_away = self.disk.as_ref().is_some_and(|disk| !disk.is_mounted);
        let key = ObjectKey::directory(&RelPath::from_key(POINT).unwrap());
        is_away && is_on_it(path) && self.journal.mounts(self.route.id).unwrap().contains_key(&key)
    }

    /// Whether a content is at a path out of sight.
    pub(crate) fn hides(&self, path: &str, content: ContentId) -> bool {
        self.unseen().any(|(unseen, entry)| unseen == path && entry.content == content)
    }

    /// Whether a content is anywhere, in sight or not.
    pub(crate) fn holds(&self, content: ContentId) -> bool {
        let is_it = |entry: &Entry| entry.kind != Kind::Directory && entry.content == content;
        self.folder.files().chain(self.unseen()).any(|(_, entry)| is_it(entry))
    }

    fn unseen(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.disk.iter().flat_map(|disk| &disk.unseen).map(|(path, entry)| (path.as_str(), entry))
    }
}

impl State {
    pub(crate) fn has_disks(&self) -> bool {
        self.machines.iter().any(|machine| machine.disk.is_some())
    }

    /// Takes a machine's disk out, or mounts it again.
    pub(crate) fn plug(&mut self, machine: usize) {
        let Some(is_mounted) = self.machines[machine].disk.as_ref().map(|disk| disk.is_mounted) else {
            return;
        };
        self.count("disks that came or went");
        // A deletion is not heard where the disk is not.
        self.ledger.forget_deletions();
        if is_mounted {
            self.kill(machine);
        }
        let now = self.clock(machine);
        let covered = self.machines[machine].exchange(now);
        self.note(format_args!("{machine} has its disk mounted: {}", !is_mounted));
        if !is_mounted {
            for path in covered {
                self.ledger.changed(Site::Machine(machine), &path, Aspect::Content);
            }
        }
        self.machines[machine].wake.notify_one();
    }
}

impl Machine {
    /// Exchanges what is seen for what is not; the files that go out of sight.
    fn exchange(&mut self, now: i64) -> Vec<String> {
        let Some(disk) = &mut self.disk else { return Vec::new() };
        if !self.folder.is_directory(POINT) {
            self.folder.remove(POINT);
            self.folder.make_directory(POINT, now).unwrap();
        }
        let seen = self.folder.exchange_below(POINT, std::mem::take(&mut disk.unseen));
        let files = seen.iter().filter(|(_, entry)| entry.kind != Kind::Directory);
        let covered = files.map(|(path, _)| path.clone()).collect();
        (disk.unseen, disk.is_mounted) = (seen, !disk.is_mounted);
        covered
    }
}
