use super::{Endpoint, domain, duration, label, listen, max_delete, region};
use plan::sync::MaxDelete;
use std::time::Duration;

#[test]
fn durations() {
    for (text, seconds) in [("1s", 1), ("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172_800), ("5 m", 300)]
    {
        assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in
        ["", "5", "m", "0s", "-5m", "1.5h", "5 parsecs", "5M", "5mm", "99999999999999999999s", "1000000d"]
    {
        assert!(duration(text).is_err(), "{text}");
    }
}

#[test]
fn limits_of_deletion() {
    assert_eq!(max_delete("25%"), Ok(MaxDelete::Percent(25)));
    assert_eq!(max_delete("0%"), Ok(MaxDelete::Percent(0)));
    assert_eq!(max_delete("100%"), Ok(MaxDelete::Percent(100)));
    assert_eq!(max_delete("100"), Ok(MaxDelete::Count(100)));
    for text in ["", "%", "101%", "-1", "many", "2.5%", "1k"] {
        assert!(max_delete(text).is_err(), "{text}");
    }
}

#[test]
fn addresses() {
    for (text, expected) in [
        ("http://cloud:9000", "http://cloud:9000"),
        ("http://cloud:9000/", "http://cloud:9000"),
        ("https://S3.Example.org", "https://s3.example.org"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ] {
        assert_eq!(Endpoint::new(text).unwrap().as_str(), expected);
    }
    for text in [
        "",
        "cloud",
        "cloud:9000",
        "ftp://x",
        "http://",
        "http://a/b",
        "http://a?b",
        "http://u:p@a",
        "http://a#b",
    ] {
        assert!(Endpoint::new(text).is_err(), "{text}");
    }
    assert_eq!(Endpoint::http("::1", 80).as_str(), "http://[::1]:80");
}

#[test]
fn servers_listen_at_an_ip_and_port() {
    assert!(listen("0.0.0.0:9000").is_ok());
    assert!(listen("[::]:9000").is_ok());
    for text in ["9000", ":9000", "localhost:9000", "0.0.0.0", "0.0.0.0:70000"] {
        assert!(listen(text).is_err(), "{text}");
    }
}

#[test]
fn words() {
    assert!(label("attic pi").is_ok());
    assert!(label("").is_err());
    assert!(label(" pi").is_err());
    assert!(label("a\nb").is_err());
    assert!(region("us-east-1").is_ok());
    assert!(region("us east").is_err());
    assert_eq!(domain("S3.example.org").as_deref(), Ok("s3.example.org"));
    assert!(domain("http://s3").is_err());
    assert!(domain("a..b").is_err());
}

#[test]
fn a_rate_is_bytes_per_second_or_none() {
    for (text, rate) in [
        ("2MiB", Some(2 << 20)),
        ("500 KB", Some(500_000)),
        ("4096", Some(4096)),
        ("1MiB/s", Some(1 << 20)),
        ("none", None),
        ("0", None),
    ] {
        assert_eq!(super::rate(text), Ok(rate), "{text}");
    }
    for text in ["", "fast", "-1MiB", "1 Mbit", "4095", "1KiB"] {
        assert!(super::rate(text).is_err(), "{text}");
    }
}
