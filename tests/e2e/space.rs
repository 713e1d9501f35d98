//! A full disk under each place that is written: what fits is there, what does not is named, nothing is torn, and the next run after
//! somebody has made space finishes it.

use crate::chance::Chance;
use crate::churn;
use crate::home::{Daemon, Home, Ran, same_trees};
use crate::namespace::Namespace;
use crate::server::Cloud;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A small file system that is almost full.
struct Small<'h> {
    namespace: Namespace<'h>,
    ballast: PathBuf,
}

impl<'h> Small<'h> {
    /// Mounts `mib` MiB over a directory of which all but `free` KiB are taken; `None`, and said so, where nothing can be mounted.
    fn over(home: &'h Home, directory: &Path, mib: u64, free: u64) -> Option<Self> {
        let namespace = Namespace::of(home)?;
        fs::create_dir_all(directory).unwrap();
        namespace.mount_new(directory, mib);
        let ballast = namespace.seen(&directory.join("ballast"));
        fs::write(&ballast, vec![1; usize::try_from((mib << 20) - (free << 10)).unwrap()]).unwrap();
        Some(Self { namespace, ballast })
    }

    /// A path as it is in there.
    fn seen(&self, path: &Path) -> PathBuf {
        self.namespace.seen(path)
    }

    fn make_space(&self) {
        fs::remove_file(&self.ballast).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.namespace.run(arguments)
    }

    fn start(&self, arguments: &[&str]) -> Daemon {
        self.namespace.start(arguments)
    }
}

/// What is there is right: every file below `place` is the same below `truth`. How many there are.
#[track_caller]
fn nothing_is_torn(place: &Path, truth: &Path) -> usize {
    let (there, right) = (testkit::list(place), testkit::list(truth));
    let files = there.iter().filter(|(name, said)| said.starts_with("file ") && *name != "ballast");
    files.inspect(|(name, said)| assert_eq!(Some(*said), right.get(*name), "{}", name.display())).count()
}

#[test]
fn a_full_disk_under_a_folder() {
    let chance = &mut Chance::new("a_full_disk_under_a_folder");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let (documents, desk) = (home.path("documents"), home.path("desk"));
    let (sender, receiver) = (cloud.laptop("laptop", "documents"), cloud.laptop("desk", "desk/documents"));
    churn::fill(&documents, chance);
    // The first to be brought, and none of what comes behind it may wait for it.
    fs::write(documents.join("a large file.bin"), chance.bytes(9 << 20)).unwrap();
    for number in 0..200 {
        fs::write(documents.join(format!("z{number}")), format!("small {number}")).unwrap();
    }
    home.run(&["sync", "--config", &sender]).ok();
    let Some(small) = Small::over(&home, &desk, 36, 3 << 10) else { return };
    let brought = small.seen(&desk.join("documents"));
    fs::create_dir(&brought).unwrap();
    let receive = ["sync", "--config", &receiver];
    small.run(&receive).code(3).tells(&["no space left", "large"]);
    let whole = testkit::list(&documents).values().filter(|said| said.starts_with("file ")).count();
    assert_eq!(nothing_is_torn(&brought, &documents), whole - 3, "only what is too large waits");
    small.run(&receive).code(3);
    small.make_space();
    small.run(&receive).ok();
    same_trees(&documents, &brought).unwrap();
}

/// What it has room for is decided by what it takes, not by how long it is.
#[test]
fn a_file_of_holes_fits_where_there_is_less_room_than_it_is_long() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let (documents, desk) = (home.path("documents"), home.path("desk"));
    let (sender, receiver) = (cloud.laptop("laptop", "documents"), cloud.laptop("desk", "desk/documents"));
    let image = fs::File::create(documents.join("image of a disk")).unwrap();
    for at in [0, 20 << 20] {
        image.write_all_at(&[7; 512], at).unwrap();
    }
    image.set_len(64 << 20).unwrap();
    home.run(&["sync", "--config", &sender]).ok();
    let Some(small) = Small::over(&home, &desk, 36, 3 << 10) else { return };
    let brought = small.seen(&desk.join("documents"));
    fs::create_dir(&brought).unwrap();
    small.run(&["sync", "--config", &receiver]).ok();
    same_trees(&documents, &brought).unwrap();
}

#[test]
fn a_full_disk_under_the_journal() {
    let chance = &mut Chance::new("a_full_disk_under_the_journal");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let documents = home.path("documents");
    let send = ["sync", "--config", &cloud.laptop("laptop", "documents")];
    churn::fill(&documents, chance);
    let Some(small) = Small::over(&home, &home.path("state-laptop"), 4, 0) else { return };
    small.run(&send).code(1).tells(&["state-laptop", "no space left"]);
    small.make_space();
    small.run(&send).ok();
    // With a journal that is there, and may not grow.
    churn::work(&documents, chance);
    fill_up(&small.ballast);
    let before = testkit::list(&documents);
    small.run(&send).code(1).tells(&["state-laptop", "no space left"]);
    assert_eq!(testkit::list(&documents), before);
    small.make_space();
    small.run(&send).ok();
    assert_eq!(testkit::list(&documents), before);
    same_trees(&documents, &home.path("cloud/live/alice/documents")).unwrap();
}

/// Until not a byte more fits.
fn fill_up(file: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::options().create(true).append(true).open(file).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
}

#[test]
fn a_full_disk_under_the_cloud() {
    let chance = &mut Chance::new("a_full_disk_under_the_cloud");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let documents = home.path("documents");
    let send = ["sync", "--config", &cloud.laptop("laptop", "documents")];
    churn::fill(&documents, chance);
    let Some(small) = Small::over(&home, &home.path("cloud"), 48, 4 << 10) else { return };
    let mut serving = cloud.wait_for(small.start(&["cloud", "--config", cloud.config()]));
    let live = small.seen(&home.path("cloud/live/alice/documents"));
    let before = testkit::list(&documents);
    home.run(&send).code(3).tells(&["no space left", "large"]);
    let whole = before.values().filter(|said| said.starts_with("file ")).count();
    assert_eq!(nothing_is_torn(&live, &documents), whole - 2, "only what is too large waits");
    fill_up(&small.ballast);
    churn::work(&documents, chance);
    let before = testkit::list(&documents);
    home.run(&send).one_of(&[1, 3]);
    assert!(serving.is_running(), "a full disk does not end the cloud:\n{}", serving.log());
    small.make_space();
    home.run(&send).ok();
    assert_eq!(testkit::list(&documents), before);
    same_trees(&documents, &live).unwrap();
    assert_eq!(serving.stop(), Some(0));
}
