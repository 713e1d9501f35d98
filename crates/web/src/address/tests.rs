use super::*;

#[test]
fn a_hostile_name_stays_inside_its_component() {
    let bucket_name = BucketName::new("alice").unwrap();
    let path = RelPath::from_os_bytes(b"a b/50%/what?#<x>\"&\n/\xff").unwrap();
    let address = raw(&bucket_name, "latest", &path);
    assert_eq!(address, "/alice/raw/latest/a%20b/50%25/what%3F%23%3Cx%3E%22%26%250A/%25FF");
    let decoded = percent_encoding::percent_decode_str(&address["/alice/raw/latest/".len()..]);
    let back = RelPath::from_key(&decoded.decode_utf8().unwrap()).unwrap();
    assert_eq!(back, path);
}

#[test]
fn signing_in_never_leads_elsewhere() {
    for (given, expected) in [
        (Some("/alice/tree/latest?sort=size"), "/alice/tree/latest?sort=size"),
        (Some("//evil.example"), "/"),
        (Some("/\\evil.example"), "/"),
        (Some("https://evil.example"), "/"),
        (Some("/a\r\nSet-Cookie: x"), "/"),
        (Some("/\t/evil.example"), "/"),
        (Some(""), "/"),
        (None, "/"),
    ] {
        assert_eq!(local_only(given), expected, "{given:?}");
    }
}
