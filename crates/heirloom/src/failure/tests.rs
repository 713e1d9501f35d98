use super::{Colour, Exit, Explain as _, Failure};
use crate::config::{Environment, Error, Loaded};
use crate::profile::api;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sync::hooks::{self, How, Occasion};

fn shown(failure: impl Into<Failure>) -> String {
    let failure = failure.into();
    format!("{}[{}]", failure.text(Colour::Off), failure.kind().code())
}

fn missing_secret() -> Error {
    Error::SecretFile {
        key: "destinations.cloud.secret_access_key_file".to_owned(),
        path: PathBuf::from("/run/secrets/heirloom"),
        source: io::Error::from(io::ErrorKind::NotFound),
    }
}

#[test]
fn exit_codes_are_those_of_the_manual() {
    let all = [
        Exit::Ok,
        Exit::Failed,
        Exit::Usage,
        Exit::Incomplete,
        Exit::NoRepository,
        Exit::Busy,
        Exit::WrongKey,
        Exit::Halted,
        Exit::Skipped,
        Exit::Interrupted,
    ];
    assert_eq!(all.map(Exit::code), [0, 1, 2, 3, 10, 11, 12, 20, 75, 130]);
}

#[test]
fn a_message_alone() {
    insta::assert_snapshot!(shown(Failure::new(Exit::Busy, "another sync is running")), @r"
    error: another sync is running
    [11]
    ");
}

#[test]
fn causes_stand_on_lines_of_their_own() {
    insta::assert_snapshot!(shown(missing_secret()), @r"
    error: could not read /run/secrets/heirloom, which destinations.cloud.secret_access_key_file names
      caused by: entity not found
    [1]
    ");
    let failure = Failure::from(missing_secret()).context("could not sync the state `documents`");
    insta::assert_snapshot!(shown(failure), @r"
    error: could not sync the state `documents`
      caused by: could not read /run/secrets/heirloom, which destinations.cloud.secret_access_key_file names
      caused by: entity not found
    [1]
    ");
}

#[test]
fn hints_follow() {
    let outcome: Result<(), Failure> = Err(io::Error::from(io::ErrorKind::ConnectionRefused))
        .attempting("could not reach http://cloud:9000")
        .hint("Is the cloud running? `heirloom health` on its machine says.")
        .hint("Set another address as `endpoint`.")
        .exit(Exit::Skipped);
    insta::assert_snapshot!(shown(outcome.unwrap_err()), @r"
    error: could not reach http://cloud:9000
      caused by: connection refused
    hint: Is the cloud running? `heirloom health` on its machine says.
    hint: Set another address as `endpoint`.
    [75]
    ");
}

#[test]
fn errors_that_are_known_bring_their_advice() {
    let join = Error::JoinMissing { path: PathBuf::from("/run/heirloom/laptop.join") };
    insta::assert_snapshot!(shown(join), @r"
    error: there is no join file /run/heirloom/laptop.join
    hint: On the cloud, `heirloom user add NAME --join-file FILE` writes one; bring it to /run/heirloom/laptop.join.
    [1]
    ");
    let exists = accounts::Error::Exists { what: "user", name: "alice".to_owned() };
    insta::assert_snapshot!(shown(exists), @r"
    error: user `alice` exists already
    hint: `heirloom key add alice` gives an existing user one more key.
    [1]
    ");
    let unknown = accounts::Error::Unknown { what: "key", name: "HL1".to_owned() };
    insta::assert_snapshot!(shown(unknown), @r"
    error: there is no key `HL1`
    hint: `heirloom key list` shows all keys.
    [1]
    ");
}

#[test]
fn no_configuration_shows_the_smallest_one() {
    let tried = ["$HEIRLOOM_CONFIG (not set)", "./heirloom.yml", "/etc/heirloom/config.yml"];
    let error = Error::NotFound { tried: tried.map(str::to_owned).to_vec() };
    insta::assert_snapshot!(shown(error), @r"
    error: there is no configuration; looked for $HEIRLOOM_CONFIG (not set), ./heirloom.yml, /etc/heirloom/config.yml
    hint: Run `heirloom try` to see it all without a configuration, or start with this ./heirloom.yml:

          profile: laptop
          machine: my-laptop
          state_dir: ~/.local/state/heirloom
          destinations:
            cloud: {join: ~/heirloom.join}
          states:
            documents:
              folders: [~/Documents]
    [2]
    ");
}

#[test]
fn the_smallest_configuration_loads() {
    let text = super::advice::about(&Error::NotFound { tried: Vec::new() }.into()).hints.join("\n");
    let (_, yaml) = text.split_once("\n\n").unwrap();
    let environment = [("HOME".to_owned(), "/home/alice".to_owned())].into_iter().collect();
    Loaded::from_text(Path::new("heirloom.yml"), yaml, &environment).unwrap();
}

#[test]
fn mistakes_in_a_configuration_are_wrong_usage() {
    let yaml = "profile: laptop\nmachine: my laptop\n";
    let error = Loaded::from_text(Path::new("heirloom.yml"), yaml, &Environment::default()).unwrap_err();
    insta::assert_snapshot!(shown(Error::from(error)), @r"
    error: heirloom.yml has 4 problems

    heirloom.yml:1:1: destinations: this key is missing

    heirloom.yml:1:1: state_dir: this key is missing

    heirloom.yml:1:1: states: this key is missing

    heirloom.yml:2:10: machine: `my laptop` is not a machine name: 1 to 63 letters, digits, `-` or `_`
        2 | machine: my laptop
          |          ^^^^^^^^^
    [2]
    ");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let failure = Failure::new(Exit::Failed, "it broke").hint("Mend it.");
    insta::assert_snapshot!(failure.text(Colour::On).escape_debug().to_string(), @r"\u{1b}[1;31merror:\u{1b}[0m it broke\n\u{1b}[1;36mhint:\u{1b}[0m Mend it.\n");
    assert!(!failure.text(Colour::Off).contains('\x1b'));
}

#[test]
fn programs_get_one_line() {
    let failure = Failure::from(missing_secret()).hint("Make \"it\".").exit(Exit::WrongKey);
    insta::assert_snapshot!(failure.json(), @r#"{"message_type":"exit_error","code":12,"message":"could not read /run/secrets/heirloom, which destinations.cloud.secret_access_key_file names: entity not found","hints":["Make \"it\"."]}"#);
}

#[test]
fn a_failed_hook_is_incomplete_and_says_what_it_means() {
    let failed = |occasion, how| hooks::Failed {
        state: model::StateName::new("wiki").unwrap(),
        occasion,
        how,
        tail: vec!["pg_dump: no server".to_owned(), "giving up".to_owned()],
        source: None,
    };
    let before = Failure::from(failed(Occasion::BeforeBackup, How::Exited(1))).context("wiki was not synced");
    insta::assert_snapshot!(shown(before), @r"
    error: wiki was not synced
      caused by: the before_backup hook of wiki ended with exit code 1: pg_dump: no server | giving up
    hint: Nothing of this state was synced; what was backed up before stays as it was. `heirloom state list` shows the command.
    [3]
    ");
    let slow = failed(Occasion::AfterBackup, How::TimedOut(Duration::from_mins(10)));
    insta::assert_snapshot!(shown(slow), @r"
    error: the after_backup hook of wiki took longer than 600 s and was ended: pg_dump: no server | giving up
    hint: If that is too little, set `states.wiki.hooks.timeout` in the profile, like `timeout: 1h`.
    hint: See whether what it was to start again runs. What was synced stays so.
    [3]
    ");
}

#[test]
fn a_cloud_that_takes_no_snapshot_says_why() {
    let (web, bucket) = ("http://cloud:8080".to_owned(), "alice".to_owned());
    let wrong = api::Error::WrongKey {
        web: web.clone(),
        bucket: bucket.clone(),
        access_key_id: "HLX".to_owned(),
        message: "A key is needed.".to_owned(),
    };
    insta::assert_snapshot!(shown(wrong), @r"
    error: http://cloud:8080 does not take snapshots of bucket `alice` with the key HLX: A key is needed.
    hint: The key must be the bucket owner's. On the cloud, `heirloom key list` shows the keys in use and `heirloom key add USER --join-file FILE` makes one.
    [12]
    ");
    insta::assert_snapshot!(shown(api::Error::Busy { bucket: bucket.clone() }), @r"
    error: the history of bucket `alice` is being written to by another process
    hint: Try again when it is done.
    [11]
    ");
    insta::assert_snapshot!(shown(api::Error::NoFiles { bucket }), @r"
    error: bucket `alice` holds no files yet, so there is nothing to take a snapshot of
    hint: Put a file into a state's folder, then back up again.
    [1]
    ");
    insta::assert_snapshot!(shown(api::Error::NotACloud { web, status: 404 }), @r"
    error: http://cloud:8080 does not answer like a cloud of Heirloom (status 404)
    hint: See whether `web` in the join file or the profile is the web address of the cloud, not its S3 endpoint, and whether the cloud's heirloom is as new as this one.
    [1]
    ");
}
