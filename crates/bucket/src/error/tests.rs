use super::*;
use opendal::{Error as Raised, ErrorKind};

fn sort(error: &Raised, key: Option<&ObjectKey>) -> Error {
    let bucket = BucketName::new("alice").unwrap();
    let attempt =
        Attempt { endpoint: "http://cloud", bucket: &bucket, access_key_id: "id", verb: "write", key };
    attempt.failed(error)
}

#[test]
fn fields_of_an_answer_are_found_whatever_they_hold() {
    let text = r#"S3Error { code: "AccessDenied", message: "it says \"no\", code: \"x\"", resource: "", request_id: "" }"#;
    assert_eq!(field(text, "code").as_deref(), Some("AccessDenied"));
    assert_eq!(field(text, "message").as_deref(), Some(r#"it says "no", code: "x""#));
    assert_eq!(field(text, "resource").as_deref(), Some(""));
    assert_eq!(field(text, "colour"), None);
    assert_eq!(field("<html>502 Bad Gateway</html>", "code"), None);
}

#[test]
fn answers_are_sorted_by_what_can_be_done() {
    let key = ObjectKey::parse("a").unwrap();
    let cases = [
        (403, "SignatureDoesNotMatch", "WrongKey", Retry::Never),
        (403, "AccessDenied", "Rejected", Retry::Never),
        (403, "", "WrongKey", Retry::Never),
        (404, "NoSuchBucket", "NoSuchBucket", Retry::Never),
        (404, "NoSuchKey", "NotFound", Retry::Replan),
        (412, "PreconditionFailed", "Changed", Retry::Replan),
        (409, "ConditionalRequestConflict", "Changed", Retry::Replan),
        (400, "KeyTooLongError", "Rejected", Retry::Never),
        (400, "QuotaExceeded", "NoSpace", Retry::Later),
        (507, "", "NoSpace", Retry::Later),
        (503, "SlowDown", "Unreachable", Retry::Later),
        (500, "InternalError", "Unreachable", Retry::Later),
        (200, "InternalError", "Unreachable", Retry::Later),
        (502, "", "Unreachable", Retry::Later),
        (501, "NotImplemented", "Rejected", Retry::Never),
    ];
    for (status, code, variant, retry) in cases {
        let raised = answer_error(StatusCode::from_u16(status).unwrap(), Some(code.into()), None);
        // The retry layer marks everything it lets through, whether or not it tried again.
        let sorted = sort(&raised.set_persistent(), Some(&key));
        assert!(format!("{sorted:?}").starts_with(variant), "{status} {code}: {sorted:?}");
        assert_eq!(sorted.retry(), retry, "{status} {code}");
    }
}

#[test]
fn an_answer_that_makes_no_sense_may_do_so_later() {
    let sorted = sort(&Raised::new(ErrorKind::Unexpected, "deserialize xml"), None);
    assert_eq!(sorted.retry(), Retry::Later);
    assert_eq!(sorted.to_string(), "cannot write the bucket `alice`");
    assert_eq!(StdError::source(&sorted).unwrap().to_string(), "deserialize xml");
}
