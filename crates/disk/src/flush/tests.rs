use super::*;
use std::fs::File;

#[test]
fn few_and_many() {
    let directory = tempfile::tempdir().unwrap();
    let held = File::open(directory.path()).unwrap();
    for count in [0, 1, MANY, 3 * MANY] {
        let files: Vec<File> = (0..count)
            .map(|number| File::create(directory.path().join(number.to_string())).unwrap())
            .collect();
        flush(&held, &files).unwrap();
    }
}

#[test]
fn what_is_on_another_file_system_is_not_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let held = File::open(directory.path()).unwrap();
    let file = |number: usize| File::create(directory.path().join(number.to_string())).unwrap();
    let mut files: Vec<File> = (0..MANY).map(file).collect();
    // Not on that file system, and cannot be flushed: who leaves it out does not notice.
    files.push(File::open("/proc/self/status").unwrap());
    assert!(flush(&held, &files).is_err());
}

#[test]
fn what_is_there_twice_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let twice: Vec<File> = (0..2 * MANY).map(|_| File::open(directory.path()).unwrap()).collect();
    assert_eq!(each_once(&twice).unwrap().len(), 1);
}

#[test]
fn what_cannot_be_flushed_is_an_error() {
    let (reader, _writer) = std::io::pipe().unwrap();
    assert!(flush(&reader, &[&reader]).is_err());
    // A file system that is made up says nothing about a medium.
    assert!(!is_known(File::open("/proc/self/status").unwrap()).unwrap());
}
