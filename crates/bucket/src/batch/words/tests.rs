use super::*;

const MD5: &str = "5d41402abc4b2a76b9719d911017c592";

#[test]
fn lines_to_write_and_to_read() {
    let content = ContentId::from_hex(MD5).unwrap();
    let line = put("documents/ü \"a\"", 5, content, ("if_none_match", "*"), &[("mtime", "1.5".to_owned())]);
    let expected = format!(
        "{{\"put\":\"documents/ü \\\"a\\\"\",\"size\":5,\"md5\":\"{MD5}\",\"if_none_match\":\"*\",\"metadata\":{{\"mtime\":\"1.5\"}}}}\n"
    );
    assert_eq!(line, expected);
    assert_eq!(get("a", "x"), "{\"get\":\"a\",\"etag\":\"x\"}\n");
}

#[test]
fn an_answer_for_each() {
    let text = "{\"etag\":\"x\",\"size\":6,\"modified\":7,\"metadata\":{\"mtime\":\"1.5\"}}\nhel\nlo{\"code\":\"NoSuchKey\",\"message\":\"\"}\n{\"end\":2}\n";
    let all = answers(&Bytes::from_static(text.as_bytes()), 2).unwrap();
    let metadata = BTreeMap::from([("mtime".to_owned(), "1.5".to_owned())]);
    let done = Answer::Done { etag: "x".into(), modified: Some(7), metadata, bytes: "hel\nlo".into() };
    assert_eq!(all, [done, Answer::Refused { code: "NoSuchKey".into() }]);
}

#[test]
fn an_answer_that_is_not_whole_is_none() {
    let whole = "{\"etag\":\"x\",\"size\":2}\nhi{\"end\":1}\n";
    assert!(answers(&Bytes::from_static(whole.as_bytes()), 1).is_ok());
    assert!(answers(&Bytes::from_static(whole.as_bytes()), 2).is_err());
    for length in 0..whole.len() {
        assert!(answers(&Bytes::copy_from_slice(&whole.as_bytes()[..length]), 1).is_err(), "{length}");
    }
    assert!(answers(&Bytes::from_static(b"{\"etag\":\"x\"}\n{\"etag\":\"x\"}\n{\"end\":1}\n"), 1).is_err());
    assert!(answers(&Bytes::from_static(b"<Error/>\n"), 1).is_err());
}
