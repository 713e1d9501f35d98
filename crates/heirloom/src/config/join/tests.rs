use super::super::error::Error;
use super::super::secret::Secret;
use super::super::value::Endpoint;
use super::Join;
use model::BucketName;
use std::os::unix::fs::PermissionsExt as _;

fn join() -> Join {
    Join {
        endpoint: Endpoint::new("http://cloud:9000").unwrap(),
        region: "us-east-1".to_owned(),
        bucket: BucketName::new("alice").unwrap(),
        access_key_id: "HL234567ABCDEFGHIJKL".to_owned(),
        secret_access_key: Secret::new("true: ${NOT} 'a' #variable"),
        web: Some(Endpoint::new("https://files.example.org").unwrap()),
    }
}

#[test]
fn what_was_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alice.join");
    for join in [join(), Join { web: None, ..join() }, Join { access_key_id: "0777".to_owned(), ..join() }] {
        join.write(&path).unwrap();
        assert_eq!(Join::read(&path).unwrap(), join);
    }
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["alice.join"], "nothing else is left behind");
}

#[test]
fn a_file_that_is_not_there_yet_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alice.join");
    assert!(matches!(Join::read(&path), Err(Error::JoinMissing { .. })));
    assert!(matches!(Join::read(directory.path()), Err(Error::Read { .. })));
    let nowhere = directory.path().join("none/alice.join");
    assert!(matches!(join().write(&nowhere), Err(Error::JoinWrite { .. })));
}

#[test]
fn a_damaged_file_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alice.join");
    std::fs::write(&path, "endpoint: cloud\nbucket: alice\nsecret: x\naccess_key_id: y\n").unwrap();
    let error = Join::read(&path).unwrap_err().to_string().replace(path.to_str().unwrap(), "alice.join");
    insta::assert_snapshot!(error, @r"
    alice.join has 3 problems

    alice.join:1:1: secret_access_key: this key is missing

    alice.join:1:11: endpoint: `cloud` is not an address; write it like http://cloud:9000 or https://s3.example.org
        1 | endpoint: cloud
          |           ^^^^^

    alice.join:3:1: secret: unknown key; allowed: endpoint, region, bucket, access_key_id, secret_access_key, web
        3 | secret: x
          | ^^^^^^
    ");
}
