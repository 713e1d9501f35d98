//! Encrypted states: what is in the bucket, who can read it, and what is never overwritten.

use crate::fake::{Break, FakeBucket};
use crate::machine::Machine;
use model::ObjectKey;
use plan::sync::Direction;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use sync::sealed::Keys;
use sync::{Nature, Report};
use vault::{Identities, NewIdentity, OpenRead, Passphrase, Recipients};

const MAGIC: &[u8] = b"age-encryption.org/v1\n";

fn pair() -> Keys {
    let key = NewIdentity::generate();
    let identities = key.identities();
    Keys { recipients: Some(Recipients::parse(&[key.recipient]).unwrap()), identities }
}

/// A machine that can write and not read.
fn writer(keys: &Keys) -> Keys {
    Keys { recipients: keys.recipients.clone(), identities: Identities::default() }
}

fn machine(name: &str, bucket: &FakeBucket, keys: &Keys) -> Machine {
    let mut machine = Machine::new(name, bucket);
    machine.keys = keys.clone();
    machine
}

fn stored(bucket: &FakeBucket, key: &str) -> Vec<u8> {
    bucket.objects()[&ObjectKey::parse(key).unwrap()].bytes.to_vec()
}

fn opened(keys: &Keys, sealed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    OpenRead::new(&keys.identities, sealed).read_to_end(&mut plain).unwrap();
    plain
}

fn locked(report: &Report) -> Vec<String> {
    let locked = report.problems.iter().filter(|problem| problem.nature == Nature::Locked);
    let mut keys: Vec<String> = locked.map(|problem| problem.key.as_ref().unwrap().to_string()).collect();
    keys.sort();
    keys
}

fn content(seed: u32, length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(|n| n.wrapping_mul(2_654_435_761).wrapping_add(seed).to_le_bytes()).collect()
}

async fn shared(bucket: FakeBucket) {
    let keys = pair();
    let (one, other) = (machine("one", &bucket, &keys), machine("other", &bucket, &keys));
    one.write("letter", "dear all");
    one.write("nothing", "");
    symlink("the target nobody sees", one.path("link")).unwrap();
    fs::create_dir(one.path("empty")).unwrap();
    one.sync().await;
    for key in ["letter", "nothing", "link"] {
        assert!(stored(&bucket, key).starts_with(MAGIC), "{key}");
    }
    assert_eq!(opened(&keys, &stored(&bucket, "link")), b"the target nobody sees");
    assert_eq!(other.sync().await.downloaded, 3);
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    for machine in [&one, &other] {
        let before = bucket.bytes_read();
        assert!(!machine.sync().await.did_something());
        assert_eq!(bucket.bytes_read(), before, "nothing is read to see that nothing is new");
    }
    other.write("letter", "dear all, and you");
    other.sync().await;
    assert_eq!(one.sync().await.downloaded, 1);
    assert_eq!(one.read("letter").as_deref(), Some("dear all, and you"));
    fs::remove_file(one.path("link")).unwrap();
    one.sync().await;
    assert_eq!(other.sync().await.deleted_local, 1);
}

#[tokio::test]
async fn two_machines_share_what_nobody_else_can_read() {
    shared(FakeBucket::default()).await;
}

#[tokio::test]
async fn two_machines_share_what_nobody_else_can_read_with_a_feed() {
    shared(FakeBucket::with_feed()).await;
}

#[tokio::test]
async fn a_machine_that_has_the_same_already_reads_everything_once_and_moves_nothing() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let (one, mut other) = (machine("one", &bucket, &keys), machine("other", &bucket, &keys));
    for machine in [&one, &other] {
        (0..20).for_each(|n| machine.write(&format!("d/{n}"), format!("file {n}")));
        machine.write("film", content(1, 20 << 20));
    }
    other.write("d/7", "another seven");
    one.sync().await;
    let report = other.report().await;
    assert_eq!((report.uploaded, report.downloaded, report.conflicts.len()), (1, 1, 1), "{report:?}");
    assert_eq!(other.read("d/7").as_deref(), Some("file 7"), "the remote version keeps the name");
    let held: u64 = bucket.objects().values().map(|object| object.bytes.len() as u64).sum();
    assert!(bucket.bytes_read() <= held + 1_000, "{} of {held} were read", bucket.bytes_read());
    let (read, writes) = (bucket.bytes_read(), bucket.writes());
    assert!(!other.sync().await.did_something());
    assert_eq!((bucket.bytes_read(), bucket.writes()), (read, writes));
    other.lose_journal();
    let report = other.sync().await;
    assert!(!report.did_something(), "{report:?}");
}

#[tokio::test]
async fn what_cannot_be_opened_overwrites_nothing_and_keeps_nothing_else_from_its_turn() {
    for identities in [Identities::default(), pair().identities] {
        let (bucket, keys) = (FakeBucket::with_feed(), pair());
        let one = machine("one", &bucket, &keys);
        let mut stranger = machine("stranger", &bucket, &Keys { recipients: None, identities });
        stranger.keys.recipients = pair().recipients;
        one.write("a", "one's a");
        one.write("film", content(1, 20 << 20));
        one.write("both", "one's both");
        stranger.write("both", "stranger's both");
        stranger.write("own", "stranger's own");
        one.sync().await;
        bucket.store("clear", b"from another client");
        let before = bucket.objects();
        for _ in 0..2 {
            let report = stranger.report().await;
            assert_eq!(locked(&report), ["a", "both", "film"], "{:?}", report.problems);
            assert_eq!(report.problems.len(), 3);
            assert!(report.is_locked());
        }
        assert_eq!(stranger.names(), ["both", "clear", "own"]);
        assert_eq!(stranger.read("both").as_deref(), Some("stranger's both"));
        for (key, object) in before.iter().filter(|(key, _)| key.as_str() != "clear") {
            assert_eq!(bucket.objects()[key].bytes, object.bytes, "{key}");
        }
    }
}

#[tokio::test]
async fn a_writer_needs_no_secret_and_overwrites_nothing_that_it_cannot_read() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let mut pusher = machine("pusher", &bucket, &writer(&keys));
    pusher.route.direction = Direction::Push;
    pusher.write("a", "first");
    pusher.write("film", content(1, 20 << 20));
    pusher.sync().await;
    pusher.write("a", "second");
    assert_eq!(pusher.sync().await.uploaded, 1);
    assert_eq!(opened(&keys, &stored(&bucket, "a")), b"second");

    let reader = machine("reader", &bucket, &keys);
    reader.sync().await;
    reader.write("a", "the reader's");
    reader.sync().await;
    pusher.write("a", "third");
    let report = pusher.report().await;
    assert_eq!(locked(&report), ["a"]);
    assert_eq!(opened(&keys, &stored(&bucket, "a")), b"the reader's");

    pusher.lose_journal();
    let before = bucket.objects();
    let report = pusher.report().await;
    assert_eq!(locked(&report), ["a", "film"], "what was written in another life is closed as well");
    assert!(bucket.objects().iter().all(|(key, object)| before[key].bytes == object.bytes));
    // With the identity for once, it knows again what is whose.
    pusher.keys = keys.clone();
    let report = pusher.report().await;
    assert_eq!((report.problems.len(), report.conflicts.len(), report.uploaded), (0, 1, 1), "{report:?}");
    pusher.keys = writer(&keys);
    assert!(!pusher.sync().await.did_something());
}

#[tokio::test]
async fn time_permissions_and_names_change_without_sealing_again() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let (one, other) = (machine("one", &bucket, &keys), machine("other", &bucket, &keys));
    one.write("a", "content");
    one.write("film", content(1, 20 << 20));
    one.sync().await;
    other.sync().await;
    let (a, film) = (stored(&bucket, "a"), stored(&bucket, "film"));
    for name in ["a", "film"] {
        fs::set_permissions(one.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.touched), (0, 2), "{report:?}");
    assert!(stored(&bucket, "a") == a && stored(&bucket, "film") == film, "not a byte is another");
    let report = other.sync().await;
    assert_eq!((report.downloaded, report.touched), (0, 2), "{report:?}");
    assert_eq!(fs::metadata(other.path("film")).unwrap().permissions().mode() & 0o777, 0o600);

    fs::create_dir(one.path("d")).unwrap();
    fs::rename(one.path("a"), one.path("d/b")).unwrap();
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.moved.remote), (0, 1), "{report:?}");
    assert!(stored(&bucket, "d/b") == a);
    let report = other.sync().await;
    assert_eq!((report.downloaded, report.moved.local), (0, 1), "{report:?}");
    assert!(!one.sync().await.did_something() && !other.sync().await.did_something());
}

#[tokio::test]
async fn what_was_in_clear_is_sealed_once_and_what_was_sealed_stays_readable() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let (mut one, mut other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    one.write("a", "in clear");
    one.write("film", content(1, 20 << 20));
    one.sync().await;
    other.sync().await;
    one.keys = keys.clone();
    other.keys = keys.clone();
    other.write("a", "changed meanwhile");
    other.sync().await;
    for (machine, most) in [(&one, 1), (&one, 0), (&other, 0)] {
        let report = machine.sync().await;
        assert!(report.uploaded <= most, "{report:?}");
    }
    assert!(bucket.objects().values().all(|object| object.bytes.starts_with(MAGIC)));
    assert_eq!(one.read("a").as_deref(), Some("changed meanwhile"));

    // Off again: nothing comes down sealed, not even to a machine that gave its identity away, and after all was told anew.
    for identities in [keys.identities.clone(), Identities::default()] {
        other.keys = Keys { recipients: None, identities };
        bucket.put_back(bucket.back_up());
        let report = other.sync().await;
        assert!(!report.did_something(), "{report:?}");
    }
    one.sync().await;
    let film = content(2, 20 << 20);
    other.write("film", &film);
    other.sync().await;
    assert!(stored(&bucket, "film") == film, "what changes is in clear again, and not made of sealed parts");
    one.keys = Keys { recipients: None, identities: keys.identities.clone() };
    one.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
}

#[tokio::test]
async fn sizes_around_what_one_request_carries() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let (one, other) = (machine("one", &bucket, &keys), machine("other", &bucket, &keys));
    for size in [0, 4, (8 << 20) - 4096, (8 << 20) - 4, 8 << 20, (8 << 20) + 4] {
        one.write(&format!("{size}"), content(size, size));
    }
    one.sync().await;
    other.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    assert!(!one.sync().await.did_something());
}

#[tokio::test]
async fn large_transfers_that_were_cut_end_well() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let (one, other) = (machine("one", &bucket, &writer(&keys)), machine("other", &bucket, &keys));
    let film = content(1, 24 << 20);
    one.write("film", &film);
    bucket.break_at(3, Break::Before);
    one.run().await.unwrap_err();
    bucket.mend();
    one.sync().await;
    assert_eq!(bucket.uploads(), 2, "the one that was cut is given up");
    bucket.cut_after(10_000_000);
    other.run().await.unwrap_err();
    assert!(other.read("film").is_none() && !other.path("film").exists(), "what is not whole has no name");
    bucket.mend();
    other.sync().await;
    assert!(fs::read(other.path("film")).unwrap() == film);
    assert_eq!(other.names(), ["film"], "nothing is left beside it");
}

#[tokio::test]
async fn a_line_cut_at_every_request_leaves_no_object_that_its_writer_does_not_know() {
    for when in [Break::Before, Break::After] {
        for number in 1.. {
            let (bucket, keys) = (FakeBucket::with_feed(), pair());
            let mut one = machine("one", &bucket, &writer(&keys));
            one.route.direction = Direction::Push;
            for name in ["a", "b", "moved", "touched"] {
                one.write(name, name);
            }
            one.write("film", content(1, 12 << 20));
            one.write("touched film", content(2, 12 << 20));
            one.sync().await;
            one.write("a", "other a");
            one.write("film", content(3, 12 << 20));
            fs::rename(one.path("moved"), one.path("moved away")).unwrap();
            for name in ["touched", "touched film"] {
                fs::set_permissions(one.path(name), fs::Permissions::from_mode(0o600)).unwrap();
            }
            bucket.break_at(number, when);
            let broke = one.run().await.is_err();
            bucket.mend();
            one.sync().await;
            assert!(!one.sync().await.did_something(), "{when:?} {number}");
            assert_eq!(opened(&keys, &stored(&bucket, "a")), b"other a");
            assert!(opened(&keys, &stored(&bucket, "film")) == content(3, 12 << 20));
            assert_eq!(bucket.objects().len(), 6);
            if !broke {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_passphrase_seals_and_opens() {
    let bucket = FakeBucket::with_feed();
    let phrase = |text: &str| Passphrase::new(text.to_owned()).unwrap();
    let keys = |text: &str| Keys {
        recipients: Some(Recipients::new(&[], Some(phrase(text))).unwrap()),
        identities: Identities::with_passphrase(phrase(text)),
    };
    let one = machine("one", &bucket, &keys("open sesame"));
    one.write("a", "content");
    one.sync().await;
    let wrong = machine("wrong", &bucket, &keys("open barley"));
    assert_eq!(locked(&wrong.report().await), ["a"]);
    let right = machine("right", &bucket, &keys("open sesame"));
    right.sync().await;
    assert_eq!((right.read("a").as_deref(), wrong.read("a")), (Some("content"), None));
}

#[tokio::test]
async fn damage_is_told_and_overwrites_nothing() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let (one, other) = (machine("one", &bucket, &keys), machine("other", &bucket, &keys));
    one.write("cut", content(1, 200_000));
    one.write("changed", "some content");
    one.sync().await;
    other.sync().await;
    let (cut, mut changed) = (stored(&bucket, "cut"), stored(&bucket, "changed"));
    *changed.last_mut().unwrap() ^= 1;
    bucket.store("cut", &cut[..cut.len() - 70_000]);
    bucket.store("changed", &changed);
    for key in ["cut", "changed"] {
        fs::File::options().append(true).open(other.path(key)).unwrap();
    }
    let report = other.report().await;
    assert_eq!((report.problems.len(), report.is_locked()), (2, false), "{:?}", report.problems);
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()), "what was there stays");
}

/// Whoever forgot the keys is told so, and does not get sealed bytes in the place of files: sealed again with the keys, they would be what everybody
/// gets.
#[tokio::test]
async fn a_machine_without_keys_takes_nothing_sealed_for_a_file_and_recovers_once_it_has_them() {
    for bucket in [FakeBucket::with_feed(), FakeBucket::default()] {
        let keys = pair();
        let (mut one, mut other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
        let mut late = Machine::new("late", &bucket);
        for name in ["a", "b", "c"] {
            one.write(name, name);
        }
        one.write("film", content(1, 20 << 20));
        one.sync().await;
        other.sync().await;
        one.keys = keys.clone();
        one.write("new", "since then");
        one.sync().await;
        other.write("b", "the other's");
        late.write("a", "a");
        late.write("c", "the late one's");
        let (before, held) = (testkit::list(other.folder()), testkit::list(late.folder()));
        for _ in 0..2 {
            let mut paths = locked(&other.report().await);
            paths.sort();
            assert_eq!(paths, ["a", "b", "c", "film", "new"]);
            let mut paths = locked(&late.report().await);
            paths.sort();
            assert_eq!(paths, ["a", "b", "c", "film", "new"]);
        }
        assert_eq!((testkit::list(other.folder()), testkit::list(late.folder())), (before, held));
        assert!(bucket.objects().values().all(|object| object.bytes.starts_with(MAGIC)));
        // That it is sealed is no change of what the other had, and the late one had never seen.
        for (machine, copies) in [(&mut other, 0), (&mut late, 1)] {
            machine.keys = keys.clone();
            let report = machine.report().await;
            assert_eq!((report.problems.len(), report.conflicts.len()), (0, copies), "{report:?}");
        }
        for machine in [&one, &other, &late] {
            machine.sync().await;
        }
        for machine in [&other, &late] {
            assert_eq!(testkit::list(one.folder()), testkit::list(machine.folder()));
        }
        assert_eq!(one.names().len(), 6, "the conflict kept both: {:?}", one.names());
        assert_eq!(one.read("b").as_deref(), Some("the other's"));
        for (key, object) in bucket.objects() {
            assert!(!opened(&keys, &object.bytes).starts_with(MAGIC), "{key} is sealed once");
        }
    }
}

fn sealed_by_hand(keys: &Keys, plain: &[u8]) -> Vec<u8> {
    let mut sealer = vault::Sealer::new(keys.recipients.as_ref().unwrap());
    [sealer.push(plain), sealer.finish()].concat()
}

/// Encrypting by hand in a state that is not encrypted is nobody's business.
#[tokio::test]
async fn files_that_a_person_encrypted_are_files() {
    for bucket in [FakeBucket::with_feed(), FakeBucket::default()] {
        let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
        let keys = pair();
        one.write("letter", "in clear for now");
        one.sync().await;
        other.sync().await;
        one.write("secrets.age", sealed_by_hand(&keys, b"mine"));
        one.write("letter", sealed_by_hand(&keys, b"not any more"));
        one.write("film", sealed_by_hand(&keys, &content(1, 20 << 20)));
        one.write("both", sealed_by_hand(&keys, b"one's"));
        other.write("both", sealed_by_hand(&keys, b"the other's"));
        one.write("about age", "age-encryption.org/v1\n--- \nis how such a file begins");
        one.sync().await;
        assert_eq!(other.sync().await.conflicts.len(), 1);
        one.sync().await;
        assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
    }
}

/// What another client has copied says nothing of being sealed.
#[tokio::test]
async fn what_looks_sealed_and_says_nothing_is_taken_for_sealed() {
    for bucket in [FakeBucket::with_feed(), FakeBucket::default()] {
        let keys = pair();
        let other = Machine::new("other", &bucket);
        other.write("b", "the other's");
        bucket.store("a", &sealed_by_hand(&keys, b"one's a"));
        bucket.store("b", &sealed_by_hand(&keys, b"one's b"));
        bucket.store("c.age", &sealed_by_hand(&keys, b"a person's"));
        bucket.store("film", &sealed_by_hand(&keys, &content(1, 20 << 20)));
        let mut paths = locked(&other.report().await);
        paths.sort();
        assert_eq!(paths, ["a", "b", "film"]);
        assert_eq!(other.names(), ["b", "c.age"]);
        assert_eq!(other.read("b").as_deref(), Some("the other's"));
    }
}

/// Who knows the beginning of an object does not know yet that all of it is there.
#[tokio::test]
async fn an_object_that_was_cut_off_is_not_taken_for_what_it_was() {
    let (bucket, keys) = (FakeBucket::with_feed(), pair());
    let one = machine("one", &bucket, &keys);
    one.write("film", content(1, 200_000));
    one.sync().await;
    let whole = stored(&bucket, "film");
    bucket.store("film", &whole[..whole.len() - 70_000]);
    one.write("film", content(2, 200_000));
    let report = one.report().await;
    assert_eq!((report.problems.len(), report.conflicts.len()), (1, 0), "{report:?}");
    assert_eq!(fs::read(one.path("film")).unwrap(), content(2, 200_000));
}
