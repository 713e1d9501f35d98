//! Whether the engine may do what it is about to.

use crate::ledger::{Aspect, Site};
use crate::objects::Stored;
use crate::tree;
use crate::world::{Mount, State};
use model::{ContentId, ObjectKey, RelPath};
use plan::ignore::Shape;
use plan::sync::{Direction, Side};

impl State {
    /// Whether files and directories of one name meet around a path, which moves both out of each other's way.
    pub(crate) fn is_tangled(&self, machine: usize, path: &str) -> bool {
        let below = format!("{path}/");
        let folder = &self.machines[machine].folder;
        let is_below = |key: &ObjectKey| key.as_str().starts_with(&below);
        let is_file_there = |path: &str| self.bucket.iter().any(|(key, _)| key.as_str() == path);
        folder.is_directory(path)
            || self.bucket.iter().any(|(key, _)| is_below(key))
            || tree::above(path).any(|above| {
                is_file_there(above) || folder.get(above).is_some_and(|_| !folder.is_directory(above))
            })
    }

    /// Whether what is about to be written at a path stands under another name where it is written, which it has lost on the other side: each side
    /// trusts in a name that the other one has given up.
    fn has_crossed(&self, machine: usize, path: &str, site: Site) -> bool {
        let from = if site == Site::Bucket { Site::Machine(machine) } else { Site::Bucket };
        let content = self.content_at(from, path);
        self.only_there(site, from, content).iter().any(|other| other != path)
    }

    /// The engine reads what it is about to write on the other side. Should it die before it does, it still may once the reason is not seen any more.
    pub(crate) fn judge_reading(&mut self, machine: usize, from: Site, path: &str) {
        let site = if from == Site::Bucket { Site::Machine(machine) } else { Site::Bucket };
        if self.has_crossed(machine, path, site) {
            self.keep_crossed(machine, path);
        }
    }

    /// It may come back, too: who deleted it trusted in the other name.
    fn keep_crossed(&mut self, machine: usize, path: &str) {
        self.ledger.nothing_left(machine, path);
        self.ledger.revive(path);
    }

    /// Somebody is about to change what stands at a path. Of the paths that are left to trust in then, what was agreed upon may count no more: a machine
    /// may have decided by what still is.
    pub(crate) fn forget_crossed(&mut self, site: Site, path: &str) {
        let machines = match site {
            Site::Machine(machine) => machine..machine + 1,
            Site::Bucket => 0..self.machines.len(),
        };
        for machine in machines {
            let other = if site == Site::Bucket { Site::Machine(machine) } else { Site::Bucket };
            let content = self.content_at(site, path);
            if self.content_at(other, path) != content {
                let left = self.only_there(other, site, content);
                for one in &left {
                    self.keep_crossed(machine, one);
                }
            }
        }
    }

    /// The paths at which a content is at one of two sites and not at the other.
    fn only_there(&self, site: Site, other: Site, content: Option<ContentId>) -> Vec<String> {
        let held: Vec<&str> = match site {
            Site::Machine(machine) => self.machines[machine].folder.files().map(|(path, _)| path).collect(),
            Site::Bucket => self.bucket.iter().map(|(key, _)| key.as_str()).collect(),
        };
        let is_it = |path: &&str| {
            content.is_some()
                && self.content_at(site, path) == content
                && self.content_at(other, path) != content
        };
        held.into_iter().filter(is_it).map(ToOwned::to_owned).collect()
    }

    fn content_at(&self, site: Site, path: &str) -> Option<ContentId> {
        match site {
            Site::Machine(machine) => self.machines[machine].folder.get(path).map(|entry| entry.content),
            Site::Bucket => {
                let key = ObjectKey::parse(path).ok()?;
                self.bucket.get(&key).map(|stored| stored.content)
            }
        }
    }

    /// The engine is about to delete an object. What is missing where the folder is usually mounted is no reason to.
    pub(crate) fn judge_deletion(&mut self, machine: usize, key: &ObjectKey) {
        let Some(content) = self.bucket.get(key).map(|stored| stored.content) else { return };
        let is_elsewhere = |(other, stored): (&ObjectKey, &Stored)| other != key && stored.content == content;
        // What was set aside stands under its new name.
        if self.bucket.iter().any(is_elsewhere) {
            return;
        }
        if self.machines[machine].cycle_sees != Mount::There {
            self.violate(format_args!("machine {machine} deleted {key} from the bucket, and has no folder"));
        }
        if self.machines[machine].hides(key.as_str(), content) {
            self.violate(format_args!(
                "machine {machine} deleted {key} from the bucket, and only cannot see it"
            ));
        }
        self.judge_resync(machine, key.as_str());
    }

    /// The engine is about to delete a file. Whoever wants both sides together wants it.
    pub(crate) fn judge_resync(&mut self, machine: usize, path: &str) {
        if self.machines[machine].is_resyncing {
            self.violate(format_args!("machine {machine} deleted {path} in a resync"));
        }
    }

    /// The engine is about to change a path. The other side must have changed since both agreed.
    pub(crate) fn judge(&mut self, machine: usize, site: Site, path: &str, aspect: Aspect) {
        let it = &mut self.machines[machine];
        it.cycle_wrote += 1;
        if self.ledger.agreement(machine, path).is_some() {
            self.count("effects judged by an agreement");
        }
        let direction = self.machines[machine].route.direction;
        let (other, written) = match site {
            Site::Bucket => (Site::Machine(machine), Side::Remote),
            Site::Machine(_) => (Site::Bucket, Side::Local),
        };
        if !direction.writes(written) {
            self.violate(format_args!("machine {machine} changed {path} on {site:?}, which leads"));
        }
        let as_file = RelPath::from_key(path).unwrap();
        let leaves_alone = self.machines[machine].leaves_alone.as_ref();
        if leaves_alone.is_some_and(|rules| rules.ignores(&as_file, Shape::Leaf)) {
            self.violate(format_args!(
                "machine {machine} changed {path} on {site:?}, which a rule says to leave alone"
            ));
        }
        if site != Site::Bucket && self.machines[machine].is_beneath_the_folder() {
            self.violate(format_args!(
                "machine {machine} wrote {path} into the directory on which its folder is mounted"
            ));
        }
        if site != Site::Bucket && self.machines[machine].misses_the_disk_of(path) {
            self.violate(format_args!(
                "machine {machine} wrote {path}, which is on a disk that is not there"
            ));
        }
        // A side that follows is put right if it has changed by itself.
        let had_no_reason = |site| self.ledger.is_as_agreed(machine, site, path, aspect);
        let is_out_of_turn = had_no_reason(other)
            && (direction == Direction::TwoWay || had_no_reason(site))
            && !self.is_tangled(machine, path)
            && !self.machines[machine].has_doubts()
            // Not even what it agreed upon itself counts in the cycles that follow up: what changed since is set aside as well.
            && !self.machines[machine].is_resyncing;
        if is_out_of_turn && self.has_crossed(machine, path, site) {
            // Should it not come off, it is right as well once the reason is not seen any more.
            self.keep_crossed(machine, path);
        } else if is_out_of_turn {
            self.violate(format_args!(
                "machine {machine} changed the {aspect:?} of {path} on {site:?}, though {other:?} was as agreed"
            ));
        }
        if aspect == Aspect::Content {
            self.forget_crossed(site, path);
        }
    }
}
