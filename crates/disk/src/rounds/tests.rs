use super::*;
use rustix::fd::AsFd as _;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

struct One {
    file: File,
    /// What looking at it does.
    panics: bool,
    told: Sender<Result<()>>,
}

impl Awaited for One {
    fn files(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        assert!(!self.panics, "as a test wanted it");
        std::iter::once(self.file.as_fd())
    }

    fn tell(self, outcome: Result<()>) {
        self.told.send(outcome).unwrap();
    }
}

fn rounds() -> (Arc<Rounds<One>>, tempfile::TempDir) {
    let top = tempfile::tempdir().unwrap();
    (Arc::new(Rounds::new(File::open(top.path()).unwrap().into())), top)
}

fn one(file: File) -> (One, Receiver<Result<()>>) {
    let (told, hears) = channel();
    (One { file, panics: false, told }, hears)
}

#[test]
fn whoever_comes_first_runs_for_all() {
    let (rounds, top) = rounds();
    let (first, heard_first) = one(tempfile::tempfile_in(&top).unwrap());
    let (second, heard_second) = one(tempfile::tempfile_in(&top).unwrap());
    let running = rounds.hand_in(first).expect("nobody runs yet");
    assert!(rounds.hand_in(second).is_none());
    running.run();
    assert_eq!((heard_first.recv().unwrap(), heard_second.recv().unwrap()), (Ok(()), Ok(())));
    let (third, heard_third) = one(tempfile::tempfile_in(&top).unwrap());
    rounds.hand_in(third).expect("the rounds were over").run();
    assert_eq!(heard_third.recv().unwrap(), Ok(()));
}

#[test]
fn the_trouble_of_one_is_not_that_of_the_others() {
    let (rounds, top) = rounds();
    let (pipe, _other_end) = std::io::pipe().unwrap();
    let (good, heard_good) = one(tempfile::tempfile_in(&top).unwrap());
    let (bad, heard_bad) = one(File::from(OwnedFd::from(pipe)));
    let running = rounds.hand_in(bad).unwrap();
    assert!(rounds.hand_in(good).is_none());
    running.run();
    assert_eq!(heard_good.recv().unwrap(), Ok(()));
    assert!(heard_bad.recv().unwrap().is_err());
}

#[test]
fn a_panic_leaves_nobody_waiting() {
    let (rounds, top) = rounds();
    let (mut bad, heard_bad) = one(tempfile::tempfile_in(&top).unwrap());
    bad.panics = true;
    let (good, heard_good) = one(tempfile::tempfile_in(&top).unwrap());
    let running = rounds.hand_in(bad).unwrap();
    assert!(rounds.hand_in(good).is_none());
    catch_unwind(AssertUnwindSafe(|| running.run())).unwrap_err();
    assert!(heard_bad.recv().is_err() && heard_good.recv().is_err(), "both were dropped");
    let (next, heard_next) = one(tempfile::tempfile_in(&top).unwrap());
    rounds.hand_in(next).expect("and the next one begins anew").run();
    assert_eq!(heard_next.recv().unwrap(), Ok(()));
}

#[test]
fn rounds_that_nobody_runs_leave_nobody_waiting() {
    let (rounds, top) = rounds();
    let (first, heard_first) = one(tempfile::tempfile_in(&top).unwrap());
    drop(rounds.hand_in(first));
    assert!(heard_first.recv().is_err());
    let (next, _) = one(tempfile::tempfile_in(&top).unwrap());
    assert!(rounds.hand_in(next).is_some());
}
