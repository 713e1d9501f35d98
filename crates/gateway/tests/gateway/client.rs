//! A bare S3 client: it signs what it is told to sign and sends what it is told to send, wrong or not.

use crate::server::REGION;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const IN_PATH: &AsciiSet = &UNRESERVED.remove(b'/');

#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    id: String,
    secret: String,
    host: String,
}

/// A request that is being put together.
pub(crate) struct Call {
    client: Client,
    method: Method,
    /// Decoded: `/bucket/key`.
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    unsigned: Vec<(String, String)>,
    body: Bytes,
    payload: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, id: &str, secret: &str) -> Self {
        Self { address, id: id.into(), secret: secret.into(), host: address.to_string() }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn with_secret(&self, secret: &str) -> Self {
        Self { secret: secret.into(), ..self.clone() }
    }

    pub(crate) fn with_id(&self, id: &str) -> Self {
        Self { id: id.into(), ..self.clone() }
    }

    pub(crate) fn with_host(&self, host: &str) -> Self {
        Self { host: host.into(), ..self.clone() }
    }

    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call {
            client: self.clone(),
            method: method.parse().unwrap(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            unsigned: Vec::new(),
            body: Bytes::new(),
            payload: None,
        }
    }

    pub(crate) async fn put(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.call("PUT", path).body(body).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.call("HEAD", path).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }
}

impl Call {
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// A header that is sent but not part of the signature.
    pub(crate) fn unsigned_header(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The value of `x-amz-content-sha256`, when it is not the digest of the body.
    pub(crate) fn payload(mut self, payload: &str) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// Signs by header and sends.
    pub(crate) async fn send(self) -> Answer {
        let headers = self.signed_headers();
        self.exchange(headers).await.unwrap()
    }

    /// The same to a server that may be killed meanwhile.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        let headers = self.signed_headers();
        self.exchange(headers).await
    }

    /// The request up to its body, which is announced to have `length` bytes.
    pub(crate) fn into_head(self, length: usize) -> String {
        let lines = self.signed_headers().into_iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let path = utf8_percent_encode(&self.path, IN_PATH);
        format!(
            "{} {path} HTTP/1.1\r\n{}content-length: {length}\r\n\r\n",
            self.method,
            lines.collect::<String>()
        )
    }

    fn signed_headers(&self) -> Vec<(String, String)> {
        let (now, date) = now();
        let payload = self.payload.clone().unwrap_or_else(|| hex(&Sha256::digest(&self.body)));
        let mut headers = self.headers.clone();
        headers.push(("host".into(), self.client.host.clone()));
        headers.push(("x-amz-date".into(), now.clone()));
        headers.push(("x-amz-content-sha256".into(), payload.clone()));
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let signature = self.signature(&query_string(&self.query), &headers, &names, &payload, &now, &date);
        let credential = format!("{}/{date}/{REGION}/s3/aws4_request", self.client.id);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
        headers.push(("authorization".into(), authorization));
        headers
    }

    /// Signs by address and sends.
    pub(crate) async fn send_presigned(mut self) -> Answer {
        let (now, date) = now();
        let mut headers = self.headers.clone();
        headers.push(("host".into(), self.client.host.clone()));
        headers.sort();
        let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let credential = format!("{}/{date}/{REGION}/s3/aws4_request", self.client.id);
        for (name, value) in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &now),
            ("X-Amz-Expires", "600"),
            ("X-Amz-SignedHeaders", &names),
        ] {
            self.query.push((name.into(), value.into()));
        }
        let signature =
            self.signature(&query_string(&self.query), &headers, &names, "UNSIGNED-PAYLOAD", &now, &date);
        self.query.push(("X-Amz-Signature".into(), signature));
        self.exchange(headers).await.unwrap()
    }

    /// Sends without any signature.
    pub(crate) async fn send_anonymously(self) -> Answer {
        let headers = [self.headers.clone(), vec![("host".into(), self.client.host.clone())]].concat();
        self.exchange(headers).await.unwrap()
    }

    fn signature(
        &self,
        query: &str,
        headers: &[(String, String)],
        names: &str,
        payload: &str,
        now: &str,
        date: &str,
    ) -> String {
        let path = utf8_percent_encode(&self.path, IN_PATH);
        let lines = headers
            .iter()
            .fold(String::new(), |lines, (name, value)| lines + name + ":" + value.trim() + "\n");
        let canonical = format!("{}\n{path}\n{query}\n{lines}\n{names}\n{payload}", self.method);
        let digest = hex(&Sha256::digest(canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{now}\n{date}/{REGION}/s3/aws4_request\n{digest}");
        let start = format!("AWS4{}", self.client.secret).into_bytes();
        let key = [date, REGION, "s3", "aws4_request"].iter().fold(start, |key, part| hmac(&key, part));
        hex(&hmac(&key, &text))
    }

    /// Signs by header, sends, and returns as soon as the head of the answer is there.
    pub(crate) async fn begin(self) -> hyper::Response<hyper::body::Incoming> {
        let headers = self.signed_headers();
        self.start(headers).await.unwrap()
    }

    /// `None` if the server is not there, or goes away meanwhile.
    async fn exchange(self, headers: Vec<(String, String)>) -> Option<Answer> {
        let answer = self.start(headers).await?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn start(self, headers: Vec<(String, String)>) -> Option<hyper::Response<hyper::body::Incoming>> {
        let query = query_string(&self.query);
        let path = utf8_percent_encode(&self.path, IN_PATH).to_string();
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let mut request = Request::builder().method(self.method).uri(target);
        for (name, value) in headers.iter().chain(&self.unsigned) {
            request = request.header(name, value);
        }
        let stream = TcpStream::connect(self.client.address).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        sender.send_request(request.body(Full::new(self.body)).unwrap()).await.ok()
    }
}

impl Answer {
    /// The answer, if it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:?} {}", self.headers, self.text());
        self
    }

    /// Checks status and S3's error code.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.tag("Code"), Some(code), "{}", answer.text());
        answer
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    #[track_caller]
    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().trim_matches('"').to_owned()
    }

    /// The text of the first element with this name.
    pub(crate) fn tag(&self, name: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.body).unwrap();
        let rest = text.split_once(&format!("<{name}>"))?.1;
        rest.split_once("</").map(|(value, _)| value)
    }

    /// The texts of all elements with this name.
    pub(crate) fn tags(&self, name: &str) -> Vec<String> {
        let text = self.text();
        let open = format!("<{name}>");
        let pieces = text.split(&open).skip(1);
        pieces.map(|piece| piece.split("</").next().unwrap_or_default().to_owned()).collect()
    }
}

fn query_string(query: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut pairs: Vec<_> = query.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Now as `20261120T220312Z` and `20261120` (days to civil date after Howard Hinnant).
fn now() -> (String, String) {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let date = format!("{year:04}{month:02}{day:02}");
    (format!("{date}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60), date)
}

pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    use md5::Digest as _;
    hex(&md5::Md5::digest(bytes))
}
