//! The requests of an upload in parts.
//!
//! Protocol: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html>.

use super::parts::{Digest, Part};
use super::send::Stored;
use super::{Held, Upload};
use crate::conditions::Refused;
use crate::request::{Answer, Ask, element, raw_elements};
use crate::write::{Demand, Task};
use crate::{Bucket, Cause, Error, Prefix, Retry, metadata};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use model::{ETag, Node, ObjectKey, RemoteVersion, UploadId};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

/// The header in which a gateway of ours says that it understands the next two.
const UNDERSTOOD: &str = "x-heirloom-parts";
const OFFSET: &str = "x-heirloom-part-offset";
const BLAKE3: &str = "x-heirloom-part-blake3";

/// The verb of all that is part of writing.
const WRITE: &str = "write";

impl Bucket {
    /// `CreateMultipartUpload`. A repeated request whose answer was lost leaves an upload without parts behind.
    pub(super) async fn ask_to_begin(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
    ) -> Result<Upload, Error> {
        let pairs = metadata::encode(node, Some(node.content));
        let headers = pairs.into_iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value)).collect();
        let place = self.place(prefix, key);
        let ask = Ask {
            method: Method::POST,
            place: &place,
            query: &[("uploads", "")],
            headers,
            body: Bytes::new(),
        };
        let attempt = self.attempt(WRITE, Some(key));
        let answer = self.ask(&ask).await.map_err(|error| attempt.failed(&error))?;
        let id = element(&answer.text, "UploadId").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| attempt.other(Retry::Later, Cause::new("the server names no upload")))?;
        let is_ours = answer.headers.contains_key(UNDERSTOOD);
        Ok(Upload { id: UploadId::new(&id), held: BTreeMap::new(), is_ours })
    }

    /// `ListParts`. `None`: the store knows no such upload.
    pub(super) async fn ask_for_parts(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        id: &UploadId,
    ) -> Result<Option<Upload>, Error> {
        let attempt = self.attempt(WRITE, Some(key));
        let place = self.place(prefix, key);
        let mut held = BTreeMap::new();
        let mut marker = "0".to_owned();
        loop {
            let query = [("uploadId", id.as_str()), ("part-number-marker", &marker)];
            let ask = get(&place, &query);
            let answer = match self.ask(&ask).await.map_err(|error| attempt.failed(&error)) {
                Ok(answer) => answer,
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            held.extend(raw_elements(&answer.text, "Part").filter_map(held_part));
            let more = element(&answer.text, "IsTruncated").as_deref() == Some("true");
            match element(&answer.text, "NextPartNumberMarker") {
                Some(next) if more && next != marker => marker = next,
                // What is not listed is sent again.
                _ => {
                    let is_ours = answer.headers.contains_key(UNDERSTOOD);
                    return Ok(Some(Upload { id: id.clone(), held, is_ours }));
                }
            }
        }
    }

    /// `UploadPart`.
    pub(super) async fn ask_to_keep_part(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        part: Part,
        bytes: Bytes,
        digest: &Digest,
    ) -> Result<ETag, Refused> {
        let header = match digest {
            Digest::Md5(digest) => ("content-md5", STANDARD.encode(digest.as_bytes())),
            Digest::Blake3(digest) => (BLAKE3, STANDARD.encode(digest)),
        };
        let headers = vec![(header.0.to_owned(), header.1)];
        let answer = self.ask_about_part(task, upload, part, headers, bytes).await?;
        let etag = answer.headers.get(http::header::ETAG).and_then(|etag| etag.to_str().ok());
        etag.map(ETag::new).ok_or_else(|| self.no_tag(task))
    }

    /// `UploadPartCopy`.
    pub(super) async fn ask_to_copy_part(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        part: Part,
        (key, version): &(ObjectKey, RemoteVersion),
        from: Range<u64>,
    ) -> Result<ETag, Refused> {
        let headers = [
            ("x-amz-copy-source", self.source_of(&self.place(task.prefix, key))),
            ("x-amz-copy-source-range", format!("bytes={}-{}", from.start, from.end - 1)),
            ("x-amz-copy-source-if-match", version.etag.quoted()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let answer = match self.ask_about_part(task, upload, part, headers, Bytes::new()).await {
            Err(Refused::Unsupported) => {
                self.inner.no_part_copies.store(true, std::sync::atomic::Ordering::Relaxed);
                let cause = Cause::new("the store cannot copy parts");
                let error = self.attempt(WRITE, Some(task.key)).other(Retry::Replan, cause);
                return Err(Refused::Failed(error));
            }
            answer => answer?,
        };
        element(&answer.text, "ETag").map(|etag| ETag::new(&etag)).ok_or_else(|| self.no_tag(task))
    }

    async fn ask_about_part(
        &self,
        task: &Task<'_>,
        upload: &Upload,
        part: Part,
        mut headers: Vec<(String, String)>,
        body: Bytes,
    ) -> Result<Answer, Refused> {
        if upload.is_ours {
            headers.push((OFFSET.to_owned(), part.offset.to_string()));
        }
        let number = part.number.to_string();
        let query = [("partNumber", number.as_str()), ("uploadId", upload.id.as_str())];
        let ask = Ask { method: Method::PUT, place: &task.place, query: &query, headers, body };
        self.ask(&ask).await.map_err(|error| self.refusal(WRITE, task.key, &error))
    }

    /// `CompleteMultipartUpload`. `None`: done, but the answer does not name the version.
    pub(super) async fn ask_to_join(
        &self,
        task: &Task<'_>,
        id: &UploadId,
        stored: &[Stored],
        demand: Demand<'_>,
    ) -> Result<Option<RemoteVersion>, Refused> {
        let headers = match demand {
            Demand::Nothing => Vec::new(),
            Demand::Absent => vec![("if-none-match".to_owned(), "*".to_owned())],
            Demand::Version(version) => vec![("if-match".to_owned(), version.etag.quoted())],
        };
        let mut list =
            String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        for part in stored {
            let etag = part.etag.as_str().replace('&', "&amp;").replace('<', "&lt;");
            let number = part.number;
            write!(list, "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>")
                .expect("because writing to a String cannot fail");
        }
        list.push_str("</CompleteMultipartUpload>");
        let query = [("uploadId", id.as_str())];
        let ask = Ask { method: Method::POST, place: &task.place, query: &query, headers, body: list.into() };
        let answer = self.ask(&ask).await.map_err(|error| self.refusal(WRITE, task.key, &error))?;
        let etag = element(&answer.text, "ETag").filter(|etag| !etag.is_empty());
        Ok(etag.map(|etag| RemoteVersion { etag: ETag::new(&etag), modified: None }))
    }

    /// `AbortMultipartUpload`. An upload that the store does not know is aborted.
    pub async fn abort_upload(&self, prefix: &Prefix, key: &ObjectKey, id: &UploadId) -> Result<(), Error> {
        let place = self.place(prefix, key);
        match self
            .ask_to_abort(&place, id)
            .await
            .map_err(|error| self.attempt("give up writing", Some(key)).failed(&error))
        {
            Err(Error::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    pub(super) async fn ask_to_abort(&self, place: &str, id: &UploadId) -> opendal::Result<()> {
        let query = [("uploadId", id.as_str())];
        let ask =
            Ask { method: Method::DELETE, place, query: &query, headers: Vec::new(), body: Bytes::new() };
        self.ask(&ask).await.map(drop)
    }

    /// Aborts what cannot be gone on with. Parts that stay behind cost space and nothing else, so the first error is the one to tell.
    pub(crate) async fn give_up(&self, task: &Task<'_>, id: &UploadId) {
        if let Err(error) = self.abort_upload(task.prefix, task.key, id).await {
            tracing::debug!(key = task.key.as_str(), %error, "parts of an abandoned upload stay behind");
        }
    }

    fn no_tag(&self, task: &Task<'_>) -> Refused {
        let cause = Cause::new("the server names no ETag");
        Refused::Failed(self.attempt(WRITE, Some(task.key)).other(Retry::Later, cause))
    }
}

pub(super) fn get<'a>(place: &'a str, query: &'a [(&'a str, &'a str)]) -> Ask<'a> {
    Ask { method: Method::GET, place, query, headers: Vec::new(), body: Bytes::new() }
}

fn held_part(part: &str) -> Option<(u16, Held)> {
    let number = element(part, "PartNumber")?.parse().ok()?;
    let size = element(part, "Size")?.parse().ok()?;
    Some((number, Held { size, etag: ETag::new(&element(part, "ETag")?) }))
}
