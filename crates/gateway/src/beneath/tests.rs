use super::*;
use std::os::unix::fs::symlink;

/// Both ways of resolving must agree, so each test asks both.
fn both(path: &Path) -> [Root; 2] {
    [Resolver::Kernel, Resolver::Stepwise].map(|resolver| Root { resolver, ..Root::open(path).unwrap() })
}

#[test]
fn links_are_never_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (root, outside) = (directory.path().join("root"), directory.path().join("outside"));
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, root.join("out")).unwrap();
    symlink("../../outside", root.join("sub/up")).unwrap();
    symlink(outside.join("secret"), root.join("file")).unwrap();
    for root in both(&root) {
        for path in
            ["out/secret", "sub/up/secret", "file", "out", "../outside/secret", "sub/../../outside/secret"]
        {
            assert!(root.open_at(path.as_bytes(), OFlags::RDONLY).is_err(), "{root:?} {path}");
        }
        assert!(root.open_directory(b"out").is_err());
        let link = root.open_at(b"out", OFlags::PATH).unwrap();
        assert_eq!(
            rustix::fs::readlinkat(&link, "", Vec::new()).unwrap().as_bytes(),
            outside.as_os_str().as_encoded_bytes()
        );
    }
}

#[test]
fn what_is_beneath_is_found() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
    std::fs::write(directory.path().join("a/b/c"), "c").unwrap();
    for root in both(directory.path()) {
        assert!(root.open_at(b"a/b/c", OFlags::RDONLY).is_ok());
        assert!(root.open_directory(b"a/b").is_ok());
        assert_eq!(root.open_at(b"a/x", OFlags::RDONLY).unwrap_err(), Errno::NOENT);
        assert_eq!(root.open_at(b"a/b/c/d", OFlags::RDONLY).unwrap_err(), Errno::NOTDIR);
    }
}
