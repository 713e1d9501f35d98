//! How fast it is. Prints figures and asserts nothing about them:
//! `cargo test --profile relfast -p heirloom-journal --test figures -- --ignored --nocapture`

use journal::{Change, Journal, RouteKey};
use model::{
    Agreed, BaseEntry, ContentId, ETag, Kind, Meta, Mode, Node, ObjectKey, Owner, RemoteVersion, Stamp,
    UnixNanos,
};
use std::time::Instant;

const ROWS: u64 = 200_000;

fn entry(number: u64) -> BaseEntry {
    let mut digest = [7; 16];
    digest[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let content = ContentId::from_md5(digest);
    let mtime = UnixNanos(1_700_000_000_123_456_789 + number.cast_signed() * 1_000_003);
    let owner = Some(Owner { uid: 1000, gid: 1000 });
    let meta = Meta { mtime: Some(mtime), mode: Some(Mode::from_st_mode(0o644)), owner, ..Meta::default() };
    let node = Node { kind: Kind::File, content, size: number, meta };
    BaseEntry {
        key: ObjectKey::parse(&format!("photos/2026/holiday-{:04}/picture-{number:07}.jpg", number / 100))
            .expect("these are keys"),
        agreed: Agreed { local: node, remote: node },
        stamp: Stamp { size: number, mtime, ctime: UnixNanos(mtime.0 + 5), inode: number + 100 },
        version: RemoteVersion { etag: ETag::new(&content.to_string()), modified: Some(mtime) },
    }
}

#[expect(clippy::print_stdout, reason = "figures are for reading")]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn show(what: &str, begun: Instant) {
    let took = begun.elapsed().as_secs_f64();
    println!("{what:<40} {:>8.1} ms {:>12.0} rows/s", took * 1e3, ROWS as f64 / took);
}

#[test]
#[ignore = "prints figures; run it by name"]
fn record_and_read_200_000_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path).unwrap();
    let key = RouteKey { destination: "cloud".into(), prefix: String::new(), folder: "/data".into() };
    let route = journal.route(&key).unwrap();
    let changes: Vec<_> = (0..ROWS).map(|number| Change::Agree(entry(number))).collect();
    let begun = Instant::now();
    journal.record(route, &changes).unwrap();
    show("record, one transaction", begun);
    let begun = Instant::now();
    for batch in changes.chunks(1_000) {
        journal.record(route, batch).unwrap();
    }
    show("record again, 1,000 per transaction", begun);
    let begun = Instant::now();
    let mut count = 0;
    for entry in journal.base_entries(route) {
        entry.unwrap();
        count += 1;
    }
    show("read in pages", begun);
    assert_eq!(count, ROWS);
    let begun = Instant::now();
    for change in &changes {
        if let Change::Agree(entry) = change {
            journal.base_entry(route, &entry.key).unwrap().unwrap();
        }
    }
    show("look up one by one", begun);
    drop(journal);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("{} bytes per row", bytes / ROWS);
    let begun = Instant::now();
    drop(Journal::open(&path).unwrap());
    show("open", begun);
    std::fs::write(directory.path().join("journal.db.suspect"), "").unwrap();
    let begun = Instant::now();
    drop(Journal::open(&path).unwrap());
    show("open and prove sound", begun);
}
