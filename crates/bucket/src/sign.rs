//! Signatures of requests: AWS Signature Version 4, in the `Authorization` header.
//!
//! Requests are signed here and not by `OpenDAL`'s signer for two reasons. A signature carries the time, and a server refuses one
//! that is a quarter of an hour off; this machine's clock may be years off, which must not keep anybody's files from being safe.
//! So the signer can be told what time it is at the server ([`Signer::set_now`]). And `OpenDAL` cannot phrase every
//! request that is needed (see `copy`).
//!
//! Bodies are not part of the signature (`UNSIGNED-PAYLOAD`): that they arrived whole is seen from the tag of what the store then holds.
//!
//! Protocol: <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.

use crate::Options;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Uri};
use opendal::raw::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What the protocol leaves as it is in a path.
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same in a query, where a slash is data.
const QUERY: AsciiSet = PATH.add(b'/');

/// Stands for the digest of a body that is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Signs requests with one key.
pub(crate) struct Signer {
    access_key_id: String,
    secret_access_key: String,
    region: String,
    /// Seconds by which the server's clock is ahead of ours.
    skew: AtomicI64,
    /// The key is derived for a day; deriving it costs as much as signing.
    of_day: Mutex<Option<(String, [u8; 32])>>,
}

impl Signer {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            access_key_id: options.access_key_id.clone(),
            secret_access_key: options.secret_access_key.clone(),
            region: options.region.clone(),
            skew: AtomicI64::new(0),
            of_day: Mutex::new(None),
        }
    }

    /// The server's time, as far as known, in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        clock().saturating_add(self.skew.load(Ordering::Relaxed))
    }

    /// Notes what time it is at the server.
    pub(crate) fn set_now(&self, time: i64) {
        self.skew.store(time.saturating_sub(clock()), Ordering::Relaxed);
    }

    /// Adds the headers that sign a request made at `now`, as [`Signer::now`] tells it. `host` is the `Host` header it is sent with.
    pub(crate) fn sign(&self, method: &Method, uri: &Uri, host: &str, headers: &mut HeaderMap, now: i64) {
        let time = Timestamp::from_second(now)
            .unwrap_or_default()
            .into_inner()
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        headers.insert("x-amz-content-sha256", HeaderValue::from_static(UNSIGNED));
        headers.insert(
            "x-amz-date",
            HeaderValue::from_str(&time).expect("because digits and letters are a value"),
        );
        let authorization = self.authorization(method, uri, host, headers, &time, UNSIGNED);
        let mut authorization = HeaderValue::from_str(&authorization)
            .unwrap_or_else(|_| HeaderValue::from_static("AWS4-HMAC-SHA256 unusable key id"));
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
    }

    fn authorization(
        &self,
        method: &Method,
        uri: &Uri,
        host: &str,
        headers: &HeaderMap,
        time: &str,
        body_digest: &str,
    ) -> String {
        let (day, _) = time.split_at(8);
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let (canonical_headers, names) = canonical_headers(host, headers);
        let request = format!(
            "{method}\n{}\n{}\n{canonical_headers}\n{names}\n{body_digest}",
            recode(uri.path(), &PATH),
            canonical_query(uri.query().unwrap_or_default()),
        );
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(&request)));
        let signature = hex(&keyed(&self.key_of_day(day), &to_sign));
        let id = &self.access_key_id;
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }

    fn key_of_day(&self, day: &str) -> [u8; 32] {
        let mut of_day = self.of_day.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, key)) = &*of_day
            && known == day
        {
            return *key;
        }
        let secret = format!("AWS4{}", self.secret_access_key);
        let key = [day, &self.region, "s3", "aws4_request"]
            .into_iter()
            .fold(secret.into_bytes(), |key, part| keyed(&key, part).to_vec());
        let key = key.try_into().expect("because a SHA-256 has 32 bytes");
        *of_day = Some((day.to_owned(), key));
        key
    }
}

/// This machine's clock. Used for signatures and nothing else.
fn clock() -> i64 {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    }
}

/// All headers but the length, which a proxy may drop for another framing, sorted; and their names.
fn canonical_headers(host: &str, headers: &HeaderMap) -> (String, String) {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    let mut lines: Vec<(&str, String)> = headers
        .iter()
        .filter(|(name, _)| *name != CONTENT_LENGTH)
        .map(|(name, value)| (name.as_str(), text(value)))
        .collect();
    lines.push(("host", host.to_owned()));
    lines.sort();
    let mut canonical = String::new();
    let mut names = String::new();
    for (name, value) in lines {
        writeln!(canonical, "{name}:{value}").expect("because writing to a String cannot fail");
        if !names.is_empty() {
            names.push(';');
        }
        names.push_str(name);
    }
    (canonical, names)
}

fn canonical_query(query: &str) -> String {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (recode(name, &QUERY), recode(value, &QUERY))
    };
    let mut pairs: Vec<_> = query.split('&').filter(|text| !text.is_empty()).map(pair).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The protocol's own percent-encoding, whichever one the URI has.
fn recode(text: &str, set: &'static AsciiSet) -> String {
    let bytes: Vec<u8> = percent_decode_str(text).collect();
    percent_encode(&bytes, set).to_string()
}

fn keyed(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("because a key may have any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("because writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests;
