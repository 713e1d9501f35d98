//! The newcomer's first minute.

use crate::home::{Home, eventually};
use crate::server::get;
use serde_json::Value;

fn running(home: &Home, log: &str) -> Value {
    let line = log.lines().rev().find(|line| line.contains("\"message_type\":\"running\"")).unwrap();
    let _ = home;
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_trial_shows_everything_and_goes_on_where_it_was() {
    let home = Home::new();
    for round in 0..2 {
        let mut trial = home.start(&["try", "--json"]);
        let said = eventually("a running trial", || {
            assert!(trial.is_running(), "it ended:\n{}", trial.log());
            let log = trial.log();
            let lines = log.matches("\"message_type\":\"running\"").count();
            if lines == round + 1 { Ok(running(&home, &log)) } else { Err(log) }
        });
        let text = |field: &str| said[field].as_str().unwrap().to_owned();
        let web = text("web");
        let address = web.strip_prefix("http://127.0.0.1:").unwrap();
        let (port, path) = address.split_once('/').unwrap();
        let port: u16 = port.parse().unwrap();
        let link = || get(port, &format!("/{path}"), None).unwrap().0;
        assert_eq!(link(), 303, "the link signs in");
        assert_ne!(link(), 303, "and does so once");
        let clone = text("clone");
        let url = clone.strip_prefix("git clone ").unwrap();
        home.git(&["clone", "--quiet", url, &format!("clone{round}")]).ok();
        let cloned = format!("clone{round}/sample/README.md");
        assert!(home.read(&cloned).is_some(), "{cloned}");
        let drive = std::path::PathBuf::from(text("drive"));
        assert!(drive.join("files/alice/sample/README.md").is_file());
        assert!(drive.join("archives/alice.git/HEAD").is_file());
        assert!(drive.join("START-HERE.html").is_file());

        let folder = std::path::PathBuf::from(text("folder"));
        std::fs::write(folder.join(format!("note {round}.txt")), "written while it runs").unwrap();
        eventually("the note on the drive", || {
            let there = drive.join(format!("files/alice/sample/note {round}.txt")).is_file();
            if there { Ok(()) } else { Err(trial.log()) }
        });
        assert_eq!(trial.interrupt(), Some(0), "Ctrl-C ends it cleanly");
    }
    assert!(home.read("clone1/sample/note 0.txt").is_some(), "the second trial went on where the first was");
}

#[test]
fn two_folders_of_one_name_are_not_mixed() {
    let home = Home::new();
    for side in ["one", "other"] {
        home.write(&format!("{side}/docs/{side}.txt"), side);
    }
    let data = home.path("data").display().to_string();
    let (one, other) =
        (home.path("one/docs").display().to_string(), home.path("other/docs").display().to_string());
    let trial = home.start(&["try", &one, "--data", &data, "--json"]);
    eventually("a running trial", || {
        if trial.log().contains("\"running\"") { Ok(()) } else { Err(trial.log()) }
    });
    assert_eq!(trial.interrupt(), Some(0));
    home.run(&["try", &other, "--data", &data]).code(2).says(&["keeps another folder of that name", &one]);
}

#[test]
fn a_folder_that_holds_the_scratch_folder_is_refused() {
    let home = Home::new();
    let root = home.path("").display().to_string();
    home.run(&["try", &root]).code(2).says(&["lie in one another", "--data"]);
    home.run(&["try", &format!("{root}/nowhere")]).code(2).says(&["nowhere"]);
}
