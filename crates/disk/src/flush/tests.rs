use super::*;
use std::fs::File;

#[test]
fn few_and_many() {
    let directory = tempfile::tempdir().unwrap();
    for count in [0, 1, MANY, 3 * MANY] {
        let files: Vec<File> = (0..count)
            .map(|number| File::create(directory.path().join(number.to_string())).unwrap())
            .collect();
        flush(&files).unwrap();
    }
}

#[test]
fn what_cannot_be_flushed_is_an_error() {
    let (reader, _writer) = std::io::pipe().unwrap();
    assert!(flush(&[reader]).is_err());
    // A file system that is made up says nothing about a medium.
    assert!(!is_known(File::open("/proc/self/status").unwrap()).unwrap());
}
