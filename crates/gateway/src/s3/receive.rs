//! Taking in the bytes of an upload, and making sure that they are the ones the client meant.
//!
//! Small content stays in memory until it is written in one go. Larger content goes to a draft, a megabyte at a
//! time, while the next megabyte arrives; a slow client holds a megabyte of memory and no thread. Nothing
//! becomes visible before every digest that the request promises has been compared.

use super::{Service, part};
use crate::fault::{Doing, Fault};
use crate::incoming::Draft;
use crate::index::PartTag;
use crate::record::etag_of;
use crate::store::{Content, Store};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use md5::{Digest, Md5};
use model::{ContentId, ETag};
use s3s::checksum::ChecksumHasher;
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};
use std::io::Write;
use tokio::task::JoinHandle;

/// Up to here, content stays in memory.
const MEMORY_MAX: usize = 256 << 10;

/// Larger content is written in pieces of this size.
const PIECE: usize = 1 << 20;

/// What the request promises about its content.
#[derive(Debug, Default)]
pub(super) struct Promised {
    pub(super) length: Option<i64>,
    pub(super) content_md5: Option<String>,
    /// Which is looked at if there is no MD5.
    pub(super) blake3: Option<[u8; 32]>,
    pub(super) checksum: Checksum,
    /// Where checksums that follow the content will be found.
    pub(super) trailers: Option<TrailingHeaders>,
    /// The names of those.
    pub(super) announced: Vec<String>,
}

/// Collects the promises of a `PutObject` or `UploadPart`.
macro_rules! promised {
    ($request:expr) => {{
        let request = &mut $request;
        let input = &mut request.input;
        $crate::s3::receive::Promised {
            length: input.content_length,
            content_md5: input.content_md5.take(),
            blake3: None,
            checksum: s3s::dto::Checksum {
                checksum_crc32: input.checksum_crc32.take(),
                checksum_crc32c: input.checksum_crc32c.take(),
                checksum_crc64nvme: input.checksum_crc64nvme.take(),
                checksum_sha1: input.checksum_sha1.take(),
                checksum_sha256: input.checksum_sha256.take(),
                ..Default::default()
            },
            announced: $crate::s3::receive::announced(&request.headers),
            trailers: request.trailing_headers.take(),
        }
    }};
}
pub(super) use promised;

/// Content that has arrived, and whose digests are still to be compared.
#[derive(Debug)]
pub(super) struct Received {
    bytes: Arrived,
    checks: Checks,
    promised: Promised,
}

#[derive(Debug)]
enum Arrived {
    Memory(Vec<Bytes>),
    Draft(Draft, u64),
}

/// Content whose digests are right, and the checksums that the client asked to have confirmed.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) content: Content,
    pub(super) checksum: Checksum,
}

struct Checks {
    content: Hasher,
    others: ChecksumHasher,
}

/// What the content's tag is made of.
enum Hasher {
    Md5(Md5),
    Blake3(Box<blake3::Hasher>),
}

impl Default for Hasher {
    fn default() -> Self {
        Self::Md5(Md5::new())
    }
}

impl std::fmt::Debug for Checks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checks")
    }
}

impl Service {
    /// Takes all of a body in; into `draft`, if there is one already.
    pub(super) async fn receive(
        &self,
        body: Option<StreamingBlob>,
        mut promised: Promised,
        draft: Option<Draft>,
    ) -> S3Result<Received> {
        let mut checks = Checks::of(&promised);
        let (mut chunks, mut held, mut total) = (Vec::new(), 0, 0_u64);
        let mut spool: Option<JoinHandle<Result<Spool, Fault>>> =
            draft.map(|draft| Spool { draft, checks: checks.take() }.write(Vec::new()));
        if let Some(mut body) = body {
            while let Some(chunk) = body.next().await {
                let chunk: Bytes = chunk.map_err(broken_off)?;
                held += chunk.len();
                total += chunk.len() as u64;
                // A draft may be a stretch of a file, and what is behind it another's.
                if promised.length.is_some_and(|length| length.cast_unsigned() < total) {
                    return Err(s3_error!(IncompleteBody));
                }
                chunks.push(chunk);
                if held >= PIECE || (held > MEMORY_MAX && spool.is_none()) {
                    let before = match spool.take() {
                        Some(task) => join(task).await?,
                        None => Spool::start(self, checks.take()).await?,
                    };
                    spool = Some(before.write(std::mem::take(&mut chunks)));
                    held = 0;
                }
            }
        }
        if promised.length.is_some_and(|length| length.cast_unsigned() != total) {
            return Err(s3_error!(IncompleteBody));
        }
        if let Some(trailers) = promised.trailers.take().and_then(|trailers| trailers.take()) {
            add_trailers(&mut promised.checksum, &trailers);
        }
        let bytes = match spool {
            None => Arrived::Memory(chunks),
            Some(task) => {
                let spool = join(join(task).await?.write(chunks)).await?;
                checks = spool.checks;
                Arrived::Draft(spool.draft, total)
            }
        };
        Ok(Received { bytes, checks, promised })
    }
}

impl Checks {
    fn of(promised: &Promised) -> Self {
        let content = match (&promised.content_md5, promised.blake3) {
            (None, Some(_)) => Hasher::Blake3(Box::default()),
            _ => Hasher::default(),
        };
        Self { content, others: hasher_for(promised) }
    }

    /// Moves the digests out, to where the bytes are.
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self { content: Hasher::default(), others: ChecksumHasher::default() })
    }

    fn update(&mut self, bytes: &[u8]) {
        match &mut self.content {
            Hasher::Md5(hasher) => hasher.update(bytes),
            Hasher::Blake3(hasher) => drop(hasher.update(bytes)),
        }
        self.others.update(bytes);
    }
}

/// A draft that is being written.
struct Spool {
    draft: Draft,
    checks: Checks,
}

impl Spool {
    async fn start(service: &Service, checks: Checks) -> S3Result<Self> {
        service.store.visit(move |store: &Store| Ok(Self { draft: store.incoming.file()?, checks })).await
    }

    fn write(mut self, chunks: Vec<Bytes>) -> JoinHandle<Result<Self, Fault>> {
        tokio::task::spawn_blocking(move || {
            let mut file = self.draft.file().expect("because it was started as a file");
            for chunk in &chunks {
                self.checks.update(chunk);
                file.write_all(chunk).doing("write a file")?;
            }
            Ok(self)
        })
    }
}

async fn join(task: JoinHandle<Result<Spool, Fault>>) -> S3Result<Spool> {
    task.await.map_err(S3Error::internal_error)?.map_err(super::answer::s3_error_of)
}

impl Received {
    /// Compares the digests. Blocks for as long as hashing a small object takes.
    pub(super) fn verify(self) -> Result<Verified, Fault> {
        let Self { bytes, mut checks, promised } = self;
        if let Arrived::Memory(chunks) = &bytes {
            for chunk in chunks {
                checks.update(chunk);
            }
        }
        let etag = match checks.content {
            Hasher::Md5(hasher) => tag_if_md5(hasher.finalize().into(), promised.content_md5.as_deref())?,
            Hasher::Blake3(hasher) => {
                let digest = hasher.finalize();
                if promised.blake3.is_none_or(|promised| digest != promised) {
                    return Err(Fault::BadDigest(part::BLAKE3));
                }
                PartTag::of_digest(digest.as_bytes()).etag()
            }
        };
        let checksum = checks.others.finalize();
        compare(&promised.checksum, &checksum)?;
        let content = match bytes {
            Arrived::Memory(chunks) => Content::Memory { chunks, etag },
            Arrived::Draft(draft, size) => Content::Draft { draft, size, etag },
        };
        Ok(Verified { content, checksum })
    }
}

fn tag_if_md5(md5: [u8; 16], promised: Option<&str>) -> Result<ETag, Fault> {
    if let Some(text) = promised {
        let invalid = || Fault::Invalid("the Content-MD5 is not the base64 of 16 bytes".into());
        let wanted = STANDARD.decode(text.trim()).ok().filter(|wanted| wanted.len() == md5.len());
        if wanted.ok_or_else(invalid)? != md5 {
            return Err(Fault::BadDigest("Content-MD5"));
        }
    }
    Ok(etag_of(ContentId::from_md5(md5)))
}

fn compare(promised: &Checksum, computed: &Checksum) -> Result<(), Fault> {
    let pairs = [
        ("CRC32", &promised.checksum_crc32, &computed.checksum_crc32),
        ("CRC32C", &promised.checksum_crc32c, &computed.checksum_crc32c),
        ("CRC64NVME", &promised.checksum_crc64nvme, &computed.checksum_crc64nvme),
        ("SHA1", &promised.checksum_sha1, &computed.checksum_sha1),
        ("SHA256", &promised.checksum_sha256, &computed.checksum_sha256),
    ];
    let wrong = pairs.iter().find(|(_, promised, computed)| promised.is_some() && promised != computed);
    wrong.map_or(Ok(()), |(name, _, _)| Err(Fault::BadDigest(name)))
}

/// The checksums that will follow the content, by the names of their headers.
pub(super) fn announced(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|names| names.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn hasher_for(promised: &Promised) -> ChecksumHasher {
    let Promised { checksum, announced, .. } = promised;
    let wanted = |given: &Option<String>, name: &str| given.is_some() || announced.iter().any(|n| n == name);
    ChecksumHasher {
        crc32: wanted(&checksum.checksum_crc32, "x-amz-checksum-crc32").then(Default::default),
        crc32c: wanted(&checksum.checksum_crc32c, "x-amz-checksum-crc32c").then(Default::default),
        crc64nvme: wanted(&checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme").then(Default::default),
        sha1: wanted(&checksum.checksum_sha1, "x-amz-checksum-sha1").then(s3s::crypto::Checksum::new),
        sha256: wanted(&checksum.checksum_sha256, "x-amz-checksum-sha256").then(s3s::crypto::Checksum::new),
    }
}

fn add_trailers(checksum: &mut Checksum, trailers: &HeaderMap) {
    let get = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let add = |field: &mut Option<String>, name| *field = field.take().or_else(|| get(name));
    add(&mut checksum.checksum_crc32, "x-amz-checksum-crc32");
    add(&mut checksum.checksum_crc32c, "x-amz-checksum-crc32c");
    add(&mut checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme");
    add(&mut checksum.checksum_sha1, "x-amz-checksum-sha1");
    add(&mut checksum.checksum_sha256, "x-amz-checksum-sha256");
}

/// The body ended early or was not what its signature says. The library tells only by text which of them.
pub(crate) fn broken_off(error: s3s::StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        return S3Error::with_message(
            s3s::S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into()),
            "the content does not have the x-amz-content-sha256 that the request promises",
        )
        .with_bad_request();
    }
    if text.contains("Signature") {
        return s3_error!(SignatureDoesNotMatch, "a chunk of the content is not signed as the request is");
    }
    S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error)
}

trait WithBadRequest {
    fn with_bad_request(self) -> Self;
}

impl WithBadRequest for S3Error {
    fn with_bad_request(mut self) -> Self {
        self.set_status_code(http::StatusCode::BAD_REQUEST);
        self
    }
}
