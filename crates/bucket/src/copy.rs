//! New metadata for an object whose content stays: a copy onto itself.
//!
//! `OpenDAL`'s copy takes the metadata along and cannot replace it (`x-amz-metadata-directive: REPLACE`), so this one request is
//! phrased here and sent by the same transport as all others, which signs it. Rejected: reading and writing the
//! object, which sends a film twice over the line because its permissions changed.

use crate::bucket::{ATTEMPTS, PAUSE_FIRST};
use crate::conditions::{Honoured, Refused};
use crate::error::answer_error;
use crate::object::content_of_tag;
use crate::write::{Demand, Task};
use crate::{Bucket, Cause, Error, Expect, Prefix, Retry, metadata};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_LENGTH, IF_MATCH};
use model::{ContentId, ETag, Node, ObjectKey, RemoteVersion};
use opendal::options::ReaderOptions;
use opendal::raw::oio::Write as _;
use opendal::raw::{OpRead, Service as _, percent_encode_path};
use opendal::{Buffer, BytesRange};
use std::sync::atomic::Ordering;

/// What one copy request can carry: 5 GiB.
const COPY_SIZE_MAX: u64 = 5 << 30;

/// Bytes of a part that the store copies.
const COPY_PART: u64 = 1 << 30;

/// Parts of one object that the store copies at once.
const COPIES_AT_ONCE: usize = 4;

impl Bucket {
    /// Gives an object the metadata of `node`, whose content it must already have, if it still is `version`; else
    /// [`Error::Changed`], or [`Error::NotFound`]. No content crosses the line.
    ///
    /// Metadata that other programs left on the object does not survive.
    pub async fn set_meta(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        if node.size == 0 {
            // Nothing to keep; and unlike a copy, a write takes the condition on every store that has any.
            return self.put(prefix, key, node, Bytes::new(), &Expect::Version(version.clone())).await;
        }
        let task = Task { key, place: prefix.place(key), prefix, node };
        if node.size > COPY_SIZE_MAX {
            return self.copy_parts(&task, version).await;
        }
        let expect = Expect::Version(version.clone());
        let look = || self.look(prefix, key, &expect);
        let copy = |condition| self.copy(&task, version, condition);
        match self.inner.learned.relabel.change(version, look, copy).await {
            Ok(Some(copied)) => self.copied(&task, copied),
            // A repeated copy finds another tag where copying makes a new one, and some stores do not name the new one.
            Ok(None) | Err(Refused::Condition) => self.settle(&task).await,
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Unsupported) => {
                let cause = Cause::new("the store cannot replace metadata");
                Err(self.attempt("set the metadata of", Some(key)).other(Retry::Never, cause))
            }
        }
    }

    /// A careless store may have copied what someone else had just written.
    fn copied(&self, task: &Task<'_>, copied: RemoteVersion) -> Result<RemoteVersion, Error> {
        let opaque = self.inner.opaque_tags.load(Ordering::Relaxed);
        match content_of_tag(&copied.etag) {
            Some(content) if content != task.node.content && !opaque => {
                Err(Error::Changed { key: task.key.clone(), what: "another version stands there" })
            }
            _ => Ok(copied),
        }
    }

    /// Copies the object onto itself, a few times if need be. `None`: done, but the answer does not name the new version.
    async fn copy(
        &self,
        task: &Task<'_>,
        version: &RemoteVersion,
        condition: Option<RemoteVersion>,
    ) -> Result<Option<RemoteVersion>, Refused> {
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            match self.copy_once(task, version, condition.as_ref()).await {
                Err(error) if error.is_temporary() && attempts < ATTEMPTS => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempts += 1;
                }
                done => return done.map_err(|error| self.refusal("set the metadata of", task.key, &error)),
            }
        }
    }

    /// The digest that the metadata must carry, because the tag will not tell it.
    fn digest_for_copy(&self, node: &Node, version: &RemoteVersion) -> Option<ContentId> {
        let tag_tells = content_of_tag(&version.etag) == Some(node.content);
        (!tag_tells || self.inner.opaque_tags.load(Ordering::Relaxed)).then_some(node.content)
    }

    /// `CopyObject`, from the object to itself.
    async fn copy_once(
        &self,
        task: &Task<'_>,
        version: &RemoteVersion,
        condition: Option<&RemoteVersion>,
    ) -> opendal::Result<Option<RemoteVersion>> {
        let options = &self.inner.options;
        let place = format!("{}/{}", options.bucket, percent_encode_path(&task.place));
        let mut request = Request::put(format!("{}/{place}", options.endpoint))
            .header(CONTENT_LENGTH, 0)
            .header("x-amz-copy-source", &place)
            .header("x-amz-metadata-directive", "REPLACE");
        if let Some(condition) = condition {
            request = request.header("x-amz-copy-source-if-match", condition.etag.quoted());
            // The source is the target, so that is enough, unless the store checks the one and then writes the other.
            if self.inner.learned.replace.get() == Honoured::Yes {
                request = request.header(IF_MATCH, condition.etag.quoted());
            }
        }
        for (name, value) in metadata::encode(task.node, self.digest_for_copy(task.node, version)) {
            request = request.header(format!("x-amz-meta-{name}"), value);
        }
        let request = request.body(Buffer::new()).map_err(|error| {
            opendal::Error::new(opendal::ErrorKind::Unexpected, "phrase a copy").set_source(error)
        })?;
        let answer = self.inner.context.http_transport().send(request).await?;
        let status = answer.status();
        let text = String::from_utf8_lossy(&answer.into_body().to_bytes()).into_owned();
        // An error may hide behind a 200: the store had begun to answer before it was done.
        let code = element(&text, "Code");
        if !status.is_success() || code.is_some() {
            return Err(answer_error(status, code, element(&text, "Message")));
        }
        let modified = element(&text, "LastModified").and_then(|time| metadata::parse_time(&time));
        Ok(element(&text, "ETag").map(|etag| RemoteVersion { etag: ETag::new(&etag), modified }))
    }

    /// An object too large for one copy request, copied onto itself in parts.
    async fn copy_parts(&self, task: &Task<'_>, version: &RemoteVersion) -> Result<RemoteVersion, Error> {
        let failed = |error| self.attempt("set the metadata of", Some(task.key)).failed(&error);
        let mut writer = self
            .write_options(task.node, Some(task.node.content), Demand::Version(version), COPIES_AT_ONCE)
            .and_then(|options| self.inner.service.write(&self.inner.context, &task.place, options))
            .map_err(failed)?;
        let source = ReaderOptions { if_match: Some(version.etag.quoted()), ..ReaderOptions::default() };
        let (source, _): (OpRead, _) = source.into();
        let written = async {
            let mut offset = 0;
            while offset < task.node.size {
                let end = task.node.size.min(offset + COPY_PART);
                writer.copy_from(&task.place, source.clone(), BytesRange::from(offset..end)).await?;
                offset = end;
            }
            writer.close().await
        };
        match written.await {
            Ok(written) => self.etag_of(task, &written).await,
            Err(error) => {
                if let Err(error) = writer.abort().await {
                    tracing::debug!(key = task.key.as_str(), %error, "parts of an abandoned copy stay behind");
                }
                match self.refusal("set the metadata of", task.key, &error) {
                    Refused::Condition | Refused::Failed(Error::NotFound { .. }) => self.settle(task).await,
                    Refused::Failed(error) => Err(error),
                    Refused::Unsupported => {
                        let cause = Cause::new("the store cannot copy in parts");
                        Err(self.attempt("set the metadata of", Some(task.key)).other(Retry::Never, cause))
                    }
                }
            }
        }
    }
}

/// The text of the first element of a name in S3's simple XML.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = ["&quot;", "&#34;", "&#x22;"]
        .iter()
        .fold(text.trim().to_owned(), |text, quote| text.replace(quote, "\""));
    Some(text.replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'").replace("&amp;", "&"))
}
