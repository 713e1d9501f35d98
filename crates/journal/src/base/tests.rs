use super::*;
use crate::testing::{Scratch, entry, route_to};
use model::{ContentId, ETag, Kind, Meta, Mode, Node, Owner, RemoteVersion, Stamp, UnixNanos};

/// Entries that between them have every field differ from, agree with, and lack what it is compared to.
fn odd_entries() -> Vec<BaseEntry> {
    let usual = entry("usual", 1);
    let mut bare = entry("bare", 2);
    bare.agreed.local.meta = Meta::default();
    bare.agreed.remote.meta = Meta::default();
    bare.version = RemoteVersion { etag: ETag::new(""), modified: None };
    let mut apart = entry("apart/", 3);
    apart.agreed.local = Node {
        kind: Kind::Directory,
        content: ContentId::EMPTY,
        size: 0,
        meta: Meta {
            mtime: Some(UnixNanos(i64::MIN)),
            mode: Some(Mode::from_st_mode(0o7777)),
            ..Meta::default()
        },
    };
    apart.agreed.remote = Node {
        kind: Kind::Symlink,
        content: ContentId::from_md5([0xff; 16]),
        size: u64::MAX,
        meta: Meta { owner: Some(Owner { uid: u32::MAX, gid: 0 }), ..Meta::default() },
    };
    apart.stamp =
        Stamp { size: u64::MAX - 1, mtime: UnixNanos(i64::MAX), ctime: UnixNanos(-1), inode: u64::MAX };
    apart.version =
        RemoteVersion { etag: ETag::new("D41D8CD98F00B204E9800998ECF8427E"), modified: Some(UnixNanos(0)) };
    let mut parts = entry("parts", 4);
    parts.version.etag = ETag::new("d41d8cd98f00b204e9800998ecf8427e-12");
    let mut other = entry("other", 5);
    other.version.etag = ETag::new("0123456789abcdef0123456789abcdef");
    vec![apart, bare, other, parts, usual]
}

fn agree(entries: &[BaseEntry]) -> Vec<Change> {
    entries.iter().cloned().map(Change::Agree).collect()
}

#[test]
fn every_field_comes_back_as_it_was() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let entries = odd_entries();
    journal.record(route, &agree(&entries)).unwrap();
    assert_eq!(journal.base(route).unwrap(), entries);
    for entry in entries {
        assert_eq!(journal.base_entry(route, &entry.key).unwrap(), Some(entry));
    }
    assert_eq!(journal.base_entry(route, &ObjectKey::parse("apart").unwrap()).unwrap(), None);
}

#[test]
fn what_is_over_on_a_side_has_no_content_there_and_everything_else_as_it_was() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let mut entries = odd_entries();
    journal.record(route, &agree(&entries)).unwrap();
    let all =
        |over: fn(ObjectKey) -> Change| odd_entries().into_iter().map(|entry| over(entry.key)).collect();
    let (local, remote): (Vec<Change>, Vec<Change>) = (all(Change::LocalOver), all(Change::RemoteOver));

    journal.record_durably(route, &local).unwrap();
    for entry in &mut entries {
        entry.agreed.local.content = ContentId::UNKNOWN;
    }
    assert_eq!(journal.base(route).unwrap(), entries);

    journal.record_durably(route, &remote).unwrap();
    journal.record_durably(route, &local).unwrap();
    for entry in &mut entries {
        entry.agreed.remote.content = ContentId::UNKNOWN;
    }
    assert_eq!(journal.base(route).unwrap(), entries);
}

#[test]
fn entries_come_in_the_order_of_their_keys_across_pages() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let (route, other) = (route_to(&journal, "cloud"), route_to(&journal, "attic"));
    let keys = ["a-b", "a.b", "a/b", "a0", "a", "é", "%FF", "~"];
    let mut entries: Vec<_> = keys.iter().map(|key| entry(key, 0)).collect();
    entries.extend(
        (0..u64::try_from(PAGE).unwrap() * 2).map(|n| entry(&format!("n/{}", n * 7_919 % 10_007), n)),
    );
    journal.record(route, &agree(&entries)).unwrap();
    journal.record(other, &agree(&[entry("elsewhere", 1)])).unwrap();
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(journal.base(route).unwrap(), entries);
    let exactly_one_page = &entries[..PAGE];
    journal.record(other, &agree(exactly_one_page)).unwrap();
    assert_eq!(journal.base(other).unwrap().len(), PAGE + 1);
}

#[test]
fn the_latest_word_on_a_key_counts() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    journal.record(route, &agree(&[entry("a", 1), entry("b", 2), entry("c", 3)])).unwrap();
    let changes = [
        Change::Agree(entry("a", 10)),
        Change::Forget(entry("b", 0).key),
        Change::Forget(entry("never there", 0).key),
        Change::Forget(entry("c", 0).key),
        Change::Agree(entry("c", 30)),
    ];
    journal.record(route, &changes).unwrap();
    assert_eq!(journal.base(route).unwrap(), [entry("a", 10), entry("c", 30)]);
}

#[test]
fn an_error_in_the_middle_records_nothing() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    journal.record(route, &agree(&[entry("kept", 1)])).unwrap();
    let trigger = "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.base WHEN new.key = 'poison'
        BEGIN SELECT RAISE(ABORT, 'refused'); END";
    journal.lock().execute_batch(trigger).unwrap();
    let changes = [
        Change::Agree(entry("before", 2)),
        Change::Forget(entry("kept", 0).key),
        Change::Agree(entry("poison", 3)),
        Change::Agree(entry("after", 4)),
    ];
    assert!(matches!(journal.record(route, &changes), Err(Error::Database { .. })));
    assert_eq!(journal.base(route).unwrap(), [entry("kept", 1)]);
    journal.record(route, &changes[..1]).unwrap();
}

#[test]
fn nothing_is_recorded_for_a_route_that_is_not_there() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    assert!(journal.record(RouteId(99), &agree(&[entry("a", 1)])).is_err());
    assert!(journal.base(RouteId(99)).unwrap().is_empty());
}

#[test]
fn a_reader_may_record_and_stop() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    journal.record(route, &agree(&[entry("a", 1), entry("b", 2), entry("c", 3)])).unwrap();
    let mut seen = Vec::new();
    journal
        .for_each_base(route, |entry| {
            journal.record(route, &[Change::Forget(entry.key.clone())]).unwrap();
            seen.push(entry.key.as_str().to_owned());
            if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, ["a", "b"]);
    assert_eq!(journal.base(route).unwrap(), [entry("c", 3)]);
}

#[test]
fn a_row_that_we_cannot_have_written_is_damage() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    for nonsense in ["kind = 9", "content = x'00'", "key = 'a//b'"] {
        journal.record(route, &agree(&[entry("a", 1)])).unwrap();
        journal.lock().execute(&format!("UPDATE base SET {nonsense}"), []).unwrap();
        assert!(matches!(journal.base(route), Err(Error::Damaged { .. })), "{nonsense}");
        journal.lock().execute("DELETE FROM base", []).unwrap();
    }
}

#[test]
fn several_threads_may_use_one_journal() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..50 {
                    journal.record(route, &agree(&[entry(&format!("{thread}/{n}"), n)])).unwrap();
                }
            });
        }
    });
    assert_eq!(journal.base(route).unwrap().len(), 200);
}

#[test]
fn a_usual_row_is_small() {
    let scratch = Scratch::new();
    let journal = scratch.open();
    let route = route_to(&journal, "cloud");
    let entries: Vec<_> = (0..10_000).map(|n| entry(&format!("folder/file-{n:06}.txt"), n)).collect();
    journal.record(route, &agree(&entries)).unwrap();
    drop(journal);
    let bytes = std::fs::metadata(&scratch.path).unwrap().len();
    assert!(bytes / 10_000 < 160, "{} bytes per row", bytes / 10_000);
}
