//! `heirloom backups`: from a laptop's folders to a named snapshot on the cloud.

use crate::home::{Home, eventually};
use crate::server::{Cloud, request};
use std::fs;

/// The one line on standard output.
fn name(stdout: &str) -> String {
    let lines: Vec<&str> = stdout.lines().collect();
    let [name] = lines[..] else { panic!("one line, and that is a name: {stdout}") };
    let time = name.strip_prefix("cloud::alice::cloud-").unwrap_or_else(|| panic!("{name}"));
    assert!(time.len() == "2026-11-20T03:00:00Z".len() && time.ends_with('Z'), "{name}");
    name.to_owned()
}

fn subjects(home: &Home) -> Vec<String> {
    let log = home.git(&["-C", "cloud/archives/alice.git", "log", "--format=%s", "main"]).ok();
    log.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_backup_has_a_name_and_is_listed() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    home.run(&["backups", "list", "--config", &profile]).ok().says(&["no snapshots yet"]);
    assert_eq!(home.run(&["backups", "list", "--json", "--config", &profile]).ok().stdout, "[]\n");
    home.run(&["backups", "create", "--config", &profile]).code(1).says(&["holds no files yet"]);

    home.write("documents/a.txt", "a");
    let first = home.run(&["backups", "create", "--config", &profile]).ok();
    let first_name = name(&first.stdout);
    assert!(first.stderr.contains("documents → cloud: 1 uploaded"), "{}", first.stderr);
    let again = home.run(&["backups", "create", "--config", &profile]).ok().says(&["nothing has changed"]);
    assert_eq!(name(&again.stdout), first_name, "the latest snapshot is the backup");

    home.write("documents/b.txt", "b");
    let second =
        home.run(&["backups", "create", "--state", "documents", "--json", "--config", &profile]).ok();
    let said = second.json();
    let [synced, backup] = &said[..] else { panic!("{}", second.stdout) };
    assert_eq!((&synced["message_type"], &backup["message_type"]), (&"synced".into(), &"backup".into()));
    assert_eq!((&backup["new"], &backup["added"], &backup["files"]), (&true.into(), &1.into(), &2.into()));
    assert_eq!(subjects(&home).len(), 2);
    let head = home.git(&["-C", "cloud/archives/alice.git", "rev-parse", "main"]).ok();
    assert_eq!(backup["snapshot"], head.stdout.trim());

    let listed = home.run(&["backups", "list", "--config", &profile]).ok();
    let names: Vec<&str> = listed.stdout.lines().collect();
    assert_eq!(names, [&first_name, backup["name"].as_str().unwrap()], "oldest first");
    let array = home.run(&["backups", "list", "--json", "--config", &profile]).ok().json().remove(0);
    assert_eq!(array, serde_json::json!([{"name": names[0]}, {"name": names[1]}]), "Clan's array");
}

#[test]
fn a_running_daemon_waits_meanwhile() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    home.write("documents/a.txt", "a");
    let laptop = home.start(&["laptop", "--config", &profile]);
    eventually("the upload", || home.read("cloud/live/alice/documents/a.txt").map(drop).ok_or(laptop.log()));
    for round in 0..3 {
        home.write("documents/b.txt", &format!("round {round}"));
        let ran = home.run(&["backups", "create", "--config", &profile]).ok();
        name(&ran.stdout);
        let show = home.git(&["-C", "cloud/archives/alice.git", "show", "main:documents/b.txt"]).ok();
        assert_eq!(show.stdout, format!("round {round}"));
    }
    home.write("documents/c.txt", "c");
    eventually("the daemon's next sync", || {
        home.read("cloud/live/alice/documents/c.txt").map(drop).ok_or(laptop.log())
    });
    assert!(
        !home.path("documents").read_dir().unwrap().any(|entry| entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("conflict"))
    );
}

#[test]
fn what_is_left_out_stands_in_the_snapshot() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let root = home.path("").display().to_string();
    fs::create_dir(home.path("wiki")).unwrap();
    let profile = cloud.laptop_with(
        "laptop",
        &format!(
            "  documents: {{folders: [{root}/documents]}}\n  wiki:\n    folders: [{root}/wiki]\n    hooks: {{before_backup: 'echo no database; false'}}\n"
        ),
    );
    home.write("documents/a.txt", "a");
    home.write("wiki/half a dump", "half");
    let ran = home.run(&["backups", "create", "-q", "--config", &profile]).code(3).says(&[
        "wiki was not synced",
        "incomplete: wiki was not synced: the before_backup hook of wiki ended with exit code 1: no database",
    ]);
    name(&ran.stdout);
    let body = home.git(&["-C", "cloud/archives/alice.git", "log", "-1", "--format=%B", "main"]).ok();
    assert!(
        body.stdout
            .contains("Heirloom-Incomplete: wiki was not synced: the before_backup hook of wiki ended"),
        "{}",
        body.stdout
    );
    let files = home.git(&["-C", "cloud/archives/alice.git", "ls-tree", "-r", "--name-only", "main"]).ok();
    assert!(files.stdout.contains("documents/a.txt") && !files.stdout.contains("wiki"), "{}", files.stdout);

    // A halt is a failure of its own, and a cloud that nothing reached takes no snapshot.
    let count = subjects(&home).len();
    fs::remove_file(home.path("documents/a.txt")).unwrap();
    let ran = home.run(&["backups", "create", "--state", "documents", "--config", &profile]).code(20);
    assert_eq!((ran.stdout.as_str(), subjects(&home).len()), ("", count));
}

#[test]
fn a_cloud_must_be_known_and_must_be_one() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let serving = cloud.start();
    let profile = cloud.laptop("laptop", "documents");
    home.write("documents/a.txt", "a");
    let join = home.read("laptop.join").unwrap();
    let with_web = |web: &str| {
        let lines: Vec<&str> = join.lines().filter(|line| !line.starts_with("web:")).collect();
        home.write("laptop.join", &format!("{}\n{web}\n", lines.join("\n")));
    };
    with_web("");
    let hook = home.path("ran").display().to_string();
    let text = fs::read_to_string(&profile).unwrap();
    fs::write(&profile, text.replace("interval: 1s", &format!("hooks: {{before_backup: 'touch {hook}'}}")))
        .unwrap();
    home.run(&["backups", "create", "--config", &profile]).code(2).says(&[
        "web address of `cloud`",
        "join file",
        "web: http",
    ]);
    assert!(!home.path("ran").exists(), "nothing is begun that cannot be finished");
    home.run(&["backups", "list", "--config", &profile]).code(2);
    home.run(&["backups", "create", "--state", "nothing", "--config", &profile])
        .code(2)
        .says(&["no state `nothing`"]);

    with_web(&format!("web: http://127.0.0.1:{}", cloud.s3));
    home.run(&["backups", "create", "--config", &profile])
        .code(1)
        .says(&["does not answer like a cloud", "S3 endpoint"]);
    let nobody = crate::home::free_port();
    with_web(&format!("web: http://127.0.0.1:{nobody}"));
    home.run(&["backups", "create", "--config", &profile])
        .code(1)
        .says(&["took no snapshot", "cannot be reached"]);

    home.write("laptop.join", &join);
    let wrong = join
        .replace(&cloud.joined("laptop", "secret_access_key"), "not-the-secret-at-all-not-the-secret-at1");
    home.write("laptop.join", &wrong);
    home.run(&["backups", "list", "--config", &profile]).code(12).says(&["heirloom key add"]);
    home.write("laptop.join", &join);
    home.run(&["backups", "create", "--config", &profile]).ok();
    serving.kill();
    home.run(&["backups", "create", "--config", &profile])
        .code(1)
        .says(&["could not be synced", "nothing could be synced"]);
}

#[test]
fn the_api_serves_any_client() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    home.write("documents/a.txt", "a");
    home.run(&["sync", "--config", &cloud.laptop("laptop", "documents")]).ok();
    let path = "/api/v1/buckets/alice/snapshots";
    let ask = |method: &str, authorization: Option<&str>| {
        let (status, body) = request(cloud.web, method, path, authorization).unwrap();
        (status, serde_json::from_slice::<serde_json::Value>(&body).unwrap())
    };
    assert_eq!(ask("POST", None).0, 401);
    let (status, taken) = ask("POST", Some(&cloud.basic()));
    assert_eq!((status, &taken["new"]), (200, &true.into()), "{taken}");
    // The command on the cloud's own machine and the API share one history, and names stay apart.
    home.write("cloud/live/alice/documents/b.txt", "b");
    cloud.snapshot();
    home.write("cloud/live/alice/documents/c.txt", "c");
    assert_eq!(ask("POST", Some(&cloud.basic())).1["added"], 1);
    let (_, listed) = ask("GET", Some(&cloud.basic()));
    let mut names: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["name"].to_string()).collect();
    names.dedup();
    assert_eq!(names.len(), 3, "{listed}");
}
