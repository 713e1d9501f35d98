//! What a killed writer leaves is finished or removed by the next one.

use crate::world::World;
use std::fs;

#[test]
fn unfinished_packs_are_removed() {
    let world = World::new();
    world.write("docs/a", "1");
    let packs = world.archive.path().join("objects/pack");
    fs::write(packs.join("tmp_pack_heirloom"), b"PACK half of one").unwrap();
    fs::write(packs.join("tmp_idx_heirloom"), b"half an index").unwrap();
    world.created();
    world.check();
    assert_eq!(fs::read_dir(&packs).unwrap().count(), 2, "a pack and its index");
}

#[test]
fn a_pack_without_its_index_gets_it() {
    let world = World::new();
    world.write("docs/a", "1");
    world.created();
    // As if killed between the two renames of the first snapshot.
    let packs = world.archive.path().join("objects/pack");
    let index = fs::read_dir(&packs)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "idx"))
        .unwrap();
    fs::rename(&index, packs.join("tmp_idx_heirloom")).unwrap();
    fs::remove_file(world.archive.path().join("refs/heads/main")).unwrap();
    let created = world.created();
    assert_eq!(created.added, 1);
    assert!(index.exists());
    world.check();
}

#[test]
fn a_lock_of_a_killed_writer_does_not_block() {
    let world = World::new();
    world.write("docs/a", "1");
    world.created();
    fs::write(world.archive.path().join("refs/heads/main.lock"), b"half").unwrap();
    fs::write(world.archive.path().join("heirloom/moving-main"), b"").unwrap();
    fs::write(world.archive.path().join("heirloom/stat-cache.new"), b"half").unwrap();
    world.write("docs/a", "2");
    world.created();
    world.check();
    assert!(!world.archive.path().join("heirloom/moving-main").exists());
}

#[test]
fn a_lock_of_git_itself_is_respected() {
    let world = World::new();
    world.write("docs/a", "1");
    world.created();
    let lock = world.archive.path().join("refs/heads/main.lock");
    fs::write(&lock, b"").unwrap();
    world.write("docs/a", "2");
    let refused = world.archive.snapshot(&world.live, &world.context(), &|_| {});
    assert!(refused.is_err());
    assert!(lock.exists(), "it is not ours to remove");
    fs::remove_file(&lock).unwrap();
    world.created();
    world.check();
}

/// A writer is killed again and again at arbitrary moments; whatever it left, the next run ends well.
#[test]
fn killed_at_any_moment_the_next_run_finishes() {
    const CHILD: &str = "HEIRLOOM_TEST_SNAPSHOT_CHILD";
    if let Some(root) = std::env::var_os(CHILD) {
        let root = std::path::PathBuf::from(root);
        let archive = archive::Archive::init(&root.join("archives/alice.git")).unwrap();
        let world = World::new();
        drop(archive.snapshot(&root.join("live"), &world.context(), &|_| {}));
        return;
    }
    let world = World::new();
    for round in 0..12_u64 {
        for number in 0..60 {
            world.write(format!("docs/{number}"), crate::world::noise(60_000, round * 100 + number + 1));
        }
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::killed_at_any_moment_the_next_run_finishes"])
            .env(CHILD, world.root.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(3 * (round + 1)));
        child.kill().unwrap();
        child.wait().unwrap();
        world.snapshot();
        let said = world.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
        assert_eq!(said, "");
        let history = world.history();
        let latest = history.latest().unwrap();
        for number in 0..60 {
            let name = format!("docs/{number}");
            let entry = history.entry(&latest, &crate::world::path(&name)).unwrap().unwrap();
            assert!(history.read(&entry, 1 << 20).unwrap() == fs::read(world.path(&name)).unwrap());
        }
    }
}
