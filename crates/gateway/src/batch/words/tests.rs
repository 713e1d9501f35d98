use super::*;

const MD5: &str = "5d41402abc4b2a76b9719d911017c592";

fn alice() -> BucketName {
    BucketName::new("alice").unwrap()
}

fn puts(body: &str) -> Result<Vec<Result<Put, Fault>>, Fault> {
    parse_puts(&alice(), &Bytes::copy_from_slice(body.as_bytes()))
}

#[test]
fn objects_follow_one_another_without_a_gap() {
    let body = format!(
        "{{\"put\":\"a/ü\",\"size\":5,\"md5\":\"{MD5}\",\"if_none_match\":\"*\",\"metadata\":{{\"Mtime\":\"1.5\"}}}}\n\
         he\nlo{{\"put\":\"b\",\"size\":0,\"md5\":\"{MD5}\",\"if_match\":\"\\\"x\\\"\"}}\n"
    );
    let all = puts(&body).unwrap();
    let [Ok(first), Ok(second)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((first.request.key.as_str(), &first.bytes[..]), ("a/ü", &b"he\nlo"[..]));
    assert_eq!(first.request.condition.if_none_match, Some(Wanted::Any));
    assert_eq!(first.request.about.metadata.get("mtime").map(String::as_str), Some("1.5"));
    assert_eq!((second.request.key.as_str(), second.bytes.len()), ("b", 0));
    assert_eq!(second.request.condition.if_match, Some(Wanted::Tag("x".into())));
}

#[test]
fn a_bad_object_is_refused_alone() {
    for (key, md5) in [("../a", MD5), (".heirloom/a", MD5), ("a", "5d41")] {
        let body = format!(
            "{{\"put\":\"{key}\",\"size\":1,\"md5\":\"{md5}\"}}\nx{{\"put\":\"b\",\"size\":0,\"md5\":\"{MD5}\"}}\n"
        );
        let all = puts(&body).unwrap();
        assert!(matches!(all.as_slice(), [Err(_), Ok(_)]), "{key}: {all:?}");
    }
}

#[test]
fn what_cannot_be_taken_apart_is_refused_whole() {
    let line = format!("{{\"put\":\"a\",\"size\":9,\"md5\":\"{MD5}\"}}");
    let many = format!("{{\"put\":\"a\",\"size\":0,\"md5\":\"{MD5}\"}}\n").repeat(OBJECTS_MAX + 1);
    for body in ["{\"put\":\"a\"}\n", "nonsense\n", &line, &format!("{line}\nfew"), &many] {
        assert!(matches!(puts(body), Err(Fault::Invalid(_))), "{}", &body[..body.len().min(80)]);
    }
    assert!(parse_gets(&Bytes::from_static(b"{\"get\":\"a\"}\n")).is_err());
}

#[test]
fn answers_are_counted() {
    let mut answers = Answers::default();
    answers.put(Ok(ETag::new(MD5)));
    answers.put(Err(Fault::PreconditionFailed { condition: "If-Match" }));
    let text = String::from_utf8(answers.finish().to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], format!("{{\"etag\":\"{MD5}\"}}"));
    assert!(lines[1].starts_with("{\"code\":\"PreconditionFailed\",\"message\":\""), "{text}");
    assert_eq!(lines[2], "{\"end\":2}");
}
