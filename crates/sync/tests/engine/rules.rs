//! What is left alone, and that a change of rules deletes nothing.

use crate::fake::FakeBucket;
use crate::machine::Machine;
use plan::ignore::IgnoreRules;
use std::fs;

fn pair() -> (FakeBucket, Machine, Machine) {
    let bucket = FakeBucket::with_feed();
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    (bucket, one, other)
}

const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n# This directory is a cache.\n";

#[tokio::test]
async fn rules_in_the_tree_hold_where_they_lie_and_travel_along() {
    let (bucket, one, other) = pair();
    one.write("work/.heirloomignore", "*.o\n/out/\n");
    one.write("work/main.c", "int main;");
    one.write("work/main.o", "object");
    one.write("work/out/prog", "binary");
    one.write("main.o", "not covered by that rule");
    one.sync().await;
    let keys: Vec<String> = bucket.objects().keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["main.o", "work/.heirloomignore", "work/main.c"]);
    other.sync().await;
    other.write("work/other.o", "made elsewhere");
    assert!(!other.sync().await.did_something(), "the rule came along");
}

#[tokio::test]
async fn a_new_rule_deletes_nothing_and_its_end_brings_everything_together() {
    let (bucket, one, other) = pair();
    one.write("a.log", "first");
    one.write("b.txt", "text");
    one.sync().await;
    other.sync().await;
    one.write(".heirloomignore", "*.log\n");
    one.sync().await;
    other.sync().await;
    for machine in [&one, &other] {
        assert_eq!(machine.names(), [".heirloomignore", "a.log", "b.txt"]);
    }
    // While it is ignored, it is each side's own.
    one.write("a.log", "edited here");
    fs::remove_file(other.path("a.log")).unwrap();
    one.sync().await;
    other.sync().await;
    assert_eq!(bucket.objects().len(), 3);
    assert_eq!(one.read("a.log").as_deref(), Some("edited here"));
    assert_eq!(other.read("a.log"), None);
    fs::remove_file(one.path(".heirloomignore")).unwrap();
    one.sync().await;
    other.sync().await;
    one.sync().await;
    assert_eq!(other.read("a.log").as_deref(), Some("edited here"));
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
}

/// What is left alone is not taken for a file that was moved elsewhere, either.
#[tokio::test]
async fn what_a_rule_leaves_alone_does_not_follow_a_move() {
    let (_, one, mut other) = pair();
    one.write("film", "the same film");
    one.sync().await;
    other.sync().await;
    fs::rename(one.path("film"), one.path("moved")).unwrap();
    one.sync().await;
    other.route.ignore = IgnoreRules::new(&["/film".to_owned()]).unwrap();
    other.sync().await;
    assert_eq!(other.names(), ["film", "moved"]);
}

/// Whoever deletes an ignored file, on one side or the other, means that side. The end of the rule is no order to delete the rest.
#[tokio::test]
async fn what_was_deleted_while_it_was_ignored_comes_back_when_the_rule_ends() {
    let ends: [fn(&Machine); 3] = [
        |machine| fs::remove_file(machine.path(".heirloomignore")).unwrap(),
        |machine| machine.write(".heirloomignore", "*.tmp\n"),
        |machine| machine.write(".heirloomignore", "*.log\n!*.log\n"),
    ];
    for end in ends {
        let (bucket, one, other) = pair();
        for name in
            ["here.log", "there.log", "both.log", "edited.log", "moved.log", "quiet.log", "d/below.log"]
        {
            one.write(name, format!("of {name}"));
        }
        one.sync().await;
        other.sync().await;
        one.write(".heirloomignore", "*.log\n");
        one.sync().await;
        other.sync().await;
        fs::remove_file(one.path("here.log")).unwrap();
        fs::remove_file(one.path("both.log")).unwrap();
        fs::remove_file(other.path("both.log")).unwrap();
        fs::remove_file(other.path("there.log")).unwrap();
        fs::remove_dir_all(one.path("d")).unwrap();
        one.write("edited.log", "edited by one");
        fs::rename(one.path("moved.log"), one.path("moved.txt")).unwrap();
        for _ in 0..2 {
            one.sync().await;
            other.sync().await;
        }
        end(&one);
        for _ in 0..3 {
            one.sync().await;
            other.sync().await;
        }
        assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
        for name in ["here.log", "there.log", "both.log", "moved.log", "quiet.log", "d/below.log"] {
            assert_eq!(one.read(name), Some(format!("of {name}")), "{name}");
        }
        assert_eq!(one.read("edited.log").as_deref(), Some("edited by one"));
        assert_eq!(one.read("moved.txt").as_deref(), Some("of moved.log"));
        assert!(one.names().iter().all(|name| !name.contains("conflict")), "{:?}", one.names());
        // From here on, a deletion is one again.
        fs::remove_file(one.path("quiet.log")).unwrap();
        fs::remove_file(one.path("here.log")).unwrap();
        one.sync().await;
        other.sync().await;
        assert_eq!((other.read("quiet.log"), other.read("here.log")), (None, None));
        assert!(!bucket.objects().contains_key(&model::ObjectKey::parse("quiet.log").unwrap()));
    }
}

/// The bucket's files are deleted by others while this machine alone ignores them.
#[tokio::test]
async fn a_rule_of_one_machine_deletes_nothing_there_when_it_ends() {
    let (_, mut one, other) = pair();
    (0..10).for_each(|n| one.write(&format!("other {n}"), "no rule is about it"));
    one.write("keep.log", "kept");
    one.write("large", vec![7; 3 << 20]);
    one.write("cache/CACHEDIR.TAG", "not yet");
    one.write("cache/entry", "cached");
    one.sync().await;
    other.sync().await;
    one.route.ignore = IgnoreRules::new(&["*.log".to_owned()]).unwrap().and_larger_than(Some(1 << 20));
    one.write("cache/CACHEDIR.TAG", TAG);
    one.sync().await;
    for name in ["keep.log", "large", "cache/entry"] {
        fs::remove_file(other.path(name)).unwrap();
    }
    other.sync().await;
    one.sync().await;
    one.route.ignore = IgnoreRules::new(&[]).unwrap();
    fs::remove_file(one.path("cache/CACHEDIR.TAG")).unwrap();
    one.sync().await;
    for name in ["keep.log", "large", "cache/entry"] {
        assert!(one.path(name).exists(), "{name}");
    }
    other.sync().await;
    one.sync().await;
    assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()));
}

#[tokio::test]
async fn a_cache_is_left_out_whole() {
    let (bucket, one, _) = pair();
    one.write("photos/cat.jpg", "meow");
    one.write("photos/thumbs/CACHEDIR.TAG", TAG);
    one.write("photos/thumbs/cat.png", "small meow");
    one.write("papers/CACHEDIR.TAG", "Signature: of something else");
    one.write("papers/letter", "dear");
    bucket.store("photos/thumbs/stray.png", b"from another client");
    one.sync().await;
    let keys: Vec<String> = bucket.objects().keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["papers/CACHEDIR.TAG", "papers/letter", "photos/cat.jpg", "photos/thumbs/stray.png"]);
    assert!(!one.path("photos/thumbs/stray.png").exists());
    fs::remove_file(one.path("photos/thumbs/CACHEDIR.TAG")).unwrap();
    one.sync().await;
    assert_eq!(one.read("photos/thumbs/stray.png").as_deref(), Some("from another client"));
    assert_eq!(bucket.objects().len(), 5);
}

#[tokio::test]
async fn large_files_stay_where_they_are_on_both_sides() {
    let (bucket, mut one, other) = pair();
    one.route.ignore = IgnoreRules::new(&[]).unwrap().and_larger_than(Some(10));
    one.write("small", "0123456789");
    one.write("large", "0123456789X");
    bucket.store("large there", b"0123456789Y");
    one.sync().await;
    assert_eq!(one.names(), ["large", "small"]);
    assert_eq!(bucket.objects().len(), 2);
    // One that grows is left alone from then on, and goes again once it is small.
    one.write("small", "0123456789 and more");
    one.sync().await;
    other.sync().await;
    assert_eq!(other.read("small").as_deref(), Some("0123456789"));
    one.write("small", "tiny");
    one.sync().await;
    other.sync().await;
    assert_eq!(other.read("small").as_deref(), Some("tiny"));
}

#[tokio::test]
async fn a_bad_line_is_reported_and_the_others_hold() {
    let (bucket, one, _) = pair();
    one.write(".heirloomignore", "a{b\n*.tmp\n");
    one.write("x.tmp", "x");
    let Ok(sync::Outcome::Done(report)) = one.run().await else { panic!("it goes on") };
    assert_eq!((report.remarks.len(), report.is_complete()), (1, true));
    assert!(report.remarks[0].message.starts_with(".heirloomignore:1: ignore pattern `a{b`"));
    assert_eq!(bucket.objects().len(), 1);
}
