//! Disks that fail: single system calls of the real binary are answered with EIO.
//!
//! strace does that at the border to the kernel, below every library. Rejected: a preloaded library, which calls that do not go through
//! libc pass by.

use crate::chance::Chance;
use crate::churn;
use crate::destinations::with_disk;
use crate::home::{Home, Ran, same_trees};
use crate::server::Cloud;
use std::fs;
use std::path::Path;
use std::process::Command;
use testkit::tools::have;

/// What the system says.
const EIO: &str = "Input/output error";

/// What the database says.
const EIO_OF_DATABASE: &str = "disk I/O error";

/// `heirloom`, with some of its calls failing: `calls` as strace names them, `when` they fail, `only` those that are about a path.
fn failing(home: &Home, calls: &str, when: &str, only: Option<&Path>, arguments: &[&str]) -> Command {
    let mut command = home.program("strace");
    // As a grandchild, so that who kills the process under test kills it and not strace.
    command.args(["-D", "-f", "-qq", "-o", "/dev/null"]);
    if let Some(only) = only {
        command.arg("-P").arg(only);
    }
    command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:error=EIO{when}")]);
    command.arg(env!("CARGO_BIN_EXE_heirloom")).args(arguments);
    command
}

/// A run that fails says why.
#[track_caller]
fn tells(ran: &Ran) {
    let code = ran.one_of(&[0, 1, 3]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        code == 0 || said.contains(EIO) || said.contains(EIO_OF_DATABASE),
        "ended with {code} and says:\n{said}"
    );
}

#[test]
fn a_source_that_cannot_be_read_is_told_and_never_taken_for_deleted() {
    if !have("strace") {
        return;
    }
    let chance = &mut Chance::new("a_source_that_cannot_be_read");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let (documents, live) = (home.path("documents"), home.path("cloud/live/alice/documents"));
    let config = cloud.laptop("laptop", "documents");
    let send = ["sync", "--config", &config];
    churn::fill(&documents, chance);
    home.run(&send).ok();
    for (number, name) in ["d1/f1.bin", "large0.bin", "d2/new.bin"].into_iter().enumerate() {
        let (path, there) = (documents.join(name), fs::read(live.join(name)).ok());
        fs::write(&path, chance.bytes(fs::metadata(&path).map_or(5_000, |metadata| metadata.len()))).unwrap();
        fs::write(documents.join(format!("sound {number}")), name).unwrap();
        Ran::of(failing(&home, "read,pread64", "", Some(&path), &send)).code(3).tells(&[name, EIO]);
        assert_eq!(fs::read(live.join(name)).ok(), there, "{name} is there as it was");
        assert_eq!(fs::read_to_string(live.join(format!("sound {number}"))).unwrap(), name);
        home.run(&send).ok();
        same_trees(&documents, &live).unwrap();
    }
    let before = testkit::list(&documents);
    for directory in [documents.join("d3"), documents.clone()] {
        let ran = Ran::of(failing(&home, "getdents64", "", Some(&directory), &send));
        assert_ne!(ran.one_of(&[1, 3]), 0);
        tells(&ran);
        assert_eq!(testkit::list(&documents), before);
        same_trees(&documents, &live).unwrap();
    }
    home.run(&send).ok();
}

#[test]
fn a_folder_that_cannot_be_written_is_told_and_finished_by_the_next_run() {
    if !have("strace") {
        return;
    }
    let chance = &mut Chance::new("a_folder_that_cannot_be_written");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    fs::create_dir_all(home.path("desk/documents")).unwrap();
    let (documents, desk) = (home.path("documents"), home.path("desk/documents"));
    let (sender, receiver) = (cloud.laptop("laptop", "documents"), cloud.laptop("desk", "desk/documents"));
    churn::fill(&documents, chance);
    let receive = ["sync", "--config", &receiver];
    let calls =
        ["pwrite64", "fsync", "fdatasync", "renameat2", "renameat", "unlinkat", "utimensat", "fchmod"];
    let mut told = 0;
    for (number, call) in calls.into_iter().flat_map(|call| [(1, call), (3, call)]) {
        home.run(&["sync", "--config", &sender]).ok();
        let ran = Ran::of(failing(&home, call, &format!(":when={number}"), None, &receive));
        tells(&ran);
        told += u32::from(ran.one_of(&[0, 1, 3]) != 0);
        home.run(&receive).ok();
        if let Err(difference) = same_trees(&documents, &desk) {
            panic!("after {call} number {number}: {difference}");
        }
        churn::work(&documents, chance);
    }
    assert!(told > 4, "only {told} runs met a failing disk");
}

#[test]
fn a_disk_that_fails_is_told_and_finished_by_the_next_run() {
    if !have("strace") {
        return;
    }
    let chance = &mut Chance::new("a_disk_that_fails");
    let home = Home::new();
    let (documents, desk) = (home.path("documents"), home.path("desk"));
    let (sender, receiver) = (with_disk(&home, "laptop", "documents"), with_disk(&home, "desk", "desk"));
    let (send, receive) = (["sync", "--config", &sender], ["sync", "--config", &receiver]);
    churn::fill(&documents, chance);
    let calls = ["syncfs", "fsync", "renameat2", "rename", "renameat", "unlink", "unlinkat", "mkdir"];
    let mut told = 0;
    for (when, call) in calls.into_iter().flat_map(|call| [("1", call), ("2+3", call)]) {
        let ran = Ran::of(failing(&home, call, &format!(":when={when}"), None, &send));
        tells(&ran);
        told += u32::from(ran.one_of(&[0, 1, 3]) != 0);
        home.run(&send).ok();
        home.run(&receive).ok();
        if let Err(difference) = same_trees(&documents, &desk) {
            panic!("after {call}, {when}: {difference}");
        }
        churn::work(&documents, chance);
    }
    assert!(told > 4, "only {told} runs met a failing disk");
}

#[test]
fn a_cloud_whose_disk_fails_acknowledges_nothing_that_is_not_there() {
    if !have("strace") {
        return;
    }
    let chance = &mut Chance::new("a_cloud_whose_disk_fails");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let (documents, live) = (home.path("documents"), home.path("cloud/live/alice/documents"));
    let config = cloud.laptop("laptop", "documents");
    let send = ["sync", "--config", &config];
    // What it keeps besides files is made while its disk is sound.
    assert_eq!(cloud.start().stop(), Some(0));
    churn::fill(&documents, chance);
    for (call, when) in [
        ("fsync", ":when=2+3"),
        ("pwrite64", ":when=60+9"),
        ("renameat", ":when=2+3"),
        ("fdatasync", ":when=4+2"),
    ] {
        let before = testkit::list(&documents);
        let serve = ["cloud", "--config", cloud.config()];
        let failing = home.start_as(&serve, failing(&home, call, when, None, &serve));
        let failing = cloud.wait_for(failing);
        tells_of_the_cloud(&home.run(&send));
        failing.kill();
        let sound = cloud.start();
        home.run(&send).ok();
        assert_eq!(testkit::list(&documents), before, "{call}: what was sent is as it was");
        if let Err(difference) = same_trees(&documents, &live) {
            panic!("{call}: {difference}");
        }
        assert_eq!(sound.stop(), Some(0));
        churn::work(&documents, chance);
    }
}

/// What is the matter with the cloud's disk stands in the cloud's log; here it is a cloud in trouble.
#[track_caller]
fn tells_of_the_cloud(ran: &Ran) {
    let code = ran.one_of(&[0, 1, 3]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(code == 0 || !said.is_empty(), "ended with {code} and says nothing");
}
