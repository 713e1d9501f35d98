use super::*;

#[test]
fn without_the_marker_nothing_is_written() {
    let mount_point = tempfile::tempdir().unwrap();
    assert!(matches!(Drive::open(mount_point.path()), Err(Error::Absent { .. })));
    assert!(matches!(Drive::open(&mount_point.path().join("gone")), Err(Error::Absent { .. })));
    assert_eq!(fs::read_dir(mount_point.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_directory_is_not_made_into_a_drive() {
    let place = tempfile::tempdir().unwrap();
    assert!(matches!(Drive::init(&place.path().join("gone")), Err(Error::Absent { .. })));
    assert!(!place.path().join("gone").exists());
}

#[test]
fn a_drive_is_the_same_one_each_time() {
    let place = tempfile::tempdir().unwrap();
    let (drive, first) = Drive::init(place.path()).unwrap();
    let (again, second) = Drive::init(place.path()).unwrap();
    assert_eq!((first, second), (Initialised::Now, Initialised::Before));
    assert_eq!(drive.id(), again.id());
    assert_eq!(drive.id(), Drive::open(place.path()).unwrap().id());
}

#[test]
fn two_drives_are_told_apart() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_ne!(Drive::init(one.path()).unwrap().0.id(), Drive::init(other.path()).unwrap().0.id());
}

#[test]
fn a_damaged_marker_is_told() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join(MARKER), "hello").unwrap();
    assert!(matches!(Drive::open(place.path()), Err(Error::DamagedMarker { .. })));
    assert!(matches!(Drive::init(place.path()), Err(Error::DamagedMarker { .. })));
}

#[test]
fn a_drive_that_is_pulled_is_not_written_to() {
    let place = tempfile::tempdir().unwrap();
    let mount_point = place.path().join("mnt");
    fs::create_dir(&mount_point).unwrap();
    let (drive, _) = Drive::init(&mount_point).unwrap();
    let held = drive.hold().unwrap();
    fs::rename(&mount_point, place.path().join("pulled")).unwrap();
    fs::create_dir(&mount_point).unwrap();
    held.write_guide("written while it was held").unwrap();
    assert_eq!(
        fs::read_to_string(place.path().join("pulled").join(GUIDE)).unwrap(),
        "written while it was held"
    );
    assert!(matches!(drive.hold(), Err(Error::Absent { .. })));
    Drive::init(&mount_point).unwrap();
    assert!(matches!(drive.hold(), Err(Error::Absent { why: "another drive is there", .. })));
}
