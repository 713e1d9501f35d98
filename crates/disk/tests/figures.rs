//! How fast it is. Prints figures and asserts nothing about them:
//! `cargo test --profile relfast -p heirloom-disk --test figures -- --ignored --nocapture --test-threads 1`

use disk::{Expect, Root};
use model::{Meta, RelPath};
use std::fs;
use std::time::Instant;

const DIRECTORIES: usize = 900;
const FILES_EACH: usize = 50;

fn rel(text: &str) -> RelPath {
    RelPath::from_os_bytes(text.as_bytes()).expect("these are file names")
}

#[expect(clippy::print_stdout, reason = "figures are for reading")]
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn show(what: &str, begun: Instant, count: usize, unit: &str) {
    let took = begun.elapsed().as_secs_f64();
    println!("{what:<44} {:>8.1} ms {:>12.0} {unit}/s", took * 1e3, count as f64 / took);
}

#[test]
#[ignore = "prints figures; run it by name"]
fn scan_and_digest_45_000_files() {
    let top = tempfile::tempdir().unwrap();
    for d in 0..DIRECTORIES {
        let directory = top.path().join(format!("group-{}/directory-{d}", d % 30));
        fs::create_dir_all(&directory).unwrap();
        for f in 0..FILES_EACH {
            fs::write(directory.join(format!("file-{f}.txt")), format!("{d} {f} ").repeat(100)).unwrap();
        }
    }
    let root = Root::open(top.path()).unwrap();
    let count = DIRECTORIES * FILES_EACH;
    for round in 1..=3 {
        let begun = Instant::now();
        let found = root.scan(|_: &_, _| false).unwrap().map(Result::unwrap).count();
        show(&format!("scan {found} files, round {round}"), begun, found, "files");
        assert_eq!(found, count);
    }
    let begun = Instant::now();
    assert_eq!(root.sweep().unwrap().removed, 0);
    show("sweep the same", begun, count, "files");
    let found: Vec<_> = root.scan(|_: &_, _| false).unwrap().map(Result::unwrap).collect();
    let begun = Instant::now();
    let bytes: u64 = found.iter().map(|found| found.size).sum();
    for found in &found {
        root.digest(&found.key.path(), &found.stamp).unwrap();
    }
    show(&format!("digest them, {bytes} bytes"), begun, count, "files");
}

#[test]
#[ignore = "prints figures; run it by name"]
fn digest_one_big_file() {
    let top = tempfile::tempdir().unwrap();
    let root = Root::open(top.path()).unwrap();
    let mut staged = root.stage(&rel("big")).unwrap();
    let part: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
    for _ in 0..512 {
        staged.write(&part).unwrap();
    }
    let found = staged.place(&Meta::default(), Expect::Absent).unwrap();
    for round in 1..=3 {
        let begun = Instant::now();
        root.digest(&rel("big"), &found.stamp).unwrap();
        show(&format!("digest 512 MiB, round {round}"), begun, 512, "MiB");
    }
}

#[test]
#[ignore = "prints figures; run it by name"]
fn place_replace_and_remove_10_000_files() {
    let top = tempfile::tempdir().unwrap();
    let root = Root::open(top.path()).unwrap();
    let paths: Vec<_> = (0..10_000).map(|n| rel(&format!("directory-{}/file-{n}", n % 100))).collect();
    let put = |path: &RelPath, expect| {
        let mut staged = root.stage(path).unwrap();
        staged.write(&[7; 4096]).unwrap();
        staged.place(&Meta::default(), expect).unwrap().stamp
    };
    let begun = Instant::now();
    let stamps: Vec<_> = paths.iter().map(|path| put(path, Expect::Absent)).collect();
    show("place new files of 4 KiB", begun, paths.len(), "files");
    let begun = Instant::now();
    root.sync_directories(&paths).unwrap();
    show("flush their 100 directories", begun, 100, "directories");
    let begun = Instant::now();
    let place = |(path, stamp)| put(path, Expect::Unchanged(stamp));
    let stamps: Vec<_> = paths.iter().zip(stamps).map(place).collect();
    show("replace them", begun, paths.len(), "files");
    let begun = Instant::now();
    for (path, stamp) in paths.iter().zip(&stamps) {
        root.remove(path, stamp, &|_| false).unwrap();
    }
    show("remove them", begun, paths.len(), "files");
    assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
}

#[test]
#[ignore = "prints figures; run it by name"]
fn place_4_000_files_from_several_threads() {
    for threads in [1, 4, 16, 64] {
        let top = tempfile::tempdir().unwrap();
        let root = Root::open(top.path()).unwrap();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let root = &root;
                scope.spawn(move || {
                    for n in (thread..4_000).step_by(threads) {
                        let mut staged = root.stage(&rel(&format!("directory-{}/file-{n}", n % 40))).unwrap();
                        staged.write(&[7; 4096]).unwrap();
                        staged.place(&Meta::default(), Expect::Absent).unwrap();
                    }
                });
            }
        });
        show(&format!("place new files of 4 KiB, {threads} threads"), begun, 4_000, "files");
    }
}

#[test]
#[ignore = "prints figures; run it by name"]
fn survey_of_a_large_file() {
    let top = tempfile::tempdir().unwrap();
    let block: Vec<u8> =
        (0..1_u32 << 18).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let mut bytes = Vec::new();
    for round in 0..512_u32 {
        bytes.extend(block.iter().map(|byte| byte ^ round.to_le_bytes()[0]));
    }
    fs::write(top.path().join("f"), &bytes).unwrap();
    let root = Root::open(top.path()).unwrap();
    let stamp = root.observe(&rel("f")).unwrap().unwrap().stamp;
    let mebibytes = bytes.len() >> 20;
    for round in 1..=3 {
        let begun = Instant::now();
        let content = root.digest(&rel("f"), &stamp).unwrap();
        show(&format!("digest, round {round}"), begun, mebibytes, "MiB");
        let begun = Instant::now();
        let surveyed = root.survey(&rel("f"), &stamp, None).unwrap();
        show(&format!("survey, round {round}"), begun, mebibytes, "MiB");
        assert_eq!(surveyed.content, content);
    }
}
