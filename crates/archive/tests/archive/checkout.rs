//! A stranger's way: `git clone` gives everything back.

use crate::world::{World, inventory, noise, path};
use model::Kind;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

/// Names that are escaped, and how.
const ESCAPED: [(&[u8], &[u8]); 10] = [
    (b".git", b".git.heirloom"),
    (b".GIT", b".GIT.heirloom"),
    (b"git~1", b"git~1.heirloom"),
    (b".gitattributes", b".gitattributes.heirloom"),
    (b".gitmodules", b".gitmodules.heirloom"),
    (b".git.heirloom", b".git.heirloom.heirloom"),
    (b"entries.heirloom", b"entries.heirloom.heirloom"),
    (b".g\xe2\x80\x8cit", b".g\xe2\x80\x8cit.heirloom"),
    (b".git:x", b"%2Egit%3Ax.heirloom"),
    (b"\\.git", b"%5C%2Egit.heirloom"),
];

fn tricky(world: &World) {
    world.write("documents/project/.git/HEAD", "ref: refs/heads/main\n");
    world.write("documents/project/.git/config", "[core]\n\tbare = false\n");
    world.write("documents/project/.git/objects/ab/cdef", noise(5000, 1));
    world.write("documents/project/.gitattributes", "* text eol=crlf\n*.bin filter=lfs\n* ident\n");
    world.write("documents/project/.gitmodules", "[submodule \"../../evil\"]\n\tpath = -x\n\turl = -u\n");
    world.write("documents/project/.gitignore", "*\n");
    world.write("documents/project/unix.txt", "a\nb $Id$\n");
    world.write("documents/project/dos.txt", "a\r\nb\r\n");
    world.write("documents/project/mixed.bin", "a\r\nb\n\0\r");
    world.write("documents/project/git~1", "not git");
    world.write("documents/.GIT/x", "in there");
    world.write("documents/.git.heirloom", "looks escaped");
    world.write("documents/entries.heirloom", "looks like metadata");
    world.write("documents/.g\u{200c}it", "looks like git on a Mac");
    world.write("documents/odd/.git:x", "looks like a stream");
    world.write("documents/odd/\\.git", "looks like a path");
    world.write("documents/.gitattributes", "* text=auto\n");
    world.write("documents/.heirloom/keep", "only at the root is it ours");
    world.link("documents/links/dangling", "nowhere");
    world.link("documents/links/absolute", "/etc/passwd");
    world.link("documents/links/up", "../project");
    world.link("documents/links/.gitmodules", "elsewhere");
    world.link("documents/links/.gitignore", "elsewhere");
    world.link("documents/links/.mailmap", "project/.git/config");
    world.write(b"names/new\nline", "1");
    world.write("names/\"quotes\" 'and' \\more", "2");
    world.write("names/ leading and trailing ", "3");
    world.write("names/-rf", "4");
    world.write("names/.hidden", "5");
    world.write("names/Grüße 家族 🌳", "6");
    world.write(b"names/not utf-8 \xff\xfe", "7");
    world.write("names/".to_owned() + &"x".repeat(255), "8");
    world.write("names/100% a%20b %41", "9");
    world.write("names/tab\there", "10");
    world.write("sorting/a/x", "");
    world.write("sorting/a.b", "1");
    world.write("sorting/a0", "2");
    world.write("modes/private", "x");
    world.write("modes/program", "#!/bin/sh\n");
    world.write("modes/only-mine/file", "y");
    world.mode("modes/private", 0o600);
    world.mode("modes/program", 0o755);
    world.mode("modes/only-mine", 0o700);
    world.write("data/empty", "");
    world.write("data/large", noise(20 << 20, 7));
    world.write("data/large-text", "All work and no play. ".repeat(500_000));
    world.write("data/noise", noise(300_000, 3));
    world.write("data/one", noise(300_000, 4));
    world.write("data/two", noise(300_000, 4));
    world.write("data/large-again", noise(20 << 20, 7));
    std::fs::create_dir_all(world.path("empty/very/empty")).unwrap();
    std::fs::create_dir_all(world.path("empty/.git")).unwrap();
    world.write("at-the-root", "buckets may hold files at their root");
    world.write(".gitattributes", "* -crlf");
    world.write(".heirloom/secret", "must not be recorded");
    world.write("data/.heirloom-tmp-123", "must not be recorded");
}

/// The live files as a checkout shows them.
fn as_in_git(world: &World) -> BTreeMap<Vec<u8>, (char, Vec<u8>)> {
    let special_links: [&[u8]; 2] = [b".gitignore", b".mailmap"];
    let mut expected = BTreeMap::new();
    for (name, found) in inventory(&world.live) {
        if name.starts_with(b".heirloom/") || name.windows(14).any(|part| part == b".heirloom-tmp-") {
            continue;
        }
        let components = name.split(|&byte| byte == b'/').map(|component| {
            if found.0 == 'l' && special_links.contains(&component) {
                return [component, b".heirloom"].concat();
            }
            ESCAPED.iter().find(|(from, _)| *from == component).map_or(component, |(_, to)| to).to_vec()
        });
        expected.insert(components.collect::<Vec<_>>().join(&b'/'), found);
    }
    expected
}

#[test]
fn a_plain_clone_is_byte_identical() {
    let world = World::new();
    tricky(&world);
    let created = world.created();
    assert_eq!(created.problems, []);
    world.check();

    let attributes = world.root.path().join("attributes");
    std::fs::write(&attributes, "* text=auto eol=crlf ident working-tree-encoding=UTF-16 filter=none\n")
        .unwrap();
    let attributes = format!("core.attributesFile={}", attributes.display());
    let expected = as_in_git(&world);
    let hostile = ["-c", "core.autocrlf=true", "-c", "transfer.fsckObjects=true", "-c", &attributes];
    for (name, options) in [("plain", &[][..]), ("hostile", &hostile)] {
        let mut found = inventory(&world.clone_with(name, options));
        assert!(found.remove(b".gitattributes".as_slice()).is_some(), "ours is there");
        found.retain(|name, _| !name.starts_with(b".heirloom/"));
        for (name, content) in &expected {
            assert!(
                found.get(name) == Some(content),
                "{name:?} differs",
                name = name.escape_ascii().to_string()
            );
        }
        assert_eq!(found.len(), expected.len(), "nothing else is there");
    }
    assert_eq!(created.files, expected.len() as u64);
    assert_eq!(created.added, created.files);
}

#[test]
fn history_shows_true_names_and_what_git_forgets() {
    let world = World::new();
    tricky(&world);
    let id = world.created().id;
    let history = world.history();
    // Every live file is found by its own name, with its bytes, time and permissions; nothing else is listed.
    let mut waiting = vec![None];
    let mut listed = BTreeMap::new();
    while let Some(directory) = waiting.pop() {
        let entries = history.list(&id, directory.as_ref()).unwrap().expect("a listed directory is there");
        let kinds: Vec<bool> = entries.iter().map(|entry| entry.kind == Kind::Directory).collect();
        assert!(kinds.is_sorted_by(|one, other| one >= other), "directories come first");
        for entry in entries {
            let live = world.path(entry.path.to_os_bytes());
            let metadata = live.symlink_metadata().unwrap_or_else(|_| panic!("{} is not live", entry.path));
            let mtime = std::os::unix::fs::MetadataExt::mtime(&metadata) * 1_000_000_000
                + std::os::unix::fs::MetadataExt::mtime_nsec(&metadata);
            assert_eq!(entry.mtime.map(|time| time.0), Some(mtime), "{}", entry.path);
            assert_eq!(
                entry.mode.map(model::Mode::bits),
                Some(metadata.permissions().mode() & 0o7777),
                "{}",
                entry.path
            );
            assert_eq!(history.entry(&id, &entry.path).unwrap().as_ref(), Some(&entry), "{}", entry.path);
            if entry.kind == Kind::Directory {
                waiting.push(Some(entry.path));
                continue;
            }
            let mut content = Vec::new();
            let copied = history.copy_to(&entry, None, &mut content).unwrap();
            assert_eq!((copied, entry.size), (content.len() as u64, content.len() as u64));
            assert_eq!(entry.kind == Kind::Symlink, metadata.is_symlink());
            let kind = if metadata.is_symlink() {
                'l'
            } else if metadata.permissions().mode() & 0o111 == 0 {
                'f'
            } else {
                'x'
            };
            listed.insert(entry.path.to_os_bytes(), (kind, content));
        }
    }
    let mut expected = inventory(&world.live);
    expected.retain(|name, _| !name.starts_with(b".heirloom/") && !name.ends_with(b".heirloom-tmp-123"));
    assert!(listed == expected, "listed {} files of {}", listed.len(), expected.len());

    for absent in
        [".heirloom", ".heirloom/README.md", "nothing", "documents/nothing/at/all", "at-the-root/below"]
    {
        assert_eq!(history.entry(&id, &path(absent)).unwrap(), None, "{absent}");
        assert_eq!(history.list(&id, Some(&path(absent))).unwrap(), None, "{absent}");
    }
    assert!(history.entry(&id, &path("empty/very/empty")).unwrap().is_some());
    assert_eq!(history.list(&id, Some(&path("empty/very/empty"))).unwrap(), Some(Vec::new()));
}

/// The page in the repository promises that this brings times, permissions and empty folders back.
#[test]
fn the_strangers_shell_lines_restore_times_and_empty_folders() {
    let world = World::new();
    world.write("documents/letter", "x");
    world.write("documents/program", "#!/bin/sh");
    world.mode("documents/program", 0o750);
    std::fs::create_dir_all(world.path("documents/empty/one")).unwrap();
    world.link("documents/link", "letter");
    let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    std::fs::File::options()
        .write(true)
        .open(world.path("documents/letter"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    world.mode("documents/letter", 0o600);
    world.created();

    let clone = world.clone_with("clone", &[]);
    let page = std::fs::read_to_string(clone.join(".heirloom/README.md")).unwrap();
    let script: Vec<&str> = page
        .lines()
        .skip_while(|line| !line.starts_with("The empty folders and the times"))
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    assert!(script.len() > 5, "the page holds the lines");
    let done = std::process::Command::new("sh")
        .arg("-ec")
        .arg(script.join("\n"))
        .current_dir(&clone)
        .status()
        .unwrap();
    assert!(done.success());
    let letter = clone.join("documents/letter").metadata().unwrap();
    assert_eq!(letter.modified().unwrap(), time);
    assert_eq!(letter.permissions().mode() & 0o777, 0o600);
    assert_eq!(clone.join("documents/program").metadata().unwrap().permissions().mode() & 0o777, 0o750);
    assert!(clone.join("documents/empty/one").is_dir());
}

#[test]
fn a_name_too_long_to_be_escaped_is_known_to_the_metadata() {
    let world = World::new();
    let name = format!("docs/.git:{}", "x".repeat(250));
    world.write(&name, "long");
    world.write("docs/.git:short", "short");
    let id = world.created().id;
    world.check();
    let history = world.history();
    let listed = history.list(&id, Some(&path("docs"))).unwrap().unwrap();
    let names: Vec<_> = listed.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(names, ["docs/.git:short", &name]);
    let entry = history.entry(&id, &path(&name)).unwrap().unwrap();
    assert_eq!(entry, listed[1]);
    assert_eq!(history.read(&entry, 10).unwrap(), b"long");
    assert!(entry.mtime.is_some());
    let clone = inventory(&world.clone_with("clone", &[]));
    assert!(clone.values().any(|(_, content)| content == b"long"));
}

#[test]
fn owners_are_named_where_they_are_not_the_running_user() {
    let world = World::new();
    world.write("docs/mine", "1");
    world.write("docs/theirs", "2");
    // Only root may give files away.
    if std::os::unix::fs::chown(world.path("docs/theirs"), Some(4_000_001), Some(4_000_002)).is_err() {
        return;
    }
    let id = world.created().id;
    let owner = |name| world.history().entry(&id, &path(name)).unwrap().unwrap().owner;
    assert_eq!(owner("docs/mine"), None);
    assert_eq!(owner("docs/theirs").as_deref(), Some("4000001:4000002"));
}
