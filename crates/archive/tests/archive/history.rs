//! Reading back.

use crate::world::{World, git, noise, path};
use archive::{ChangeKind, Error};
use model::Kind;

#[test]
fn snapshots_come_newest_first_in_pages() {
    let world = World::new();
    let mut ids = Vec::new();
    for round in 0..25 {
        world.write("docs/a", format!("{round}"));
        ids.push(world.created().id);
    }
    ids.reverse();
    let history = world.history();
    assert_eq!(history.count().unwrap(), 25);
    assert_eq!(history.latest(), Some(ids[0]));
    let page = |skip, take| -> Vec<_> {
        history.snapshots(skip, take).unwrap().into_iter().map(|info| info.id).collect()
    };
    assert_eq!(page(0, 10), ids[..10]);
    assert_eq!(page(10, 10), ids[10..20]);
    assert_eq!(page(20, 10), ids[20..]);
    assert!(page(25, 10).is_empty());
    assert_eq!(history.info(&ids[0]).unwrap().parent, Some(ids[1]));
    assert_eq!(history.info(&ids[24]).unwrap().parent, None);
}

#[test]
fn snapshots_are_found_by_name() {
    let world = World::new();
    assert!(matches!(world.history().resolve("latest"), Err(Error::UnknownSnapshot { .. })));
    world.write("docs/a", "1");
    let id = world.created().id;
    let history = world.history();
    let full = id.to_string();
    for name in ["latest", &full, &full[..8], &id.short(), &full.to_uppercase()] {
        assert_eq!(history.resolve(name).unwrap(), id, "{name}");
    }
    let blob = world.git(&["rev-parse", "main:docs/a"]);
    for name in ["", "abc", "0000000", "latest ", "main", "HEAD~1", blob.trim(), &format!("{full}0")] {
        assert!(matches!(history.resolve(name), Err(Error::UnknownSnapshot { .. })), "{name}");
    }
    let unknown: archive::SnapshotId = blob.trim().parse().unwrap();
    assert!(matches!(history.info(&unknown), Err(Error::UnknownSnapshot { .. })));
}

#[test]
fn versions_of_a_path_are_those_that_differ() {
    let world = World::new();
    let mut ids = Vec::new();
    let mut step = |world: &World| ids.push(world.created().id);
    world.write("docs/other", "0");
    step(&world); // 0
    world.write("docs/sub/a", "one");
    step(&world); // 1 added
    world.write("docs/sub/b", "unrelated");
    step(&world); // 2
    world.write("docs/sub/a", "two!");
    step(&world); // 3 modified
    world.remove("docs/sub");
    step(&world); // 4 deleted
    world.write("docs/other", "2");
    step(&world); // 5
    world.write("docs/sub/a", "one");
    step(&world); // 6 added again
    world.remove("docs/sub/a");
    world.write("docs/sub/a/inside", "x");
    step(&world); // 7 a directory now

    let history = world.history();
    let versions = history.versions(&path("docs/sub/a")).unwrap();
    let seen: Vec<_> =
        versions.iter().map(|version| (version.snapshot.id, version.change, version.size)).collect();
    assert_eq!(
        seen,
        [
            (ids[7], ChangeKind::Modified, None),
            (ids[6], ChangeKind::Added, Some(3)),
            (ids[4], ChangeKind::Deleted, None),
            (ids[3], ChangeKind::Modified, Some(4)),
            (ids[1], ChangeKind::Added, Some(3)),
        ]
    );
    assert_eq!(versions[0].kind, Some(Kind::Directory));
    assert_eq!(versions[1].id, versions[4].id, "the same content again");
    let folder: Vec<_> =
        history.versions(&path("docs/sub")).unwrap().into_iter().map(|version| version.snapshot.id).collect();
    assert_eq!(folder, [7, 6, 4, 3, 2, 1].map(|number: usize| ids[number]));
    assert!(history.versions(&path("never")).unwrap().is_empty());
    assert!(history.versions(&path(".heirloom")).unwrap().is_empty());
    assert!(history.versions(&path(".gitattributes")).unwrap().is_empty());
}

#[test]
fn ranges_and_limits() {
    let world = World::new();
    let small = noise(10_000, 1);
    let large = noise(12 << 20, 2);
    let text: Vec<u8> = "0123456789abcdef".repeat(1 << 20).into_bytes();
    world.write("d/small", &small);
    world.write("d/large", &large);
    world.write("d/text", &text);
    let id = world.created().id;
    let check = |what: &str| {
        let history = world.history();
        for (name, content) in [("d/small", &small), ("d/large", &large), ("d/text", &text)] {
            let entry = history.entry(&id, &path(name)).unwrap().unwrap();
            let length = content.len() as u64;
            for range in
                [0..length, 0..1, 1..5000, length - 1..length, length / 2..length + 100, length..length + 5]
            {
                let mut out = Vec::new();
                let copied = history.copy_to(&entry, Some(range.clone()), &mut out).unwrap();
                let end = usize::try_from(range.end.min(length)).unwrap();
                assert!(
                    out == content[usize::try_from(range.start).unwrap()..end],
                    "{what}: {name} {range:?}"
                );
                assert_eq!(copied, out.len() as u64);
            }
            assert!(history.read(&entry, length).unwrap() == *content);
            let refused = history.read(&entry, length - 1);
            assert!(matches!(refused, Err(Error::TooLarge { size, .. }) if size == length));
        }
    };
    check("as written");
    // A repack turns the second version of a file into a delta, or the first.
    let mut changed = text.clone();
    changed[5] = b'!';
    world.write("d/text", &changed);
    world.created();
    world.git(&["-c", "core.bigFileThreshold=1g", "repack", "-adfq"]);
    check("repacked");
    world.check();
}

#[test]
fn a_repack_or_commit_graph_changes_nothing() {
    let world = World::new();
    for round in 0..6 {
        world.write("docs/a", format!("{round}"));
        world.created();
    }
    let before = world.history().snapshots(0, 100).unwrap();
    world.git(&["repack", "--geometric=2", "-d", "-q", "--write-midx"]);
    world.git(&["commit-graph", "write", "--reachable", "--changed-paths", "--no-progress"]);
    world.git(&["pack-refs", "--all"]);
    assert_eq!(world.history().snapshots(0, 100).unwrap(), before);
    world.write("docs/a", "after");
    world.created();
    world.write("docs/a", "0");
    world.created();
    assert_eq!(world.history().count().unwrap(), 8);
    assert_eq!(world.history().versions(&path("docs/a")).unwrap().len(), 8);
    world.check();
    let clone = world.clone_with("clone", &[]);
    assert_eq!(git(&["-C", clone.to_str().unwrap(), "rev-list", "--count", "HEAD"]), "8\n");
}

#[test]
fn a_reader_may_move_to_another_thread() {
    let world = World::new();
    world.write("docs/a", "1");
    let id = world.created().id;
    let history = world.history();
    let found = std::thread::spawn(move || history.entry(&id, &path("docs/a")).unwrap()).join().unwrap();
    assert_eq!(found.map(|entry| entry.size), Some(1));
}
