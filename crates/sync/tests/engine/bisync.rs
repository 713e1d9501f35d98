//! The scenarios by which rclone's bisync is tested, one test each under its name there, with our semantics. Where these differ, the
//! test says so.

use crate::fake::FakeBucket;
use crate::machine::{Machine, options};
use plan::ignore::IgnoreRules;
use plan::sync::{Halt, MaxDelete, Side};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime};
use sync::{Options, Outcome, Report, Resume};

const NAMES: [&str; 8] = ["file1", "file2", "file3", "file4", "file5", "sub/file6", "sub/file7", "sub/file8"];

/// Two machines that hold the same files.
async fn pair() -> (FakeBucket, Machine, Machine) {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    for name in NAMES {
        one.write(name, format!("{name} as it was"));
    }
    one.sync().await;
    other.sync().await;
    (bucket, one, other)
}

/// Both sync until neither has anything to do.
async fn settle(one: &Machine, other: &Machine) {
    for _ in 0..4 {
        one.sync().await;
        other.sync().await;
    }
    assert!(
        !one.sync().await.did_something() && !other.sync().await.did_something(),
        "nothing is left to do"
    );
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
}

async fn halt_of(machine: &Machine) -> Halt {
    match machine.run().await {
        Ok(Outcome::Halted(halt)) => halt,
        other => panic!("{other:?}"),
    }
}

async fn resume(machine: &Machine) -> Report {
    match machine.run_with(Options { resume: Resume::Anything, ..options() }).await {
        Ok(Outcome::Done(report)) => report,
        other => panic!("{other:?}"),
    }
}

fn remove(machine: &Machine, names: &[&str]) {
    for name in names {
        fs::remove_file(machine.path(name)).unwrap();
    }
}

fn contents(machine: &Machine) -> Vec<String> {
    let mut contents: Vec<String> = machine.names().iter().filter_map(|name| machine.read(name)).collect();
    contents.sort();
    contents
}

fn set_time(machine: &Machine, name: &str, seconds: u64) {
    let file = fs::File::options().write(true).open(machine.path(name)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

/// Theirs stops when every file has changed. Ours need not: nothing is lost by it, and an editor that touches all is no accident.
#[tokio::test]
async fn all_changed() {
    let (_, one, other) = pair().await;
    for (number, name) in NAMES.iter().enumerate() {
        set_time(&one, name, 1_000_000 + number as u64);
    }
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.touched), (0, NAMES.len() as u64), "times alone cross the line");
    settle(&one, &other).await;
    for name in NAMES {
        one.write(name, format!("{name} after the change"));
    }
    settle(&one, &other).await;
    assert!(contents(&other).iter().all(|content| content.ends_with("after the change")));
}

/// Theirs moves what it replaces or deletes to a directory of its own. Ours leaves that to the snapshots, and takes away
/// only what it has seen: an edit in the same moment survives.
#[tokio::test]
async fn backupdir() {
    let (_, one, other) = pair().await;
    remove(&one, &["file1"]);
    one.write("file2", "file2 changed there");
    one.sync().await;
    other.write("file1", "file1 edited meanwhile");
    other.write("file2", "file2 edited meanwhile");
    settle(&one, &other).await;
    let kept = contents(&one);
    for content in ["file1 edited meanwhile", "file2 changed there", "file2 edited meanwhile"] {
        assert!(kept.iter().any(|kept| kept == content), "{content}");
    }
}

#[tokio::test]
async fn basic() {
    let (_, one, other) = pair().await;
    one.write("file1", "changed by one");
    other.write("file2", "changed by the other");
    settle(&one, &other).await;
    assert_eq!(other.read("file1").as_deref(), Some("changed by one"));
    assert_eq!(one.read("file2").as_deref(), Some("changed by the other"));
}

/// New, newer, older and deleted on either side and on both.
#[tokio::test]
async fn changes() {
    let (_, one, other) = pair().await;
    one.write("new by one", "1");
    other.write("new by other", "2");
    one.write("file1", "newer");
    one.write("file2", "older");
    set_time(&one, "file2", 1_000);
    remove(&one, &["file3", "file4"]);
    other.write("file3", "changed, though deleted there");
    remove(&other, &["file4", "file5"]);
    one.write("sub/file6", "the same on both");
    other.write("sub/file6", "the same on both");
    one.write("sub/file7", "one way");
    other.write("sub/file7", "another way");
    settle(&one, &other).await;
    for (name, content) in [
        ("new by one", Some("1")),
        ("new by other", Some("2")),
        ("file1", Some("newer")),
        ("file2", Some("older")),
        ("file3", Some("changed, though deleted there")),
        ("file4", None),
        ("file5", None),
        ("sub/file6", Some("the same on both")),
        ("sub/file7", Some("one way")),
        ("sub/file7.sync-conflict-20261120-101500-other", Some("another way")),
    ] {
        assert_eq!(one.read(name).as_deref(), content, "{name}");
    }
    assert_eq!(fs::metadata(other.path("file2")).unwrap().mtime(), 1_000, "older is as good as newer");
}

/// Theirs needs files that say that a side is there. Ours knows an emptied side, and a directory that is another one.
#[tokio::test]
async fn check_access() {
    let (_, one, other) = pair().await;
    // As when a disk is not mounted.
    let away = one.folder().with_extension("mounted");
    fs::rename(one.folder(), &away).unwrap();
    fs::create_dir(one.folder()).unwrap();
    let halted = halt_of(&one).await;
    assert!(matches!(halted, Halt::Emptied { .. } | Halt::Replaced { side: Side::Local, .. }), "{halted:?}");
    fs::remove_dir(one.folder()).unwrap();
    fs::rename(&away, one.folder()).unwrap();
    settle(&one, &other).await;
    assert_eq!(contents(&one).len(), NAMES.len());
}

/// Files that rules leave out do not make an emptied side look full.
#[tokio::test]
async fn check_access_filters() {
    let (bucket, mut one, _) = pair().await;
    one.route.ignore = IgnoreRules::new(&["*.log".to_owned()]).unwrap();
    for number in 0..20 {
        one.write(&format!("{number}.log"), "left out");
    }
    one.sync().await;
    remove(&one, &NAMES);
    let halted = halt_of(&one).await;
    assert!(matches!(halted, Halt::Emptied { .. } | Halt::MassDeletion { .. }), "{halted:?}");
    assert_eq!(bucket.objects().len(), NAMES.len());
}

/// No name is special to us: one that is to others is a file like any.
#[tokio::test]
async fn check_filename() {
    let (_, one, other) = pair().await;
    for name in ["RCLONE_TEST", ".stfolder", ".heirloom-mine", "sub/RCLONE_TEST"] {
        one.write(name, name);
    }
    settle(&one, &other).await;
    assert_eq!(other.read(".heirloom-mine").as_deref(), Some(".heirloom-mine"));
    remove(&other, &["RCLONE_TEST", ".stfolder"]);
    settle(&one, &other).await;
    assert_eq!(one.read("RCLONE_TEST"), None);
}

/// After a run both sides are the same, and the next one finds that out without reading or writing anything.
#[tokio::test]
async fn check_sync() {
    let (bucket, one, other) = pair().await;
    one.write("file1", "changed");
    settle(&one, &other).await;
    let (writes, read) = (bucket.writes(), bucket.bytes_read());
    assert!(!one.sync().await.did_something());
    assert_eq!((bucket.writes(), bucket.bytes_read()), (writes, read));
    for (key, stored) in bucket.objects() {
        assert_eq!(one.read(key.as_str()).unwrap().as_bytes(), &stored.bytes[..], "{key}");
    }
}

/// Content decides, whatever size and time say.
#[tokio::test]
async fn compare_all() {
    let (_, one, other) = pair().await;
    // Another content of the same size at the same time.
    let before = fs::metadata(one.path("file1")).unwrap();
    one.write("file1", "file1 as 1t was");
    set_time(&one, "file1", u64::try_from(before.mtime()).unwrap());
    // The same content at another time.
    one.write("file2", "file2 as it was");
    set_time(&one, "file2", 5_000);
    let report = one.sync().await;
    assert_eq!((report.uploaded, report.touched), (1, 1));
    settle(&one, &other).await;
    assert_eq!(other.read("file1").as_deref(), Some("file1 as 1t was"));
}

#[tokio::test]
async fn concurrent() {
    let (_, one, other) = pair().await;
    for round in 0..5 {
        one.write("file1", format!("one in round {round}"));
        other.write("file1", format!("other in round {round}"));
        one.write(&format!("by one {round}"), "1");
        other.write(&format!("by other {round}"), "2");
        tokio::join!(one.sync(), other.sync());
        settle(&one, &other).await;
        let kept = contents(&one);
        for who in ["one", "other"] {
            assert!(kept.contains(&format!("{who} in round {round}")), "{who} in round {round}: {kept:?}");
        }
    }
}

/// Theirs takes times that are close for the same. Ours never decides by times.
#[tokio::test]
async fn conflict_window() {
    let (_, one, other) = pair().await;
    one.write("file1", "one");
    other.write("file1", "two");
    set_time(&one, "file1", 9_000);
    set_time(&other, "file1", 9_000);
    settle(&one, &other).await;
    let kept = contents(&one);
    assert!(kept.contains(&"one".to_owned()) && kept.contains(&"two".to_owned()));
}

/// Conflicts of one file in a row each keep their copy.
#[tokio::test]
async fn conflict_window_size() {
    let (_, one, other) = pair().await;
    for round in 0..3 {
        one.write("file1", format!("one {round}"));
        other.write("file1", format!("two {round}"));
        one.sync().await;
        other.sync().await;
        settle(&one, &other).await;
    }
    let kept = contents(&one);
    for round in 0..3 {
        assert!(kept.contains(&format!("two {round}")), "{kept:?}");
    }
    assert!(kept.contains(&"one 2".to_owned()));
}

#[tokio::test]
async fn createemptysrcdirs() {
    let (_, one, other) = pair().await;
    fs::create_dir_all(one.path("empty/below/it")).unwrap();
    settle(&one, &other).await;
    assert!(other.path("empty/below/it").is_dir());
    fs::remove_dir(other.path("empty/below/it")).unwrap();
    settle(&one, &other).await;
    assert!(!one.path("empty/below/it").exists());
}

#[tokio::test]
async fn dry_run() {
    let (bucket, one, other) = pair().await;
    one.write("file1", "changed");
    remove(&one, &["file2"]);
    other.write("file3", "changed there");
    other.sync().await;
    let before = (bucket.objects().len(), bucket.writes(), testkit::list(one.folder()));
    let planned = one.run_with(Options { dry_run: true, ..options() }).await;
    assert!(matches!(&planned, Ok(Outcome::Planned(..))), "{planned:?}");
    assert_eq!((bucket.objects().len(), bucket.writes(), testkit::list(one.folder())), before);
    settle(&one, &other).await;
    assert_eq!(one.read("file3").as_deref(), Some("changed there"));
}

/// Equal content is no conflict, and is not sent.
#[tokio::test]
async fn equal() {
    let (bucket, one, other) = pair().await;
    one.write("file1", "the same edit");
    other.write("file1", "the same edit");
    one.sync().await;
    let writes = bucket.writes();
    let report = other.sync().await;
    assert_eq!((report.conflicts.len(), report.uploaded, report.downloaded), (0, 0, 0));
    // At most its time is told.
    assert!(bucket.writes() <= writes + 1);
    settle(&one, &other).await;
    assert_eq!(one.names(), other.names());
    assert_eq!(contents(&one).len(), NAMES.len());
}

/// The same where both have it from elsewhere, and never agreed upon it.
#[tokio::test]
async fn equal_skipped() {
    let (bucket, one, other) = pair().await;
    for machine in [&one, &other] {
        machine.write("copied/from a disk", "the same");
        set_time(machine, "copied/from a disk", 4_000);
    }
    one.sync().await;
    let writes = bucket.writes();
    let report = other.sync().await;
    assert!(!report.did_something() || report.touched > 0, "{report:?}");
    assert_eq!((report.conflicts.len(), bucket.writes()), (0, writes));
    settle(&one, &other).await;
}

#[tokio::test]
async fn ext_paths() {
    let (_, one, other) = pair().await;
    for name in
        ["with space/a b", " leading", "trailing ", "a\\b", "a:b", "-rf", "$HOME", "a'b\"c", "*?[x]", "#1%41"]
    {
        one.write(name, name);
    }
    settle(&one, &other).await;
    assert_eq!(other.read("trailing ").as_deref(), Some("trailing "));
    assert_eq!(other.read("#1%41").as_deref(), Some("#1%41"));
}

#[tokio::test]
async fn extended_char_paths() {
    let (_, one, other) = pair().await;
    for name in ["測試_Русский_ _ _ě_áñ/測試", "測試/ě", "😀/👩‍👩‍👧‍👦"] {
        one.write(name, name);
    }
    settle(&one, &other).await;
    one.write("測試/ě", "changed");
    fs::remove_dir_all(other.path("😀")).unwrap();
    settle(&one, &other).await;
    assert_eq!(other.read("測試/ě").as_deref(), Some("changed"));
    assert!(!one.path("😀").exists());
}

#[tokio::test]
async fn extended_filenames() {
    let (_, one, other) = pair().await;
    let long = "ä".repeat(127);
    for name in [long.as_str(), "new\nline", "tab\there", "\u{7f}\u{1}control", "\u{202e}reversed"] {
        one.write(name, "x");
    }
    settle(&one, &other).await;
    one.write(&long, "one");
    other.write(&long, "two");
    settle(&one, &other).await;
    let kept = contents(&one);
    assert!(
        kept.contains(&"one".to_owned()) && kept.contains(&"two".to_owned()),
        "a copy's name fits as well"
    );
}

#[tokio::test]
async fn filters() {
    let (bucket, mut one, other) = pair().await;
    one.route.ignore =
        IgnoreRules::new(&["sub/".to_owned(), "!sub/file6".to_owned(), "*.tmp".to_owned()]).unwrap();
    one.write("a.tmp", "left out");
    one.write("sub/file7", "left out now");
    one.sync().await;
    other.sync().await;
    assert_eq!(other.read("a.tmp"), None);
    assert_eq!(other.read("sub/file7").as_deref(), Some("sub/file7 as it was"));
    assert_eq!(bucket.objects().len(), NAMES.len(), "what is left out now stays where it was");
}

/// Theirs needs a new start when rules change. Ours goes on, and deletes nothing.
#[tokio::test]
async fn filtersfile_checks() {
    let (bucket, mut one, other) = pair().await;
    one.route.ignore = IgnoreRules::new(&["sub/".to_owned()]).unwrap();
    one.sync().await;
    assert_eq!((bucket.objects().len(), contents(&one).len()), (NAMES.len(), NAMES.len()));
    other.write("sub/file6", "changed while it was left out there");
    other.sync().await;
    one.sync().await;
    assert_eq!(one.read("sub/file6").as_deref(), Some("sub/file6 as it was"));
    one.route.ignore = IgnoreRules::new(&[]).unwrap();
    settle(&one, &other).await;
    assert_eq!(one.read("sub/file6").as_deref(), Some("changed while it was left out there"));
}

/// Where a listing tells no digest, the object itself does, once.
#[tokio::test]
async fn ignorelistingchecksum() {
    let bucket = FakeBucket::default();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    bucket.store("from elsewhere", b"by a client of its own");
    settle(&one, &other).await;
    assert_eq!(one.read("from elsewhere").as_deref(), Some("by a client of its own"));
    let read = bucket.bytes_read();
    settle(&one, &other).await;
    assert_eq!(bucket.bytes_read(), read);
}

#[tokio::test]
async fn max_delete_path1() {
    let (bucket, one, other) = pair().await;
    remove(&one, &NAMES[..5]);
    assert!(matches!(halt_of(&one).await, Halt::MassDeletion { .. }));
    assert!(matches!(halt_of(&one).await, Halt::MassDeletion { .. }), "it stays halted");
    assert_eq!(bucket.objects().len(), NAMES.len());
    // A change of mind: the files come back from where they still are.
    for name in &NAMES[..5] {
        one.write(name, format!("{name} as it was"));
    }
    settle(&one, &other).await;
    assert_eq!(contents(&other).len(), NAMES.len());
}

#[tokio::test]
async fn max_delete_path2_force() {
    let (bucket, mut one, other) = pair().await;
    one.route.max_delete = MaxDelete::Percent(100);
    remove(&one, &NAMES[..5]);
    one.sync().await;
    // There the deletions come from the bucket, and a person says yes.
    assert!(matches!(halt_of(&other).await, Halt::MassDeletion { .. }));
    assert_eq!(contents(&other).len(), NAMES.len());
    assert_eq!(resume(&other).await.deleted_local, 5);
    settle(&one, &other).await;
    assert_eq!(bucket.objects().len(), 3);
}

#[tokio::test]
async fn max_delete_track_renames() {
    let (bucket, one, other) = pair().await;
    fs::create_dir(one.path("moved")).unwrap();
    for name in &NAMES[..5] {
        fs::rename(one.path(name), one.path("moved").join(name)).unwrap();
    }
    fs::rename(one.path("sub"), one.path("moved/sub")).unwrap();
    let read = bucket.bytes_read();
    settle(&one, &other).await;
    assert_eq!(other.read("moved/sub/file8").as_deref(), Some("sub/file8 as it was"));
    assert_eq!(bucket.bytes_read(), read, "nothing was sent again");
}

/// A store that keeps no times of files: none is made up, and nothing is sent for ever.
#[tokio::test]
async fn nomodtime() {
    let (bucket, one, other) = pair().await;
    bucket.store("without a time", b"whose time is that of its upload");
    settle(&one, &other).await;
    let writes = bucket.writes();
    settle(&one, &other).await;
    assert_eq!(bucket.writes(), writes);
}

/// Names that differ in their spelling only are two names, and both are kept.
#[tokio::test]
async fn normalization() {
    let (_, one, other) = pair().await;
    one.write("caf\u{e9}", "composed");
    other.write("cafe\u{301}", "decomposed");
    one.write("README", "upper");
    other.write("readme", "lower");
    settle(&one, &other).await;
    for (name, content) in
        [("caf\u{e9}", "composed"), ("cafe\u{301}", "decomposed"), ("README", "upper"), ("readme", "lower")]
    {
        assert_eq!(one.read(name).as_deref(), Some(content), "{name}");
        assert_eq!(other.read(name).as_deref(), Some(content), "{name}");
    }
}

/// Options of rclone's that filter by size; ours lies in the profile, and deletes nothing either.
#[tokio::test]
async fn rclone_args() {
    let (_, mut one, other) = pair().await;
    one.route.ignore = IgnoreRules::new(&[]).unwrap().and_larger_than(Some(100));
    one.write("large", "x".repeat(200));
    one.write("small", "x");
    one.sync().await;
    other.sync().await;
    assert_eq!((other.read("large"), other.read("small").as_deref()), (None, Some("x")));
}

/// Theirs has a winner by choice. Ours keeps both, and a person removes one of them wherever they are.
#[tokio::test]
async fn resolve() {
    let (_, one, other) = pair().await;
    one.write("file1", "one");
    other.write("file1", "two");
    settle(&one, &other).await;
    let copy = "file1.sync-conflict-20261120-101500-other";
    assert_eq!((one.read("file1").as_deref(), one.read(copy).as_deref()), (Some("one"), Some("two")));
    fs::rename(one.path(copy), one.path("file1")).unwrap();
    settle(&one, &other).await;
    assert_eq!((other.read("file1").as_deref(), other.read(copy)), (Some("two"), None));
}

/// Theirs is a mode that a person has to know about. Ours is what happens without a journal: both sides are put together.
#[tokio::test]
async fn resync() {
    let (bucket, mut one, other) = pair().await;
    one.write("file1", "changed while the journal was being lost");
    remove(&one, &["file2"]);
    one.lose_journal();
    settle(&one, &other).await;
    let kept = contents(&one);
    for content in ["changed while the journal was being lost", "file1 as it was", "file2 as it was"] {
        assert!(kept.iter().any(|kept| kept == content), "{content}");
    }
    assert!(bucket.objects().len() > NAMES.len());
}

/// The same from either side, with files that only one of them has.
#[tokio::test]
async fn resync_modes() {
    let (_, mut one, mut other) = pair().await;
    one.write("only one has it", "1");
    other.write("only the other has it", "2");
    one.lose_journal();
    other.lose_journal();
    settle(&one, &other).await;
    assert_eq!(contents(&one).len(), NAMES.len() + 2);
}

#[tokio::test]
async fn rmdirs() {
    let (bucket, one, other) = pair().await;
    fs::remove_dir_all(one.path("sub")).unwrap();
    settle(&one, &other).await;
    assert!(!other.path("sub").exists());
    // A directory in which something was made meanwhile stays.
    one.write("deep/er/file", "x");
    settle(&one, &other).await;
    fs::remove_dir_all(one.path("deep")).unwrap();
    one.sync().await;
    other.write("deep/mine", "made meanwhile");
    settle(&one, &other).await;
    assert_eq!(one.read("deep/mine").as_deref(), Some("made meanwhile"));
    assert!(!one.path("deep/er").exists());
    assert_eq!(bucket.objects().len(), 6);
}

/// Files that change while a run is under way are left to the next one, whole.
#[tokio::test]
async fn volatile() {
    let (bucket, one, other) = pair().await;
    let path = one.path("file1");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut number = 0_u64;
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let whole = format!("{number} ").repeat(4000);
            fs::write(path.with_extension("new"), &whole).unwrap();
            fs::rename(path.with_extension("new"), &path).unwrap();
            number += 1;
        }
    });
    for _ in 0..10 {
        let outcome = one.run().await;
        assert!(matches!(outcome, Ok(Outcome::Done(_))), "{outcome:?}");
        for stored in bucket.objects().values() {
            let text = String::from_utf8_lossy(&stored.bytes).into_owned();
            let mut words = text.split_whitespace();
            let first = words.next();
            assert!(text.contains("as it was") || words.all(|word| Some(word) == first), "torn: {text}");
        }
    }
    drop(stop);
    writer.join().unwrap();
    settle(&one, &other).await;
}
