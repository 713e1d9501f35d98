use super::*;
use std::fs::File;

fn files_open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_note_is_kept_until_it_is_flushed() {
    let top = tempfile::tempdir().unwrap();
    let directory = || File::open(top.path()).unwrap();
    let unflushed = Unflushed::new(directory().into());
    unflushed.make(directory(), || Ok(())).unwrap();
    assert!(unflushed.make(directory(), || Err(rustix::io::Errno::EXIST)).is_err());
    assert_eq!(unflushed.noted().len(), 1, "of one directory, one note");
    let (pipe, _other_end) = std::io::pipe().unwrap();
    assert!(unflushed.flush(&[pipe]).is_err());
    assert_eq!(unflushed.noted().len(), 1, "it may not be on the medium");
    unflushed.flush(&[] as &[File]).unwrap();
    assert_eq!(unflushed.noted().len(), 0);
}

#[test]
fn notes_do_not_use_up_all_that_may_be_open() {
    let top = tempfile::tempdir().unwrap();
    let unflushed = Unflushed::new(File::open(top.path()).unwrap().into());
    let before = files_open();
    for number in 0..4 * NOTES_MAX {
        let name = top.path().join(number.to_string());
        std::fs::create_dir(&name).unwrap();
        unflushed.make(File::open(&name).unwrap(), || Ok(())).unwrap();
    }
    // Other tests have files open as well.
    assert!(files_open() < before + 2 * NOTES_MAX, "{before} and then {}", files_open());
}
