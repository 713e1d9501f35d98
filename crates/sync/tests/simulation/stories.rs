//! What the simulation has found, each as a story of its own that needs no luck.

mod losses;

use crate::aside::MARK;
use crate::ledger::{Aspect, Site};
use crate::machine::{live, quiet_world_of, run_once};
use crate::objects::Objects;
use crate::person;
use crate::tree::Tree;
use crate::world::{Cue, Mount, State, Twist, World};
use bytes::Bytes;
use disk::Identity;
use journal::Peril;
use model::{Kind, ObjectKey};
use plan::sync::Halt;
use std::time::Duration;
use sync::{Error, Outcome, Report};
use tokio_util::sync::CancellationToken;

/// Bytes beyond which a file is large here.
const LARGE: u64 = 4;

struct Story(World);

impl Story {
    fn tell(machines: usize, story: impl AsyncFnOnce(Self)) {
        sync::threads::run_inline();
        sync::threads::take_for_large_beyond(LARGE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let world = quiet_world_of(machines);
            story(Self(world.clone())).await;
            assert_eq!(world.lock().ledger.violations(), [""; 0]);
        });
    }

    fn write(&self, machine: usize, path: &str, text: &str) {
        write(&mut self.0.lock(), machine, path, text);
    }

    fn chmod(&self, machine: usize, path: &str, mode: u32) {
        let mut state = self.0.lock();
        let now = state.clock(machine);
        state.machines[machine].folder.chmod(path, mode, now);
        state.ledger.changed(Site::Machine(machine), path, Aspect::Meta);
    }

    fn rename(&self, machine: usize, from: &str, to: &str) {
        let mut state = self.0.lock();
        let now = state.clock(machine);
        state.machines[machine].folder.rename(from, to, now).unwrap();
        state.ledger.changed(Site::Machine(machine), from, Aspect::Content);
        state.ledger.changed(Site::Machine(machine), to, Aspect::Content);
    }

    fn remove(&self, machine: usize, path: &str) {
        let mut state = self.0.lock();
        state.machines[machine].folder.remove(path);
        state.ledger.changed(Site::Machine(machine), path, Aspect::Content);
    }

    /// What the person finds beside a file that was in a conflict.
    fn copies(&self, machine: usize) -> Vec<String> {
        let state = self.0.lock();
        let copies = state.machines[machine].folder.files().filter(|(path, _)| path.contains(MARK));
        copies.map(|(path, _)| path.to_owned()).collect()
    }

    fn read(&self, machine: usize, path: &str) -> Option<String> {
        let state = self.0.lock();
        let entry = state.machines[machine].folder.get(path)?;
        Some(String::from_utf8(entry.bytes.to_vec()).unwrap())
    }

    fn mode(&self, machine: usize, path: &str) -> Option<u32> {
        self.0.lock().machines[machine].folder.get(path).map(|entry| entry.mode)
    }

    fn in_bucket(&self, key: &str) -> Option<String> {
        let state = self.0.lock();
        let stored = state.bucket.get(&ObjectKey::parse(key).unwrap())?;
        Some(String::from_utf8(stored.bytes.to_vec()).unwrap())
    }

    fn resume(&self, machine: usize) {
        self.0.lock().machines[machine].is_resumed = true;
    }

    fn leave_alone(&self, machine: usize, patterns: &[&str]) {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        self.0.lock().machines[machine].leave_alone(&patterns);
    }

    fn restore_server(&self) {
        let mut state = self.0.lock();
        for key in state.bucket.put_back().unwrap() {
            state.ledger.changed(Site::Bucket, key.path().as_str(), Aspect::Content);
        }
        state.ledger.forget_all();
    }

    /// From now on nothing reaches the medium of a machine's journal unasked.
    fn may_lose_power(&self, machine: usize) {
        let peril = Peril { reach: 0, lies: false };
        self.0.lock().machines[machine].journal.endanger(Some(peril)).unwrap();
    }

    fn cue(&self, what: &'static str, key: &'static str, act: fn(&mut State, usize) -> Twist) {
        self.0.lock().cue = Some(Cue { what, key, act });
    }

    /// From now on the store has to be listed.
    fn without_feed(self) -> Self {
        self.0.lock().bucket = Objects::default();
        self
    }

    /// Every listing lags, or none does.
    fn listings_lag(&self, lag: bool) {
        self.0.lock().weather.stale = if lag { 1_000 } else { 0 };
    }

    async fn run(&self, machine: usize) -> Result<Outcome, Error> {
        let who = self.0.lock().start(machine);
        run_once(&self.0, who).await
    }

    async fn sync(&self, machine: usize) -> Report {
        match self.run(machine).await {
            Ok(Outcome::Done(report)) => report,
            other => panic!("{other:?}"),
        }
    }
}

fn write(state: &mut State, machine: usize, path: &str, text: &str) {
    let now = state.clock(machine);
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    state.machines[machine].folder.place(path, Kind::File, &bytes, 0o644, now).unwrap();
    state.ledger.changed(Site::Machine(machine), path, Aspect::Content);
}

#[test]
fn permissions_that_an_object_lacked_arrive_once_somebody_has_set_them() {
    Story::tell(2, async |story| {
        person::put_into_bucket(&mut story.0.lock(), "paper", "by another program");
        story.sync(0).await;
        story.sync(1).await;
        story.chmod(0, "paper", 0o755);
        story.sync(0).await;
        story.sync(1).await;
        assert_eq!(story.mode(1, "paper"), Some(0o755));
    });
}

#[test]
fn what_an_empty_mount_point_got_before_the_cycle_broke_off_is_not_missed_in_the_folder() {
    Story::tell(2, async |story| {
        story.write(1, "a", "one");
        story.write(1, "b", "two");
        story.sync(1).await;
        story.0.lock().machines[0].mount = Mount::Beneath;
        story.cue("get", "b", |_, _| Twist::Lost);
        assert!(matches!(story.run(0).await, Err(Error::Remote(_))));

        story.0.lock().machines[0].mount = Mount::There;
        let halted = story.run(0).await;
        assert!(matches!(halted, Ok(Outcome::Halted(Halt::Replaced { .. }))), "{halted:?}");
        story.resume(0);
        story.sync(0).await;
        assert_eq!(story.in_bucket("a").as_deref(), Some("one"));
        assert_eq!(story.read(0, "a").as_deref(), Some("one"));
        assert_eq!(story.read(0, "b").as_deref(), Some("two"));
    });
}

#[test]
fn what_another_directory_could_not_be_given_yet_is_not_taken_for_deleted_there() {
    Story::tell(1, async |story| {
        story.write(0, "a", "one");
        story.write(0, "b", "two");
        story.sync(0).await;
        story.0.lock().machines[0].folder = Tree::new(Identity { device: 1, inode: 77, born: None });
        assert!(matches!(story.run(0).await, Ok(Outcome::Halted(_))));
        story.resume(0);
        story.cue("write", "b", |_, _| Twist::Refused);
        let report = story.sync(0).await;
        assert_eq!(report.problems.len(), 1);

        let halted = story.run(0).await;
        assert!(matches!(halted, Ok(Outcome::Halted(Halt::Replaced { deleted: 1, .. }))), "{halted:?}");
        assert_eq!(story.in_bucket("b").as_deref(), Some("two"));
    });
}

#[test]
fn a_folder_that_is_not_there_does_not_make_a_keeper_ask_for_news_all_the_time() {
    Story::tell(2, async |story| {
        story.sync(0).await;
        story.write(1, "a", "news");
        story.sync(1).await;
        story.0.lock().machines[0].mount = Mount::Gone;
        let before = story.0.lock().bucket.requests;
        let stop = CancellationToken::new();
        let life = live(story.0.clone(), 0, stop.clone());
        let end = async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            stop.cancel();
        };
        tokio::join!(life, end);
        let asked = story.0.lock().bucket.requests - before;
        assert!(asked < 30, "{asked} requests in a minute");
    });
}

#[test]
fn a_large_file_that_changes_while_it_is_sent_is_sent_again_in_the_same_run() {
    Story::tell(1, async |story| {
        story.write(0, "film", "0123456789");
        story.cue("read part", "film", |state, machine| {
            write(state, machine, "film", "9876543210");
            Twist::None
        });
        let report = story.sync(0).await;
        assert_eq!(report.problems, []);
        assert_eq!(story.in_bucket("film").as_deref(), Some("9876543210"));
    });
}

#[test]
fn what_was_moved_is_agreed_upon_though_its_old_directory_could_not_be_tidied_away() {
    Story::tell(2, async |story| {
        story.write(0, "b", "two");
        story.write(0, "d/a", "one");
        story.sync(0).await;
        story.sync(1).await;
        story.rename(0, "d/a", "a");
        story.sync(0).await;
        story.cue("prune", "d/a", |_, _| Twist::Refused);
        assert_eq!(story.sync(1).await.problems.len(), 1);
        assert_eq!(story.read(1, "a").as_deref(), Some("one"));

        story.remove(1, "a");
        story.sync(1).await;
        assert_eq!(story.read(1, "a"), None);
        assert_eq!(story.in_bucket("a"), None);
    });
}

/// Within one second, both would have one name, and the bucket still holds the first under it.
#[test]
fn a_conflict_copy_does_not_take_the_name_of_one_that_a_person_has_just_moved_away() {
    Story::tell(2, async |story| {
        story.write(0, "paper", "one");
        story.sync(0).await;
        story.sync(1).await;
        story.write(0, "paper", "two");
        story.write(1, "paper", "three");
        story.sync(0).await;
        assert_eq!(story.sync(1).await.conflicts.len(), 1);
        let first = story.copies(1);
        story.rename(1, &first[0], "kept");

        story.write(0, "paper", "four");
        story.write(1, "paper", "five");
        story.sync(0).await;
        assert_eq!(story.sync(1).await.conflicts.len(), 1);
        let second = story.copies(1);
        assert!(second.len() == 1 && second != first, "{second:?}");
        story.sync(0).await;
        for machine in [0, 1] {
            assert_eq!(story.copies(machine), second);
            assert_eq!(story.read(machine, "paper").as_deref(), Some("four"));
            assert_eq!(story.read(machine, "kept").as_deref(), Some("three"));
            assert_eq!(story.read(machine, &second[0]).as_deref(), Some("five"));
        }
    });
}

/// What a listing lacks is looked at, which tells the time in whole seconds.
#[test]
fn permissions_that_were_set_within_the_second_of_a_lagging_listing_arrive() {
    Story::tell(2, async |story| {
        let story = story.without_feed();
        story.write(0, "paper", "one");
        story.sync(0).await;
        story.sync(1).await;
        story.listings_lag(true);
        story.sync(1).await;
        story.listings_lag(false);
        story.chmod(0, "paper", 0o755);
        story.sync(0).await;
        story.sync(1).await;
        assert_eq!(story.mode(1, "paper"), Some(0o755));
    });
}

/// Nothing is lost by it; the ledger has to know that there was a reason.
#[test]
fn a_file_makes_way_for_a_directory_that_only_a_lagging_listing_shows() {
    Story::tell(1, async |story| {
        let story = story.without_feed();
        story.write(0, "d", "one");
        story.cue("put", "d", |state, _| {
            person::put_into_bucket(state, "d/a", "by another program");
            Twist::None
        });
        story.sync(0).await;
        // However far it lags, it shows what is deleted last.
        person::put_into_bucket(&mut story.0.lock(), "x", "two");
        person::put_into_bucket(&mut story.0.lock(), "y", "three");
        person::delete_in_bucket(&mut story.0.lock(), "d/a");
        story.listings_lag(true);
        assert_eq!(story.sync(0).await.conflicts.len(), 1);
        story.listings_lag(false);
        story.sync(0).await;
        let copies = story.copies(0);
        assert_eq!(story.read(0, &copies[0]).as_deref(), Some("one"));
        assert_eq!(story.in_bucket(&copies[0]).as_deref(), Some("one"));
    });
}
