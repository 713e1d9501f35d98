//! Encrypted states, with the real `age`, `ssh-keygen` and rclone: who can read what is in the bucket.

use crate::home::{Home, have, same_trees};
use crate::memory::peak_of;
use crate::server::Cloud;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

/// What a machine may take, however large a file is.
const PEAK_MAX: u64 = 256 << 20;

struct Tools<'h> {
    home: &'h Home,
    cloud: &'h Cloud<'h>,
}

impl Tools<'_> {
    fn run(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let output = self.home.program(program).args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn age_key(&self, name: &str) -> String {
        self.run("age-keygen", &["-o", name]);
        String::from_utf8(self.run("age-keygen", &["-y", name])).unwrap().trim().to_owned()
    }

    fn ssh_key(&self, name: &str, kind: &[&str]) -> String {
        self.run("ssh-keygen", &[kind, &["-q", "-N", "", "-C", "alice", "-f", name]].concat());
        self.home.read(&format!("{name}.pub")).unwrap().trim().to_owned()
    }

    /// The object as any S3 client gets it.
    fn object(&self, key: &str) -> Vec<u8> {
        self.home.write(
            "rclone.conf",
            &format!(
                "[cloud]\ntype = s3\nprovider = Other\nendpoint = http://127.0.0.1:{}\nregion = us-east-1\naccess_key_id = {}\nsecret_access_key = {}\n",
                self.cloud.s3,
                self.cloud.joined("laptop", "access_key_id"),
                self.cloud.joined("laptop", "secret_access_key")
            ),
        );
        self.run("rclone", &["--config", "rclone.conf", "cat", &format!("cloud:alice/documents/{key}")])
    }

    fn metadata(&self) -> String {
        let arguments =
            ["--config", "rclone.conf", "lsjson", "-R", "--metadata", "--hash", "cloud:alice/documents"];
        String::from_utf8(self.run("rclone", &arguments)).unwrap()
    }

    /// `age -d`, from a pipe.
    fn age(&self, identity: &str, sealed: &[u8]) -> Vec<u8> {
        let mut command = self.home.program("age");
        command.args(["-d", "-i", identity]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let sealed = sealed.to_vec();
        let writing = std::thread::spawn(move || pipe.write_all(&sealed).unwrap());
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        assert!(output.status.success(), "age -d -i {identity}");
        output.stdout
    }

    fn machine(&self, name: &str, folder: &str, keys: &str) -> String {
        let folder = self.home.path(folder);
        fs::create_dir_all(&folder).unwrap();
        let root = self.home.path("").display().to_string().trim_end_matches('/').to_owned();
        let keys = keys.replace("HOME", &root);
        let state = format!("  documents:\n    folders: [{}]\n    interval: 1s\n{keys}", folder.display());
        self.cloud.laptop_with(name, &state)
    }
}

fn have_all() -> bool {
    ["age", "age-keygen", "ssh-keygen", "rclone"].into_iter().all(have)
}

fn film() -> Vec<u8> {
    (0..2_500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn every_kind_of_recipient_opens_what_a_stock_client_takes_from_the_bucket() {
    if !have_all() {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let tools = Tools { home: &home, cloud: &cloud };
    let age = tools.age_key("age.key");
    let ed25519 = tools.ssh_key("ed25519.key", &["-t", "ed25519"]);
    let rsa = tools.ssh_key("rsa.key", &["-t", "rsa", "-b", "2048"]);
    home.write("recipients", &format!("# the family\n{age}\n\n{rsa}\n"));
    let keys = |identity: &str| {
        format!(
            "    encrypt_to: [\"{ed25519}\"]\n    encrypt_to_file: HOME/recipients\n    identity_file: [HOME/{identity}]\n"
        )
    };
    home.write("documents/letter", "dear all");
    fs::write(home.path("documents/film"), film()).unwrap();
    std::os::unix::fs::symlink("a secret target", home.path("documents/link")).unwrap();
    let one = tools.machine("one", "documents", &keys("age.key"));
    home.run(&["sync", "--config", &one]).ok();
    for identity in ["age.key", "ed25519.key", "rsa.key"] {
        assert_eq!(tools.age(identity, &tools.object("letter")), b"dear all");
        assert_eq!(tools.age(identity, &tools.object("link")), b"a secret target");
    }
    assert!(tools.age("age.key", &tools.object("film")) == film());
    // What `md5sum` says of the letter must not be anywhere.
    let digest = String::from_utf8(tools.run("md5sum", &["documents/letter"])).unwrap();
    let digest = digest.split(' ').next().unwrap().to_owned();
    let metadata = tools.metadata();
    assert!(!metadata.contains(&digest) && !metadata.contains("md5chksum"), "{metadata}");

    // Two machines, each with an identity of its own.
    for (name, identity) in [("two", "ed25519.key"), ("three", "rsa.key")] {
        let profile = tools.machine(name, name, &keys(identity));
        home.run(&["sync", "--config", &profile]).ok();
        same_trees(&home.path("documents"), &home.path(name)).unwrap();
    }
    home.write("two/letter", "dear all, and you");
    home.run(&["sync", "--config", home.path("two.yml").to_str().unwrap()]).ok();
    home.run(&["sync", "--config", &one]).ok();
    assert_eq!(home.read("documents/letter").as_deref(), Some("dear all, and you"));

    // Permissions are no content.
    let before = (tools.object("letter"), tools.object("film"));
    for name in ["letter", "film"] {
        fs::set_permissions(home.path(&format!("documents/{name}")), fs::Permissions::from_mode(0o600))
            .unwrap();
    }
    home.run(&["sync", "--config", &one]).ok();
    assert!((tools.object("letter"), tools.object("film")) == before, "nothing was encrypted again");
    let three = home.path("three.yml");
    home.run(&["sync", "--config", three.to_str().unwrap()]).ok();
    same_trees(&home.path("documents"), &home.path("three")).unwrap();
}

#[test]
fn a_wrong_identity_ends_with_12_and_overwrites_nothing() {
    if !have_all() {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let tools = Tools { home: &home, cloud: &cloud };
    let (right, _wrong) = (tools.age_key("right.key"), tools.age_key("wrong.key"));
    home.write("documents/a", "the writer's a");
    home.write("documents/b", "the writer's b");
    // The writer has no secret at all.
    let writer =
        tools.machine("writer", "documents", &format!("    direction: push\n    encrypt_to: [{right}]\n"));
    home.run(&["sync", "--config", &writer]).ok();
    home.write("documents/a", "the writer's other a");
    home.run(&["sync", "--config", &writer]).ok();
    let sealed = tools.object("a");
    assert_eq!(tools.age("right.key", &sealed), b"the writer's other a");

    home.write("mine/a", "mine");
    let keys = |key: &str| format!("    encrypt_to: [{right}]\n    identity_file: [HOME/{key}]\n");
    let stranger = tools.machine("stranger", "mine", &keys("wrong.key"));
    for _ in 0..2 {
        home.run(&["sync", "--config", &stranger]).code(12);
    }
    let told = home.run(&["sync", "--json", "--config", &stranger]).code(12);
    let problems: Vec<_> = told.json().into_iter().filter(|line| line["message_type"] == "problem").collect();
    let mut paths: Vec<_> = problems.iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    assert_eq!(paths, ["a", "b"], "{problems:?}");
    assert_eq!(home.read("mine/a").as_deref(), Some("mine"));
    assert!(!home.path("mine/b").exists());
    assert!(tools.object("a") == sealed);
    home.run(&["sync", "--config", &tools.machine("none", "mine", &keys("absent.key"))])
        .code(12)
        .says(&["absent.key", "identity_file"]);

    // With the right one, both versions are kept.
    let stranger = tools.machine("stranger", "mine", &keys("right.key"));
    home.run(&["sync", "--config", &stranger]).code(3);
    assert_eq!(home.read("mine/a").as_deref(), Some("the writer's other a"));
    assert_eq!(home.read("mine/b").as_deref(), Some("the writer's b"));
    home.run(&["sync", "--config", &stranger]).ok();
}

#[test]
fn encryption_that_is_switched_on_leaves_nothing_in_clear() {
    if !have_all() {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let tools = Tools { home: &home, cloud: &cloud };
    let key = tools.age_key("key");
    home.write("documents/a", "in clear");
    let plain = tools.machine("laptop", "documents", "");
    home.run(&["sync", "--config", &plain]).ok();
    assert_eq!(tools.object("a"), b"in clear");
    let forgotten = tools.machine("forgotten", "forgotten", "");
    home.run(&["sync", "--config", &forgotten]).ok();
    let sealed = tools.machine(
        "laptop",
        "documents",
        &format!("    encrypt_to: [{key}]\n    identity_file: [HOME/key]\n"),
    );
    let planned = home.run(&["sync", "--dry-run", "--config", &sealed]).ok();
    assert!(planned.stdout.contains("upload a"), "{}", planned.stdout);
    home.run(&["sync", "--config", &sealed]).ok();
    assert_eq!(tools.age("key", &tools.object("a")), b"in clear");
    let done = home.run(&["sync", "--config", &sealed]).ok();
    assert!(done.stdout.contains("nothing to do"), "{}", done.stdout);
    // Who was not told keeps what there is, and is told now.
    home.write("forgotten/b", "written meanwhile");
    for _ in 0..2 {
        home.run(&["sync", "--config", &forgotten]).code(12).says(&["identity_file"]);
        assert_eq!(home.read("forgotten/a").as_deref(), Some("in clear"));
    }
    let forgotten = tools.machine(
        "forgotten",
        "forgotten",
        &format!("    encrypt_to: [{key}]\n    identity_file: [HOME/key]\n"),
    );
    home.run(&["sync", "--config", &forgotten]).ok();
    assert_eq!(tools.age("key", &tools.object("a")), b"in clear");
    assert_eq!(tools.age("key", &tools.object("b")), b"written meanwhile");
    home.run(&["sync", "--config", &sealed]).ok();
    same_trees(&home.path("documents"), &home.path("forgotten")).unwrap();
    let plain = tools.machine("laptop", "documents", "    identity_file: [HOME/key]\n");
    home.write("documents/c", "new, in clear");
    home.run(&["sync", "--config", &plain]).ok();
    assert_eq!(tools.object("c"), b"new, in clear");
    let reader = tools.machine("reader", "reader", "    identity_file: [HOME/key]\n");
    home.run(&["sync", "--config", &reader]).ok();
    same_trees(&home.path("documents"), &home.path("reader")).unwrap();
}

#[test]
fn a_disk_holds_what_only_its_recipients_read() {
    if !have("age") || !have("age-keygen") {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let tools = Tools { home: &home, cloud: &cloud };
    let key = tools.age_key("key");
    let root = home.path("").display().to_string().trim_end_matches('/').to_owned();
    fs::create_dir(home.path("disk")).unwrap();
    let machine = |name: &str| {
        fs::create_dir_all(home.path(name)).unwrap();
        let text = format!(
            "profile: laptop\nmachine: {name}\nstate_dir: {root}/state-{name}\n\
             destinations: {{disk: {{service: fs, path: {root}/disk}}}}\n\
             states:\n  documents:\n    folders: [{root}/{name}]\n    encrypt_to: [{key}]\n    identity_file: [{root}/key]\n"
        );
        home.write(&format!("{name}.yml"), &text).to_str().unwrap().to_owned()
    };
    let (one, other) = (machine("one"), machine("other"));
    home.write("one/letter", "dear all");
    fs::write(home.path("one/film"), film()).unwrap();
    std::os::unix::fs::symlink("a secret target", home.path("one/link")).unwrap();
    let sync = |profile: &str| home.run(&["sync", "--config", profile]).ok();
    sync(&one);
    let stored = |name: &str| fs::read(home.path(&format!("disk/documents/{name}"))).unwrap();
    assert_eq!(tools.age("key", &stored("letter")), b"dear all");
    assert_eq!(tools.age("key", &stored("link")), b"a secret target");
    assert!(tools.age("key", &stored("film")) == film());
    sync(&other);
    same_trees(&home.path("one"), &home.path("other")).unwrap();
    let before = (stored("letter"), stored("film"));
    for name in ["letter", "film"] {
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(home.path(&format!("other/{name}")), mode).unwrap();
    }
    sync(&other);
    assert!((stored("letter"), stored("film")) == before, "nothing was encrypted again");
    sync(&one);
    same_trees(&home.path("one"), &home.path("other")).unwrap();
    home.write("other/letter", "dear all, and you");
    sync(&other);
    sync(&one);
    assert_eq!(home.read("one/letter").as_deref(), Some("dear all, and you"));
    for profile in [&one, &other] {
        let done = sync(profile);
        assert!(done.stdout.contains("nothing to do"), "{}", done.stdout);
    }
}

#[test]
fn a_passphrase_is_enough() {
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let tools = Tools { home: &home, cloud: &cloud };
    home.write("documents/a", "content");
    home.write("phrase", "open sesame\n");
    let one = tools.machine("one", "documents", "    passphrase_file: HOME/phrase\n");
    home.run(&["sync", "--config", &one]).ok();
    let other = tools.machine("other", "other", "    passphrase_command: echo open sesame\n");
    home.run(&["sync", "--config", &other]).ok();
    assert_eq!(home.read("other/a").as_deref(), Some("content"));
    let wrong = tools.machine("wrong", "wrong", "    passphrase: open barley\n");
    home.run(&["sync", "--config", &wrong]).code(12);
    assert!(!home.path("wrong/a").exists());
}

#[test]
fn a_large_file_takes_no_more_memory_than_its_parts() {
    let Ok(mebibytes) = std::env::var("HEIRLOOM_SEALED_MIB").map_or(Ok(200), |text| text.parse::<u32>())
    else {
        panic!("HEIRLOOM_SEALED_MIB is a number");
    };
    if !have("age-keygen") {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    let tools = Tools { home: &home, cloud: &cloud };
    let key = tools.age_key("key");
    let keys = format!("    encrypt_to: [{key}]\n    identity_file: [HOME/key]\n");
    let (one, other) = (tools.machine("one", "documents", &keys), tools.machine("other", "other", &keys));
    let mut file = fs::File::create(home.path("documents/film")).unwrap();
    for number in 0..mebibytes {
        let block: Vec<u8> =
            (0..1_u32 << 18).flat_map(|n| n.wrapping_mul(number | 1).to_le_bytes()).collect();
        file.write_all(&block).unwrap();
    }
    drop(file);
    let up = peak_of(home.heirloom(&["sync", "--config", &one]));
    let down = peak_of(home.heirloom(&["sync", "--config", &other]));
    same_trees(&home.path("documents"), &home.path("other")).unwrap();
    println!("{mebibytes} MiB: {} MiB to seal and send, {} MiB to bring and open", up >> 20, down >> 20);
    assert!(up <= PEAK_MAX && down <= PEAK_MAX, "{} MiB, {} MiB", up >> 20, down >> 20);
}

/// A mirror has no keys and needs none: an heir opens with `age -d` what lies on the drive.
#[test]
fn a_drive_keeps_what_is_sealed_as_it_is() {
    if !have_all() {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let serving = cloud.start();
    let tools = Tools { home: &home, cloud: &cloud };
    let key = tools.age_key("key");
    let keys = format!("    encrypt_to: [{key}]\n    identity_file: [HOME/key]\n");
    let laptop = tools.machine("laptop", "documents", &keys);
    home.write("documents/letter", "dear all");
    fs::write(home.path("documents/film"), film()).unwrap();
    std::os::unix::fs::symlink("a secret target", home.path("documents/link")).unwrap();
    home.run(&["sync", "--config", &laptop]).ok();
    fs::create_dir_all(home.path("drive")).unwrap();
    home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
    let pi = cloud.pi();
    home.run(&["sync", "--config", &pi]).ok();
    let mirrored = |name: &str| fs::read(home.path(&format!("drive/files/alice/documents/{name}"))).unwrap();
    for name in ["letter", "link", "film"] {
        assert!(mirrored(name) == tools.object(name), "{name} is what the bucket holds");
    }
    assert_eq!(tools.age("key", &mirrored("letter")), b"dear all");
    assert_eq!(tools.age("key", &mirrored("link")), b"a secret target");
    assert!(tools.age("key", &mirrored("film")) == film());

    home.write("documents/letter", "dear all, and you");
    home.run(&["sync", "--config", &laptop]).ok();
    home.run(&["sync", "--config", &pi]).ok();
    assert_eq!(tools.age("key", &mirrored("letter")), b"dear all, and you");
    let again = home.run(&["sync", "--config", &pi]).ok();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    drop(serving);
}
