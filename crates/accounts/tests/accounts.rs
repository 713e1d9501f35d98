//! Users, keys, grants and tokens, over real database files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use accounts::{AccessKeyId, Accounts, Error, Grant, Permission, SecretKey, SessionToken, SignInToken};
use model::{BucketName, UnixNanos, UserName};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const NOW: UnixNanos = UnixNanos(1_700_000_000_000_000_000);
const HOUR: Duration = Duration::from_hours(1);

struct World {
    directory: tempfile::TempDir,
    accounts: Accounts,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let accounts = Accounts::open(&directory.path().join("data/heirloom.db")).unwrap();
        Self { directory, accounts }
    }

    /// What another process would hold.
    fn second(&self) -> Accounts {
        Accounts::open(&self.directory.path().join("data/heirloom.db")).unwrap()
    }
}

fn user(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

fn bucket(name: &str) -> BucketName {
    BucketName::new(name).unwrap()
}

fn later(by: Duration) -> UnixNanos {
    UnixNanos(NOW.0 + i64::try_from(by.as_nanos()).unwrap())
}

#[test]
fn files_are_private_and_so_is_the_directory() {
    let world = World::new();
    world.accounts.add_user(&user("alice"), NOW).unwrap();
    let data = world.directory.path().join("data");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_database_that_others_could_read_is_closed_to_them() {
    let world = World::new();
    let file = world.directory.path().join("data/heirloom.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    drop(world.second());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn users_come_and_go() {
    let World { accounts, .. } = World::new();
    accounts.add_user(&user("alice"), NOW).unwrap();
    assert!(matches!(accounts.add_user(&user("alice"), NOW), Err(Error::Exists { what: "user", .. })));
    accounts.add_key(&user("alice"), "laptop", NOW).unwrap();
    let [alice] = &accounts.users().unwrap()[..] else { panic!("one user") };
    assert_eq!((alice.name.as_str(), alice.created, alice.keys), ("alice", NOW, 1));
    accounts.remove_user(&user("alice")).unwrap();
    assert!(accounts.users().unwrap().is_empty());
    assert!(matches!(accounts.remove_user(&user("alice")), Err(Error::Unknown { .. })));
}

#[test]
fn removing_a_user_closes_every_door_of_theirs() {
    let World { accounts, .. } = World::new();
    for name in ["alice", "bob"] {
        accounts.add_user(&user(name), NOW).unwrap();
    }
    let key = accounts.add_key(&user("alice"), "laptop", NOW).unwrap();
    let link = accounts.create_sign_in(&user("alice"), NOW, HOUR).unwrap();
    let session = accounts.create_session(&user("alice"), NOW, HOUR).unwrap();
    accounts.grant(&user("alice"), &bucket("bob"), Permission::Read).unwrap();
    accounts.remove_user(&user("alice")).unwrap();
    assert!(accounts.identify(&key.id).unwrap().is_none());
    assert!(accounts.redeem_sign_in(&link, NOW).unwrap().is_none());
    assert!(accounts.session(&session, NOW).unwrap().is_none());
    assert_eq!(accounts.permission(&user("alice"), &bucket("bob")).unwrap(), Permission::None);
}

#[test]
fn keys_have_the_promised_form_and_open_their_user() {
    let World { accounts, .. } = World::new();
    accounts.add_user(&user("alice"), NOW).unwrap();
    let key = accounts.add_key(&user("alice"), "laptop", NOW).unwrap();
    let id = key.id.as_str();
    assert!(id.len() == 20 && id.starts_with("HL"), "{id}");
    assert!(id[2..].bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)), "{id}");
    let secret = key.secret.reveal();
    assert!(secret.len() == 40 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()));

    let found = accounts.identify(&key.id).unwrap().unwrap();
    assert_eq!((found.user.as_str(), found.secret.reveal()), ("alice", secret));
    assert_eq!(accounts.authenticate(id, secret).unwrap(), Some(user("alice")));
    assert_eq!(accounts.authenticate(id, &secret[1..]).unwrap(), None);
    assert_eq!(accounts.authenticate(id, "").unwrap(), None);
    assert_eq!(accounts.authenticate("nobody", secret).unwrap(), None);

    let info = &accounts.keys(Some(&user("alice"))).unwrap()[0];
    assert_eq!((&info.id, info.label.as_str(), info.created), (&key.id, "laptop", NOW));
    assert!(accounts.keys(Some(&user("bob"))).unwrap().is_empty());
    assert!(matches!(accounts.add_key(&user("bob"), "x", NOW), Err(Error::Unknown { .. })));
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let World { accounts, .. } = World::new();
    accounts.add_user(&user("alice"), NOW).unwrap();
    let key = accounts.add_key(&user("alice"), "laptop", NOW).unwrap();
    let session = accounts.create_session(&user("alice"), NOW, HOUR).unwrap();
    assert!(!format!("{key:?}").contains(key.secret.reveal()));
    assert!(!format!("{session:?}").contains(session.reveal()));
}

#[test]
fn configured_keys_are_idempotent_and_cannot_take_over_others() {
    let World { accounts, .. } = World::new();
    for name in ["alice", "bob"] {
        accounts.add_user(&user(name), NOW).unwrap();
    }
    let id = AccessKeyId::new("laptop-key").unwrap();
    let put = |name, label, secret| {
        accounts.put_key(&user(name), label, &id, &SecretKey::new(secret).unwrap(), NOW)
    };
    put("alice", "laptop", "first-secret").unwrap();
    put("alice", "laptop", "first-secret").unwrap();
    put("alice", "renamed", "other-secret").unwrap();
    assert!(matches!(put("bob", "laptop", "first-secret"), Err(Error::Exists { what: "key", .. })));
    assert!(matches!(put("carol", "laptop", "first-secret"), Err(Error::Unknown { what: "user", .. })));
    let keys = accounts.keys(None).unwrap();
    assert_eq!((keys.len(), keys[0].label.as_str()), (1, "renamed"));
    assert_eq!(accounts.identify(&id).unwrap().unwrap().secret.reveal(), "other-secret");
}

#[test]
fn ids_and_secrets_that_break_a_protocol_are_refused() {
    for id in ["", "ab", "with/slash", "with:colon", "with space", "é-accent"] {
        assert!(matches!(AccessKeyId::new(id), Err(Error::Unfit { .. })), "{id}");
    }
    for secret in ["", "short", "has a space in it", "has\na line break"] {
        assert!(matches!(SecretKey::new(secret), Err(Error::Unfit { .. })), "{secret:?}");
    }
}

#[test]
fn what_another_process_changes_holds_at_once() {
    let world = World::new();
    let (daemon, cli) = (&world.accounts, world.second());
    daemon.add_user(&user("alice"), NOW).unwrap();
    daemon.add_user(&user("bob"), NOW).unwrap();
    let key = cli.add_key(&user("alice"), "laptop", NOW).unwrap();
    assert!(daemon.identify(&key.id).unwrap().is_some(), "a key works as soon as it is printed");
    assert!(daemon.identify(&key.id).unwrap().is_some());
    cli.revoke_key(&key.id).unwrap();
    assert!(daemon.identify(&key.id).unwrap().is_none(), "a revoked key opens nothing");
    cli.grant(&user("alice"), &bucket("bob"), Permission::Write).unwrap();
    assert_eq!(daemon.permission(&user("alice"), &bucket("bob")).unwrap(), Permission::Write);
    cli.revoke_grant(&user("alice"), &bucket("bob")).unwrap();
    assert_eq!(daemon.permission(&user("alice"), &bucket("bob")).unwrap(), Permission::None);
    assert!(matches!(cli.revoke_key(&key.id), Err(Error::Unknown { what: "key", .. })));
}

#[test]
fn owners_may_all_and_others_what_was_granted() {
    let World { accounts, .. } = World::new();
    for name in ["alice", "bob"] {
        accounts.add_user(&user(name), NOW).unwrap();
    }
    let permission = |name, on| accounts.permission(&user(name), &bucket(on)).unwrap();
    assert_eq!(permission("alice", "alice"), Permission::Write);
    assert_eq!(permission("alice", "bob"), Permission::None);
    accounts.grant(&user("alice"), &bucket("bob"), Permission::Write).unwrap();
    accounts.grant(&user("alice"), &bucket("bob"), Permission::Read).unwrap();
    assert_eq!(permission("alice", "bob"), Permission::Read);
    assert_eq!(permission("bob", "alice"), Permission::None, "a grant has one direction");
    assert_eq!(accounts.buckets(&user("alice")).unwrap(), [bucket("alice"), bucket("bob")]);
    let grant = Grant { user: user("alice"), bucket: bucket("bob"), permission: Permission::Read };
    assert_eq!(accounts.grants().unwrap(), [grant]);
    accounts.grant(&user("alice"), &bucket("bob"), Permission::None).unwrap();
    assert_eq!(accounts.buckets(&user("alice")).unwrap(), [bucket("alice")]);
    let to_nobody = accounts.grant(&user("carol"), &bucket("bob"), Permission::Read);
    assert!(matches!(to_nobody, Err(Error::Unknown { .. })));
    let on_nothing = accounts.grant(&user("alice"), &bucket("carol"), Permission::Read);
    assert!(matches!(on_nothing, Err(Error::Unknown { .. })), "a typing error must not pass silently");
}

#[test]
fn a_sign_in_link_works_once_and_in_time() {
    let World { accounts, .. } = World::new();
    accounts.add_user(&user("alice"), NOW).unwrap();
    let link = accounts.create_sign_in(&user("alice"), NOW, HOUR).unwrap();
    let again = SignInToken::new(link.reveal());
    assert_eq!(accounts.redeem_sign_in(&again, NOW).unwrap(), Some(user("alice")));
    assert_eq!(accounts.redeem_sign_in(&link, NOW).unwrap(), None);
    let late = accounts.create_sign_in(&user("alice"), NOW, HOUR).unwrap();
    assert_eq!(accounts.redeem_sign_in(&late, later(HOUR)).unwrap(), None);
}

#[test]
fn sessions_last_until_they_end() {
    let World { accounts, .. } = World::new();
    accounts.add_user(&user("alice"), NOW).unwrap();
    let session = accounts.create_session(&user("alice"), NOW, HOUR).unwrap();
    assert_eq!(accounts.session(&session, NOW).unwrap(), Some(user("alice")));
    assert_eq!(accounts.session(&session, later(HOUR)).unwrap(), None);
    let as_link = SignInToken::new(session.reveal());
    assert_eq!(accounts.redeem_sign_in(&as_link, NOW).unwrap(), None, "a cookie is not a link");
    accounts.end_session(&session).unwrap();
    accounts.end_session(&session).unwrap();
    assert_eq!(accounts.session(&session, NOW).unwrap(), None);
    assert_eq!(accounts.session(&SessionToken::new("made up"), NOW).unwrap(), None);
}

#[test]
fn tokens_are_not_in_the_files() {
    let world = World::new();
    world.accounts.add_user(&user("alice"), NOW).unwrap();
    let session = world.accounts.create_session(&user("alice"), NOW, HOUR).unwrap();
    let link = world.accounts.create_sign_in(&user("alice"), NOW, HOUR).unwrap();
    for entry in std::fs::read_dir(world.directory.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for token in [session.reveal(), link.reveal()] {
            assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
        }
    }
}

#[test]
fn many_processes_open_a_new_database_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("heirloom.db");
    let results: Vec<_> = std::thread::scope(|scope| {
        let open = |at: usize| {
            let path = &path;
            move || Accounts::open(path)?.add_user(&user(&format!("user{at}")), NOW)
        };
        let threads: Vec<_> = (0..8).map(|at| scope.spawn(open(at))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for result in results {
        result.unwrap();
    }
    assert_eq!(Accounts::open(&path).unwrap().users().unwrap().len(), 8);
}

#[test]
fn many_that_begin_one_at_once_all_succeed() {
    for _ in 0..100 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heirloom.db");
        let ready = std::sync::Barrier::new(6);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    ready.wait();
                    Accounts::open(&path).unwrap();
                });
            }
        });
    }
}

#[test]
fn a_newer_format_is_left_alone() {
    let world = World::new();
    let path = world.directory.path().join("data/heirloom.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Accounts::open(&path), Err(Error::TooNew { found: 99, .. })));
}

/// Run with `--ignored --nocapture`: what a request pays for being identified.
#[test]
#[ignore = "a measurement"]
fn cost_of_identify() {
    let world = World::new();
    world.accounts.add_user(&user("alice"), NOW).unwrap();
    let key = world.accounts.add_key(&user("alice"), "laptop", NOW).unwrap();
    let rounds = 100_000_u32;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        assert!(world.accounts.identify(&key.id).unwrap().is_some());
    }
    println!("identify: {:?} each", start.elapsed() / rounds);
}
