//! A line that breaks, stalls and refuses all the time: what is synced over it ends, well or with an error, and the next run over a good line
//! finishes it.

use crate::chance::Chance;
use crate::churn;
use crate::home::{Home, same_trees};
use crate::proxy::Line;
use crate::server::Cloud;
use std::fs;

/// Hours of work that are brought over the bad line.
const HOURS: u32 = 6;

/// Runs over the bad line for each of them, at most.
const RUNS_MAX: u32 = 3;

/// A laptop whose only way to the cloud is the line.
fn laptop(home: &Home, cloud: &Cloud<'_>, line: &Line, name: &str) -> String {
    let root = home.path("").display().to_string();
    let (id, secret) = (cloud.joined("laptop", "access_key_id"), cloud.joined("laptop", "secret_access_key"));
    let port = line.port;
    fs::create_dir_all(home.path(&format!("{name}/documents"))).unwrap();
    let profile = format!(
        "profile: laptop\nmachine: {name}\nstate_dir: {root}/state-{name}\n\
         destinations:\n  cloud: {{service: s3, endpoint: \"http://127.0.0.1:{port}\", bucket: alice, \
         access_key_id: \"{id}\", secret_access_key: \"{secret}\"}}\n\
         states:\n  documents: {{folders: [{root}/{name}/documents], max_delete: 100%}}\n"
    );
    home.write(&format!("{name}.yml"), &profile).to_str().unwrap().to_owned()
}

#[test]
fn a_line_that_breaks_all_the_time() {
    let chance = &mut Chance::new("a_line_that_breaks_all_the_time");
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let line = Line::to(cloud.s3, chance.fork(1));
    let (sender, receiver) = (laptop(&home, &cloud, &line, "desk"), laptop(&home, &cloud, &line, "bed"));
    let (sent, brought) = (home.path("desk/documents"), home.path("bed/documents"));
    churn::fill(&sent, chance);
    let (mut finished, mut failed) = (0, 0);
    for hour in 0..HOURS {
        let before = testkit::list(&sent);
        for config in [&sender, &receiver] {
            line.spoil();
            for _ in 0..RUNS_MAX {
                match home.run(&["sync", "--config", config]).one_of(&[0, 1, 3]) {
                    0 => {
                        finished += 1;
                        break;
                    }
                    _ => failed += 1,
                }
            }
            line.mend();
            home.run(&["sync", "--config", config]).ok();
        }
        assert_eq!(testkit::list(&sent), before, "hour {hour}: what was sent is as it was");
        for place in [&brought, &home.path("cloud/live/alice/documents")] {
            if let Err(difference) = same_trees(&sent, place) {
                panic!("hour {hour}: {difference}");
            }
        }
        churn::work(&sent, chance);
    }
    let befell = line.befell();
    println!("{finished} runs came through, {failed} did not; {befell:?}");
    for mishap in ["cut on the way up", "cut on the way down", "refusal"] {
        assert!(befell.contains_key(mishap), "{mishap} never happened: {befell:?}");
    }
}
