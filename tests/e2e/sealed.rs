//! Encrypted states, with the real `age`, `ssh-keygen` and rclone: who can read what is in the bucket.

use crate::home::{Home, Ran, eventually, same_trees};
use crate::memory::peak_of;
use crate::server::Cloud;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use testkit::tools::have;

/// What a machine may take, however large a file is.
const PEAK_MAX: u64 = 256 << 20;

/// What these stories are told with.
const ALL: [&str; 4] = ["age", "age-keygen", "ssh-keygen", "rclone"];

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

    /// The profile of a machine that brings `folder` to the cloud, with these keys of its state; `HOME` stands for the home.
    fn machine(&self, name: &str, folder: &str, keys: &str) -> String {
        self.machine_to("cloud: {join: HOME/laptop.join}", name, folder, keys)
    }

    fn machine_to(&self, destination: &str, name: &str, folder: &str, keys: &str) -> String {
        fs::create_dir_all(self.home.path(folder)).unwrap();
        let text = format!(
            "profile: laptop\nmachine: {name}\nstate_dir: HOME/state-{name}\ndestinations: {{{destination}}}\n\
             states:\n  documents:\n    folders: [HOME/{folder}]\n    interval: 1s\n{keys}"
        );
        self.write_profile(name, &text)
    }

    fn write_profile(&self, name: &str, text: &str) -> String {
        let root = self.home.path("").display().to_string();
        let path = self.home.write(&format!("{name}.yml"), &text.replace("HOME", root.trim_end_matches('/')));
        path.to_str().unwrap().to_owned()
    }

    fn sync(&self, profile: &str) -> Ran {
        self.home.run(&["sync", "--config", profile])
    }
}

/// A home with a cloud, if the programs are there.
fn with_cloud(programs: &[&str], story: impl FnOnce(&Tools<'_>)) {
    if !programs.iter().all(|program| have(program)) {
        return;
    }
    let home = Home::new();
    let cloud = Cloud::new(&home);
    let _serving = cloud.start();
    story(&Tools { home: &home, cloud: &cloud });
}

/// What a state says that is sealed for one, and opened with one.
fn keys(recipient: &str, identity: &str) -> String {
    format!("    encrypt_to: [\"{recipient}\"]\n    identity_file: [HOME/{identity}]\n")
}

/// A file that goes in parts.
pub(crate) fn film() -> Vec<u8> {
    (0..2_500_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

#[test]
fn every_kind_of_recipient_opens_what_a_stock_client_takes_from_the_bucket() {
    with_cloud(&ALL, |tools| {
        let home = tools.home;
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
        tools.sync(&one).ok();
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
            tools.sync(&profile).ok();
            same_trees(&home.path("documents"), &home.path(name)).unwrap();
        }
        home.write("two/letter", "dear all, and you");
        tools.sync(home.path("two.yml").to_str().unwrap()).ok();
        tools.sync(&one).ok();
        assert_eq!(home.read("documents/letter").as_deref(), Some("dear all, and you"));

        // Permissions are no content.
        let before = (tools.object("letter"), tools.object("film"));
        for name in ["letter", "film"] {
            fs::set_permissions(home.path(&format!("documents/{name}")), fs::Permissions::from_mode(0o600))
                .unwrap();
        }
        tools.sync(&one).ok();
        assert!((tools.object("letter"), tools.object("film")) == before, "nothing was encrypted again");
        tools.sync(home.path("three.yml").to_str().unwrap()).ok();
        same_trees(&home.path("documents"), &home.path("three")).unwrap();
    });
}

#[test]
fn a_wrong_identity_ends_with_12_and_overwrites_nothing() {
    with_cloud(&ALL, |tools| {
        let home = tools.home;
        let (right, _wrong) = (tools.age_key("right.key"), tools.age_key("wrong.key"));
        home.write("documents/a", "the writer's a");
        home.write("documents/b", "the writer's b");
        // The writer has no secret at all.
        let writer = tools.machine(
            "writer",
            "documents",
            &format!("    direction: push\n    encrypt_to: [{right}]\n"),
        );
        tools.sync(&writer).ok();
        home.write("documents/a", "the writer's other a");
        tools.sync(&writer).ok();
        let sealed = tools.object("a");
        assert_eq!(tools.age("right.key", &sealed), b"the writer's other a");

        home.write("mine/a", "mine");
        let stranger = |identity: &str| tools.machine("stranger", "mine", &keys(&right, identity));
        let profile = stranger("wrong.key");
        for _ in 0..2 {
            tools.sync(&profile).code(12);
        }
        let told = home.run(&["sync", "--json", "--config", &profile]).code(12);
        let problems: Vec<_> =
            told.json().into_iter().filter(|line| line["message_type"] == "problem").collect();
        let mut paths: Vec<_> =
            problems.iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect();
        paths.sort();
        assert_eq!(paths, ["a", "b"], "{problems:?}");
        assert_eq!(home.read("mine/a").as_deref(), Some("mine"));
        assert!(!home.path("mine/b").exists());
        assert!(tools.object("a") == sealed);

        // With the right one, both versions are kept.
        let profile = stranger("right.key");
        tools.sync(&profile).code(3);
        assert_eq!(home.read("mine/a").as_deref(), Some("the writer's other a"));
        assert_eq!(home.read("mine/b").as_deref(), Some("the writer's b"));
        tools.sync(&profile).ok();
    });
}

#[test]
fn encryption_that_is_switched_on_leaves_nothing_in_clear() {
    with_cloud(&ALL, |tools| {
        let home = tools.home;
        let key = tools.age_key("key");
        home.write("documents/a", "in clear");
        let plain = tools.machine("laptop", "documents", "");
        tools.sync(&plain).ok();
        assert_eq!(tools.object("a"), b"in clear");
        let forgotten = tools.machine("forgotten", "forgotten", "");
        tools.sync(&forgotten).ok();
        let sealed = tools.machine("laptop", "documents", &keys(&key, "key"));
        let planned = home.run(&["sync", "--dry-run", "--config", &sealed]).ok();
        assert!(planned.stdout.contains("upload a"), "{}", planned.stdout);
        tools.sync(&sealed).ok();
        assert_eq!(tools.age("key", &tools.object("a")), b"in clear");
        let done = tools.sync(&sealed).ok();
        assert!(done.stdout.contains("nothing to do"), "{}", done.stdout);
        // Who was not told keeps what there is, and is told now.
        home.write("forgotten/b", "written meanwhile");
        for _ in 0..2 {
            tools.sync(&forgotten).code(12).says(&["identity_file"]);
            assert_eq!(home.read("forgotten/a").as_deref(), Some("in clear"));
        }
        let forgotten = tools.machine("forgotten", "forgotten", &keys(&key, "key"));
        tools.sync(&forgotten).ok();
        assert_eq!(tools.age("key", &tools.object("a")), b"in clear");
        assert_eq!(tools.age("key", &tools.object("b")), b"written meanwhile");
        tools.sync(&sealed).ok();
        same_trees(&home.path("documents"), &home.path("forgotten")).unwrap();
        let plain = tools.machine("laptop", "documents", "    identity_file: [HOME/key]\n");
        home.write("documents/c", "new, in clear");
        tools.sync(&plain).ok();
        assert_eq!(tools.object("c"), b"new, in clear");
        let reader = tools.machine("reader", "reader", "    identity_file: [HOME/key]\n");
        tools.sync(&reader).ok();
        same_trees(&home.path("documents"), &home.path("reader")).unwrap();
    });
}

#[test]
fn a_disk_holds_what_only_its_recipients_read() {
    with_cloud(&["age", "age-keygen"], |tools| {
        let home = tools.home;
        let key = tools.age_key("key");
        fs::create_dir(home.path("disk")).unwrap();
        let disk = "disk: {service: fs, path: HOME/disk}";
        let machine = |name: &str| tools.machine_to(disk, name, name, &keys(&key, "key"));
        let (one, other) = (machine("one"), machine("other"));
        home.write("one/letter", "dear all");
        fs::write(home.path("one/film"), film()).unwrap();
        std::os::unix::fs::symlink("a secret target", home.path("one/link")).unwrap();
        let sync = |profile: &str| tools.sync(profile).ok();
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
    });
}

#[test]
fn a_passphrase_is_enough() {
    with_cloud(&[], |tools| {
        let home = tools.home;
        home.write("documents/a", "content");
        home.write("phrase", "open sesame\n");
        let one = tools.machine("one", "documents", "    passphrase_file: HOME/phrase\n");
        tools.sync(&one).ok();
        let other = tools.machine("other", "other", "    passphrase_command: echo open sesame\n");
        tools.sync(&other).ok();
        assert_eq!(home.read("other/a").as_deref(), Some("content"));
        let wrong = tools.machine("wrong", "wrong", "    passphrase: open barley\n");
        tools.sync(&wrong).code(12);
        assert!(!home.path("wrong/a").exists());
    });
}

#[test]
fn a_large_file_takes_no_more_memory_than_its_parts() {
    with_cloud(&["age-keygen"], |tools| {
        let Ok(mebibytes) = std::env::var("HEIRLOOM_SEALED_MIB").map_or(Ok(200), |text| text.parse::<u32>())
        else {
            panic!("HEIRLOOM_SEALED_MIB is a number");
        };
        let home = tools.home;
        let key = tools.age_key("key");
        let machine = |name: &str, folder: &str| tools.machine(name, folder, &keys(&key, "key"));
        let (one, other) = (machine("one", "documents"), machine("other", "other"));
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
    });
}

#[test]
fn an_identity_that_cannot_be_read_holds_up_its_own_state_only() {
    with_cloud(&["age-keygen"], |tools| {
        let home = tools.home;
        let key = tools.age_key("good.key");
        home.write("documents/letter", "dear all");
        home.write("photos/p1", "a photo");
        let letters = format!("  documents:\n    folders: [HOME/documents]\n{}", keys(&key, "lent.key"));
        let profile = |states: &str| {
            let text = "profile: laptop\nmachine: laptop\nstate_dir: HOME/state\n\
                        destinations: {cloud: {join: HOME/laptop.join}}\nstates:\n";
            tools.write_profile("laptop", &format!("{text}{states}"))
        };
        let both = profile(&format!("{letters}  photos: {{folders: [HOME/photos]}}\n"));
        let lent = home.path("lent.key");
        let live = |name: &str| home.path(&format!("cloud/live/alice/{name}"));
        let refuses = |number: usize| {
            let name = format!("photos/{number}");
            home.write(&name, "another photo");
            let told = tools.sync(&both).code(12).says(&[
                "documents could not be synced",
                "lent.key",
                "states.documents",
                "hint: An identity is what",
            ]);
            assert!(!told.stderr.contains("photos"), "{}", told.stderr);
            assert!(live(&name).exists() && !live("documents").exists());
        };
        // It is not there; it is a directory, which no rights help to read; it is garbage.
        refuses(1);
        fs::create_dir(&lent).unwrap();
        refuses(2);
        fs::remove_dir(&lent).unwrap();
        home.write("lent.key", "not a key\n");
        refuses(3);
        fs::remove_file(&lent).unwrap();

        // A daemon goes on with the other state, and with this one once the key is there.
        let laptop = home.start(&["laptop", "--config", &both]);
        home.write("photos/4", "another photo");
        let arrived = |name: &str| if live(name).exists() { Ok(()) } else { Err(laptop.log()) };
        eventually("a photo", || arrived("photos/4"));
        let page = home.run(&["status", "--config", &both]).ok().stdout;
        assert!(page.contains("documents → cloud  failing") && page.contains("lent.key"), "{page}");
        tools.sync(&both).code(12).says(&["documents could not be synced", "lent.key"]);
        fs::copy(home.path("good.key"), &lent).unwrap();
        eventually("the letter", || arrived("documents/letter"));
        tools.sync(&both).ok();
        home.run(&["status", "--check", "--config", &both]).ok();
        assert_eq!(laptop.stop(), Some(0));

        // One that has nothing else to do waits as well.
        fs::remove_file(&lent).unwrap();
        home.write("documents/postcard", "from the sea");
        let alone = profile(&letters);
        tools.sync(&alone).code(12).says(&["documents could not be synced", "lent.key"]);
        let laptop = home.start(&["laptop", "--config", &alone]);
        eventually("waiting", || {
            let page = home.run(&["status", "--config", &alone]).ok().stdout;
            let waits = page.contains("the daemon runs") && page.contains("documents → cloud  failing");
            if waits { Ok(()) } else { Err(page) }
        });
        fs::copy(home.path("good.key"), &lent).unwrap();
        let arrived = || if live("documents/postcard").exists() { Ok(()) } else { Err(laptop.log()) };
        eventually("the postcard", arrived);
        assert_eq!(laptop.stop(), Some(0));
    });
}

/// A mirror has no keys and needs none: an heir opens with `age -d` what lies on the drive.
#[test]
fn a_drive_keeps_what_is_sealed_as_it_is() {
    with_cloud(&ALL, |tools| {
        let (home, pi) = (tools.home, tools.cloud.pi());
        let key = tools.age_key("key");
        let laptop = tools.machine("laptop", "documents", &keys(&key, "key"));
        home.write("documents/letter", "dear all");
        fs::write(home.path("documents/film"), film()).unwrap();
        std::os::unix::fs::symlink("a secret target", home.path("documents/link")).unwrap();
        tools.sync(&laptop).ok();
        home.run(&["drive", "init", home.path("drive").to_str().unwrap()]).ok();
        tools.sync(&pi).ok();
        let mirrored =
            |name: &str| fs::read(home.path(&format!("drive/files/alice/documents/{name}"))).unwrap();
        for name in ["letter", "link", "film"] {
            assert!(mirrored(name) == tools.object(name), "{name} is what the bucket holds");
        }
        assert_eq!(tools.age("key", &mirrored("letter")), b"dear all");
        assert_eq!(tools.age("key", &mirrored("link")), b"a secret target");
        assert!(tools.age("key", &mirrored("film")) == film());

        home.write("documents/letter", "dear all, and you");
        tools.sync(&laptop).ok();
        tools.sync(&pi).ok();
        assert_eq!(tools.age("key", &mirrored("letter")), b"dear all, and you");
        let again = tools.sync(&pi).ok();
        assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    });
}
