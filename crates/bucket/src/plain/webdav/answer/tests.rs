use super::*;

/// As Apache answers, shortened.
const APACHE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/">
<D:href>/dav/a%20b/</D:href>
<D:propstat><D:prop>
<lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:getlastmodified>Fri, 20 Nov 2026 10:15:00 GMT</lp1:getlastmodified>
<lp1:getetag>"1000-5"</lp1:getetag>
</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><D:getcontentlength/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
</D:response>
<D:response xmlns:lp1="DAV:">
<D:href>/dav/a%20b/x%26y.txt</D:href>
<D:propstat><D:prop>
<lp1:resourcetype/>
<lp1:getcontentlength>8</lp1:getcontentlength>
<lp1:getlastmodified>Fri, 20 Nov 2026 10:15:00 GMT</lp1:getlastmodified>
<lp1:getetag>"8-&amp;5"</lp1:getetag>
</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
</D:response>
</D:multistatus>"#;

/// As others may: no prefix, whole addresses, no tags, the status before the properties.
const OTHER: &str = r#"<multistatus xmlns="DAV:"><response><href>http://host:80/dav/a%20b</href><propstat>
<status>HTTP/1.1 200 OK</status><prop><resourcetype><collection/></resourcetype></prop></propstat></response>
<response><href>http://host:80/dav/a b/%E9.txt</href><propstat><status>HTTP/1.1 200 OK</status><prop><resourcetype/>
<getcontentlength>3</getcontentlength><getlastmodified>Fri, 20 Nov 2026 10:15:00 GMT</getlastmodified></prop></propstat></response></multistatus>"#;

#[test]
fn a_listing_is_read() {
    let found = resources(APACHE).unwrap();
    assert_eq!(found.len(), 2);
    let path = "/dav/a%20b/";
    assert_eq!(found[0].below(path).unwrap(), None);
    assert_eq!(found[0].entry().unwrap().kind, EntryKind::Directory);
    assert_eq!(found[1].below(path).unwrap(), Some(Ok("x&y.txt".to_owned())));
    let modified = Some(UnixNanos(1_795_169_700_000_000_000));
    let tag = "8-&5".to_owned();
    assert_eq!(found[1].entry().unwrap(), Entry { kind: EntryKind::File, size: 8, modified, tag });
}

#[test]
fn servers_differ() {
    let found = resources(OTHER).unwrap();
    let path = "/dav/a%20b/";
    assert_eq!(found[0].below(path).unwrap(), None);
    assert_eq!(found[1].below(path).unwrap(), Some(Err("\u{fffd}.txt".to_owned())));
    assert_eq!(found[1].entry().unwrap().tag, format!("3.{:x}", 1_795_169_700_000_000_000_i64));
}

#[test]
fn a_listing_is_whole_or_an_error() {
    for length in 0..APACHE.len() {
        if APACHE.is_char_boundary(length) {
            assert!(resources(&APACHE[..length]).is_err(), "{length} bytes");
        }
    }
    let elsewhere = APACHE.replace("/dav/a%20b/x", "/dav/other/x");
    assert!(resources(&elsewhere).unwrap()[1].below("/dav/a%20b/").is_err());
    let deeper = APACHE.replace("/dav/a%20b/x", "/dav/a%20b/c/x");
    assert!(resources(&deeper).unwrap()[1].below("/dav/a%20b/").is_err());
    let unknown = APACHE.replace(r#"<lp1:getetag>"8-&amp;5"</lp1:getetag>"#, "");
    assert!(resources(&unknown).unwrap()[1].entry().is_ok(), "its time tells the version");
    let timeless = unknown.replace("getlastmodified", "getcreationdate");
    assert!(resources(&timeless).unwrap()[1].entry().is_err(), "nothing tells the version");
    assert!(resources("<html>welcome</html>").is_err());
}

#[test]
fn headers_tell_the_same_as_a_listing() {
    let headers = |pairs: &[(&'static str, &'static str)]| {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>()
    };
    let whole = headers(&[
        ("content-length", "8"),
        ("etag", "\"8-&5\""),
        ("last-modified", "Fri, 20 Nov 2026 10:15:00 GMT"),
    ]);
    assert_eq!(of_file(&whole, 0).unwrap(), resources(APACHE).unwrap()[1].entry().unwrap());
    let part = headers(&[("content-length", "3"), ("content-range", "bytes 5-7/8"), ("etag", "\"8-&5\"")]);
    let found = of_file(&part, 5).unwrap();
    assert_eq!((found.size, found.tag), (8, "8-&5".to_owned()));
}
