use super::show::show;
use super::*;
use crate::failure::Colour;
use crate::profile::status::Doing;
use crate::report::{Format, Look, Report, Screen, Verbosity};
use std::io::Write;
use std::sync::Mutex;

const NOW: i64 = 1_800_000_000;

fn ways(state: &str) -> Ways {
    Ways::new(Some(&state.parse().unwrap()), None)
}

fn route(name: &str) -> RouteStatus {
    let names = Names {
        route: format!("{name} → cloud"),
        state: Some(name),
        destination: "cloud",
        folder: Path::new("/data"),
        direction: plan::sync::Direction::TwoWay,
        ways: ways(name),
    };
    let fine = RouteStatus::new(&names);
    RouteStatus {
        doing: Doing::Waiting,
        last_success: Some(NOW - 12),
        last_run: Some(NOW - 12),
        last_outcome: Some("ok".to_owned()),
        ..fine
    }
}

fn machine() -> MachineStatus {
    MachineStatus {
        machine: "alice-laptop".to_owned(),
        profile: "laptop".to_owned(),
        running: true,
        pid: Some(77),
        since: Some(NOW - 7300),
        limit_upload: Some(2 << 20),
        ..MachineStatus::default()
    }
}

fn status(routes: Vec<RouteStatus>) -> Status {
    Status { machine: machine(), routes, histories: Vec::new() }
}

fn halted() -> RouteStatus {
    RouteStatus {
        doing: Doing::Halted,
        halt: Some(
            "6 of 20 files would be deleted on the remote side; up to 5 is taken as normal".to_owned(),
        ),
        ways: Some(ways("photos").leading_to(Some("deletions"))),
        last_outcome: Some("halted".to_owned()),
        ..route("photos")
    }
}

fn offline() -> RouteStatus {
    RouteStatus {
        doing: Doing::Failing,
        may_pass: true,
        next: Some(12),
        failing_for: Some(95),
        attempts: 4,
        failure: Some("music → cloud could not be synced: no route to host".to_owned()),
        last_outcome: Some("failed".to_owned()),
        last_success: Some(NOW - 7200),
        pending_up: 3,
        pending_up_bytes: 5 << 20,
        ..route("music")
    }
}

fn syncing() -> RouteStatus {
    RouteStatus {
        doing: Doing::Syncing,
        files_done: 12,
        files: 40,
        bytes_done: 34 << 20,
        bytes: 1 << 30,
        rate: Some(2 << 20),
        seconds_left: Some(495),
        pending_up: 40,
        pending_up_bytes: 1 << 30,
        ..route("documents")
    }
}

fn shown(status: &Status, format: Format) -> String {
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);
    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let paper = Paper::default();
    let look = Look { format, verbosity: Verbosity::Normal, screen: Screen::Plain, colour: Colour::Off };
    let report = Report::new(look, Box::new(paper.clone()), Box::new(std::io::sink()));
    show(&report, status, NOW);
    let text = paper.0.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_page_says_it_all() {
    let watched_by_looking = RouteStatus {
        unwatched: Some("watching /data takes 9 watches".to_owned()),
        problems: 2,
        conflicts: 1,
        last_outcome: Some("incomplete".to_owned()),
        ..route("notes")
    };
    let status = status(vec![syncing(), halted(), offline(), watched_by_looking]);
    insta::assert_snapshot!(shown(&status, Format::Human), @r"
    alice-laptop (laptop): the daemon runs, started 2 h ago; sends at most 2.0 MiB/s

    ROUTE              NOW                                                                 LAST SUCCESS  PENDING
    documents → cloud  syncing 12 of 40 files, 34.0 MiB of 1.0 GiB, 2.0 MiB/s, 9 min left  12 s ago      40 to send (1.0 GiB)
    photos → cloud     halted                                                              12 s ago      nothing
    music → cloud      offline, tries again in 12 s                                        2 h ago       3 to send (5.0 MiB)
    notes → cloud      not all in sync                                                     12 s ago      nothing

    photos → cloud is halted: 6 of 20 files would be deleted on the remote side; up to 5 is taken as normal
      if the deletions are meant, run `heirloom sync --resume photos`; to keep what either side has, run `heirloom sync --resync photos`; with --dry-run they list what they would do
    music → cloud could not be synced: no route to host (for 2 min, 4 attempts)
    notes → cloud: 2 paths are left out; `heirloom sync` says which and why
    notes → cloud: 1 conflict to decide; `heirloom conflicts` lists them
    notes → cloud: changes are found by looking, not at once: watching /data takes 9 watches
    ");
}

#[test]
fn programs_get_a_line_for_the_machine_and_for_each_route() {
    let text = shown(&status(vec![syncing(), halted()]), Format::Json);
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<_> = lines.iter().map(|line| line["message_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["machine_status", "route_status", "route_status"]);
    assert_eq!(lines[0]["running"], true);
    assert_eq!((&lines[1]["doing"], &lines[1]["rate"]), (&"syncing".into(), &(2_u64 << 20).into()));
    assert_eq!(lines[2]["resume"], "heirloom sync --resume photos");
    assert_eq!(lines[2]["resync"], "heirloom sync --resync photos");
}

#[test]
fn without_a_daemon_it_says_how_to_start_one() {
    let idle = RouteStatus { doing: Doing::Nothing, ..route("documents") };
    let machine = MachineStatus { running: false, since: None, pid: None, limit_upload: None, ..machine() };
    let status = Status { machine, routes: vec![idle], histories: Vec::new() };
    insta::assert_snapshot!(shown(&status, Format::Human), @r"
    alice-laptop (laptop): no daemon runs; `heirloom laptop` starts it

    ROUTE              NOW      LAST SUCCESS  PENDING
    documents → cloud  in sync  12 s ago      nothing
    ");
}

#[test]
fn in_sync_is_said_only_of_what_is() {
    let last = |outcome: &str| RouteStatus { last_outcome: Some(outcome.to_owned()), ..route("notes") };
    let never = |status| RouteStatus { last_success: None, ..status };
    let says = |one: RouteStatus| {
        let page = shown(&status(vec![RouteStatus { doing: Doing::Nothing, ..one }]), Format::Human);
        let row = page.lines().find(|line| line.starts_with("notes → cloud ")).unwrap();
        row.trim_start_matches("notes → cloud")
            .split("  ")
            .map(str::trim)
            .find(|cell| !cell.is_empty())
            .unwrap()
            .to_owned()
    };
    assert_eq!(says(last("ok")), "in sync");
    assert_eq!(says(RouteStatus { pending_up_gone: 1, ..last("ok") }), "waiting");
    assert_eq!(says(never(RouteStatus { hook_failed: true, ..last("incomplete") })), "a hook failed");
    let conflicts = RouteStatus { found_conflicts: 2, overtaken: 1, ..last("incomplete") };
    assert_eq!(says(conflicts), "2 conflicts");
    assert_eq!(says(RouteStatus { overtaken: 1, ..last("incomplete") }), "1 file changed meanwhile");
    assert_eq!(says(never(RouteStatus { problems: 1, ..last("incomplete") })), "not in sync yet");
    assert_eq!(says(RouteStatus { problems: 1, ..last("incomplete") }), "not all in sync");
    for outcome in ["failed", "halted", "skipped"] {
        assert!(!says(last(outcome)).contains("in sync"), "{outcome}");
    }
}

#[test]
fn deletions_are_not_files_to_send() {
    let pending = RouteStatus { pending_up: 1, pending_up_bytes: 5, pending_up_gone: 28, ..route("notes") };
    let page = shown(&status(vec![pending]), Format::Human);
    assert!(page.contains("1 to send (5 B), 28 to delete there"), "{page}");
}

#[test]
fn a_missing_folder_halts_with_a_hint() {
    let missing = RouteStatus {
        doing: Doing::Failing,
        may_pass: true,
        next: Some(2),
        failure: Some("notes → cloud could not be synced: /notes does not exist".to_owned()),
        hint: Some("if /notes lies on a disk, mount it".to_owned()),
        failing_for: Some(1),
        attempts: 1,
        last_outcome: Some("halted".to_owned()),
        ..route("notes")
    };
    assert_eq!(check(&status(vec![missing.clone()])), Exit::Halted);
    let page = shown(&status(vec![missing]), Format::Human);
    for says in
        ["halted, looks again in 2 s", "does not exist (for 1 s, 1 attempt)\n  if /notes lies on a disk"]
    {
        assert!(page.contains(says), "{page}");
    }
}

#[test]
fn a_check_ends_with_the_worst_of_it() {
    let incomplete = RouteStatus { last_outcome: Some("incomplete".to_owned()), ..route("notes") };
    let never = RouteStatus { last_outcome: None, last_success: None, ..route("new") };
    for (routes, expected) in [
        (vec![route("documents")], Exit::Ok),
        (vec![route("documents"), incomplete.clone()], Exit::Incomplete),
        (vec![incomplete.clone(), offline()], Exit::Failed),
        (vec![never], Exit::Failed),
        (vec![offline(), halted(), incomplete], Exit::Halted),
    ] {
        assert_eq!(check(&status(routes)), expected);
    }
    let stopped =
        Status { machine: MachineStatus { running: false, ..machine() }, ..status(vec![route("d")]) };
    assert_eq!(check(&stopped), Exit::Failed);
}
