//! Hooks: once around a state, whatever happens to it.

use crate::home::{Daemon, Home, eventually};
use crate::server::Cloud;
use journal::{Journal, Outcome, RouteKey};
use std::fs;

/// States `wiki`, with two folders and these hooks, and `notes`, without any.
fn profile(home: &Home, cloud: &Cloud<'_>, hooks: &str) -> String {
    let root = home.path("").display().to_string();
    for folder in ["wiki", "pictures", "notes"] {
        fs::create_dir_all(home.path(folder)).unwrap();
    }
    cloud.laptop_with(
        "laptop",
        &format!(
            "  wiki:\n    folders: [{root}/wiki, {root}/pictures]\n    hooks:\n      {}\n  notes: {{folders: [{root}/notes]}}\n",
            hooks.replace("HOME", root.trim_end_matches('/')).replace('\n', "\n      ")
        ),
    )
}

fn lines(home: &Home, name: &str) -> Vec<String> {
    home.read(name).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// How the latest run of a folder ended.
fn latest_run(home: &Home, folder: &str, prefix: &str) -> Outcome {
    let journal = Journal::open(&home.path("state-laptop/journal.db")).unwrap();
    let key = RouteKey {
        destination: "cloud".to_owned(),
        prefix: prefix.to_owned(),
        folder: home.path(folder).components().collect(),
    };
    let route = journal.route(&key).unwrap();
    journal.last_runs(route, 1).unwrap()[0].finished.unwrap().1.outcome
}

/// What a daemon says that is not well because of a hook.
fn ill(home: &Home, profile: &str) -> Result<String, String> {
    let ran = home.run(&["health", "--json", "--config", profile]);
    let health = ran.json().pop().unwrap();
    let message = health["message"].as_str().unwrap().to_owned();
    if health["ok"] == false && message.contains("hook") { Ok(message) } else { Err(message) }
}

const LOG: &str = "before_backup: 'echo before $HEIRLOOM_STATE >> HOME/hooks.log; echo dump > HOME/wiki/dump.sql'\n\
     after_backup: 'echo after $HEIRLOOM_EXIT_CODE >> HOME/hooks.log'";

#[test]
fn they_run_once_around_all_of_a_state() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, LOG);
    home.write("pictures/lake.png", "a lake");
    home.run(&["sync", "--dry-run", "--config", &profile])
        .ok()
        .says(&["the hooks of wiki are not run by a dry run"]);
    assert_eq!(lines(&home, "hooks.log"), [] as [&str; 0], "a dry run runs nothing");
    home.run(&["sync", "--config", &profile]).ok();
    assert_eq!(lines(&home, "hooks.log"), ["before wiki", "after 0"]);
    assert_eq!(home.read("cloud/live/alice/wiki/wiki/dump.sql").as_deref(), Some("dump\n"));
    assert_eq!(home.read("cloud/live/alice/wiki/pictures/lake.png").as_deref(), Some("a lake"));
    home.run(&["sync", "notes", "--config", &profile]).ok();
    assert_eq!(lines(&home, "hooks.log").len(), 2, "another state's sync is none of theirs");

    let listed = home.run(&["state", "list", "--config", &profile]).ok();
    let root = home.path("").display().to_string();
    let root = root.trim_end_matches('/');
    assert!(
        listed.stdout.contains(&format!(
            "· state: wiki\n  folders:\n  - {root}/wiki\n  - {root}/pictures\n  destinations: cloud\n"
        )),
        "{}",
        listed.stdout
    );
    assert!(listed.stdout.contains("  interval: 1d\n  before_backup: echo before"), "{}", listed.stdout);
    let listed = home.run(&["state", "list", "--json", "--config", &profile]).ok().json();
    assert_eq!((listed.len(), &listed[1]["name"]), (2, &"wiki".into()));
    assert_eq!(listed[1]["message_type"], "state");
    assert!(listed[1]["hooks"]["after_backup"].as_str().unwrap().contains("HEIRLOOM_EXIT_CODE"));
    assert_eq!(listed[0]["hooks"]["before_backup"], serde_json::Value::Null);
    home.run(&["state", "list", "--config", cloud.config()]).code(2).says(&["is for a laptop"]);
}

#[test]
fn a_failing_one_before_skips_its_state_and_no_other() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(
        &home,
        &cloud,
        "before_backup: 'echo no database here; exit 7'\nafter_backup: 'echo after $HEIRLOOM_EXIT_CODE >> HOME/hooks.log'",
    );
    home.write("wiki/half a dump.sql", "half");
    home.write("notes/a.txt", "a");
    let ran = home.run(&["sync", "--config", &profile]).code(3).says(&[
        "wiki was not synced",
        "the before_backup hook of wiki ended with exit code 7: no database here",
        "hint: Nothing of this state was synced",
    ]);
    assert!(!ran.stdout.contains("wiki"), "{}", ran.stdout);
    assert!(!home.path("cloud/live/alice/wiki").exists());
    assert_eq!(home.read("cloud/live/alice/notes/a.txt").as_deref(), Some("a"));
    assert_eq!(lines(&home, "hooks.log"), ["after 3"]);
    assert_eq!(latest_run(&home, "wiki", "wiki/wiki/"), Outcome::Incomplete);
    assert_eq!(latest_run(&home, "notes", "notes/"), Outcome::Ok);
    let ran = home.run(&["sync", "wiki", "--json", "--config", &profile]).code(3);
    let error: serde_json::Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&error["message_type"], &error["code"]), (&"exit_error".into(), &3.into()));
}

#[test]
fn a_failing_one_after_is_incomplete_and_hides_no_failure() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, "after_backup: 'test $HEIRLOOM_EXIT_CODE = 20'");
    home.write("wiki/a", "a");
    home.write("pictures/b", "b");
    home.run(&["sync", "--config", &profile])
        .code(3)
        .says(&["the after_backup hook of wiki ended with exit code 1"]);
    assert_eq!(home.read("cloud/live/alice/wiki/wiki/a").as_deref(), Some("a"));
    assert_eq!(latest_run(&home, "wiki", "wiki/wiki/"), Outcome::Incomplete);
    home.run(&["status", "--config", &profile]).ok().tells(&[
        "wiki/wiki → cloud      a hook failed",
        "wiki/wiki → cloud: a hook of the last sync failed",
    ]);
    // It runs after a halt, too, and is told of it.
    fs::remove_file(home.path("wiki/a")).unwrap();
    let ran = home.run(&["sync", "--config", &profile]).code(20);
    assert!(!ran.stderr.contains("hook"), "{}", ran.stderr);
    assert_eq!(latest_run(&home, "wiki", "wiki/wiki/"), Outcome::Halted);
}

#[test]
fn one_that_is_too_slow_is_ended() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, "before_backup: 'sleep 600'\ntimeout: 1s");
    home.run(&["sync", "wiki", "--config", &profile])
        .code(3)
        .says(&["took longer than 1 s", "states.wiki.hooks.timeout"]);
}

/// A hook that says when it began, and would take ten minutes.
const LONG: &str = "before_backup: 'echo $$ > HOME/began; sleep 600; echo > HOME/survived'\n\
     after_backup: 'echo after $HEIRLOOM_EXIT_CODE >> HOME/hooks.log'";

fn wait_for_hook(home: &Home, running: &Daemon) -> String {
    eventually("the hook", || {
        home.read("began").filter(|pid| pid.ends_with('\n')).ok_or_else(|| running.log())
    })
}

/// Whether nothing of a process group runs any more. One that has ended may wait for long until somebody asks how.
fn ended(group: &str) -> Result<(), String> {
    for entry in fs::read_dir("/proc").unwrap() {
        let stat = fs::read_to_string(entry.unwrap().path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        if fields[2] == group.trim() && fields[0] != "Z" {
            return Err(stat);
        }
    }
    Ok(())
}

#[test]
fn ctrl_c_ends_the_hook_and_the_one_after_runs() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, LONG);
    home.write("notes/a.txt", "a");
    let running = home.start(&["sync", "wiki", "--config", &profile]);
    let group = wait_for_hook(&home, &running);
    assert_eq!(running.interrupt(), Some(130));
    assert_eq!(lines(&home, "hooks.log"), ["after 130"]);
    eventually("the end of all it started", || ended(&group));
    assert!(!home.path("survived").exists());
}

#[test]
fn a_daemon_that_is_stopped_ends_the_hook_too() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, LONG);
    let running = home.start(&["laptop", "--config", &profile]);
    let group = wait_for_hook(&home, &running);
    assert_eq!(running.stop(), Some(0));
    assert_eq!(lines(&home, "hooks.log"), ["after 130"]);
    eventually("the end of all it started", || ended(&group));
}

#[test]
fn a_daemon_syncs_such_a_state_in_rounds_only() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, LOG);
    home.write("wiki/a", "a");
    let running = home.start(&["laptop", "--config", &profile]);
    let arrives = |path: &str| {
        eventually(path, || home.read(&format!("cloud/live/alice/{path}")).map(drop).ok_or(running.log()));
    };
    arrives("wiki/wiki/dump.sql");
    eventually("the end of the round", || {
        if lines(&home, "hooks.log").len() == 2 { Ok(()) } else { Err(running.log()) }
    });
    home.write("wiki/half a dump", "half");
    for note in ["one", "two"] {
        home.write(&format!("notes/{note}"), note);
        arrives(&format!("notes/{note}"));
    }
    assert!(!home.path("cloud/live/alice/wiki/wiki/half a dump").exists(), "it waits for the next round");
    assert_eq!(lines(&home, "hooks.log"), ["before wiki", "after 0"]);
    home.run(&["health", "--config", &profile]).ok();
}

#[test]
fn a_daemon_whose_hook_fails_is_not_well_until_it_does_not() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = profile(&home, &cloud, "before_backup: 'echo no database; test -e HOME/database'");
    let text = fs::read_to_string(&profile).unwrap().replace("    hooks:", "    interval: 1s\n    hooks:");
    fs::write(&profile, text).unwrap();
    home.write("wiki/a", "a");
    let running = home.start(&["laptop", "--config", &profile]);
    let message = eventually("an unwell daemon", || ill(&home, &profile).map_err(|_| running.log()));
    assert!(
        message.contains(
            "wiki was not synced: the before_backup hook of wiki ended with exit code 1: no database"
        ),
        "{message}"
    );
    assert!(!home.path("cloud/live/alice/wiki").exists());
    assert_eq!(latest_run(&home, "pictures", "wiki/pictures/"), Outcome::Incomplete);
    home.write("database", "");
    eventually("the sync", || home.read("cloud/live/alice/wiki/wiki/a").map(drop).ok_or(running.log()));
    eventually("a daemon that is well", || {
        let ran = home.run(&["health", "--config", &profile]);
        if ran.stdout.starts_with("well") { Ok(()) } else { Err(ran.stdout) }
    });
}
