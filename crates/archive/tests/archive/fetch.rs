//! Bringing history to another machine.

use crate::server::serve;
use crate::world::{World, git, noise};
use archive::{Archive, Error, Fetched, Remote};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn remote(url: impl Into<String>) -> Remote {
    // The client wants a provider even where nothing is encrypted.
    rustls::crypto::ring::default_provider().install_default().ok();
    Remote { url: url.into(), basic: None }
}

fn of(path: &Path) -> Remote {
    remote(path.to_str().unwrap())
}

fn fetch(archive: &Archive, from: &Remote) -> Result<Fetched, Error> {
    archive.fetch(from, &AtomicBool::new(false))
}

/// Nothing but `main` refers to anything, nothing is left over, and git is content.
#[track_caller]
fn check(archive: &Archive) {
    let path = archive.path().to_str().unwrap();
    let said = git(&["-C", path, "fsck", "--strict", "--no-dangling", "--no-progress"]);
    // git remarks on an archive without snapshots.
    let complaints: Vec<&str> = said.lines().filter(|line| !line.starts_with("notice: ")).collect();
    assert_eq!(complaints, [""; 0]);
    let references = git(&["-C", path, "for-each-ref", "--format=%(refname)"]);
    assert!(["", "refs/heads/main\n"].contains(&references.as_str()), "{references}");
    let leftovers: Vec<_> = fs::read_dir(archive.path().join("objects/pack"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            !name.starts_with("pack-") || Path::new(name).extension().is_some_and(|end| end == "keep")
        })
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
    assert!(!archive.path().join("heirloom/fetching").exists());
    assert!(!archive.path().join("FETCH_HEAD").exists());
}

fn round_trip(world: &World, from: &Remote) {
    let drive = Archive::init(&world.root.path().join("drive/alice.git")).unwrap();
    assert_eq!(fetch(&drive, from).unwrap(), Fetched::UpToDate, "nothing is there yet");
    check(&drive);
    for number in 0..300 {
        world.write(format!("docs/{number}"), noise(500, number + 1));
    }
    let first = world.created().id;
    assert_eq!(fetch(&drive, from).unwrap(), Fetched::Updated { from: None, to: first });
    check(&drive);
    assert_eq!(fetch(&drive, from).unwrap(), Fetched::UpToDate);
    world.write("docs/1", "changed");
    world.created();
    world.write("docs/2", "changed");
    let third = world.created().id;
    assert_eq!(fetch(&drive, from).unwrap(), Fetched::Updated { from: Some(first), to: third });
    check(&drive);
    assert_eq!(drive.history().unwrap().count().unwrap(), 3);
    assert_eq!(drive.history().unwrap().snapshots(0, 9).unwrap(), world.history().snapshots(0, 9).unwrap());
    let log = fs::read_to_string(drive.path().join("logs/refs/heads/main")).unwrap();
    assert_eq!(log.lines().count(), 2, "{log}");
    git(&["clone", "-q", drive.path().to_str().unwrap(), world.root.path().join("clone").to_str().unwrap()]);
}

#[test]
fn over_a_path() {
    let world = World::new();
    round_trip(&world, &of(world.archive.path()));
}

#[test]
fn over_http_with_a_key() {
    let world = World::new();
    let url = serve(world.archive.path(), Some("YWxpY2U6c2VjcmV0"));
    let basic = |password: &str| Some(("alice".to_owned(), password.to_owned()));
    round_trip(&world, &Remote { basic: basic("secret"), ..remote(&url) });

    let drive = Archive::init(&world.root.path().join("other.git")).unwrap();
    for basic in [None, basic("wrong")] {
        let refused = fetch(&drive, &Remote { basic, ..remote(&url) });
        assert!(matches!(&refused, Err(Error::Denied { url: named }) if *named == url), "{refused:?}");
    }
    assert!(drive.latest().unwrap().is_none());
    check(&drive);
}

#[test]
fn a_remote_that_cannot_be_reached_is_an_error_that_names_it() {
    let world = World::new();
    for url in ["http://127.0.0.1:1/alice.git", "/nonexistent/alice.git"] {
        let error = fetch(&world.archive, &remote(url)).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot fetch from {url}"));
    }
    check(&world.archive);
}

#[test]
fn forwards_only() {
    let world = World::new();
    world.write("docs/a", "1");
    let first = world.created().id;
    world.write("docs/a", "2");
    let second = world.created().id;
    let drive = Archive::init(&world.root.path().join("drive.git")).unwrap();
    fetch(&drive, &of(world.archive.path())).unwrap();

    // The cloud was restored from an older backup.
    world.git(&["update-ref", "refs/heads/main", &first.to_string()]);
    let refused = fetch(&drive, &of(world.archive.path()));
    assert!(
        matches!(refused, Err(Error::NotFastForward { ours, theirs }) if (ours, theirs) == (second, first)),
        "{refused:?}"
    );
    // And then went on, on another line.
    world.write("docs/a", "3");
    let other = world.created().id;
    let refused = fetch(&drive, &of(world.archive.path()));
    assert!(
        matches!(refused, Err(Error::NotFastForward { ours, theirs }) if (ours, theirs) == (second, other)),
        "{refused:?}"
    );
    // A history that has nothing in common.
    let stranger = World::new();
    stranger.write("docs/a", "1");
    stranger.time.set(5);
    stranger.created();
    assert!(matches!(fetch(&drive, &of(stranger.archive.path())), Err(Error::NotFastForward { .. })));
    // Nothing at all.
    let empty = World::new();
    assert_eq!(fetch(&drive, &of(empty.archive.path())).unwrap(), Fetched::UpToDate);
    assert_eq!(drive.latest().unwrap(), Some(second));
    check(&drive);
}

#[test]
fn other_branches_of_the_remote_do_not_come_along() {
    let world = World::new();
    world.write("docs/a", "1");
    let first = world.created().id;
    world.git(&["update-ref", "refs/heads/other", &first.to_string()]);
    world.git(&["tag", "v1", &first.to_string()]);
    let drive = Archive::init(&world.root.path().join("drive.git")).unwrap();
    fetch(&drive, &of(world.archive.path())).unwrap();
    check(&drive);
}

#[test]
fn a_stopped_or_killed_fetch_leaves_nothing() {
    let world = World::new();
    world.write("docs/a", noise(100_000, 1));
    let first = world.created().id;
    let drive = Archive::init(&world.root.path().join("drive.git")).unwrap();
    let stopped = drive.fetch(&of(world.archive.path()), &AtomicBool::new(true));
    assert!(matches!(stopped, Ok(Fetched::Stopped)), "{stopped:?}");
    assert!(drive.latest().unwrap().is_none());
    check(&drive);

    let packs = drive.path().join("objects/pack");
    fs::write(drive.path().join("heirloom/fetching"), b"").unwrap();
    fs::write(packs.join(".tmpAbCdEf"), b"PACK half of it").unwrap();
    fs::write(packs.join("pack-0123.keep"), b"").unwrap();
    assert_eq!(fetch(&drive, &of(world.archive.path())).unwrap(), Fetched::Updated { from: None, to: first });
    check(&drive);
}
