//! A small S3 store in memory, with bad manners on request.
//!
//! It knows what the client under test uses and nothing more; it checks no signatures (the real servers of the
//! conformance suite do).

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, ETAG, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED, RANGE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use md5::{Digest as _, Md5};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

/// How the store treats conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conditions {
    #[default]
    Honest,
    Careless,
    Unsupported,
}

/// What the store does wrong.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each vice by itself")]
pub(crate) struct Manners {
    pub(crate) conditions: Conditions,
    /// So many of the next writes and deletions are done, and the connection closed instead of answering.
    pub(crate) lost_answers: usize,
    /// Tags that look like digests and are none.
    pub(crate) opaque_tags: bool,
    /// Every listing after the first page breaks off in the middle.
    pub(crate) torn_listing: bool,
    /// Says that there is more, but not how to get it.
    pub(crate) endless_listing: bool,
    /// Every request gets this answer.
    pub(crate) refusal: Option<(u16, &'static str)>,
    /// The body of a read ends after so many bytes, once.
    pub(crate) short_read: Option<usize>,
    /// So many writes of parts are answered, then none: the store is gone until this is `None`.
    pub(crate) parts_left: Option<usize>,
    /// Ranges cannot be copied as parts.
    pub(crate) no_part_copies: bool,
    /// Every listing begins at the beginning, whatever key it is to come after.
    pub(crate) listings_begin_anew: bool,
    /// Keys per page.
    pub(crate) page: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) age: u64,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, Upload>,
    pub(crate) manners: Manners,
    /// Method and path of each request.
    pub(crate) requests: Vec<String>,
    /// Bytes of parts that were sent.
    pub(crate) sent: usize,
    clock: u64,
}

struct Upload {
    key: String,
    headers: Vec<(String, String)>,
    parts: BTreeMap<u32, Bytes>,
}

impl State {
    pub(crate) fn uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(crate) fn insert(&mut self, key: &str, body: &[u8], headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), (*value).to_owned()));
        let etag = hex(&Md5::digest(body));
        self.store(key, Bytes::copy_from_slice(body), etag, headers.collect());
    }

    fn store(&mut self, key: &str, body: Bytes, etag: String, headers: Vec<(String, String)>) -> String {
        self.clock += 1;
        let etag = if self.manners.opaque_tags { hex(&Md5::digest(self.clock.to_string())) } else { etag };
        let stored = Stored { body, etag: etag.clone(), headers, age: self.clock };
        self.objects.insert(key.to_owned(), stored);
        etag
    }
}

/// A running store. Stops with the runtime.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
}

pub(crate) const BUCKET: &str = "alice";

impl Store {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let store = Self { address, state: Arc::default() };
        let serving = store.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).expect("nodelay");
                let store = serving.clone();
                let service = service_fn(move |request| {
                    let store = store.clone();
                    async move { store.answer(request).await }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service),
                );
            }
        });
        store
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().expect("no panic inside"))
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        self.with(|state| {
            state.requests.push(format!("{} {}", parts.method, parts.uri));
            if parts.uri.query().is_some_and(|query| query.contains("partNumber"))
                && let Some(left) = &mut state.manners.parts_left
            {
                let Some(less) = left.checked_sub(1) else { return Err(io::Error::other("gone")) };
                *left = less;
            }
            if let Some((status, code)) = state.manners.refusal {
                return Ok(refuse(status, code));
            }
            let changes = !matches!(parts.method, Method::GET | Method::HEAD);
            let answer = state.respond(&parts, body);
            if changes && state.manners.lost_answers > 0 {
                state.manners.lost_answers -= 1;
                return Err(io::Error::other("the answer is lost"));
            }
            Ok(answer)
        })
    }
}

type Answer = Response<Full<Bytes>>;

impl State {
    fn respond(&mut self, parts: &http::request::Parts, body: Bytes) -> Answer {
        let path = decode(parts.uri.path());
        let query: BTreeMap<String, String> = parts.uri.query().unwrap_or("").split('&').map(pair).collect();
        let Some(key) = path.strip_prefix('/').and_then(|path| path.strip_prefix(BUCKET)) else {
            return refuse(404, "NoSuchBucket");
        };
        let key = key.strip_prefix('/').unwrap_or(key).to_owned();
        let header =
            |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let upload = query.get("uploadId").cloned();
        match (&parts.method, upload) {
            (&Method::GET, _) if query.contains_key("uploads") => self.list_uploads(&query),
            (&Method::GET, Some(id)) => self.list_parts(&id, &query),
            (&Method::GET, _) if key.is_empty() => self.list(&query),
            (&Method::GET | &Method::HEAD, _) => {
                self.read(&parts.method, &key, header(RANGE.as_str()), header("if-match"))
            }
            (&Method::POST, None) => {
                self.clock += 1;
                let id = format!("u{}", self.clock);
                let upload = Upload { key, headers: meta(parts), parts: BTreeMap::new() };
                self.uploads.insert(id.clone(), upload);
                xml(&format!(
                    "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
                ))
            }
            (&Method::PUT, Some(id)) => {
                self.put_part(parts, &id, query["partNumber"].parse().expect("a number"), body)
            }
            (&Method::POST, Some(id)) => self.complete(parts, &key, &id),
            (&Method::DELETE, Some(id)) => {
                self.uploads.remove(&id);
                status(204)
            }
            (&Method::PUT, None) if header("x-amz-copy-source").is_some() => self.copy(parts, &key),
            (&Method::PUT, None) => self.check(parts, &key).unwrap_or_else(|| {
                let etag = hex(&Md5::digest(&body));
                let etag = self.store(&key, body, etag, meta(parts));
                tagged(Response::new(Full::default()), &etag)
            }),
            (&Method::DELETE, None) => self.check(parts, &key).unwrap_or_else(|| {
                self.objects.remove(&key);
                status(204)
            }),
            _ => refuse(405, "MethodNotAllowed"),
        }
    }

    fn check(&self, parts: &http::request::Parts, key: &str) -> Option<Answer> {
        let (matching, none_matching) = (parts.headers.get(IF_MATCH), parts.headers.get(IF_NONE_MATCH));
        if matching.is_none() && none_matching.is_none() {
            return None;
        }
        match self.manners.conditions {
            Conditions::Careless => return None,
            Conditions::Unsupported => return Some(refuse(501, "NotImplemented")),
            Conditions::Honest => {}
        }
        let held = self.objects.get(key).map(|stored| format!("\"{}\"", stored.etag));
        match (matching, held) {
            (Some(_), None) => Some(refuse(404, "NoSuchKey")),
            (Some(wanted), Some(held)) if held.as_bytes() != wanted.as_bytes() => {
                Some(refuse(412, "PreconditionFailed"))
            }
            (None, Some(_)) => Some(refuse(412, "PreconditionFailed")),
            _ => None,
        }
    }

    fn complete(&mut self, parts: &http::request::Parts, key: &str, id: &str) -> Answer {
        if !self.uploads.contains_key(id) {
            return refuse(404, "NoSuchUpload");
        }
        if let Some(refused) = self.check(parts, key) {
            return refused;
        }
        let upload = self.uploads.remove(id).expect("looked above");
        let digests: Vec<u8> = upload.parts.values().flat_map(|part| Md5::digest(part).to_vec()).collect();
        let etag = format!("{}-{}", hex(&Md5::digest(digests)), upload.parts.len());
        let body = upload.parts.into_values().collect::<Vec<_>>().concat();
        let etag = self.store(key, body.into(), etag, upload.headers);
        xml(&format!(
            "<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"
        ))
    }

    fn put_part(&mut self, parts: &http::request::Parts, id: &str, number: u32, body: Bytes) -> Answer {
        let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let copied = header("x-amz-copy-source").map(|source| {
            let source = decode(source);
            let found = source.strip_prefix("alice/").and_then(|key| self.objects.get(key));
            let found = found.ok_or((404, "NoSuchKey"))?;
            let wanted = header("x-amz-copy-source-if-match").expect("copies are pinned");
            let careful = self.manners.conditions == Conditions::Honest;
            if careful && wanted != format!("\"{}\"", found.etag) {
                return Err((412, "PreconditionFailed"));
            }
            let range = header("x-amz-copy-source-range").and_then(|range| range.strip_prefix("bytes="));
            let (first, last) = range.and_then(|range| range.split_once('-')).expect("a range");
            let (first, last): (usize, usize) = (first.parse().expect("first"), last.parse().expect("last"));
            Ok(found.body.slice(first..=last))
        });
        let part = match copied {
            Some(_) if self.manners.no_part_copies => return refuse(501, "NotImplemented"),
            Some(Ok(part)) => part,
            Some(Err((status, code))) => return refuse(status, code),
            None => {
                use base64::Engine as _;
                let digest = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&body));
                if header("content-md5").is_some_and(|given| given != digest) {
                    return refuse(400, "BadDigest");
                }
                self.sent += body.len();
                body
            }
        };
        let Some(upload) = self.uploads.get_mut(id) else { return refuse(404, "NoSuchUpload") };
        let etag = hex(&Md5::digest(&part));
        let etag = if self.manners.opaque_tags { etag.chars().rev().collect() } else { etag };
        upload.parts.insert(number, part);
        let text = format!("<CopyPartResult><ETag>&quot;{etag}&quot;</ETag></CopyPartResult>");
        tagged(xml(&text), &etag)
    }

    fn list_parts(&self, id: &str, query: &BTreeMap<String, String>) -> Answer {
        let Some(upload) = self.uploads.get(id) else { return refuse(404, "NoSuchUpload") };
        let after: u32 =
            query.get("part-number-marker").map_or(0, |marker| marker.parse().expect("a number"));
        let mut parts = upload.parts.range(after + 1..);
        let (mut text, mut last) = (String::new(), 0);
        for (number, part) in parts.by_ref().take(self.manners.page.unwrap_or(1000)) {
            let (etag, size) = (hex(&Md5::digest(part)), part.len());
            let _ = write!(
                text,
                "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Part>"
            );
            last = *number;
        }
        let more = parts.next().is_some();
        xml(&format!(
            "<ListPartsResult><NextPartNumberMarker>{last}</NextPartNumberMarker>\
             <IsTruncated>{more}</IsTruncated>{text}</ListPartsResult>"
        ))
    }

    /// All of them were begun in 2022.
    fn list_uploads(&self, query: &BTreeMap<String, String>) -> Answer {
        let prefix = &query["prefix"];
        let mine = self.uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix));
        let mut uploads = String::new();
        for (id, Upload { key, .. }) in mine {
            let (key, time) = (escape(key), iso(1));
            let _ = write!(
                uploads,
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{time}</Initiated></Upload>"
            );
        }
        xml(&format!(
            "<ListMultipartUploadsResult>{uploads}<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
        ))
    }

    fn copy(&mut self, parts: &http::request::Parts, key: &str) -> Answer {
        let header =
            |name: &str| parts.headers.get(name).map(|value| value.to_str().expect("text").to_owned());
        let source = decode(&header("x-amz-copy-source").expect("asked for above"));
        assert_eq!(header("x-amz-metadata-directive").as_deref(), Some("REPLACE"));
        let Some(found) = source.strip_prefix("alice/").and_then(|key| self.objects.get(key)).cloned() else {
            return refuse(404, "NoSuchKey");
        };
        let wanted = header("x-amz-copy-source-if-match");
        match (self.manners.conditions, &wanted) {
            (Conditions::Unsupported, Some(_)) => return refuse(501, "NotImplemented"),
            (Conditions::Careless, _) => return self.copied(key, found, meta(parts)),
            _ => {}
        }
        if wanted.is_some_and(|wanted| wanted != format!("\"{}\"", found.etag)) {
            return refuse(412, "PreconditionFailed");
        }
        self.copied(key, found, meta(parts))
    }

    fn copied(&mut self, key: &str, found: Stored, headers: Vec<(String, String)>) -> Answer {
        let etag = hex(&Md5::digest(&found.body));
        let etag = self.store(key, found.body, etag, headers);
        let time = iso(self.clock);
        xml(&format!(
            "<CopyObjectResult><LastModified>{time}</LastModified><ETag>\"{etag}\"</ETag></CopyObjectResult>"
        ))
    }

    fn read(&mut self, method: &Method, key: &str, range: Option<String>, wanted: Option<String>) -> Answer {
        let Some(stored) = self.objects.get(key) else { return refuse(404, "NoSuchKey") };
        if wanted.is_some_and(|wanted| wanted != format!("\"{}\"", stored.etag)) {
            return refuse(412, "PreconditionFailed");
        }
        let mut response = Response::builder().header(
            LAST_MODIFIED,
            format!("Sun, 06 Nov 2022 08:{:02}:{:02} GMT", stored.age / 60 % 60, stored.age % 60),
        );
        for (name, value) in &stored.headers {
            response = response.header(name, value);
        }
        let size = stored.body.len();
        let mut body = stored.body.clone();
        if let Some(range) = range {
            let (start, end) =
                range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).expect("a range");
            let start: usize = start.parse().expect("a start");
            let end = end.parse().map_or(size, |end: usize| end + 1);
            body = body.slice(start..end);
            response =
                response.status(206).header("content-range", format!("bytes {start}-{}/{size}", end - 1));
        }
        let etag = stored.etag.clone();
        if *method == Method::HEAD {
            return tagged(
                response.header(CONTENT_LENGTH, size).body(Full::default()).expect("valid"),
                &etag,
            );
        }
        let length = body.len();
        if let Some(short) = self.manners.short_read.take() {
            body.truncate(short);
        }
        tagged(response.header(CONTENT_LENGTH, length).body(Full::new(body)).expect("valid"), &etag)
    }

    fn list(&mut self, query: &BTreeMap<String, String>) -> Answer {
        let prefix = query.get("prefix").map_or("", String::as_str);
        let token = query.get("continuation-token");
        let start = query.get("start-after").filter(|_| !self.manners.listings_begin_anew);
        let after = token.or(start).cloned().unwrap_or_default();
        let delimiter = query.get("delimiter").map(String::as_str);
        let limit = query.get("max-keys").and_then(|limit| limit.parse().ok());
        let limit: usize = limit.or(self.manners.page).unwrap_or(1000);
        let (mut lines, mut last, mut common) = (Lines::default(), String::new(), String::new());
        let mut more = self.manners.endless_listing;
        let behind = (Bound::Excluded(after.max(prefix.to_owned())), Bound::Unbounded);
        let first = self.objects.get_key_value(prefix).filter(|_| token.or(start).is_none());
        for (key, stored) in first.into_iter().chain(self.objects.range::<String, _>(behind)) {
            let Some(below) = key.strip_prefix(prefix) else { break };
            if !common.is_empty() && key.starts_with(&common) {
                last.clone_from(key);
                continue;
            }
            if lines.count == limit {
                more = true;
                break;
            }
            match delimiter.and_then(|delimiter| below.find(delimiter)) {
                Some(at) => {
                    common = format!("{prefix}{}", &below[..=at]);
                    lines.add_common(&common);
                }
                None => lines.add_object(key, stored),
            }
            last.clone_from(key);
        }
        let mut text = format!("<ListBucketResult>{}", lines.text);
        if self.manners.torn_listing && token.is_some() {
            return xml(&text);
        }
        let _ = write!(text, "<IsTruncated>{more}</IsTruncated>");
        if more && !self.manners.endless_listing {
            let _ = write!(text, "<NextContinuationToken>{}</NextContinuationToken>", escape(&last));
        }
        xml(&(text + "</ListBucketResult>"))
    }
}

/// A page of a listing.
#[derive(Default)]
struct Lines {
    text: String,
    count: usize,
}

impl Lines {
    fn add_object(&mut self, key: &str, stored: &Stored) {
        let (size, time) = (stored.body.len(), iso(stored.age));
        let _ = write!(
            self.text,
            "<Contents><Key>{}</Key><LastModified>{time}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{size}</Size></Contents>",
            escape(key),
            stored.etag
        );
        self.count += 1;
    }

    fn add_common(&mut self, prefix: &str) {
        let _ = write!(self.text, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(prefix));
        self.count += 1;
    }
}

fn meta(parts: &http::request::Parts) -> Vec<(String, String)> {
    let said = parts.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-amz-meta-"));
    said.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect()
}

fn refuse(code: u16, name: &str) -> Answer {
    let text = format!(
        "<Error><Code>{name}</Code><Message>on purpose</Message><Resource>/</Resource><RequestId>1</RequestId></Error>"
    );
    let mut answer = xml(&text);
    *answer.status_mut() = StatusCode::from_u16(code).expect("a status");
    answer
}

fn status(code: u16) -> Answer {
    Response::builder().status(code).body(Full::default()).expect("valid")
}

fn xml(text: &str) -> Answer {
    Response::new(Full::new(Bytes::from(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}"))))
}

fn tagged(mut answer: Answer, etag: &str) -> Answer {
    answer.headers_mut().insert(ETAG, format!("\"{etag}\"").parse().expect("valid"));
    answer
}

fn pair(text: &str) -> (String, String) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    (decode(name), decode(value))
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn iso(age: u64) -> String {
    format!("2022-11-06T08:{:02}:{:02}.250Z", age / 60 % 60, age % 60)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
