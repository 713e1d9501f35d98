//! What only plain trees can show: people at work in them, and machines that stop halfway.

use crate::trees::{LONG_AGO, Tree};
use crate::{below, file, key, md5, meta};
use bucket::plain::{At, Options};
use bucket::{Error, Expect, Found, Honoured, Limiter, Limits, Listing, Plain, Prefix, Retry};
use bytes::Bytes;
use futures::TryStreamExt as _;
use model::{ContentId, Kind, Meta, Mode, Node, RemoteVersion, UnixNanos};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

const ROOT: fn() -> Prefix = Prefix::root;

async fn put(
    plain: &Plain,
    name: &str,
    body: &'static [u8],
    expect: &Expect,
) -> Result<RemoteVersion, Error> {
    plain.put(&ROOT(), &key(name), &file(body), Bytes::from_static(body), expect).await
}

async fn create(plain: &Plain, name: &str, body: &'static [u8]) -> RemoteVersion {
    put(plain, name, body, &Expect::Absent).await.unwrap()
}

async fn read(plain: &Plain, name: &str, version: &RemoteVersion) -> Result<Vec<u8>, Error> {
    let chunks: Vec<Bytes> = plain.get(&ROOT(), &key(name), version).await?.body.try_collect().await?;
    Ok(chunks.concat())
}

fn names(listing: &Listing) -> Vec<&str> {
    listing.objects.iter().map(|listed| listed.key.as_str()).collect()
}

fn in_transit(tree: &Tree) -> usize {
    fs::read_dir(tree.root.join(".heirloom/incoming")).map_or(0, Iterator::count)
}

fn sidecars(tree: &Tree) -> usize {
    let directories = fs::read_dir(tree.root.join(".heirloom/metadata")).unwrap();
    directories.map(|directory| fs::read_dir(directory.unwrap().path()).unwrap().count()).sum()
}

/// Long enough for several steps of a limit.
const LONG: &[u8] = &[7; 300_001];

#[tokio::test]
async fn every_byte_over_a_line_asks_for_its_turn() {
    for tree in Tree::all() {
        let (upload, download) = (Limiter::new(1 << 30), Limiter::new(1 << 30));
        let limits = Limits { upload: Some(upload.clone()), download: Some(download.clone()) };
        let plain = Plain::connect(&Options { limits, ..tree.options("laptop") }).unwrap();
        let version = create(&plain, "long", LONG).await;
        assert_eq!(read(&plain, "long", &version).await.unwrap(), LONG);
        if matches!(tree.at, At::Disk { .. }) {
            assert_eq!((upload.taken(), download.taken()), (0, 0), "a disk has no line");
        } else {
            // Sidecars go the same way.
            let asked = [upload.taken(), download.taken()];
            assert!(asked.iter().all(|asked| (300_001..310_000).contains(asked)), "{:?}: {asked:?}", tree.at);
        }
    }
}

#[tokio::test]
async fn a_persons_file_is_a_file_whose_content_is_unknown() {
    for tree in Tree::all() {
        fs::create_dir_all(tree.root.join("letters/empty")).unwrap();
        tree.person_writes("letters/to bob.txt", b"dear bob").await;
        let plain = tree.connect();
        let listing = plain.list(&below("letters")).await.unwrap();
        assert_eq!(names(&listing), ["to bob.txt"], "{:?}", tree.at);
        assert_eq!((listing.objects[0].size, listing.objects[0].content()), (8, None));
        let found = plain.head(&ROOT(), &key("letters/to bob.txt")).await.unwrap().unwrap();
        assert!(listing.objects[0].is_still(&found.version));
        assert_eq!((found.kind, found.content, found.meta.mode), (Kind::File, None, None));
        let said = found.meta.mtime.unwrap().seconds_and_nanos().0;
        // Over WebDAV nobody can say when a file is from.
        assert!(said.unsigned_abs() == LONG_AGO || matches!(tree.at, At::Webdav { .. }), "{:?}", tree.at);
        assert_eq!(read(&plain, "letters/to bob.txt", &found.version).await.unwrap(), b"dear bob");
    }
}

#[tokio::test]
async fn what_a_person_edits_is_neither_overwritten_nor_taken_for_what_it_was() {
    for tree in Tree::all() {
        let plain = tree.connect();
        let version = create(&plain, "note", b"first").await;
        tree.person_writes("note", b"other").await;
        let found = plain.head(&ROOT(), &key("note")).await.unwrap().unwrap();
        assert_ne!(found.version.etag, version.etag, "{:?}", tree.at);
        assert_eq!((found.content, found.meta.mode), (None, None));
        let listing = plain.list(&ROOT()).await.unwrap();
        assert!(listing.objects[0].is_still(&found.version));
        let expect = Expect::Version(version.clone());
        let refusals = [
            put(&plain, "note", b"second", &expect).await.map(drop),
            plain.delete(&ROOT(), &key("note"), &version).await,
            read(&plain, "note", &version).await.map(drop),
            plain.set_meta(&ROOT(), &key("note"), &file(b"first"), &version).await.map(drop),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Err(Error::Changed { .. })), "{refusal:?}");
        }
        let replaced = put(&plain, "note", b"second", &Expect::Version(found.version)).await.unwrap();
        assert_eq!(read(&plain, "note", &replaced).await.unwrap(), b"second");
        assert_eq!(in_transit(&tree), 0);
    }
}

#[tokio::test]
async fn a_replacement_that_stopped_halfway_changes_nothing_known() {
    for tree in [Some(Tree::disk()), Tree::sftp()].into_iter().flatten() {
        let plain = tree.connect();
        let old = Node { meta: meta(0o600), ..file(b"first") };
        let body = Bytes::from_static(b"first");
        let version = plain.put(&ROOT(), &key("note"), &old, body, &Expect::Absent).await.unwrap();
        let path = tree.root.join("note");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        put(&plain, "note", b"second!", &Expect::Version(version)).await.unwrap();
        // As if only the sidecar had been written when the power went.
        fs::write(&path, b"first").unwrap();
        fs::File::open(&path).unwrap().set_modified(modified).unwrap();
        let found = plain.head(&ROOT(), &key("note")).await.unwrap().unwrap();
        assert_eq!(found.node(), Some(old), "{:?}", tree.at);
    }
}

#[tokio::test]
async fn what_a_creation_left_that_stopped_halfway_is_in_nobodys_way() {
    for tree in [Some(Tree::disk()), Tree::sftp()].into_iter().flatten() {
        let plain = tree.connect();
        create(&plain, "note", b"first").await;
        // As if only the sidecar had come when the power went, and elsewhere a directory.
        fs::remove_file(tree.root.join("note")).unwrap();
        fs::create_dir(tree.root.join("letter")).unwrap();
        for name in ["note", "letter"] {
            let node = Node { meta: meta(0o640), ..file(b"second!") };
            let body = Bytes::from_static(b"second!");
            let version = plain.put(&ROOT(), &key(name), &node, body, &Expect::Absent).await.unwrap();
            let found = plain.head(&ROOT(), &key(name)).await.unwrap().unwrap();
            assert_eq!((found.node(), found.version.etag), (Some(node), version.etag), "{:?}", tree.at);
        }
        // What cannot have its name leaves no sidecar either.
        fs::create_dir_all(tree.root.join("taken/by a person")).unwrap();
        put(&plain, "taken", b"text", &Expect::Absent).await.unwrap_err();
        fs::remove_dir_all(tree.root.join("taken")).unwrap();
        assert_eq!(sidecars(&tree), 2, "{:?}", tree.at);
        assert_eq!(in_transit(&tree), 0);
    }
}

#[tokio::test]
async fn versions_that_the_store_cannot_tell_apart_are_not_mistaken() {
    for tree in [Some(Tree::disk()), Tree::sftp()].into_iter().flatten() {
        let plain = tree.connect();
        // The same size and the same time.
        let version = create(&plain, "note", b"aaaaa").await;
        let replaced = put(&plain, "note", b"bbbbb", &Expect::Version(version.clone())).await.unwrap();
        assert_ne!(version.etag, replaced.etag, "{:?}", tree.at);
        // Which of the two it is that stands there is not known while both are described.
        assert_eq!(plain.head(&ROOT(), &key("note")).await.unwrap().unwrap().content, None);
        assert_eq!(read(&plain, "note", &replaced).await.unwrap(), b"bbbbb");
    }
}

#[tokio::test]
async fn of_two_machines_the_late_one_leaves_no_trace() {
    for tree in Tree::all() {
        let (one, other) = (tree.connect(), Plain::connect(&tree.options("other-machine")).unwrap());
        create(&one, "note", b"ours").await;
        let late = put(&other, "note", b"theirs", &Expect::Absent).await;
        assert!(matches!(late, Err(Error::Changed { .. })), "{late:?}");
        let found = other.head(&ROOT(), &key("note")).await.unwrap().unwrap();
        assert_eq!(found.node().map(|node| node.content), Some(md5(b"ours")), "{:?}", tree.at);
        assert_eq!(in_transit(&tree), 0);
    }
}

#[tokio::test]
async fn many_files_go_into_new_directories_at_once() {
    for tree in Tree::all() {
        let plain = tree.connect();
        let names: Vec<String> = (0..60).map(|at| format!("d{}/e/f{at}", at % 3)).collect();
        let writes = names.iter().map(|name| put(&plain, name, b"text", &Expect::Absent));
        let outcomes = futures::future::join_all(writes).await;
        let refused: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
        assert!(refused.is_empty(), "{:?}: {refused:?}", tree.at);
        assert_eq!(plain.list(&ROOT()).await.unwrap().objects.len(), names.len());
    }
}

#[tokio::test]
async fn a_rename_takes_everything_along_and_never_replaces() {
    for tree in Tree::all() {
        let plain = tree.connect();
        let node = Node { meta: meta(0o755), ..file(b"text") };
        let body = Bytes::from_static(b"text");
        let version = plain.put(&ROOT(), &key("a/b/old"), &node, body, &Expect::Absent).await.unwrap();
        let occupied = create(&plain, "c/taken", b"theirs").await;
        let rename = async |to| plain.rename(&ROOT(), &key("a/b/old"), &key(to), &node, &version).await;
        assert!(matches!(rename("c/taken").await, Err(Error::Changed { .. })));
        assert_eq!(read(&plain, "c/taken", &occupied).await.unwrap(), b"theirs");
        let renamed = rename("c/d/new").await.unwrap();
        let found = plain.head(&ROOT(), &key("c/d/new")).await.unwrap().unwrap();
        assert_eq!((found.node(), &found.version.etag), (Some(node), &renamed.etag), "{:?}", tree.at);
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["c/d/new", "c/taken"]);
        assert!(matches!(rename("c/again").await, Err(Error::NotFound { .. })));
        if !matches!(tree.at, At::Webdav { .. }) {
            assert!(!tree.root.join("a").exists(), "what was emptied is gone: {:?}", tree.at);
        }
    }
}

#[tokio::test]
async fn a_copy_is_as_described_and_never_replaces() {
    for tree in Tree::all() {
        let plain = tree.connect();
        // More than one step of any kind.
        let all: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
        let node = Node { meta: meta(0o755), ..file(&all) };
        let body = Bytes::from(all.clone());
        let version = plain.put(&ROOT(), &key("a/film"), &node, body, &Expect::Absent).await.unwrap();
        let copy = async |to, version| plain.copy(&ROOT(), &key("a/film"), version, &key(to), &node).await;
        let copied = copy("b/c/film", &version).await.unwrap();
        let found = plain.head(&ROOT(), &key("b/c/film")).await.unwrap().unwrap();
        assert_eq!((found.node(), &found.version.etag), (Some(node), &copied.etag), "{:?}", tree.at);
        assert!(read(&plain, "b/c/film", &copied).await.unwrap() == all);
        let taken = create(&plain, "taken", b"theirs").await;
        assert!(matches!(copy("taken", &version).await, Err(Error::Changed { .. })));
        assert_eq!(read(&plain, "taken", &taken).await.unwrap(), b"theirs");
        // Only the version that was meant.
        assert!(matches!(copy("other", &taken).await, Err(Error::Changed { .. })));
        plain.delete(&ROOT(), &key("a/film"), &version).await.unwrap();
        assert!(matches!(copy("other", &version).await, Err(Error::NotFound { .. })));
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["b/c/film", "taken"]);
        assert_eq!(in_transit(&tree), 0);
    }
}

#[tokio::test]
async fn a_file_may_follow_a_directory_and_the_other_way_round() {
    for tree in Tree::all() {
        let plain = tree.connect();
        let deep = create(&plain, "x/y/z", b"deep").await;
        plain.delete(&ROOT(), &key("x/y/z"), &deep).await.unwrap();
        let flat = create(&plain, "x", b"flat").await;
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["x"], "{:?}", tree.at);
        plain.delete(&ROOT(), &key("x"), &flat).await.unwrap();
        create(&plain, "x/y", b"again").await;
        assert_eq!(in_transit(&tree), 0);

        // What is in the way and not ours to remove stays.
        let refused = put(&plain, "x", b"flat", &Expect::Absent).await;
        assert!(matches!(refused, Err(Error::Rejected { .. })), "{refused:?}");
        let refused = put(&plain, "x/y/z", b"deep", &Expect::Absent).await;
        assert!(matches!(refused, Err(Error::Rejected { .. })), "{refused:?}");
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["x/y"]);
        assert_eq!(in_transit(&tree), 0);
    }
}

#[tokio::test]
async fn a_directory_that_was_synced_stays_when_it_is_emptied() {
    for tree in Tree::all() {
        let plain = tree.connect();
        let node = Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta: meta(0o700) };
        let marker = plain.put(&ROOT(), &key("d/e/"), &node, Bytes::new(), &Expect::Absent).await.unwrap();
        let version = create(&plain, "d/e/f", b"x").await;
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["d/e/", "d/e/f"]);
        plain.delete(&ROOT(), &key("d/e/f"), &version).await.unwrap();
        let found = plain.head(&ROOT(), &key("d/e/")).await.unwrap().unwrap();
        assert_eq!((found.node(), &found.version.etag), (Some(node), &marker.etag), "{:?}", tree.at);
        plain.delete(&ROOT(), &key("d/e/"), &marker).await.unwrap();
        assert_eq!(plain.list(&ROOT()).await.unwrap(), Listing::default());
    }
}

#[tokio::test]
async fn a_directory_that_lost_all_sidecars_is_told_and_described_again() {
    for tree in [Some(Tree::disk()), Tree::sftp()].into_iter().flatten() {
        let plain = tree.connect();
        let node = Node { kind: Kind::Directory, content: ContentId::EMPTY, size: 0, meta: meta(0o700) };
        plain.put(&ROOT(), &key("d/"), &node, Bytes::new(), &Expect::Absent).await.unwrap();
        fs::remove_dir_all(tree.root.join(".heirloom/metadata")).unwrap();
        assert_eq!(plain.list(&ROOT()).await.unwrap(), Listing::default());
        let bare = plain.head(&ROOT(), &key("d/")).await.unwrap().unwrap();
        assert_eq!((bare.kind, bare.meta), (Kind::Directory, Meta::default()));
        let version = plain.set_meta(&ROOT(), &key("d/"), &node, &bare.version).await.unwrap();
        let found = plain.head(&ROOT(), &key("d/")).await.unwrap().unwrap();
        assert_eq!((found.node(), found.version.etag), (Some(node), version.etag.clone()), "{:?}", tree.at);
        // Another machine deletes it and leaves the directory, because it is not empty.
        create(&plain, "d/f", b"x").await;
        plain.delete(&ROOT(), &key("d/"), &version).await.unwrap();
        assert!(plain.head(&ROOT(), &key("d/")).await.unwrap().is_none());
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["d/f"]);
    }
}

#[tokio::test]
async fn the_directory_for_what_is_in_transit_may_go_while_a_disk_is_held() {
    let tree = Tree::disk();
    let plain = tree.connect().hold().await.unwrap();
    for name in ["one", "two", "three"] {
        create(&plain, name, b"x").await;
        fs::remove_dir_all(tree.root.join(".heirloom/incoming")).unwrap();
    }
    assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["one", "three", "two"]);
}

#[tokio::test]
async fn names_that_no_key_has_are_told_and_nothing_follows_a_symlink() {
    for tree in [Some(Tree::disk()), Tree::sftp()].into_iter().flatten() {
        let root = &tree.root;
        fs::write(root.join(std::ffi::OsStr::from_bytes(b"latin\xe9")), b"").unwrap();
        fs::create_dir(root.join("trailing ")).unwrap();
        fs::write(root.join("trailing /inner"), b"").unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret"), b"").unwrap();
        symlink(outside.path(), root.join("away")).unwrap();
        symlink("nowhere", root.join("broken")).unwrap();
        fs::write(root.join("good"), b"").unwrap();
        let plain = tree.connect();
        let listing = plain.list(&ROOT()).await.unwrap();
        assert_eq!(names(&listing), ["good"], "{:?}", tree.at);
        assert_eq!(listing.unusable, ["away", "broken", "latin\u{fffd}", "trailing "]);
        for name in ["away", "broken"] {
            assert_eq!(plain.head(&ROOT(), &key(name)).await.unwrap(), None, "{name}");
        }
        if matches!(tree.at, At::Disk { .. }) {
            let refused = put(&plain, "away/x", b"x", &Expect::Absent).await;
            assert!(matches!(refused, Err(Error::Rejected { .. })), "{refused:?}");
            assert!(!outside.path().join("x").exists());
        }
    }
}

#[tokio::test]
async fn people_see_the_time_a_file_had() {
    for tree in [Some(Tree::disk()), Tree::sftp()].into_iter().flatten() {
        let plain = tree.connect();
        let seconds = |name: &str| {
            let modified = fs::metadata(tree.root.join(name)).unwrap().modified().unwrap();
            modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
        };
        let version = create(&plain, "note", b"text").await;
        assert_eq!(seconds("note"), 1_700_000_000, "{:?}", tree.at);
        let mut node = Node { meta: meta(0o640), ..file(b"text") };
        node.meta.mtime = Some(UnixNanos(1_600_000_000_500_000_000));
        let version = plain.set_meta(&ROOT(), &key("note"), &node, &version).await.unwrap();
        assert_eq!(seconds("note"), 1_600_000_000);
        let found = plain.head(&ROOT(), &key("note")).await.unwrap().unwrap();
        assert_eq!((found.node(), found.version.etag), (Some(node), version.etag));
        assert_eq!(node.meta.mode.map(Mode::bits), Some(0o640));
    }
}

#[tokio::test]
async fn a_write_that_stops_leaves_nothing() {
    for tree in Tree::all() {
        let plain = tree.connect();
        let all = vec![7; 9 << 20];
        let part = |offset, length: usize| async move {
            if offset > 0 {
                Err(std::io::Error::other("the disk died"))
            } else {
                Ok(Bytes::from(vec![7; length]))
            }
        };
        let error =
            plain.put_parts(&ROOT(), &key("film"), &file(&all), part, &Expect::Absent).await.unwrap_err();
        assert_eq!(error.retry(), Retry::Replan);
        assert_eq!(plain.list(&ROOT()).await.unwrap(), Listing::default(), "{:?}", tree.at);
        // A server may notice late that nothing more comes, and keep what it has until the next run.
        let next_run = tree.connect();
        let tidy = async {
            while in_transit(&tree) > 0 {
                next_run.sweep().await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), tidy).await.expect("nothing stays in transit");
    }
}

#[tokio::test]
async fn a_machine_tidies_up_behind_its_own_earlier_runs_only() {
    for tree in Tree::all() {
        let plain = tree.connect();
        plain.sweep().await.expect("there is nothing yet");
        create(&plain, "note", b"text").await;
        let incoming = tree.root.join(".heirloom/incoming");
        for name in ["laptop.dead.0", "laptop-2.alive.0", "pi.alive.3"] {
            tree.person_writes(&format!(".heirloom/incoming/{name}"), b"half").await;
        }
        plain.sweep().await.unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&incoming).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["laptop-2.alive.0", "pi.alive.3"], "{:?}", tree.at);
        assert_eq!(names(&plain.list(&ROOT()).await.unwrap()), ["note"]);
    }
}

#[tokio::test]
async fn a_root_that_is_gone_is_not_an_empty_one() {
    for tree in Tree::all() {
        let plain = tree.connect();
        plain.probe().await.unwrap();
        assert_eq!(plain.list(&below("not-there-yet")).await.unwrap(), Listing::default());
        let mut options = tree.options("laptop");
        match &mut options.at {
            At::Disk { root } => root.push("missing"),
            At::Webdav { url, .. } => url.push_str("/missing"),
            At::Sftp { path, .. } => path.push_str("/missing"),
        }
        let missing = Plain::connect(&options).unwrap();
        for error in [missing.probe().await.unwrap_err(), missing.list(&ROOT()).await.unwrap_err()] {
            match tree.at {
                At::Disk { .. } => assert!(matches!(error, Error::Absent { .. }), "{error:?}"),
                _ => assert!(matches!(error, Error::NoSuchBucket { .. }), "{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_place_is_known_by_its_marker() {
    for tree in Tree::all() {
        let plain = tree.connect();
        assert_eq!(plain.id().await.unwrap(), None, "{:?}", tree.at);
        let id = plain.mark().await.unwrap();
        assert_eq!(plain.id().await.unwrap().as_ref(), Some(&id));
        let other = Plain::connect(&tree.options("other-machine")).unwrap();
        assert_eq!(other.mark().await.unwrap(), id, "the first marker stays: {:?}", tree.at);
        assert_eq!(plain.list(&ROOT()).await.unwrap(), Listing::default(), "it is nobody's file");
        assert_eq!(in_transit(&tree), 0);
    }
}

#[tokio::test]
async fn a_place_that_is_exchanged_while_it_is_listed_is_no_listing() {
    for tree in Tree::all() {
        let plain = tree.connect();
        plain.mark().await.unwrap();
        for name in ["a", "b"] {
            create(&plain, name, b"text").await;
        }
        let mut listing = plain.list_stream(&ROOT());
        assert!(listing.try_next().await.unwrap().is_some());
        if let At::Webdav { .. } = tree.at {
            tree.person_deletes(".heirloom/place").await;
        } else {
            fs::remove_file(tree.root.join(".heirloom/place")).unwrap();
        }
        let rest = listing.try_collect::<Vec<_>>().await;
        match (&tree.at, rest) {
            (At::Disk { .. }, Err(Error::Absent { .. })) | (_, Err(Error::Emptied { .. })) => {}
            (at, other) => panic!("{at:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_disk_that_is_held_is_not_another_one_that_comes_in_its_place() {
    let tree = Tree::disk();
    let plain = tree.connect();
    create(&plain, "old", b"text").await;
    let held = plain.hold().await.unwrap();
    let pulled = tree.root.with_file_name("pulled");
    fs::rename(&tree.root, &pulled).unwrap();
    fs::create_dir(&tree.root).unwrap();
    create(&held, "d/new", b"text").await;
    assert_eq!(names(&held.list(&ROOT()).await.unwrap()), ["d/new", "old"]);
    assert_eq!(fs::read(pulled.join("d/new")).unwrap(), b"text");
    assert_eq!(fs::read_dir(&tree.root).unwrap().count(), 0, "the mount point stays empty");
}

#[tokio::test]
async fn who_may_not_is_told_from_what_cannot_be_reached() {
    for tree in [Tree::webdav(), Tree::sftp()].into_iter().flatten() {
        let mut wrong = tree.options("laptop");
        let stranger = tempfile::tempdir().unwrap();
        match &mut wrong.at {
            At::Webdav { password, .. } => *password = Some("barley".to_owned()),
            At::Sftp { key_file, .. } => {
                let key = stranger.path().join("key");
                let made = std::process::Command::new("ssh-keygen")
                    .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                    .arg(&key)
                    .status();
                assert!(made.unwrap().success());
                *key_file = Some(key);
            }
            At::Disk { .. } => unreachable!("it was not asked for"),
        }
        let error = Plain::connect(&wrong).unwrap().probe().await.unwrap_err();
        assert!(matches!(error, Error::WrongKey { .. }), "{error:?}");
        let options = tree.options("laptop");
        drop(tree);
        let error = Plain::connect(&options).unwrap().probe().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert_eq!(error.retry(), Retry::Later);
    }
}

#[tokio::test]
async fn a_host_that_is_not_the_known_one_is_refused() {
    let Some(tree) = Tree::sftp() else { return };
    let mut options = tree.options("laptop");
    let other = tempfile::NamedTempFile::new().unwrap();
    if let At::Sftp { known_hosts_file, .. } = &mut options.at {
        *known_hosts_file = Some(other.path().to_owned());
    }
    let error = Plain::connect(&options).unwrap().probe().await.unwrap_err();
    assert_eq!(error.retry(), Retry::Never);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the host's key is not known, or has changed");
}

#[tokio::test]
async fn a_broken_connection_is_made_anew() {
    let Some(tree) = Tree::sftp() else { return };
    let plain = tree.connect();
    let version = create(&plain, "note", b"text").await;
    tree.drop_connections();
    // The first to notice fails; whoever comes after gets a new one.
    let reached = async {
        while let Err(error) = plain.head(&ROOT(), &key("note")).await {
            assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.expect("a new connection");
    assert_eq!(read(&plain, "note", &version).await.unwrap(), b"text");
}

#[tokio::test]
async fn a_deep_tree_is_listed_in_order() {
    for tree in Tree::all() {
        let mut expected = Vec::new();
        for at in 0..30 {
            for name in [format!("a{at}/b/c"), format!("a{at}/b.d"), format!("a{at}"), format!("a{at}-")] {
                let name = if name == format!("a{at}") { format!("{name}.txt") } else { name };
                let path = tree.root.join("deep").join(&name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, b"").unwrap();
                expected.push(name);
            }
        }
        expected.sort();
        let found: Vec<Found> = tree.connect().list_stream(&below("deep")).try_collect().await.unwrap();
        let listed: Vec<&str> = found
            .iter()
            .map(|found| match found {
                Found::Object(listed) => listed.key.as_str(),
                Found::Unusable(key) | Found::Unreadable { path: key, .. } => panic!("{key} is usable"),
            })
            .collect();
        assert_eq!(listed, expected, "{:?}", tree.at);
    }
}

#[tokio::test]
async fn nothing_is_promised_that_the_store_cannot_keep() {
    for tree in Tree::all() {
        let conditions = tree.connect().conditions();
        let rest = [conditions.replace, conditions.relabel, conditions.delete];
        assert_eq!(rest, [Honoured::No; 3]);
        let is_disk = matches!(tree.at, At::Disk { .. });
        assert_eq!(conditions.create, if is_disk { Honoured::Yes } else { Honoured::Unknown });
    }
    for url in ["not an address", "ftp://host/", "https://alice:sesame@host/"] {
        let mut options = Tree::disk().options("laptop");
        options.at = At::Webdav { url: url.to_owned(), user: None, password: None };
        let refused = Plain::connect(&options).map(drop).unwrap_err();
        assert_eq!(refused.retry(), Retry::Never);
    }
}

/// The engine runs changes as tasks, so their futures must be able to move between threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_can_be_a_task() {
    let tree = Tree::disk();
    let plain = tree.connect();
    let task = async move {
        let (root, name) = (ROOT(), key("x"));
        plain.probe().await?;
        let (body, node) = (Bytes::from_static(b"text"), file(b"text"));
        let version = plain.put(&root, &name, &node, body, &Expect::Absent).await?;
        let part = |_, _| async { Ok(Bytes::from_static(b"text")) };
        let expect = Expect::Version(version);
        let version = plain.put_parts(&root, &name, &node, part, &expect).await?;
        let version = plain.set_meta(&root, &name, &node, &version).await?;
        let version = plain.rename(&root, &name, &key("y"), &node, &version).await?;
        plain.copy(&root, &key("y"), &version, &key("z"), &node).await?;
        plain.get_range(&root, &key("y"), &version, 0..1).await?.body.try_collect::<Vec<_>>().await?;
        assert_eq!(plain.list(&root).await?.objects.len(), 2);
        plain.sweep().await?;
        plain.delete(&root, &key("y"), &version).await
    };
    tokio::spawn(task).await.unwrap().unwrap();
}
