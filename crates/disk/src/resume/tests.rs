use super::*;
use crate::testing::{Scratch, noise, rel};
use crate::{Expect, digest_of};
use model::Meta;
use std::fs;
use std::os::unix::fs::MetadataExt;

fn begin(scratch: &Scratch, path: &str, token: &str, bytes: &[u8]) {
    let mut staged = scratch.root.stage_resumable(&rel(path), token).unwrap();
    staged.write(bytes).unwrap();
}

fn temporaries(scratch: &Scratch, directory: &str) -> usize {
    scratch.names(directory).iter().filter(|name| name.starts_with(".heirloom-tmp-")).count()
}

fn held(staged: &Staged) -> Vec<u8> {
    let mut all = Vec::new();
    staged.for_each_block(|block| all.extend_from_slice(block)).unwrap();
    all
}

#[test]
fn what_was_written_is_there_for_the_same_token() {
    let scratch = Scratch::new();
    for path in ["f", "not/there/yet/f"] {
        let all = noise(1, 3_000_000);
        begin(&scratch, path, "v1", &all[..1_000_000]);
        assert_eq!(scratch.root.sweep().unwrap().removed, 0);
        assert!(scratch.keys().iter().all(|key| !key.starts_with("not")), "no directory shows for its sake");
        let mut staged = scratch.root.stage_resumable(&rel(path), "v1").unwrap();
        assert_eq!(staged.length(), 1_000_000);
        assert_eq!(held(&staged), all[..1_000_000]);
        staged.write(&all[1_000_000..]).unwrap();
        assert_eq!(staged.digest().unwrap(), digest_of(&all));
        let found = staged.place(&Meta::default(), Expect::Absent).unwrap();
        assert_eq!(found, scratch.found(path));
        assert!(fs::read(scratch.path(path)).unwrap() == all);
        assert_eq!(temporaries(&scratch, "."), 0);
    }
    assert_eq!(scratch.names("not/there/yet"), ["f"]);
}

#[test]
fn what_was_begun_at_the_top_goes_home() {
    let scratch = Scratch::new();
    begin(&scratch, "d/f", "v1", b"first ");
    assert_eq!(temporaries(&scratch, "."), 1);
    let seen = scratch.write("d/f", "theirs");
    let mut staged = scratch.root.stage_resumable(&rel("d/f"), "v1").unwrap();
    assert_eq!(staged.length(), 6);
    staged.write(b"second").unwrap();
    staged.place(&Meta::default(), Expect::Unchanged(seen)).unwrap();
    assert_eq!((scratch.read("d/f"), scratch.names(".")), ("first second".into(), vec!["d".into()]));
    assert_eq!(scratch.names("d"), ["f"]);
}

#[test]
fn another_version_clears_what_was_begun() {
    let scratch = Scratch::new();
    scratch.write("d/other", "");
    for path in ["d/f", "new/f"] {
        begin(&scratch, path, "v1", b"old");
        begin(&scratch, "d/neighbour", "v1", b"kept");
        let staged = scratch.root.stage_resumable(&rel(path), "v2").unwrap();
        assert_eq!(staged.length(), 0);
        drop(staged);
        assert_eq!((temporaries(&scratch, "."), temporaries(&scratch, "d")), (0, 1), "{path}");
    }
}

#[test]
fn what_is_wrong_or_empty_does_not_stay() {
    let scratch = Scratch::new();
    let mut staged = scratch.root.stage_resumable(&rel("f"), "v1").unwrap();
    staged.write(b"wrong").unwrap();
    staged.discard();
    drop(scratch.root.stage_resumable(&rel("f"), "v1").unwrap());
    assert!(scratch.names(".").is_empty());
}

#[test]
fn two_do_not_work_on_one() {
    let scratch = Scratch::new();
    let mut one = scratch.root.stage_resumable(&rel("f"), "v1").unwrap();
    one.write(b"one").unwrap();
    let mut other = scratch.root.stage_resumable(&rel("f"), "v1").unwrap();
    assert_eq!(other.length(), 0);
    other.write(b"other").unwrap();
    // Not even with another token.
    drop(scratch.root.stage_resumable(&rel("f"), "v2").unwrap());
    one.place(&Meta::default(), Expect::Absent).unwrap();
    drop(other);
    assert_eq!((scratch.read("f"), scratch.names(".")), ("one".into(), vec!["f".into()]));
}

#[test]
fn a_refusal_leaves_what_arrived() {
    let scratch = Scratch::new();
    let mut staged = scratch.root.stage_resumable(&rel("f"), "v1").unwrap();
    staged.write(b"ours").unwrap();
    scratch.write("f", "theirs");
    assert!(staged.place(&Meta::default(), Expect::Absent).is_err());
    assert_eq!(scratch.root.stage_resumable(&rel("f"), "v1").unwrap().length(), 4);
}

#[test]
fn zeroes_take_no_space() {
    let scratch = Scratch::new();
    let block = 1 << 20;
    let zeroes = vec![0; block];
    let all = [zeroes.clone(), noise(1, block), zeroes.clone(), zeroes.clone()].concat();
    let mut staged = scratch.root.stage_resumable(&rel("f"), "v1").unwrap();
    for part in all.chunks(block) {
        staged.write(part).unwrap();
    }
    assert_eq!(held(&staged), all);
    assert_eq!(staged.digest().unwrap(), digest_of(&all));
    assert_eq!(staged.place(&Meta::default(), Expect::Absent).unwrap().size, all.len() as u64);
    assert!(fs::read(scratch.path("f")).unwrap() == all);
    let space = fs::metadata(scratch.path("f")).unwrap().blocks() * 512;
    assert!(space < 2 * block as u64, "{space} bytes");
}

#[test]
fn a_sweep_of_a_directory_that_must_go_spares_nothing() {
    let scratch = Scratch::new();
    scratch.write("d/other", "");
    begin(&scratch, "d/f", "v1", b"begun");
    fs::remove_file(scratch.path("d/other")).unwrap();
    scratch.root.remove_directory(&rel("d"), &|_| false).unwrap();
    assert!(!scratch.exists("d"));
}
