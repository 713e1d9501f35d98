//! A daemon one can live with: it tells how it is doing, does what commands ask for, keeps to its limits, and ends when told to.

use crate::home::{Daemon, Home, eventually, same_trees};
use crate::server::Cloud;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};
use testkit::tools::{have, skip};

/// The lines of a type that `status` prints.
fn status(home: &Home, profile: &str, kind: &str) -> Vec<Value> {
    let ran = home.run(&["status", "--json", "--config", profile]).ok();
    ran.json().into_iter().filter(|line| line["message_type"] == kind).collect()
}

/// The status of the only route.
fn route(home: &Home, profile: &str) -> Value {
    let mut routes = status(home, profile, "route_status");
    assert_eq!(routes.len(), 1, "{routes:?}");
    routes.remove(0)
}

fn write_large(home: &Home, name: &str, mebibytes: usize) {
    let content: Vec<u8> =
        (0_u32..).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[1]).take(mebibytes << 20).collect();
    fs::write(home.path(name), content).unwrap();
}

/// A laptop whose interval is an hour: what happens in time happens for another reason.
fn patient(home: &Home, cloud: &Cloud<'_>, more: &str) -> String {
    let folder = home.path("documents").display().to_string();
    let profile =
        cloud.laptop_with("laptop", &format!("  documents: {{folders: [{folder}], interval: 1h}}\n"));
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, format!("{text}{more}")).unwrap();
    profile
}

fn synced_once(home: &Home, profile: &str, laptop: &Daemon) {
    eventually("the first sync", || match route(home, profile) {
        route if route["last_success"].is_i64() && route["doing"] == "waiting" => Ok(()),
        route => Err(format!("{route}\n{}", laptop.log())),
    });
}

#[test]
fn a_daemon_whose_state_dir_is_deleted_ends() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = patient(&home, &cloud, "");
    home.write("documents/a", "a");
    home.write("documents/b", "b");
    let mut laptop = home.start(&["laptop", "--config", &profile]);
    synced_once(&home, &profile, &laptop);
    fs::remove_dir_all(home.path("state-laptop")).unwrap();
    fs::remove_file(home.path("documents/a")).unwrap();
    assert_eq!(laptop.wait(), Some(1), "{}", laptop.log());
    for part in
        ["lost its memory", "is gone, or is another file by now", "Nothing was deleted on either side"]
    {
        assert!(laptop.log().contains(part), "{part}: {}", laptop.log());
    }
    assert!(
        home.path("cloud/live/alice/documents/a").exists(),
        "nothing is decided with a journal that is gone"
    );
    // The next start begins anew, and takes nothing from either side.
    home.run(&["sync", "--config", &profile]).ok();
    same_trees(&home.path("documents"), &home.path("cloud/live/alice/documents")).unwrap();
    assert_eq!(home.read("documents/a").as_deref(), Some("a"));
}

#[test]
fn status_tells_the_same_with_and_without_a_daemon() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let profile = patient(&home, &cloud, "");
    // Nothing is there yet, not even the join file, and asking makes nothing.
    let unknown = route(&home, &profile);
    assert_eq!((&unknown["doing"], &unknown["last_success"]), (&"nothing".into(), &Value::Null));
    assert!(!home.path("state-laptop").exists());
    home.run(&["status", "--check", "--config", &profile]).code(1);
    let _serving = cloud.start();
    home.write("documents/a", "a");
    home.run(&["sync", "--config", &profile]).ok();
    let stopped = route(&home, &profile);
    assert_eq!((&stopped["doing"], &stopped["last_outcome"]), (&"nothing".into(), &"ok".into()));
    let page = home.run(&["status", "--config", &profile]).ok().stdout;
    assert!(
        page.contains(&format!("no daemon runs; `heirloom laptop --config {profile}` starts it")),
        "{page}"
    );
    assert!(page.contains("documents → cloud  in sync"), "{page}");

    let laptop = home.start(&["laptop", "--config", &profile]);
    synced_once(&home, &profile, &laptop);
    let machine = status(&home, &profile, "machine_status").remove(0);
    assert_eq!((&machine["running"], &machine["machine"]), (&true.into(), &"laptop".into()));
    home.run(&["status", "--check", "--config", &profile]).ok();
    let page = home.run(&["status", "--config", &profile]).ok().stdout;
    assert!(page.contains("laptop (laptop): the daemon runs"), "{page}");
    assert_eq!(laptop.stop(), Some(0));
    assert!(!home.path("state-laptop/control.sock").exists());
}

#[test]
fn a_cloud_and_a_pi_have_a_status_too() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    home.run(&["status", "--check", "--config", cloud.config()]).code(1);
    let _serving = cloud.start();
    home.write("documents/a", "a");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).ok();
    cloud.snapshot();
    let histories = status(&home, cloud.config(), "history_status");
    assert_eq!((&histories[0]["bucket"], &histories[0]["snapshots"]), (&"alice".into(), &1.into()));
    home.run(&["status", "--check", "--config", cloud.config()]).ok();

    let pi = cloud.pi();
    let machine = || status(&home, &pi, "machine_status").remove(0);
    assert!(machine()["trouble"].as_str().unwrap().contains("no Heirloom drive"));
    let daemon = home.start(&["pi", "--config", &pi]);
    eventually("a daemon that waits for its drive", || match machine() {
        machine if machine["running"] == true && machine["trouble"].is_string() => Ok(()),
        machine => Err(format!("{machine}\n{}", daemon.log())),
    });
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    eventually("the mirror", || home.read("drive/files/alice/documents/a").map(drop).ok_or(daemon.log()));
    // Both are handed over to the daemon.
    home.run(&["fetch", "--config", &pi]).ok();
    let synced = home.run(&["sync", "--config", &pi]).ok();
    assert!(synced.stdout.contains("everything → cloud"), "{}", synced.stdout);
    eventually("the history's status", || match status(&home, &pi, "history_status").as_slice() {
        [history] if history["snapshots"] == 1 => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_sync_is_handed_over_and_says_the_same() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = patient(&home, &cloud, "");
    home.write("documents/a", "a");
    let laptop = home.start(&["laptop", "--config", &profile]);
    synced_once(&home, &profile, &laptop);
    // A change of the bucket behind the gateway's back, which nobody is told of, so that the run has something to do.
    let ran = home.run(&["sync", "documents", "--json", "--config", &profile]).ok();
    assert_eq!(ran.json().last().unwrap()["message_type"], "synced", "{}", ran.stdout);
    let ran = home.run(&["sync", "--config", &profile]).ok();
    assert_eq!(ran.stdout, "documents → cloud: nothing to do, 1 path is in sync\n");
    home.run(&["sync", "--dry-run", "--config", &profile]).ok();
    home.run(&["sync", "nonsense", "--config", &profile]).code(2).says(&["no state `nonsense`"]);
    // What cannot be kept is told in the same way, with the same exit code.
    home.write("documents/.heirloom/x", "of another tool");
    let ran = home.run(&["sync", "--config", &profile]).code(3);
    assert!(ran.stdout.contains("problem: "), "{}", ran.stdout);
    assert_eq!(route(&home, &profile)["problems"], 1);
    // The lock of a daemon without a socket is somebody else's.
    fs::remove_file(home.path("state-laptop/control.sock")).unwrap();
    home.run(&["sync", "--config", &profile]).code(11).says(&["another heirloom is at work"]);
    assert_eq!(laptop.stop(), Some(0));
}

#[test]
fn a_halt_is_shown_and_a_word_answers_that_one() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = patient(&home, &cloud, "");
    for number in 0..20 {
        home.write(&format!("documents/f{number}"), &format!("content {number}"));
    }
    home.run(&["sync", "--config", &profile]).ok();
    for number in 0..6 {
        fs::remove_file(home.path(&format!("documents/f{number}"))).unwrap();
    }
    home.run(&["sync", "--config", &profile]).code(20).says(&["6 of 20 files would be deleted"]);
    home.run(&["status", "--check", "--config", &profile]).code(20);
    // What is deleted now, nobody has looked at.
    fs::remove_file(home.path("documents/f6")).unwrap();
    home.run(&["sync", "--resume", "--config", &profile])
        .code(20)
        .says(&["7 of 20 files would be deleted", "heirloom sync --resume documents"]);
    assert!(home.path("cloud/live/alice/documents/f0").exists());
    let laptop = home.start(&["laptop", "--config", &profile]);
    eventually("the halt", || match route(&home, &profile) {
        route if route["doing"] == "halted" => Ok(()),
        route => Err(format!("{route}\n{}", laptop.log())),
    });
    let page = home.run(&["status", "--config", &profile]).ok().stdout;
    assert!(page.contains("is halted: 7 of 20 files would be deleted"), "{page}");
    assert!(page.contains(&format!("`heirloom sync --resume documents --config {profile}`")), "{page}");
    home.run(&["sync", "--config", &profile]).code(20);
    let resumed = home.run(&["sync", "--resume", "documents", "--config", &profile]).ok();
    assert!(resumed.stdout.contains("7 deleted there"), "{}", resumed.stdout);
    assert_eq!(route(&home, &profile)["halt"], Value::Null);
    // The word is used up: the next halt is another one.
    for number in 7..13 {
        fs::remove_file(home.path(&format!("documents/f{number}"))).unwrap();
    }
    eventually("the next halt", || match route(&home, &profile) {
        route if route["halt"].is_string() => Ok(()),
        route => Err(format!("{route}\n{}", laptop.log())),
    });
    assert!(home.path("cloud/live/alice/documents/f7").exists());
}

#[test]
fn a_line_that_is_down_is_told_once_and_its_return_once() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let serving = cloud.start();
    let profile = patient(&home, &cloud, "");
    home.write("documents/a", "a");
    let laptop = home.start(&["laptop", "--config", &profile]);
    synced_once(&home, &profile, &laptop);
    serving.kill();
    home.write("documents/b", "b");
    eventually("a few failures", || match route(&home, &profile) {
        route if route["attempts"].as_u64() >= Some(2) => Ok(()),
        route => Err(format!("{route}\n{}", laptop.log())),
    });
    let down = route(&home, &profile);
    assert_eq!(down["may_pass"], true, "{down}");
    assert!(down["pending_up"].as_u64() <= Some(1), "{down}");
    home.run(&["status", "--check", "--config", &profile]).code(1);
    let _serving = cloud.start();
    // A request does not wait for the daemon's next attempt.
    home.run(&["sync", "--config", &profile]).ok();
    assert_eq!(home.read("cloud/live/alice/documents/b").as_deref(), Some("b"));
    eventually("the return", || {
        let log = laptop.log();
        if log.contains("back after") { Ok(()) } else { Err(log) }
    });
    let log = laptop.log();
    let count = |what: &str| log.matches(what).count();
    assert_eq!((count("trying again by itself"), count("back after")), (1, 1), "{log}");
}

#[test]
fn a_large_upload_is_broken_off_and_gone_on_with() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    // At this rate it would take half an hour.
    let profile = patient(&home, &cloud, "limits: {upload: 32KiB}\n");
    write_large(&home, "documents/large", 64);
    let laptop = home.start(&["laptop", "--config", &profile]);
    eventually("an upload", || match route(&home, &profile) {
        route if route["doing"] == "syncing" => Ok(()),
        route => Err(format!("{route}\n{}", laptop.log())),
    });
    let syncing = route(&home, &profile);
    assert_eq!((&syncing["bytes"], &syncing["files"]), (&(64 << 20).into(), &1.into()));
    let machine = status(&home, &profile, "machine_status").remove(0);
    assert_eq!(machine["limit_upload"], 32 << 10);
    // Whoever asked for it hears that it ended; Ctrl-C leaves the daemon at it.
    let asking = home.start(&["sync", "--config", &profile]);
    eventually("a line of progress", || {
        let log = asking.log();
        if log.contains("syncing: ") { Ok(()) } else { Err(log) }
    });
    assert_eq!(asking.interrupt(), Some(130));
    assert_eq!(route(&home, &profile)["doing"], "syncing");
    assert_eq!(laptop.stop(), Some(0));
    assert!(!home.path("cloud/live/alice/documents/large").exists());
    home.run(&["sync", "--limit-upload", "none", "--config", &profile]).ok();
    same_trees(&home.path("documents"), &home.path("cloud/live/alice/documents")).unwrap();
}

#[test]
fn hooks_that_hang_do_not_hold_up_the_end() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let root = home.path("").display().to_string();
    let hooks = "{before_backup: 'touch began; sleep 3600', after_backup: 'sleep 3600'}";
    let hooks = hooks.replace("began", &format!("{root}/began"));
    let state = format!("  wiki: {{folders: [{root}/documents], hooks: {hooks}}}\n");
    let laptop = home.start(&["laptop", "--config", &cloud.laptop_with("laptop", &state)]);
    eventually("the hook", || if home.path("began").exists() { Ok(()) } else { Err(laptop.log()) });
    assert_eq!(laptop.stop(), Some(0));
}

#[test]
fn a_limit_is_kept() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = patient(&home, &cloud, "");
    write_large(&home, "documents/some", 1);
    let begun = Instant::now();
    home.run(&["sync", "--limit-upload", "256KiB", "--config", &profile]).ok();
    // Four seconds' worth, less what a limit lets through at the beginning. A slow machine takes longer, none takes less.
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    fs::create_dir(home.path("other")).unwrap();
    let other = cloud.laptop("other", "other");
    let begun = Instant::now();
    home.run(&["sync", "--limit-download", "256KiB", "--config", &other]).ok();
    assert!(begun.elapsed() > Duration::from_secs(2), "{:?}", begun.elapsed());
    same_trees(&home.path("documents"), &home.path("other")).unwrap();
    home.run(&["sync", "--limit-upload", "1KiB", "--config", &profile])
        .code(2)
        .says(&["too slow", "4.0 KiB"]);
}

/// A user may have so few watches, or watchers, that the folder cannot be watched: in a user name space of its own, where that can be set.
fn where_watches_are_scarce(limit: &str, number: u32, says: &str) {
    if !have("unshare") {
        return;
    }
    let home = Home::new();
    let set = format!("echo {number} > /proc/sys/user/{limit}");
    let possible = home.program("unshare").args(["-U", "-r", "sh", "-c", &set]).output().unwrap();
    if !possible.status.success() {
        skip(&format!("no user name spaces here: {}", String::from_utf8_lossy(&possible.stderr)));
        return;
    }
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    for directory in 0..8 {
        home.write(&format!("documents/d{directory}/file"), "x");
    }
    let profile = cloud.laptop("laptop", "documents");
    let mut command = home.program("unshare");
    let script = format!("{set} && exec \"$0\" laptop --config \"$1\"");
    command.args(["-U", "-r", "sh", "-c", &script, env!("CARGO_BIN_EXE_heirloom"), &profile]);
    let laptop = home.start_program("a laptop with few watches", "laptop.log", command);
    let unwatched = eventually("the limit's mention", || match route(&home, &profile) {
        route if route["unwatched"].is_string() => Ok(route["unwatched"].as_str().unwrap().to_owned()),
        route => Err(format!("{route}\n{}", laptop.log())),
    });
    assert!(unwatched.contains(says) && unwatched.contains("sudo sysctl -w"), "{unwatched}");
    // It still finds what changes, by looking.
    home.write("documents/d3/new", "y");
    eventually("the new file", || {
        home.read("cloud/live/alice/documents/d3/new").map(drop).ok_or(laptop.log())
    });
    assert_eq!(laptop.log().matches("changes are found by looking").count(), 1, "{}", laptop.log());
}

#[test]
fn too_few_watches_are_made_up_for_by_looking() {
    where_watches_are_scarce("max_inotify_watches", 4, "takes 9 watches");
}

#[test]
fn no_watcher_at_all_is_made_up_for_by_looking() {
    where_watches_are_scarce("max_inotify_instances", 0, "no further watcher");
}
