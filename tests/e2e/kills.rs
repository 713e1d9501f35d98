//! `kill -9` at moments that nobody has chosen, of everything that writes, a few hundred times: the next run finishes, and nothing is
//! lost, torn or left lying about.
//!
//! A moment is drawn from the time that the same work takes undisturbed, so that it hits the work. A blow counts only if the process was
//! still at it.

use crate::chance::Chance;
use crate::churn;
use crate::destinations::with_disk;
use crate::home::{Daemon, Home, same_trees};
use crate::server::Cloud;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::Listing;

/// Blows for each process under test.
const BLOWS: u32 = 34;

/// Blows while one hour's work is being done, at most.
const BLOWS_IN_A_ROW: u64 = 12;

/// How often it is looked whether a run came to its end.
const LOOK: Duration = Duration::from_millis(5);

/// Something that is run to its end, or is killed on the way.
struct Victim<'h> {
    home: &'h Home,
    arguments: Vec<String>,
    /// What an undisturbed run takes, as far as that is known: the machine is not always equally busy.
    whole: Duration,
    blows: u32,
}

impl<'h> Victim<'h> {
    fn new(home: &'h Home, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { home, arguments, whole: Duration::ZERO, blows: 0 }
    }

    fn arguments(&self) -> Vec<&str> {
        self.arguments.iter().map(String::as_str).collect()
    }

    /// A run that must come through.
    #[track_caller]
    fn finish(&mut self) {
        let began = Instant::now();
        self.home.run(&self.arguments()).ok();
        self.whole = began.elapsed();
    }

    /// A run that is killed, if it does not come to its end before.
    fn strike(&mut self, chance: &mut Chance) {
        let began = Instant::now();
        let mut run = self.home.start(&self.arguments());
        let moment = chance.moment(self.whole);
        while run.is_running() && began.elapsed() < moment {
            std::thread::sleep(LOOK.min(moment.saturating_sub(began.elapsed())));
        }
        if run.is_running() {
            self.blows += 1;
        } else {
            self.whole = began.elapsed();
        }
        run.kill();
    }
}

/// Hour after hour of work, of which each is done in spite of blows and then looked at.
fn batter(victim: &mut Victim<'_>, chance: &mut Chance, mut hour: impl FnMut(&mut Chance)) {
    while victim.blows < BLOWS {
        for _ in 0..=chance.below(BLOWS_IN_A_ROW) {
            victim.strike(chance);
        }
        victim.finish();
        hour(chance);
    }
    eprintln!("{} blows; a run takes up to {:?}", victim.blows, victim.whole);
}

/// Every name below `root` that is a temporary's.
#[track_caller]
fn no_leftovers(root: &Path) {
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let entry = entry.unwrap();
            let is_leftover = entry.file_name().to_string_lossy().contains(".heirloom-tmp-");
            assert!(!is_leftover, "left behind: {}", entry.path().display());
            if entry.file_type().unwrap().is_dir() {
                waiting.push(entry.path());
            }
        }
    }
}

#[track_caller]
fn alike(one: &Path, other: &Path) {
    if let Err(difference) = same_trees(one, other) {
        panic!("{difference}");
    }
    no_leftovers(one);
}

#[track_caller]
fn untouched(folder: &Path, before: &Listing) {
    let now = testkit::list(folder);
    let lost: Vec<_> = before.iter().filter(|(name, said)| now.get(*name) != Some(said)).take(5).collect();
    let new: Vec<_> = now.iter().filter(|(name, said)| before.get(*name) != Some(said)).take(5).collect();
    assert!(lost.is_empty() && new.is_empty(), "{} had {lost:?} and has {new:?}", folder.display());
}

/// The profile of a laptop that finds nothing suspicious.
fn laptop(home: &Home, cloud: &Cloud<'_>, name: &str, folder: &str) -> String {
    fs::create_dir_all(home.path(folder)).unwrap();
    let folder = home.path(folder).display().to_string();
    cloud.laptop_with(name, &format!("  documents: {{folders: [{folder}], max_delete: 100%}}\n"))
}

#[test]
fn a_laptop_that_sends() {
    let chance = &mut Chance::new("a_laptop_that_sends");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let documents = home.path("documents");
    let mut victim = Victim::new(&home, &["sync", "--config", &laptop(&home, &cloud, "laptop", "documents")]);
    churn::fill(&documents, chance);
    victim.finish();
    let mut before = testkit::list(&documents);
    batter(&mut victim, chance, |chance| {
        untouched(&documents, &before);
        alike(&documents, &home.path("cloud/live/alice/documents"));
        churn::work(&documents, chance);
        before = testkit::list(&documents);
    });
    no_leftovers(&home.path("cloud"));
}

#[test]
fn a_laptop_that_receives() {
    let chance = &mut Chance::new("a_laptop_that_receives");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let (documents, desk) = (home.path("documents"), home.path("desk/documents"));
    let sender = laptop(&home, &cloud, "laptop", "documents");
    let mut victim =
        Victim::new(&home, &["sync", "--config", &laptop(&home, &cloud, "desk", "desk/documents")]);
    churn::fill(&documents, chance);
    home.run(&["sync", "--config", &sender]).ok();
    victim.finish();
    batter(&mut victim, chance, |chance| {
        alike(&desk, &documents);
        churn::work(&documents, chance);
        home.run(&["sync", "--config", &sender]).ok();
    });
}

/// Each of two persons has a part of the tree of their own, so that whose work was lost shows.
#[test]
fn two_laptops_that_send_and_receive() {
    let chance = &mut Chance::new("two_laptops_that_send_and_receive");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let (one, other) = (home.path("documents"), home.path("desk/documents"));
    let sender = laptop(&home, &cloud, "laptop", "documents");
    let mut victim =
        Victim::new(&home, &["sync", "--config", &laptop(&home, &cloud, "desk", "desk/documents")]);
    // One after the other: two full trees that never met would halt.
    churn::fill(&one.join("laptop"), chance);
    home.run(&["sync", "--config", &sender]).ok();
    victim.finish();
    churn::fill(&other.join("desk"), chance);
    victim.finish();
    home.run(&["sync", "--config", &sender]).ok();
    let mut before = (testkit::list(&one.join("laptop")), testkit::list(&other.join("desk")));
    batter(&mut victim, chance, |chance| {
        home.run(&["sync", "--config", &sender]).ok();
        untouched(&one.join("laptop"), &before.0);
        untouched(&other.join("desk"), &before.1);
        alike(&one, &other);
        churn::work(&one.join("laptop"), chance);
        churn::work(&other.join("desk"), chance);
        before = (testkit::list(&one.join("laptop")), testkit::list(&other.join("desk")));
        home.run(&["sync", "--config", &sender]).ok();
    });
}

#[test]
fn a_cloud_that_receives() {
    let chance = &mut Chance::new("a_cloud_that_receives");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let mut serving = cloud.start();
    let documents = home.path("documents");
    let config = laptop(&home, &cloud, "laptop", "documents");
    let arguments = ["sync", "--config", &config];
    churn::fill(&documents, chance);
    let began = Instant::now();
    home.run(&arguments).ok();
    let whole = began.elapsed();
    let mut blows = 0;
    while blows < BLOWS {
        churn::work(&documents, chance);
        let before = testkit::list(&documents);
        let mut sending = home.start(&arguments);
        while sending.is_running() && blows < BLOWS {
            std::thread::sleep(chance.moment(whole));
            serving.kill();
            blows += u32::from(sending.is_running());
            serving = start_anew(&home, &cloud);
        }
        let code = sending.wait();
        assert!(matches!(code, Some(0 | 1 | 3)), "{code:?}\n{}", sending.log());
        home.run(&arguments).ok();
        untouched(&documents, &before);
        alike(&documents, &home.path("cloud/live/alice/documents"));
    }
    println!("{blows} blows; a run takes {whole:?}");
    serving.kill();
    let _serving = cloud.start();
    no_leftovers(&home.path("cloud"));
    let drafts = fs::read_dir(home.path("cloud/incoming")).unwrap();
    let drafts: Vec<_> =
        drafts.map(|draft| draft.unwrap().file_name()).filter(|name| name != "parts").collect();
    assert!(drafts.is_empty(), "{drafts:?}");
}

/// Whether it is ready is for the laptop to find out.
fn start_anew(home: &Home, cloud: &Cloud<'_>) -> Daemon {
    home.start(&["cloud", "--config", cloud.config()])
}

/// What lies on the disk is what another machine brings from there.
#[test]
fn a_laptop_that_fills_a_disk() {
    let chance = &mut Chance::new("a_laptop_that_fills_a_disk");
    let home = Home::new();
    let (documents, desk) = (home.path("documents"), home.path("desk"));
    let (sender, receiver) = (with_disk(&home, "laptop", "documents"), with_disk(&home, "desk", "desk"));
    let mut victim = Victim::new(&home, &["sync", "--config", &sender]);
    churn::fill(&documents, chance);
    victim.finish();
    let mut before = testkit::list(&documents);
    batter(&mut victim, chance, |chance| {
        untouched(&documents, &before);
        home.run(&["sync", "--config", &receiver]).ok();
        alike(&documents, &desk);
        let in_transit = fs::read_dir(home.path("usb/.heirloom/incoming")).unwrap().count();
        assert_eq!(in_transit, 0, "left in transit");
        churn::work(&documents, chance);
        before = testkit::list(&documents);
    });
}

#[test]
fn a_pi_that_mirrors() {
    let chance = &mut Chance::new("a_pi_that_mirrors");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let documents = home.path("documents");
    let sender = laptop(&home, &cloud, "laptop", "documents");
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    let mut victim = Victim::new(&home, &["sync", "--config", &cloud.pi()]);
    churn::fill(&documents, chance);
    home.run(&["sync", "--config", &sender]).ok();
    victim.finish();
    batter(&mut victim, chance, |chance| {
        alike(&home.path("drive/files/alice/documents"), &documents);
        churn::work(&documents, chance);
        home.run(&["sync", "--config", &sender]).ok();
    });
    no_leftovers(&home.path("drive"));
}

#[test]
fn a_cloud_that_takes_snapshots() {
    let chance = &mut Chance::new("a_cloud_that_takes_snapshots");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let live = home.path("cloud/live/alice/documents");
    let archive = home.path("cloud/archives/alice.git");
    fs::create_dir_all(&live).unwrap();
    churn::fill(&live, chance);
    let mut victim = Victim::new(&home, &["snapshot", "--config", cloud.config()]);
    victim.finish();
    let is_whole = || home.git(&["-C", archive.to_str().unwrap(), "fsck", "--strict"]).ok();
    batter(&mut victim, chance, |chance| {
        is_whole();
        only_packs(&archive.join("objects"));
        churn::work(&live, chance);
    });
    victim.finish();
    home.git(&["clone", "--quiet", archive.to_str().unwrap(), "clone"]).ok();
    let (kept, cloned) = (contents(&live), contents(&home.path("clone/documents")));
    assert_eq!(kept, cloned);
}

#[track_caller]
fn only_packs(objects: &Path) {
    let is_kept = |name: &OsString| {
        let name = name.to_string_lossy();
        let ends = [".pack", ".idx", ".rev", ".bitmap", ".mtimes"];
        let is_pack = name.starts_with("pack/pack-") && ends.iter().any(|end| name.ends_with(end));
        is_pack || name == "pack" || name.starts_with("info")
    };
    let listing = testkit::list(objects);
    let leftovers: Vec<_> = listing.keys().filter(|name| !is_kept(name)).collect();
    assert!(leftovers.is_empty(), "loose objects or temporary files: {leftovers:?}");
}

/// Files with their size and digest alone: a clone has its own times.
fn contents(root: &Path) -> Vec<(OsString, String)> {
    let files = testkit::list(root).into_iter().filter(|(_, said)| said.starts_with("file "));
    files.map(|(name, said)| (name, said.split_once("), ").unwrap().1.to_owned())).collect()
}
