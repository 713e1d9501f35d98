//! Folders as tar and zip, unpacked again and compared byte for byte.

use crate::site::{As, Site, as_key, write};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

/// What stands at a path: a file's bytes, a link's target, or `None` for a directory; and mode and mtime.
type Found = BTreeMap<Vec<u8>, (Option<Vec<u8>>, u32, i64, i64)>;

fn fill(root: &Path) {
    write(&root.join("folder/plain.txt"), "plain\n");
    write(&root.join("folder/run.sh"), "#!/bin/sh\n");
    write(&root.join("folder/empty"), "");
    write(&root.join("folder/large.bin"), vec![7; 5_000_000]);
    write(&root.join("folder/ünï çødé 日本.txt"), "unicode\n");
    write(&root.join("folder").join("n".repeat(255)), "long name\n");
    write(&root.join("folder").join("deep/".repeat(60)).join("end"), "end\n");
    write(&root.join("folder").join(OsStr::from_bytes(b"latin-\xefve")), "bytes\n");
    let mut long = vec![0xef; 120];
    long.extend(b".txt");
    write(&root.join("folder").join(OsStr::from_bytes(&long)), "long bytes\n");
    std::fs::create_dir_all(root.join("folder/hollow")).unwrap();
    symlink("../plain.txt", root.join("folder/link")).unwrap();
    symlink("t".repeat(300), root.join("folder/long link")).unwrap();
    for (name, mode) in [("folder/run.sh", 0o755), ("folder/plain.txt", 0o600), ("folder/hollow", 0o700)] {
        std::fs::set_permissions(root.join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let time = UNIX_EPOCH + Duration::new(1_234_567_890, 123_456_789);
    std::fs::File::options()
        .write(true)
        .open(root.join("folder/plain.txt"))
        .unwrap()
        .set_modified(time)
        .unwrap();
}

fn scan(root: &Path) -> Found {
    let mut found = Found::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let content = if meta.is_symlink() {
                Some(std::fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
            } else if meta.is_dir() {
                waiting.push(path.clone());
                None
            } else {
                Some(std::fs::read(&path).unwrap())
            };
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            found.insert(name, (content, meta.mode(), meta.mtime(), meta.mtime_nsec()));
        }
    }
    found
}

async fn site() -> (Site, As) {
    let site = Site::new().await;
    fill(&site.live("alice"));
    site.snapshot("alice", -1);
    let alice = as_key(&site.alice);
    (site, alice)
}

#[tokio::test]
async fn tar_forgets_nothing() {
    let (site, alice) = site().await;
    for (address, part, name) in [
        ("/alice/download/latest.tar", "", "alice-2026-11-20.tar"),
        ("/alice/download/latest/folder.tar", "folder", "folder-2026-11-20.tar"),
    ] {
        let answer = site.ask("GET", address, &alice, &[], "").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-tar"));
        assert!(answer.header("content-disposition").contains(name));
        let out = tempfile::tempdir().unwrap();
        std::fs::write(out.path().join("x.tar"), &answer.body).unwrap();
        let mut tar = Command::new("tar");
        let output = tar.args(["-xpf", "x.tar", "--no-same-owner"]).current_dir(out.path()).output().unwrap();
        assert!(
            output.status.success() && output.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let top = if part.is_empty() { "alice" } else { "folder" };
        let (unpacked, original) = (scan(&out.path().join(top)), scan(&site.live("alice").join(part)));
        assert_eq!(unpacked.keys().collect::<Vec<_>>(), original.keys().collect::<Vec<_>>());
        for (path, expected) in &original {
            assert!(unpacked[path] == *expected, "{}", String::from_utf8_lossy(path));
        }
    }
}

#[tokio::test]
async fn zip_opens_everywhere() {
    let (site, alice) = site().await;
    let answer = site.ask("GET", "/alice/download/latest/folder.zip", &alice, &[], "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/zip"));
    assert!(answer.body.len() < 100_000, "it is deflated");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&answer.body)).unwrap();
    let mut unpacked: BTreeMap<String, (Vec<u8>, u32)> = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        unpacked.insert(file.name().unwrap().into_owned(), (content, file.unix_mode().unwrap()));
    }
    let original = scan(&site.live("alice").join("folder"));
    assert_eq!(unpacked.len(), original.len());
    for (path, (content, mode, ..)) in original {
        let slash = if content.is_none() { "/" } else { "" };
        let name = format!("folder/{}{slash}", model::RelPath::from_os_bytes(&path).unwrap());
        let (found, found_mode) = &unpacked[&name];
        assert_eq!((found.as_slice(), *found_mode), (content.unwrap_or_default().as_slice(), mode), "{name}");
    }
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("x.zip"), &answer.body).unwrap();
    // Python's reader checks every sum; it is on every machine that builds this.
    if let Ok(output) =
        Command::new("python3").args(["-m", "zipfile", "-t", "x.zip"]).current_dir(out.path()).output()
    {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn only_folders_are_bundled() {
    let (site, alice) = site().await;
    for nowhere in [
        "/alice/download/latest/folder/plain.txt.tar",
        "/alice/download/latest/nothing.zip",
        "/alice/download/latest/folder.rar",
        "/alice/download/latest",
        "/alice/download/ffff.zip",
    ] {
        assert_eq!(site.ask("GET", nowhere, &alice, &[], "").await.status, 404, "{nowhere}");
    }
    let head = site.ask("HEAD", "/alice/download/latest.zip", &alice, &[], "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
}
