use super::*;

#[test]
fn a_folder_that_is_gone_halts() {
    let missing = || Error::Local(disk::Error::Missing { path: "/documents".into() });
    assert_eq!(exit_of(&Err(missing())), Exit::Halted);
    assert_eq!(exit_of(&Err(Error::Stopped)), Exit::Interrupted);
}

#[test]
fn one_is_not_many() {
    let nothing = Synced {
        route: "documents → cloud".to_owned(),
        uploaded: 0,
        uploaded_bytes: 0,
        sent_bytes: 0,
        downloaded: 0,
        downloaded_bytes: 0,
        moved: 0,
        deleted_local: 0,
        deleted_remote: 0,
        updated: 0,
        conflicts: 0,
        problems: 0,
        overtaken: 0,
        files: 1,
    };
    assert_eq!(nothing.to_string(), "documents → cloud: nothing to do, 1 path is in sync");
    let two = Synced { files: 2, ..nothing };
    assert_eq!(two.to_string(), "documents → cloud: nothing to do, 2 paths are in sync");
    let all = Synced { uploaded: 1, uploaded_bytes: 114 << 20, sent_bytes: 114 << 20, ..two };
    assert_eq!(all.to_string(), "documents → cloud: 1 uploaded (114 MiB)");
    let part = Synced { sent_bytes: 5 << 20, ..all };
    assert_eq!(part.to_string(), "documents → cloud: 1 uploaded (5.0 MiB of 114 MiB sent)");
    let permissions = Synced { updated: 1, uploaded: 0, ..part };
    assert_eq!(permissions.to_string(), "documents → cloud: 1 updated");
}
