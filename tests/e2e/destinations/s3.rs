//! An S3 server of somebody else's.

use super::{profile, sync};
use crate::home::{Home, same_trees};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use testkit::servers;

#[test]
fn another_s3_server_is_a_destination_as_well() {
    let home = Home::new();
    let root: PathBuf = home.path("s3");
    fs::create_dir_all(root.join("anna")).unwrap();
    let (id, secret) = ("ID0123456789", "SECRET0123456789");
    let Some((address, _server)) = servers::s3(&root, id, secret) else { return };
    let text = format!(
        "  store: {{endpoint: \"{address}\", bucket: anna, access_key_id: {id}, secret_access_key: {secret}}}\n"
    );
    let (one, other) = (profile(&home, "one", "documents", &text), profile(&home, "other", "copy", &text));
    for (name, text) in [("a.txt", "a"), ("b.txt", "b"), ("deep/er/c", "c")] {
        home.write(&format!("documents/{name}"), text);
    }
    symlink("a.txt", home.path("documents/link")).unwrap();
    sync(&home, &one).ok();
    sync(&home, &other).ok();
    same_trees(&home.path("documents"), &home.path("copy")).unwrap();
    home.write("copy/a.txt", "edited");
    fs::remove_file(home.path("copy/b.txt")).unwrap();
    fs::rename(home.path("copy/deep/er/c"), home.path("copy/moved")).unwrap();
    fs::remove_dir_all(home.path("copy/deep")).unwrap();
    sync(&home, &other).ok();
    sync(&home, &one).ok();
    same_trees(&home.path("copy"), &home.path("documents")).unwrap();
}
