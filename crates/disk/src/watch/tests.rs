use super::*;
use crate::Expect;
use crate::temporary::making;
use crate::testing::{Scratch, rel};
use model::Meta;
use notify::event::{AccessKind, AccessMode, CreateKind, Flag};
use notify::{Event, EventKind};
use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

fn start(roots: &[(usize, &Path)]) -> (Watcher, Receiver<Noticed>) {
    let (sender, receiver) = channel();
    let roots = roots.iter().map(|(id, path)| (*id, path.to_path_buf())).collect();
    let watcher = Watcher::start(roots, move |noticed| sender.send(noticed).unwrap_or_default()).unwrap();
    (watcher, receiver)
}

/// Everything noticed up to and including `last`.
fn until(receiver: &Receiver<Noticed>, last: &Noticed) -> Vec<Noticed> {
    let begun = Instant::now();
    let mut all = Vec::new();
    while all.last() != Some(last) {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        all.push(receiver.recv_timeout(left).unwrap_or_else(|_| panic!("no {last:?} among {all:?}")));
    }
    all
}

fn changed(id: usize, path: impl Into<PathBuf>) -> Noticed {
    Noticed::Changed { id, path: path.into() }
}

#[test]
fn a_change_is_told_with_its_root() {
    let scratch = Scratch::new();
    let (_watcher, noticed) = start(&[(3, scratch.root.path()), (5, &scratch.outside())]);
    scratch.write("new", "x");
    until(&noticed, &changed(3, scratch.path("new")));
    fs::write(scratch.outside().join("other"), "").unwrap();
    until(&noticed, &changed(5, scratch.outside().join("other")));
    fs::remove_file(scratch.path("new")).unwrap();
    until(&noticed, &changed(3, scratch.path("new")));
    fs::create_dir(scratch.path("d")).unwrap();
    until(&noticed, &changed(3, scratch.path("d")));
}

#[test]
fn a_root_reached_through_a_symlink_keeps_its_name() {
    let scratch = Scratch::new();
    let link = scratch.top.path().join("link");
    std::os::unix::fs::symlink(scratch.root.path(), &link).unwrap();
    let (_watcher, noticed) = start(&[(0, &link)]);
    scratch.write("f", "");
    until(&noticed, &changed(0, link.join("f")));
}

#[test]
fn reading_and_our_own_temporaries_are_no_change() {
    let scratch = Scratch::new();
    scratch.write("old", "x");
    let (_watcher, noticed) = start(&[(0, scratch.root.path())]);
    scratch.read("old");
    scratch.scan();
    drop(scratch.root.stage(&rel("dropped")).unwrap());
    let staged = scratch.root.stage(&rel("placed")).unwrap();
    staged.place(&Meta::default(), Expect::Absent).unwrap();
    let all = until(&noticed, &changed(0, scratch.path("placed")));
    assert_eq!(all.len(), 1, "{all:?}");
}

#[test]
fn a_missing_root_is_an_error() {
    let scratch = Scratch::new();
    let missing = scratch.path("missing");
    let started = Watcher::start(vec![(0, missing.clone())], |_| {});
    assert!(matches!(started.map(drop), Err(Error::Missing { path }) if path == missing));
}

/// What becomes of an event of the system's, with roots 1 at `/one` (really `/real`) and 2 at `/real/nested`.
fn told(event: notify::Result<Event>) -> Vec<Noticed> {
    let watched = |id, path: &str, real: &str| Watched { id, path: path.into(), real: real.into() };
    let roots = [watched(1, "/one", "/real"), watched(2, "/real/nested", "/real/nested")];
    let told = std::cell::RefCell::new(Vec::new());
    translate(&roots, event, &|noticed| told.borrow_mut().push(noticed));
    told.into_inner()
}

#[test]
fn lost_events_and_used_up_watches_are_told() {
    let rescan = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert_eq!(told(Ok(rescan)), [Noticed::Overflow]);
    let reached = |id| Noticed::LimitReached { id, limit: Limit::Watches };
    let limit = || notify::Error::new(ErrorKind::MaxFilesWatch);
    assert_eq!(told(Err(limit().add_path("/real/x".into()))), [reached(1)]);
    assert_eq!(told(Err(limit())), [reached(1), reached(2)]);
    let files = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
    let watchers = |id| Noticed::LimitReached { id, limit: Limit::Watchers };
    assert_eq!(told(Err(notify::Error::io(files))), [watchers(1), watchers(2)]);
    assert_eq!(told(Err(notify::Error::generic("?"))), [Noticed::Overflow]);
}

#[test]
fn an_event_goes_to_every_root_above_it() {
    let create = |path: &str| Event::new(EventKind::Create(CreateKind::File)).add_path(path.into());
    assert_eq!(
        told(Ok(create("/real/nested/f"))),
        [changed(1, "/one/nested/f"), changed(2, "/real/nested/f")]
    );
    assert_eq!(told(Ok(create("/real"))), [changed(1, "/one")]);
    assert_eq!(told(Ok(create("/elsewhere"))), []);
    assert_eq!(told(Ok(create(&format!("/real/{}", making(7).to_str().unwrap())))), []);
    let read = EventKind::Access(AccessKind::Open(AccessMode::Read));
    assert_eq!(told(Ok(Event::new(read).add_path("/real/f".into()))), []);
}

#[test]
fn a_watch_is_needed_for_each_directory() {
    let scratch = Scratch::new();
    assert_eq!(watches_needed(scratch.root.path()), 1);
    for directory in ["a/b/c", "d"] {
        fs::create_dir_all(scratch.path(directory)).unwrap();
    }
    scratch.write("file", "x");
    std::os::unix::fs::symlink("/", scratch.path("link")).unwrap();
    assert_eq!(watches_needed(scratch.root.path()), 5);
    assert_eq!(watches_needed(&scratch.path("missing")), 1);
}
