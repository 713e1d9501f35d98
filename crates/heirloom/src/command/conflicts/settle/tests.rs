use super::super::find::{compare, copies};
use super::*;
use std::fs;
use std::path::Path;

const COPY: &str = "docs/letter.sync-conflict-20261120-101500-desk.txt";

struct World {
    place: tempfile::TempDir,
}

impl World {
    /// A letter of which `desk` had another version, and the version that kept the name.
    fn new(copy: &str, named: Option<&str>) -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir(place.path().join("docs")).unwrap();
        fs::write(place.path().join(COPY), copy).unwrap();
        if let Some(named) = named {
            fs::write(place.path().join("docs/letter.txt"), named).unwrap();
        }
        Self { place }
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn root(&self) -> Root {
        Root::open(self.path()).unwrap()
    }

    fn copy(&self) -> Copy {
        let (mut found, problems) = copies(&self.root()).unwrap();
        assert!(problems.is_empty() && found.len() == 1, "{found:?} {problems:?}");
        found.remove(0)
    }

    fn settle(&self, decision: Decision) -> Result<Settled, Error> {
        settle(&self.root(), &self.copy(), decision, false, &CancellationToken::new())
    }

    fn holds(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(self.path().join("docs"))
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(&path).unwrap_or_else(|_| "directory".to_owned()))
            })
            .collect();
        all.sort();
        all
    }
}

fn holding(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn whose_version_is_whose() {
    let world = World::new("desk's", Some("pi's"));
    let [desk, pi] = ["desk", "pi"].map(|name| MachineName::new(name).unwrap());
    let copy = world.copy();
    let table = [
        (Keep::Mine, &desk, Decision::TakeTheName),
        (Keep::Mine, &pi, Decision::Go),
        (Keep::Theirs, &desk, Decision::Go),
        (Keep::Theirs, &pi, Decision::TakeTheName),
        (Keep::Both, &desk, Decision::BeRenamed),
        (Keep::Both, &pi, Decision::BeRenamed),
    ];
    for (keep, here, decision) in table {
        assert_eq!(decide(keep, here, &copy), decision, "{keep:?} on {here}");
    }
}

#[test]
fn the_copy_takes_the_name() {
    let world = World::new("desk's", Some("pi's"));
    let before = fs::metadata(world.path().join(COPY)).unwrap().modified().unwrap();
    assert_eq!(world.settle(Decision::TakeTheName).unwrap(), Settled::TookTheName);
    assert_eq!(world.holds(), holding(&[("letter.txt", "desk's")]));
    let after = fs::metadata(world.path().join("docs/letter.txt")).unwrap().modified().unwrap();
    assert_eq!(before, after, "the version keeps its time");
}

#[test]
fn the_copy_goes() {
    let world = World::new("desk's", Some("pi's"));
    assert_eq!(world.settle(Decision::Go).unwrap(), Settled::Removed);
    assert_eq!(world.holds(), holding(&[("letter.txt", "pi's")]));
}

#[test]
fn both_stay_under_two_names_and_none_is_overwritten() {
    let world = World::new("desk's", Some("pi's"));
    let taken = "letter (desk, 2026-11-20 10.15.00).txt";
    fs::write(world.path().join("docs").join(taken), "somebody's own").unwrap();
    world.settle(Decision::BeRenamed).unwrap();
    let second = "letter (desk, 2026-11-20 10.15.00, 2).txt";
    assert_eq!(
        world.holds(),
        holding(&[(taken, "somebody's own"), (second, "desk's"), ("letter.txt", "pi's")])
    );
}

#[test]
fn the_last_version_is_never_deleted() {
    let world = World::new("desk's", None);
    assert!(matches!(world.settle(Decision::Go), Err(Error::OnlyVersion)));
    // Gone only since it was looked for.
    fs::write(world.path().join("docs/letter.txt"), "pi's").unwrap();
    let seen = world.copy();
    fs::remove_file(world.path().join("docs/letter.txt")).unwrap();
    let late = settle(&world.root(), &seen, Decision::Go, false, &CancellationToken::new());
    assert!(matches!(late, Err(Error::OnlyVersion)));
    assert_eq!(world.holds().len(), 1);
    assert_eq!(world.settle(Decision::TakeTheName).unwrap(), Settled::TookTheName);
    assert_eq!(world.holds(), holding(&[("letter.txt", "desk's")]));
}

#[test]
fn what_was_edited_meanwhile_stays() {
    for decision in [Decision::TakeTheName, Decision::Go, Decision::BeRenamed] {
        let world = World::new("desk's", Some("pi's"));
        let seen = world.copy();
        fs::write(world.path().join(COPY), "desk's, edited").unwrap();
        let refused = settle(&world.root(), &seen, decision, false, &CancellationToken::new());
        assert!(matches!(refused, Err(Error::Disk(disk::Error::Changed { .. }))), "{refused:?}");
        let name = COPY.strip_prefix("docs/").unwrap();
        assert_eq!(world.holds(), holding(&[(name, "desk's, edited"), ("letter.txt", "pi's")]));
    }
    let world = World::new("desk's", Some("pi's"));
    let seen = world.copy();
    fs::write(world.path().join("docs/letter.txt"), "pi's, edited").unwrap();
    let refused = settle(&world.root(), &seen, Decision::TakeTheName, false, &CancellationToken::new());
    assert!(matches!(refused, Err(Error::Disk(disk::Error::Changed { .. }))), "{refused:?}");
    assert_eq!(world.holds().len(), 2);
}

#[test]
fn a_directory_keeps_its_name() {
    let world = World::new("desk's", None);
    fs::create_dir(world.path().join("docs/letter.txt")).unwrap();
    assert!(matches!(world.settle(Decision::TakeTheName), Err(Error::Directory)));
    assert_eq!(compare(&world.root(), &world.copy()).unwrap(), "directory");
    world.settle(Decision::BeRenamed).unwrap();
    assert_eq!(
        world.holds(),
        holding(&[("letter (desk, 2026-11-20 10.15.00).txt", "desk's"), ("letter.txt", "directory")])
    );
}

#[test]
fn a_symlink_is_a_version_like_any_other() {
    let world = World::new("", None);
    let (copy, named) = (world.path().join(COPY), world.path().join("docs/letter.txt"));
    fs::remove_file(&copy).unwrap();
    std::os::unix::fs::symlink("target of desk", &copy).unwrap();
    std::os::unix::fs::symlink("target of pi__", &named).unwrap();
    assert_eq!(compare(&world.root(), &world.copy()).unwrap(), "different");
    world.settle(Decision::TakeTheName).unwrap();
    assert_eq!(fs::read_link(named).unwrap(), Path::new("target of desk"));
    assert!(copies(&world.root()).unwrap().0.is_empty());
}

#[test]
fn contents_are_compared_by_their_bytes() {
    for (copy, named, content) in [
        ("same", Some("same"), "same"),
        ("one", Some("two"), "different"),
        ("a", Some("bc"), "different"),
        ("a", None, "gone"),
    ] {
        let world = World::new(copy, named);
        assert_eq!(compare(&world.root(), &world.copy()).unwrap(), content);
    }
}

#[test]
fn a_name_that_was_cut_finds_its_file() {
    let place = tempfile::tempdir().unwrap();
    let long = format!("{}.txt", "n".repeat(240));
    let label = plan::sync::ConflictLabel::new("20261120-101500", &MachineName::new("desk").unwrap());
    let path = RelPath::from_os_bytes(format!("docs/{long}").as_bytes()).unwrap();
    let copy = label.copy_of(&model::ObjectKey::file(&path)).path();
    fs::create_dir(place.path().join("docs")).unwrap();
    fs::write(place.path().join("docs").join(&long), "pi's").unwrap();
    fs::write(place.path().join("docs").join("another.txt"), "another").unwrap();
    fs::write(place.path().join(copy.as_str()), "desk's").unwrap();
    let root = Root::open(place.path()).unwrap();
    let found = copies(&root).unwrap().0;
    assert_eq!(found[0].original, path);
    settle(&root, &found[0], Decision::TakeTheName, false, &CancellationToken::new()).unwrap();
    assert_eq!(fs::read_to_string(place.path().join("docs").join(&long)).unwrap(), "desk's");
}

#[test]
fn a_dry_run_changes_nothing() {
    for decision in [Decision::TakeTheName, Decision::Go, Decision::BeRenamed] {
        let world = World::new("desk's", Some("pi's"));
        let before = world.holds();
        settle(&world.root(), &world.copy(), decision, true, &CancellationToken::new()).unwrap();
        assert_eq!(world.holds(), before);
    }
}

#[test]
fn a_stop_leaves_both_versions() {
    let world = World::new("desk's", Some("pi's"));
    let (before, stop) = (world.holds(), CancellationToken::new());
    stop.cancel();
    let stopped = settle(&world.root(), &world.copy(), Decision::TakeTheName, false, &stop);
    assert!(matches!(stopped, Err(Error::Stopped)));
    assert_eq!(world.holds(), before);
}
