//! Conflicts, from two machines that changed one file to a folder without copies.

use crate::home::Home;
use crate::server::Cloud;
use std::collections::BTreeMap;
use std::fs;

/// The machines `one` and `two`, which have changed the same files. Conflict copies hold what two had.
struct Quarrel<'h> {
    home: &'h Home,
    one: String,
    two: String,
}

impl<'h> Quarrel<'h> {
    fn new(home: &'h Home, cloud: &Cloud<'_>, files: &[&str]) -> Self {
        fs::create_dir_all(home.path("other")).unwrap();
        let quarrel = Self { home, one: cloud.laptop("one", "documents"), two: cloud.laptop("two", "other") };
        for file in files {
            home.write(&format!("documents/{file}"), "dear all");
        }
        quarrel.sync(&quarrel.one, 0);
        quarrel.sync(&quarrel.two, 0);
        for file in files {
            home.write(&format!("documents/{file}"), &format!("{file} of one"));
            home.write(&format!("other/{file}"), &format!("{file} of two, longer"));
        }
        quarrel.sync(&quarrel.one, 0);
        quarrel.sync(&quarrel.two, 3);
        quarrel.sync(&quarrel.one, 0);
        quarrel
    }

    fn sync(&self, profile: &str, code: i32) {
        self.home.run(&["sync", "--config", profile]).code(code);
    }

    /// Everybody's files once everything has come around.
    fn settled(&self) -> BTreeMap<String, String> {
        for profile in [&self.one, &self.two, &self.one, &self.two] {
            self.sync(profile, 0);
        }
        let [documents, other, live] =
            ["documents", "other", "cloud/live/alice/documents"].map(|name| texts(self.home, name));
        assert_eq!(documents, other);
        assert_eq!(documents, live);
        documents
    }
}

fn texts(home: &Home, directory: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for name in testkit::list(&home.path(directory)).into_keys() {
        let name = name.to_string_lossy().into_owned();
        if let Some(text) = home.read(&format!("{directory}/{name}")) {
            texts.insert(name, text);
        }
    }
    texts
}

fn texts_of(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn each_word_means_what_it_says_on_either_machine() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let files = ["mine.txt", "deep/theirs.txt", "both.tar.gz", "all-mine.txt"];
    let quarrel = Quarrel::new(&home, &cloud, &files);
    for profile in [&quarrel.one, &quarrel.two] {
        let listed = home.run(&["conflicts", "--json", "--config", profile]).ok().json();
        assert_eq!(listed.len(), 4, "{listed:?}");
        for one in &listed {
            assert_eq!(one["message_type"], "conflict_copy");
            assert_eq!((&one["machine"], &one["content"]), (&"two".into(), &"different".into()), "{one}");
            assert_ne!(one["size"], one["original_size"]);
        }
    }
    let shown = home.run(&["conflicts", "--config", &quarrel.one]).ok().says(&["4 to decide"]);
    assert!(
        shown.stdout.contains("two's version of 2") && shown.stdout.contains("documents/mine.txt\n"),
        "{}",
        shown.stdout
    );

    // A file, by its own path, on the machine whose version is the copy.
    let other = |name: &str| home.path(&format!("other/{name}")).to_str().unwrap().to_owned();
    let resolve = |profile: &str, path: &str, keep: &str| {
        home.run(&["conflicts", "resolve", path, "--keep", keep, "--config", profile]).ok()
    };
    let dry =
        home.run(&["conflicts", "resolve", "--all", "--keep", "mine", "-n", "--config", &quarrel.two]).ok();
    assert_eq!(dry.stdout.matches("two's version would take the name").count(), 4, "{}", dry.stdout);
    resolve(&quarrel.two, &other("mine.txt"), "mine").says(&["next sync"]);
    // A directory.
    resolve(&quarrel.two, &other("deep"), "theirs");
    // A copy, by a path from here, on the machine whose version kept the name.
    let copies = texts(&home, "documents");
    let copy = copies.keys().find(|name| name.starts_with("both.tar.sync-conflict-")).unwrap();
    resolve(&quarrel.one, &format!("documents/{copy}"), "both");
    // All that is left there: two of these are resolved on the other machine already.
    quarrel.settled();
    let rest = home.run(&["conflicts", "resolve", "--all", "--keep", "mine", "--config", &quarrel.one]).ok();
    assert!(rest.stdout.contains("all-mine.txt: two's version was removed"), "{}", rest.stdout);

    let mut settled = quarrel.settled();
    let renamed = settled.keys().find(|name| name.starts_with("both.tar (two, 2")).unwrap().clone();
    assert_eq!(settled.remove(&renamed).as_deref(), Some("both.tar.gz of two, longer"));
    assert!(renamed.ends_with(").gz"), "{renamed}");
    assert_eq!(
        settled,
        texts_of(&[
            ("mine.txt", "mine.txt of two, longer"),
            ("deep/theirs.txt", "deep/theirs.txt of one"),
            ("both.tar.gz", "both.tar.gz of one"),
            ("all-mine.txt", "all-mine.txt of one"),
        ])
    );
    for profile in [&quarrel.one, &quarrel.two] {
        home.run(&["conflicts", "--config", profile]).ok().says(&["there are no conflict copies"]);
    }
}

#[test]
fn a_drive_is_looked_through_as_well() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let quarrel = Quarrel::new(&home, &cloud, &["letter.txt"]);
    let pi = cloud.pi();
    home.run(&["conflicts", "--config", &pi]).code(75);
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    home.run(&["sync", "--config", &pi]).ok();
    let listed = home.run(&["conflicts", "--json", "--config", &pi]).ok().json();
    assert_eq!(listed.len(), 1);
    home.run(&["conflicts", "resolve", "--all", "--keep", "theirs", "--config", &pi]).ok();
    home.run(&["sync", "--config", &pi]).ok();
    assert_eq!(quarrel.settled(), texts_of(&[("letter.txt", "letter.txt of two, longer")]));
    home.run(&["conflicts", "--config", cloud.config()]).code(2).says(&["is for a laptop or a pi"]);
}

#[test]
fn what_cannot_be_decided_is_left_and_said() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let quarrel = Quarrel::new(&home, &cloud, &["a.txt", "b.txt"]);
    home.run(&["conflicts", "resolve", "documents/c.txt", "--keep", "mine", "--config", &quarrel.one])
        .code(2)
        .says(&["there is no conflict at", "documents/c.txt"]);
    // The only version that is left, and two copies that want one name.
    fs::remove_file(home.path("documents/a.txt")).unwrap();
    home.write("documents/b.sync-conflict-20200101-000000-two.txt", "an older quarrel");
    let ran = home
        .run(&["conflicts", "resolve", "documents/a.txt", "--keep", "mine", "--config", &quarrel.one])
        .code(3);
    assert!(ran.stdout.contains("this is the only version"), "{}", ran.stdout);
    let ran = home
        .run(&["conflicts", "resolve", "documents/b.txt", "--keep", "theirs", "--config", &quarrel.one])
        .code(3);
    assert_eq!(ran.stdout.matches("several copies would take the file's name").count(), 2, "{}", ran.stdout);
    let left = home.run(&["conflicts", "--json", "--config", &quarrel.one]).ok().json();
    assert_eq!((left.len(), &left[0]["content"]), (3, &"gone".into()), "{left:?}");
    home.run(&["conflicts", "resolve", "--all", "--keep", "both", "--config", &quarrel.one]).ok();
    assert_eq!(texts(&home, "documents").len(), 4);
    // A folder that is not there hides nothing of the others, and is no reason to say that all is well.
    fs::rename(home.path("documents"), home.path("gone")).unwrap();
    let ran = home.run(&["conflicts", "--config", &quarrel.one]).code(3);
    assert!(ran.stdout.contains("problem: "), "{}", ran.stdout);
}
