//! What a person reads who made a mistake. Each text names file, line, key, and what would be right.

mod apart;
mod destinations;
mod sealing;
mod yaml;

use super::mistakes;

const HEAD: &str = "profile: laptop\nmachine: desk\nstate_dir: /s\n";
const TAIL: &str = "destinations: {cloud: {join: /j}}\n";

/// A laptop with these lines under `states.documents`.
fn state(lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().collect();
    mistakes(&format!("{HEAD}{TAIL}states:\n  documents:\n    {}\n", lines.join("\n    ")))
}

/// A laptop with this destination.
fn destination(entries: &str) -> String {
    mistakes(&format!("{HEAD}destinations:\n  cloud: {entries}\nstates: {{documents: {{folders: [/d]}}}}\n"))
}

fn cloud(lines: &str) -> String {
    mistakes(&format!("profile: cloud\nmachine: attic\ndata_dir: /srv\n{lines}\n"))
}

#[test]
fn unknown_keys() {
    insta::assert_snapshot!(state("folders: [/d]\nintervall: 5m"), @r"
    laptop.yml:8:5: states.documents.intervall: unknown key; allowed: folders, destinations, direction, interval, ignore, exclude_larger_than, max_delete, encrypt_to, encrypt_to_file, passphrase, passphrase_file, passphrase_command, identity_file, identity_command, identity_passphrase, identity_passphrase_file, identity_passphrase_command, hooks (did you mean `interval`?)
        8 |     intervall: 5m
          |     ^^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nhooks: {pre_backup: x, before_backups: y}"), @r"
    laptop.yml has 2 problems

    laptop.yml:8:13: states.documents.hooks.pre_backup: unknown key; allowed: before_backup, after_backup, before_restore, after_restore, timeout
        8 |     hooks: {pre_backup: x, before_backups: y}
          |             ^^^^^^^^^^

    laptop.yml:8:28: states.documents.hooks.before_backups: unknown key; allowed: before_backup, after_backup, before_restore, after_restore, timeout (did you mean `before_backup`?)
        8 |     hooks: {pre_backup: x, before_backups: y}
          |                            ^^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(cloud("s3: {liste: 0.0.0.0:9000}"), @r"
    laptop.yml:4:6: s3.liste: unknown key; allowed: listen, region, domain, endpoint (did you mean `listen`?)
        4 | s3: {liste: 0.0.0.0:9000}
          |      ^^^^^
    ");
}

#[test]
fn bad_values() {
    insta::assert_snapshot!(state("folders: [/d]\ninterval: 5 parsecs"), @r"
    laptop.yml:8:15: states.documents.interval: `5 parsecs` is not a duration; write a number and s, m, h or d, like 30s, 5m, 1h, 1d
        8 |     interval: 5 parsecs
          |               ^^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\ndirection: pul"), @r"
    laptop.yml:8:16: states.documents.direction: `pul` is not possible here; allowed: two-way, push, pull (did you mean `pull`?)
        8 |     direction: pul
          |                ^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nmax_delete: 200%"), @r"
    laptop.yml:8:17: states.documents.max_delete: `200%` is not a limit; write a share like 25% (at most 100%) or a number like 100
        8 |     max_delete: 200%
          |                 ^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d, ../e]"), @r"
    laptop.yml:7:19: states.documents.folders[1]: `../e` must be an absolute path, or start with ~/
        7 |     folders: [/d, ../e]
          |                   ^^^^
    ");
    insta::assert_snapshot!(state("folders: /d"), @r"
    laptop.yml:7:14: states.documents.folders: expected a list, like [one, two]
        7 |     folders: /d
          |              ^^
    ");
    insta::assert_snapshot!(state("folders: []"), @r"
    laptop.yml:7:14: states.documents.folders: this list is empty; a state has at least one folder
        7 |     folders: []
          |              ^
    ");
    insta::assert_snapshot!(state("folders: [/a/x, /b/x]"), @r"
    laptop.yml:7:14: states.documents.folders: /a/x and /b/x would go to the same place, documents/x/, in the bucket; give one a state of its own
        7 |     folders: [/a/x, /b/x]
          |              ^
    ");
    insta::assert_snapshot!(state("folders: [/d]\ndestinations: [clod]"), @r"
    laptop.yml:8:20: states.documents.destinations[0]: there is no destination `clod`; allowed: cloud
        8 |     destinations: [clod]
          |                    ^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nignore: ['a{b']"), @r"
    laptop.yml:8:14: states.documents.ignore[0]: ignore pattern `a{b` does not parse: error parsing glob 'a{b': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
        8 |     ignore: ['a{b']
          |              ^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\ninterval: [5m]"), @r"
    laptop.yml:8:15: states.documents.interval: expected one value, found a list
        8 |     interval: [5m]
          |               ^
    ");
}

#[test]
fn hooks() {
    insta::assert_snapshot!(state("folders: [/d]\nhooks: pg_dump"), @r"
    laptop.yml:8:12: states.documents.hooks: expected `key: value` lines below this key
        8 |     hooks: pg_dump
          |            ^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nhooks: {before_backup: '  ', timeout: 0s}"), @r"
    laptop.yml has 2 problems

    laptop.yml:8:28: states.documents.hooks.before_backup: this command is empty; leave the key out to run nothing
        8 |     hooks: {before_backup: '  ', timeout: 0s}
          |                            ^^^^

    laptop.yml:8:43: states.documents.hooks.timeout: `0s` is too short; the shortest is 1s
        8 |     hooks: {before_backup: '  ', timeout: 0s}
          |                                           ^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nhooks: {after_backup: [systemctl, start, db]}"), @r"
    laptop.yml:8:27: states.documents.hooks.after_backup: expected one value, found a list
        8 |     hooks: {after_backup: [systemctl, start, db]}
          |                           ^
    ");
    insta::assert_snapshot!(state("folders: [/d]\nhooks: {before_restore: \"a\\0b\"}"), @r#"
    laptop.yml:8:29: states.documents.hooks.before_restore: a command holds no NUL character
        8 |     hooks: {before_restore: "a\0b"}
          |                             ^^^^^^
    "#);
}

#[test]
fn bad_values_of_a_cloud() {
    insta::assert_snapshot!(cloud("snapshots: {schedule: 0 3 30 2 *, timezone: Europe/Berlim}"), @r"
    laptop.yml has 2 problems

    laptop.yml:4:23: snapshots.schedule: `0 3 30 2 *` never comes due
        4 | snapshots: {schedule: 0 3 30 2 *, timezone: Europe/Berlim}
          |                       ^^^^^^^^^^

    laptop.yml:4:45: snapshots.timezone: `Europe/Berlim` is not a time zone (did you mean `Europe/Berlin`?)
        4 | snapshots: {schedule: 0 3 30 2 *, timezone: Europe/Berlim}
          |                                             ^^^^^^^^^^^^^
    ");
    insta::assert_snapshot!(cloud("s3: {listen: localhost:9000, endpoint: cloud:9000}"), @r"
    laptop.yml has 2 problems

    laptop.yml:4:14: s3.listen: `localhost:9000` is not an IP address and port; write it like 0.0.0.0:9000 or 127.0.0.1:9000
        4 | s3: {listen: localhost:9000, endpoint: cloud:9000}
          |              ^^^^^^^^^^^^^^

    laptop.yml:4:40: s3.endpoint: `cloud:9000` is not an address; write it like http://cloud:9000 or https://s3.example.org
        4 | s3: {listen: localhost:9000, endpoint: cloud:9000}
          |                                        ^^^^^^^^^^
    ");
    insta::assert_snapshot!(cloud("users:\n  A: {keys: {laptop: {access_key_id: a}, pi: {}}}"), @r"
    laptop.yml has 3 problems

    laptop.yml:5:3: users.A: `A` is not a user name: 3 to 63 lower-case letters, digits or `-`, starting and ending with a letter or digit
        5 |   A: {keys: {laptop: {access_key_id: a}, pi: {}}}
          |   ^

    laptop.yml:5:14: users.A.keys.laptop.secret_access_key: this key is missing; give it, secret_access_key_file or secret_access_key_command
        5 |   A: {keys: {laptop: {access_key_id: a}, pi: {}}}
          |              ^^^^^^

    laptop.yml:5:42: users.A.keys.pi.join_file: this key is missing; give it, to have a key made and written there, or access_key_id and secret_access_key
        5 |   A: {keys: {laptop: {access_key_id: a}, pi: {}}}
          |                                          ^^
    ");
}

#[test]
fn missing_keys() {
    insta::assert_snapshot!(mistakes("machine: desk\n"), @"laptop.yml:1:1: profile: this key is missing; allowed: laptop, cloud, pi");
    insta::assert_snapshot!(mistakes("profile: phone\n"), @r"
    laptop.yml:1:10: profile: `phone` is not possible here; allowed: laptop, cloud, pi
        1 | profile: phone
          |          ^^^^^
    ");
    insta::assert_snapshot!(mistakes("profile: laptop\n"), @r"
    laptop.yml has 4 problems

    laptop.yml:1:1: destinations: this key is missing

    laptop.yml:1:1: machine: this key is missing

    laptop.yml:1:1: state_dir: this key is missing

    laptop.yml:1:1: states: this key is missing
    ");
    insta::assert_snapshot!(mistakes("profile: pi\nmachine: attic\nstate_dir: /s\ndrive:\ncloud: {}\n"), @r"
    laptop.yml has 2 problems

    laptop.yml:4:1: drive: this key has no value
        4 | drive:
          | ^^^^^

    laptop.yml:5:1: cloud.join: this key is missing; give join, or endpoint, bucket, access_key_id and secret_access_key
        5 | cloud: {}
          | ^^^^^
    ");
    insta::assert_snapshot!(state("interval: 5m"), @r"
    laptop.yml:6:3: states.documents.folders: this key is missing
        6 |   documents:
          |   ^^^^^^^^^
    ");
}

#[test]
fn variables() {
    insta::assert_snapshot!(state("folders: [/d]\ninterval: ${INTERVAL}"), @r"
    laptop.yml:8:15: states.documents.interval: the environment variable INTERVAL is not set; set it, or give a default: `${INTERVAL:-…}`
        8 |     interval: ${INTERVAL}
          |               ^^^^^^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\ninterval: ${BAD}"), @r"
    laptop.yml:8:15: states.documents.interval: `5 parsecs` is not a duration; write a number and s, m, h or d, like 30s, 5m, 1h, 1d
        8 |     interval: ${BAD}
          |               ^^^^^^
    ");
    insta::assert_snapshot!(state("folders: [/d]\n${NAME}: 5m"), @r"
    laptop.yml:8:5: states.documents.${NAME}: unknown key; allowed: folders, destinations, direction, interval, ignore, exclude_larger_than, max_delete, encrypt_to, encrypt_to_file, passphrase, passphrase_file, passphrase_command, identity_file, identity_command, identity_passphrase, identity_passphrase_file, identity_passphrase_command, hooks
        8 |     ${NAME}: 5m
          |     ^^^^^^^
    ");
}

#[test]
fn all_mistakes_at_once_in_the_order_of_the_file() {
    let yaml = "profile: laptop\nmachine: my laptop\nstate_dir: state\nstates:\n  documents:\n    folders: [/d]\n    \
                interval: soon\n  photos: {}\ncolour: blue\n";
    insta::assert_snapshot!(mistakes(yaml), @r"
    laptop.yml has 6 problems

    laptop.yml:1:1: destinations: this key is missing

    laptop.yml:2:10: machine: `my laptop` is not a machine name: 1 to 63 letters, digits, `-` or `_`
        2 | machine: my laptop
          |          ^^^^^^^^^

    laptop.yml:3:12: state_dir: `state` must be an absolute path, or start with ~/
        3 | state_dir: state
          |            ^^^^^

    laptop.yml:7:15: states.documents.interval: `soon` is not a duration; write a number and s, m, h or d, like 30s, 5m, 1h, 1d
        7 |     interval: soon
          |               ^^^^

    laptop.yml:8:3: states.photos.folders: this key is missing
        8 |   photos: {}
          |   ^^^^^^

    laptop.yml:9:1: colour: unknown key; allowed: profile, machine, state_dir, limits, destinations, states
        9 | colour: blue
          | ^^^^^^
    ");
}

#[test]
fn a_line_with_a_secret_is_not_shown() {
    let text = destination("{endpoint: x, bucket: alice, access_key_id: a, secret_access_key: hunter2}");
    insta::assert_snapshot!(text, @"laptop.yml:5:21: destinations.cloud.endpoint: `x` is not an address; write it like http://cloud:9000 or https://s3.example.org");
}
