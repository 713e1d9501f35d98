//! Names and kinds of files, each on its way from one machine to another and back.

use crate::home::{Home, Ran, same_trees};
use crate::server::Cloud;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use testkit::Tricky;
use testkit::tools::{have, skip};

/// Two machines of one person, and a cloud between them.
struct Pair<'h> {
    home: &'h Home,
    configs: [String; 2],
}

const ONE: &str = "documents";
const OTHER: &str = "other";

impl<'h> Pair<'h> {
    fn new(home: &'h Home, cloud: &Cloud<'_>) -> Self {
        fs::create_dir(home.path(OTHER)).unwrap();
        Self { home, configs: [cloud.laptop("one", ONE), cloud.laptop("other", OTHER)] }
    }

    /// Both sync, from the one that has news on, with this exit code for the one that has.
    fn sync(&self, from: &str, code: i32) -> Ran {
        let [one, other] = &self.configs;
        let (first, second) = if from == ONE { (one, other) } else { (other, one) };
        let ran = self.home.run(&["sync", "--config", first]).code(code);
        self.home.run(&["sync", "--config", second]).ok();
        ran
    }

    /// Whatever is made on either machine arrives on the other as it is.
    fn both_ways(&self, make: impl Fn(&Path)) {
        for from in [ONE, OTHER] {
            let place = self.home.path(from).join(format!("made in {from}"));
            fs::create_dir(&place).unwrap();
            make(&place);
            self.sync(from, 0);
            same_trees(&self.home.path(ONE), &self.home.path(OTHER)).unwrap();
            // Nothing is left to be done, in whichever direction.
            for config in &self.configs {
                let ran = self.home.run(&["sync", "--json", "--config", config]).ok();
                assert!(
                    ran.json().iter().all(|line| line["uploaded"].as_u64().unwrap_or(0) == 0),
                    "{}",
                    ran.stdout
                );
            }
        }
    }
}

fn both_ways(make: impl Fn(&Path)) {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    Pair::new(&home, &cloud).both_ways(make);
}

#[test]
fn names_that_are_no_text_or_hard_to_write() {
    both_ways(|place| testkit::plant(place, Tricky::All));
}

#[test]
fn names_of_255_bytes_at_every_depth() {
    both_ways(|place| {
        let mut place = place.to_owned();
        for letter in [b"d", b"e", b"f"] {
            place.push(std::ffi::OsStr::from_bytes(&letter.repeat(200)));
        }
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("x".repeat(255)), "long").unwrap();
        // What takes three bytes in a key for each of its own.
        fs::write(place.join(std::ffi::OsStr::from_bytes(&[0xff; 60])), "no text").unwrap();
    });
}

#[test]
fn names_that_collide_elsewhere() {
    both_ways(|place| {
        for (name, content) in
            [("Straße", "1"), ("STRASSE", "2"), ("strasse", "3"), ("\u{e9}", "4"), ("e\u{301}", "5")]
        {
            fs::write(place.join(name), content).unwrap();
        }
        fs::create_dir(place.join("a")).unwrap();
        fs::write(place.join("A"), "a file beside a directory").unwrap();
    });
}

#[test]
fn names_like_our_own() {
    both_ways(|place| {
        for name in [".heirloom", ".heirloom-mine", "x.heirloom", "a.sync-conflict-20261120-101500-alice.txt"]
        {
            fs::write(place.join(name), name).unwrap();
        }
        fs::create_dir(place.join("sub")).unwrap();
        fs::create_dir(place.join("sub/.heirloom")).unwrap();
        fs::write(place.join("sub/.heirloom/place"), "mine").unwrap();
    });
}

#[test]
fn hard_links_are_files_of_their_own() {
    both_ways(|place| {
        fs::write(place.join("one"), "shared").unwrap();
        fs::hard_link(place.join("one"), place.join("two")).unwrap();
    });
}

#[test]
fn holes_stay_holes() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pair = Pair::new(&home, &cloud);
    pair.both_ways(|place| {
        let file = fs::File::create(place.join("sparse")).unwrap();
        file.set_len(96 << 20).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"in the midst", 48 << 20).unwrap();
    });
    for received in [format!("{OTHER}/made in {ONE}/sparse"), format!("{ONE}/made in {OTHER}/sparse")] {
        let blocks = fs::metadata(home.path(&received)).unwrap().blocks();
        assert!(blocks * 512 < 32 << 20, "{received} takes {blocks} blocks");
    }
}

#[test]
fn special_bits_are_not_restored() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pair = Pair::new(&home, &cloud);
    for (from, to) in [(ONE, OTHER), (OTHER, ONE)] {
        let name = format!("program of {from}");
        let program = home.write(&format!("{from}/{name}"), "#!/bin/sh\n");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).unwrap();
        pair.sync(from, 0);
        let mode = |place: &str| fs::metadata(home.path(place).join(&name)).unwrap().mode() & 0o7777;
        assert_eq!((mode(from), mode(to)), (0o6755, 0o755));
    }
}

#[test]
fn what_is_no_file_is_reported_and_left_where_it_is() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pair = Pair::new(&home, &cloud);
    for (from, to) in [(ONE, OTHER), (OTHER, ONE)] {
        let place = home.path(from);
        let _listener = UnixListener::bind(place.join("socket")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, place.join("pipe"), mode).unwrap();
        home.write(&format!("{from}/beside {from}"), "arrives");
        pair.sync(from, 0).tells(&["socket is a socket", "pipe is a named pipe"]);
        assert_eq!(home.read(&format!("{to}/beside {from}")).as_deref(), Some("arrives"));
        assert!(!home.path(to).join("pipe").exists() && !home.path(to).join("socket").exists());
        for name in ["socket", "pipe"] {
            fs::remove_file(place.join(name)).unwrap();
        }
    }
}

#[test]
fn names_that_are_kept_for_heirloom_are_told_and_left_where_they_are() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pair = Pair::new(&home, &cloud);
    for (from, to) in [(ONE, OTHER), (OTHER, ONE)] {
        let names = [".heirloom-tmp-0123456789abcdef", "sub/.heirloom-tmp-mine/x", ".heirloom/x"];
        for name in names {
            home.write(&format!("{from}/{name}"), "a person's");
        }
        home.write(&format!("{from}/beside {from}"), "arrives");
        for _ in 0..2 {
            pair.sync(from, 3).tells(&[
                ".heirloom-tmp-0123456789abcdef",
                "sub/.heirloom-tmp-mine",
                ".heirloom is a name that Heirloom has for itself, which is not kept: rename it, or add `/.heirloom` to",
            ]);
        }
        assert_eq!(home.read(&format!("{to}/beside {from}")).as_deref(), Some("arrives"));
        for name in names {
            assert_eq!(home.read(&format!("{from}/{name}")).as_deref(), Some("a person's"));
            assert!(home.read(&format!("{to}/{name}")).is_none());
        }
        for name in [".heirloom-tmp-0123456789abcdef", "sub", ".heirloom"] {
            let path = home.path(from).join(name);
            if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
        }
    }
}

/// One that was synced before becomes something else, and its content is still kept.
#[test]
fn a_file_that_becomes_a_pipe_is_no_deleted_file() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pair = Pair::new(&home, &cloud);
    home.write("documents/log", "lines");
    pair.sync(ONE, 0);
    fs::remove_file(home.path("documents/log")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, home.path("documents/log"), mode).unwrap();
    pair.sync(ONE, 0).tells(&["log is a named pipe"]);
    assert_eq!(home.read("other/log").as_deref(), Some("lines"));
    assert_eq!(home.read("cloud/live/alice/documents/log").as_deref(), Some("lines"));
}

/// Root may read everything, so the machine runs as nobody in particular.
#[test]
fn what_may_not_be_read_is_reported_and_never_taken_for_deleted() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        skip("only root can run a machine as somebody else");
        return;
    }
    if !have("chown") {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let pair = Pair::new(&home, &cloud);
    for name in ["documents/open", "documents/closed", "documents/dir/inside"] {
        home.write(name, name);
    }
    pair.sync(ONE, 0);
    // The first machine belongs to nobody from here on, state and all.
    for entry in fs::read_dir(home.path("")).unwrap() {
        let path = entry.unwrap().path();
        let is_ours = path.file_name().is_some_and(|name| name != "cloud" && name != OTHER);
        if is_ours {
            let done = home.program("chown").args(["-R", "65534:65534"]).arg(&path).status().unwrap();
            assert!(done.success());
        }
    }
    chown(home.path(""), Some(NOBODY), Some(NOBODY)).unwrap();
    let as_nobody = |config: &str| {
        let mut command = home.heirloom(&["sync", "--config", config]);
        command.uid(NOBODY).gid(NOBODY);
        Ran::of(command)
    };
    let closed = home.path("documents/closed");
    fs::write(&closed, "changed, and closed").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(home.path("documents/dir"), fs::Permissions::from_mode(0o000)).unwrap();
    let told = as_nobody(&pair.configs[0]).code(3);
    assert!(told.stdout.contains("closed") && told.stdout.contains("dir"), "{}", told.stdout);
    // The other way: what comes for such a file does not replace what could not be looked at.
    home.write("other/closed", "changed there");
    home.write("other/dir/inside", "changed there as well");
    home.run(&["sync", "--config", &pair.configs[1]]).ok();
    as_nobody(&pair.configs[0]).code(3);
    assert_eq!(fs::read_to_string(&closed).unwrap(), "changed, and closed");
    assert_eq!(home.read("other/dir/inside").as_deref(), Some("changed there as well"));
    // Opened again, everything of both is kept.
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(home.path("documents/dir"), fs::Permissions::from_mode(0o755)).unwrap();
    as_nobody(&pair.configs[0]).one_of(&[0, 3]);
    as_nobody(&pair.configs[0]).ok();
    home.run(&["sync", "--config", &pair.configs[1]]).ok();
    let kept: Vec<String> = testkit::list(&home.path(OTHER))
        .into_keys()
        .filter_map(|name| fs::read_to_string(home.path(OTHER).join(name)).ok())
        .collect();
    for content in ["changed, and closed", "changed there", "changed there as well", "documents/open"] {
        assert!(kept.iter().any(|kept| kept == content), "`{content}` among {kept:?}");
    }
}
