//! A line that is cut at every single request, before and after its effect: the next run finishes, and nothing is lost.

use crate::fake::{Break, FakeBucket};
use crate::machine::Machine;
use std::fs;

/// One and the other edit the same few files; the contents that must survive are returned.
async fn prepared(bucket: FakeBucket) -> (FakeBucket, Machine, Machine, Vec<&'static str>) {
    let (one, other) = (Machine::new("one", &bucket), Machine::new("other", &bucket));
    for name in ["edited", "deleted", "contested", "d/moved"] {
        one.write(name, name);
    }
    fs::create_dir(one.path("empty")).unwrap();
    one.sync().await;
    other.sync().await;
    one.write("edited", "edited by one");
    one.write("contested", "one's version");
    one.write("fresh/file", "new from one");
    fs::remove_file(one.path("deleted")).unwrap();
    one.sync().await;
    other.write("contested", "other's version, longer");
    other.write("new", "new from other");
    fs::rename(other.path("d/moved"), other.path("moved")).unwrap();
    fs::remove_dir(other.path("empty")).unwrap();
    let survivors = vec![
        "edited by one",
        "one's version",
        "new from one",
        "other's version, longer",
        "new from other",
        "d/moved",
    ];
    (bucket, one, other, survivors)
}

fn contents(machine: &Machine) -> Vec<String> {
    machine.names().iter().filter_map(|name| machine.read(name)).collect()
}

#[tokio::test]
async fn a_line_cut_anywhere_is_finished_by_the_next_run() {
    for kind in [FakeBucket::with_feed, FakeBucket::default] {
        for when in [Break::Before, Break::After] {
            cut_everywhere(kind, when).await;
        }
    }
}

async fn cut_everywhere(kind: fn() -> FakeBucket, when: Break) {
    let mut number = 1;
    loop {
        let (bucket, one, other, survivors) = prepared(kind()).await;
        bucket.break_at(number, when);
        let broke = other.run().await.is_err();
        bucket.mend();
        other.sync().await;
        one.sync().await;
        other.sync().await;
        assert_eq!(testkit::list(one.folder()), testkit::list(other.folder()), "request {number}, {when:?}");
        for survivor in survivors {
            let found = contents(&one).iter().filter(|content| *content == survivor).count();
            assert_eq!(found, 1, "`{survivor}` after a cut at request {number}, {when:?}: {:?}", one.names());
        }
        assert_eq!(one.read("deleted"), None);
        if !broke {
            break;
        }
        number += 1;
    }
    assert!(number > 10, "only {number} requests were tried");
}
