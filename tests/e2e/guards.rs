//! What looks like an accident halts: what is said, that nothing was touched, and that the way on that is named works as it is printed.
//!
//! Disks that come and go are in `destinations`, full ones in `space`.

mod here;
mod mounts;
mod there;

use crate::home::{Home, Ran, same_trees};
use crate::server::Cloud;
use std::fs;
use std::path::PathBuf;

const FILES: usize = 20;

/// A folder with files in it that are in sync with a cloud.
struct Scene<'h> {
    home: &'h Home,
    profile: String,
    here: PathBuf,
    there: PathBuf,
}

impl<'h> Scene<'h> {
    fn new(home: &'h Home, cloud: &Cloud<'_>) -> Self {
        for number in 0..FILES {
            home.write(&format!("documents/f{number}"), &format!("content {number}"));
        }
        let there = home.path("cloud/live/alice/documents");
        let scene = Self::of(home, cloud.laptop("laptop", "documents"), "documents", there);
        scene.sync().ok();
        scene
    }

    fn of(home: &'h Home, profile: String, folder: &str, there: PathBuf) -> Self {
        Self { home, profile, here: home.path(folder), there }
    }

    fn file(&self, number: usize) -> PathBuf {
        self.here.join(format!("f{number}"))
    }

    fn sync(&self) -> Ran {
        self.sync_with(&[])
    }

    /// A run that ends with this code, says all that, and leaves both sides as they are.
    #[track_caller]
    fn refuses(&self, code: i32, says: &[&str]) -> Ran {
        let look = || [&self.here, &self.there].map(|side| side.is_dir().then(|| testkit::list(side)));
        let before = look();
        let ran = self.sync().code(code).says(says).says(&["documents → ", "hint: "]);
        assert!(look() == before, "nothing is touched on either side");
        ran
    }

    /// Runs the command that goes on as it was printed, first with `--dry-run`; then both sides are the same.
    #[track_caller]
    fn goes_on_as_printed(&self, told: &Ran, code: i32) {
        let printed = told.names_resume();
        let before = testkit::list(&self.here);
        self.home.run_printed(&format!("{printed} --dry-run")).ok();
        assert_eq!(testkit::list(&self.here), before);
        self.home.run_printed(printed).code(code);
        self.sync().ok();
        self.are_the_same();
    }

    /// `heirloom sync` with these arguments.
    fn sync_with(&self, arguments: &[&str]) -> Ran {
        self.home.run(&[&["sync", "--config", &self.profile], arguments].concat())
    }

    #[track_caller]
    fn are_the_same(&self) {
        same_trees(&self.here, &self.there).unwrap();
    }

    /// Another machine with the same state.
    fn other(&self, cloud: &Cloud<'_>) -> Self {
        fs::create_dir_all(self.home.path("other")).unwrap();
        Self::of(self.home, cloud.laptop("other", "other"), "other", self.there.clone())
    }

    fn holds(&self, contents: &[&str]) {
        let names = fs::read_dir(&self.here).unwrap();
        let held: Vec<String> = names.map(|name| fs::read_to_string(name.unwrap().path()).unwrap()).collect();
        for content in contents {
            assert!(held.iter().any(|held| held == content), "`{content}` is in none of {held:?}");
        }
    }
}

/// A copy of a directory with everything in it, in the same home.
fn copy(home: &Home, from: &str, to: &str) {
    let copied = home.program("cp").args(["-a", from, to]).status().unwrap();
    assert!(copied.success());
}
