//! What is left alone, and how a person finds out why.

use crate::home::Home;
use crate::server::Cloud;

const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n";

#[test]
fn every_path_can_be_asked_about() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let root = home.path("");
    let profile = cloud.laptop_with(
        "laptop",
        &format!(
            "  documents: {{folders: [{}/documents], ignore: ['*.tmp'], exclude_larger_than: 1KiB}}\n",
            root.display()
        ),
    );
    home.write("documents/letter.txt", "dear");
    home.write("documents/x.tmp", "temporary");
    home.write("documents/work/.heirloomignore", "/out/\n");
    home.write("documents/work/out/prog", "binary");
    home.write("documents/thumbs/CACHEDIR.TAG", TAG);
    home.write("documents/film", &"x".repeat(2_000));
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        home.path("documents/pipe"),
        rustix::fs::Mode::from_raw_mode(0o600),
    )
    .unwrap();
    home.write("documents/.heirloom/x", "of another tool");
    home.run(&["sync", "--config", &profile]).code(3).tells(&["add `/.heirloom` to `.heirloomignore`"]);
    home.write("documents/.heirloomignore", "/.heirloom\n");
    // What no backup keeps is remarked upon, and keeps nothing from being in sync.
    home.run(&["sync", "--config", &profile]).ok().tells(&["pipe is a named pipe"]);
    home.write("documents/new.txt", "new");
    home.run(&["why", home.path("documents/pipe").to_str().unwrap(), "--config", &profile])
        .ok()
        .tells(&["is a socket, a pipe or a device"]);
    let why = |path: &str| {
        let path = home.path(path);
        home.run(&["why", path.to_str().unwrap(), "--config", &profile]).ok().stdout
    };
    for (path, expected) in [
        ("documents/letter.txt", "is in sync with cloud"),
        ("documents/new.txt", "is new here, and goes to cloud with the next sync"),
        ("documents/x.tmp", "is left alone on both sides: the pattern `*.tmp` of the profile matches x.tmp"),
        ("documents/work/out/prog", "the pattern `/out/` in work/.heirloomignore matches work/out"),
        ("documents/thumbs/CACHEDIR.TAG", "thumbs/CACHEDIR.TAG marks a cache"),
        ("documents/film", "it is larger than `exclude_larger_than` (1.0 KiB)"),
        ("documents/pipe", "is a socket, a pipe or a device"),
        ("documents/work", "is a directory; what is in it is synced"),
        ("documents/nothing", "stands neither here nor"),
    ] {
        let said = why(path);
        assert!(said.contains(expected), "{path}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // A line that is no pattern is told where it stands, and keeps nothing from being in sync.
    home.write("documents/work/.heirloomignore", "/out/\na{b\n");
    std::fs::remove_file(home.path("documents/pipe")).unwrap();
    let told = "work/.heirloomignore:2: ignore pattern `a{b` does not parse";
    for _ in 0..2 {
        home.run(&["sync", "--config", &profile]).ok().tells(&[told]);
    }
    let path = home.path("documents/work/x").to_str().unwrap().to_owned();
    home.run(&["why", &path, "--config", &profile]).ok().tells(&[told]);
    let outside = home.run(&["why", "/etc/hostname", "--config", &profile]);
    outside.code(1).says(&["is in no folder that is kept"]);
}
