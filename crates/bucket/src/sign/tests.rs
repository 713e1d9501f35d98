use super::*;
use model::BucketName;

const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The examples of the protocol's documentation: `examplebucket`, on 2013-05-24.
fn signature(method: &Method, path: &str, headers: &[(&str, &str)], digest: &str) -> String {
    let signer = Signer::new(&Options {
        endpoint: String::new(),
        region: "us-east-1".into(),
        bucket: BucketName::new("examplebucket").unwrap(),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
        concurrency: 1,
        limits: crate::Limits::default(),
    });
    let host = "examplebucket.s3.amazonaws.com";
    let time = "20130524T000000Z";
    let uri: Uri = format!("http://{host}{path}").parse().unwrap();
    let mut map = HeaderMap::new();
    map.insert("x-amz-date", HeaderValue::from_static(time));
    map.insert("x-amz-content-sha256", HeaderValue::from_str(digest).unwrap());
    for (name, value) in headers {
        map.insert(
            http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let line = signer.authorization(method, &uri, host, &map, time, digest);
    line.rsplit_once("Signature=").unwrap().1.to_owned()
}

#[test]
fn the_protocols_examples_are_signed_as_documented() {
    let digest = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    let put = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
    let cases = [
        (
            Method::GET,
            "/test.txt",
            &[("range", "bytes=0-9")][..],
            NOTHING,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            Method::PUT,
            "/test$file.text",
            &put[..],
            digest,
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        (
            Method::GET,
            "/?lifecycle",
            &[][..],
            NOTHING,
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        ),
        (
            Method::GET,
            "/?max-keys=2&prefix=J",
            &[][..],
            NOTHING,
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ];
    for (method, path, headers, digest, expected) in cases {
        assert_eq!(signature(&method, path, headers, digest), expected, "{path}");
    }
}

#[test]
fn spelling_does_not_change_a_signature() {
    let sign = |path| signature(&Method::GET, path, &[], NOTHING);
    assert_eq!(sign("/a%21%2a?b=%2F"), sign("/a!*?b=/"));
    assert_eq!(sign("/?b=1&a=2"), sign("/?a=2&b=1"));
    assert_ne!(sign("/a%2521"), sign("/a!"));
}
