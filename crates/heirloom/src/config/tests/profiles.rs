//! What the three profiles mean, the ones that ship included.

use super::super::access::Access;
use super::super::destination::Destination;
use super::super::laptop::DestinationName;
use super::super::limits::Limits;
use super::super::value::Endpoint;
use super::super::{Cloud, Config, Environment, Laptop, Loaded, Pi};
use super::{environment, load};
use bucket::plain::At;
use model::UserName;
use plan::sync::{Direction, MaxDelete};
use std::path::{Path, PathBuf};
use std::time::Duration;
use sync::hooks::Occasion;

fn shipped(name: &str, environment: &Environment) -> Loaded {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles").join(name);
    Loaded::from_file(&path, environment).unwrap_or_else(|error| panic!("{error}"))
}

fn laptop(yaml: &str) -> Laptop {
    match load(yaml) {
        Ok(Config::Laptop(laptop)) => laptop,
        other => panic!("{other:?}"),
    }
}

fn cloud(yaml: &str) -> Cloud {
    match load(yaml) {
        Ok(Config::Cloud(cloud)) => cloud,
        other => panic!("{other:?}"),
    }
}

fn pi(yaml: &str) -> Pi {
    match load(yaml) {
        Ok(Config::Pi(pi)) => pi,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_profiles_that_ship_load_without_any_variable() {
    let none = Environment::default();
    let laptop = shipped("laptop.yml", &none).laptop("laptop").unwrap();
    assert_eq!(laptop.machine.as_str(), "laptop");
    let access: Vec<_> = laptop.destinations.values().collect();
    assert_eq!(access, [&Destination::S3(Access::Join(PathBuf::from("/run/heirloom/laptop.join")))]);
    let state = laptop.states.values().next().unwrap();
    assert_eq!(state.folders[0].path, Path::new("/data/documents"));
    assert_eq!(state.folders[0].prefix.as_str(), "documents");

    let cloud = shipped("cloud.yml", &none).cloud("cloud").unwrap();
    assert_eq!(cloud.data_dir, Path::new("/srv/heirloom"));
    let keys = &cloud.users[&UserName::new("alice").unwrap()].keys;
    assert_eq!(keys["pi"].join_file.as_deref(), Some(Path::new("/run/heirloom/pi.join")));
    assert_eq!(keys["laptop"].join_file.as_deref(), Some(Path::new("/run/heirloom/laptop.join")));

    let pi = shipped("pi.yml", &none).pi("pi").unwrap();
    assert_eq!(pi.drive, Path::new("/mnt/drive"));
    assert_eq!(pi.cloud, Access::Join(PathBuf::from("/run/heirloom/pi.join")));
}

#[test]
fn the_profiles_that_ship_take_variables() {
    let variables = environment(&[
        ("HEIRLOOM_MACHINE", "desk"),
        ("HEIRLOOM_USER", "bob"),
        ("HEIRLOOM_S3_PORT", "9100"),
        ("TZ", "Europe/Berlin"),
    ]);
    assert_eq!(shipped("laptop.yml", &variables).laptop("laptop").unwrap().machine.as_str(), "desk");
    let cloud = shipped("cloud.yml", &variables).cloud("cloud").unwrap();
    assert!(cloud.users.contains_key(&UserName::new("bob").unwrap()));
    assert_eq!(cloud.s3.listen.port(), 9100);
    assert_eq!(cloud.snapshots.timezone, chrono_tz::Europe::Berlin);
}

#[test]
fn a_laptop_has_sensible_defaults() {
    let laptop = laptop(
        "profile: laptop\nmachine: desk\nstate_dir: ~/state\ndestinations: {home: {join: /run/j}, away: {join: /j}}\n\
         states: {documents: {folders: [~/Documents]}}\n",
    );
    assert_eq!(laptop.state_dir, Path::new("/home/alice/state"));
    let state = laptop.states.values().next().unwrap();
    assert_eq!(state.folders[0].path, Path::new("/home/alice/Documents"));
    assert_eq!(state.destinations.len(), 2, "all destinations");
    assert_eq!(state.direction, Direction::TwoWay);
    assert_eq!(state.interval, Duration::from_mins(5));
    assert_eq!(state.max_delete, MaxDelete::Percent(25));
    assert!(state.ignore.is_empty());
    assert_eq!(laptop.shortest_interval(), Duration::from_mins(5));
}

#[test]
fn hooks_are_for_the_shell_and_make_a_state_a_daily_one() {
    let laptop = laptop(
        "profile: laptop\nmachine: desk\nstate_dir: /s\ndestinations: {home: {join: /j}}\nstates:\n  wiki:\n    folders: [/w]\n    \
         hooks:\n      before_backup: 'pg_dump \"${PGDATABASE:-wiki}\" > /w/dump.$$'\n      after_backup: |\n        set -e\n        \
         systemctl start wiki\n      timeout: 1h\n  notes: {folders: [/n], hooks: {after_restore: echo}}\n  \
         quick: {folders: [/q], interval: 30s, hooks: {after_backup: echo}}\n",
    );
    let state = |name: &str| &laptop.states[&model::StateName::new(name).unwrap()];
    let hooks = &state("wiki").hooks;
    let command = |occasion| hooks.commands.get(&occasion).map(String::as_str);
    assert_eq!(command(Occasion::BeforeBackup), Some("pg_dump \"${PGDATABASE:-wiki}\" > /w/dump.$$"));
    assert_eq!(command(Occasion::AfterBackup), Some("set -e\nsystemctl start wiki\n"));
    assert_eq!((command(Occasion::BeforeRestore), hooks.timeout), (None, Duration::from_hours(1)));
    assert_eq!(state("wiki").interval, Duration::from_hours(24));
    assert_eq!(state("notes").interval, Duration::from_mins(5), "restoring is no rhythm");
    assert_eq!(state("notes").hooks.timeout, Duration::from_mins(10));
    assert_eq!(state("quick").interval, Duration::from_secs(30));
}

#[test]
fn several_folders_stand_side_by_side() {
    let laptop = laptop(
        "profile: laptop\nmachine: desk\nstate_dir: /s\ndestinations: {home: {join: /run/j}}\n\
         states: {media: {folders: [/data/photos/, /data/./music], ignore: ['*.tmp', '!keep.tmp']}}\n",
    );
    let state = laptop.states.values().next().unwrap();
    let folders: Vec<_> =
        state.folders.iter().map(|folder| (folder.path.to_str().unwrap(), folder.prefix.as_str())).collect();
    assert_eq!(folders, [("/data/photos", "media/photos"), ("/data/music", "media/music")]);
    assert_eq!(state.ignore, ["*.tmp", "!keep.tmp"]);
}

#[test]
fn a_destination_may_be_spelt_out() {
    let laptop = laptop(
        "profile: laptop\nmachine: desk\nstate_dir: /s\nstates: {documents: {folders: [/d]}}\ndestinations:\n  \
         cloud: {service: s3, endpoint: 'https://s3.example.org/', bucket: '${NAME}', access_key_id: '007',\n    \
         secret_access_key_command: 'echo ${NAME}-secret'}\n",
    );
    let join = laptop.destinations.values().next().unwrap().access().unwrap().resolve().unwrap();
    assert_eq!(join.endpoint.as_str(), "https://s3.example.org");
    assert_eq!((join.bucket.as_str(), join.region.as_str()), ("alice", "us-east-1"));
    assert_eq!((join.access_key_id.as_str(), join.secret_access_key.reveal()), ("007", "alice-secret"));
    assert_eq!(join.web, None);
}

#[test]
fn a_cloud_needs_little() {
    let cloud = cloud("profile: cloud\nmachine: attic\ndata_dir: /srv\n");
    assert_eq!(cloud.s3.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(cloud.web.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(cloud.s3_endpoint().as_str(), "http://attic:9000");
    assert_eq!(cloud.web_url().as_str(), "http://attic:8080");
    assert_eq!(
        (cloud.snapshots.expression.as_str(), cloud.snapshots.timezone),
        ("0 3 * * *", chrono_tz::Tz::UTC)
    );
    assert_eq!(cloud.accounts(), Path::new("/srv/heirloom.db"));
    assert!(cloud.users.is_empty());
}

#[test]
fn a_cloud_says_where_it_is_reached() {
    let cloud = cloud(
        "profile: cloud\nmachine: attic\ndata_dir: /srv\ns3: {listen: '[::1]:9000', domain: s3.example.org}\n\
         web: {listen: 10.0.0.1:80, base_url: https://files.example.org}\n",
    );
    assert_eq!(cloud.s3_endpoint(), Endpoint::new("http://[::1]:9000").unwrap());
    assert_eq!(cloud.web_url().as_str(), "https://files.example.org");
    assert_eq!(cloud.s3.domain.as_deref(), Some("s3.example.org"));
}

#[test]
fn a_cloud_may_name_users_and_keys() {
    let cloud = cloud(
        "profile: cloud\nmachine: attic\ndata_dir: /srv\nusers:\n  alice:\n    keys:\n      laptop: {access_key_id: a, \
         secret_access_key: b}\n      pi: {join_file: /run/pi.join}\n  bob:\n",
    );
    let keys = &cloud.users[&UserName::new("alice").unwrap()].keys;
    assert!(keys["laptop"].given.is_some() && keys["laptop"].join_file.is_none());
    assert!(keys["pi"].given.is_none() && keys["pi"].join_file.is_some());
    assert!(cloud.users[&UserName::new("bob").unwrap()].keys.is_empty());
}

#[test]
fn a_pi_has_sensible_defaults() {
    let pi = pi(
        "profile: pi\nmachine: attic\nstate_dir: /s\ndrive: /mnt\ncloud: {join: /j}\nmirror: {direction: pull}\n",
    );
    assert_eq!((pi.mirror.direction, pi.mirror.interval), (Direction::Pull, Duration::from_mins(15)));
    assert_eq!(pi.archive.interval, Duration::from_hours(1));
    assert_eq!(pi.shortest_interval(), Duration::from_mins(15));
}

#[test]
fn a_command_that_needs_another_profile_says_so() {
    let error = shipped("pi.yml", &Environment::default()).cloud("snapshot").unwrap_err().to_string();
    let error = error.split_once("profiles/").unwrap().1;
    insta::assert_snapshot!(error, @r"
    pi.yml:8:10: profile: this is the profile of a pi, and `heirloom snapshot` is for a cloud
        8 | profile: pi
          |          ^^
    ");
}

#[test]
fn anchors_of_windows_editors_and_block_texts_do_no_harm() {
    let laptop = laptop(
        "\u{feff}---\r\nprofile: laptop\r\nmachine: \"desk\"\r\nstate_dir: >-\r\n  /s\r\ndestinations: {home: {join: /j}}\r\n\
         states: {documents: {folders: [/d]}}\r\n...\r\n",
    );
    assert_eq!(laptop.state_dir, Path::new("/s"));
}

#[test]
fn destinations_are_of_four_services() {
    let laptop = laptop(
        "profile: laptop\nmachine: desk\nstate_dir: /s\nstates: {d: {folders: [/d], destinations: [usb, box]}}\n\
         destinations:\n  cloud: {service: s3, join: /j}\n  usb: {service: fs, path: /mnt/usb}\n\
         \x20 nas: {service: webdav, url: \"https://nas/dav/\", username: anna, password_command: echo sesame}\n\
         \x20 open: {service: webdav, url: \"http://nas/dav\"}\n\
         \x20 box: {service: sftp, host: storage, port: 23, user: u1, path: heirloom, identity_file: /k, known_hosts: /h}\n",
    );
    let plain = |name: &str| {
        let found = laptop.destinations.iter().find(|(found, _)| found.as_str() == name).unwrap().1;
        match found {
            Destination::Plain(plain) => plain.resolve().unwrap(),
            Destination::S3(access) => panic!("{access:?}"),
        }
    };
    let reached: Vec<String> = ["usb", "nas", "open", "box"].map(|name| plain(name).address()).into();
    assert_eq!(reached, ["/mnt/usb", "https://nas/dav", "http://nas/dav", "sftp://u1@storage:23/~/heirloom"]);
    assert!(
        matches!(plain("nas"), At::Webdav { user: Some(user), password: Some(word), .. } if user == "anna" && word == "sesame")
    );
    assert!(matches!(plain("open"), At::Webdav { user: None, password: None, .. }));
    assert!(matches!(plain("box"), At::Sftp { key_file: Some(_), known_hosts_file: Some(_), .. }));
    let names = &laptop.states.values().next().unwrap().destinations;
    assert_eq!(*names, ["usb", "box"].map(|name| DestinationName::new(name).unwrap()));
}

#[test]
fn limits_hold_for_a_machine_and_what_is_typed_goes_before_them() {
    let profile = |limits: &str| {
        laptop(&format!(
            "profile: laptop\nmachine: l\nstate_dir: /s\ndestinations: {{cloud: {{join: /j}}}}\n\
             states: {{d: {{folders: [/d]}}}}\n{limits}"
        ))
        .limits
    };
    assert_eq!(profile(""), Limits::default());
    let both = profile("limits: {upload: 2MiB, download: 500KiB}\n");
    assert_eq!(both, Limits { upload: Some(2 << 20), download: Some(500 << 10) });
    assert_eq!(both.with(Some(None), None), Limits { upload: None, download: Some(500 << 10) });
    assert_eq!(both.with(None, Some(Some(4096))), Limits { upload: Some(2 << 20), download: Some(4096) });
    assert_eq!(profile("limits: {upload: none}\n"), Limits::default());
}
