//! Copies that the store makes: of an object onto itself, for new metadata, and to another key, for a move.
//!
//! `OpenDAL`'s copy takes the metadata along and cannot replace it (`x-amz-metadata-directive: REPLACE`), so this request is
//! phrased here. Rejected: reading and writing the
//! object, which sends a film twice over the line because its permissions changed.

use crate::conditions::{Honoured, Refused};
use crate::object::content_of_tag;
use crate::request::{Answer, Ask, element};
use crate::upload::{Parts, Write};
use crate::write::Task;
use crate::{Bucket, Cause, Error, Expect, Prefix, Retry, metadata};
use bytes::Bytes;
use http::Method;
use model::{ContentId, ETag, Node, ObjectKey, Piece, RemoteVersion};
use std::sync::atomic::Ordering;

/// What one copy request can carry: 5 GiB.
const COPY_SIZE_MAX: u64 = 5 << 30;

/// Bytes of a part that the store copies.
const COPY_PART: u64 = 1 << 30;

const SET_META: &str = "set the metadata of";
const COPY: &str = "copy to";

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
        let task = Task { key, place: self.place(prefix, key), prefix, node };
        if node.size > COPY_SIZE_MAX {
            let expect = Expect::Version(version.clone());
            return self.copy_in_parts(&task, (key, version), &expect).await;
        }
        let expect = Expect::Version(version.clone());
        let look = || self.look(prefix, key, &expect);
        let copy = |condition| self.copy_once(&task, version, condition);
        match self.inner.learned.relabel.change(version, look, copy).await {
            Ok(Some(copied)) => self.copied(&task, copied),
            // A repeated copy finds another tag where copying makes a new one, and some stores do not name the new one.
            Ok(None) | Err(Refused::Condition) => self.settle(&task).await,
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Unsupported) => {
                let cause = Cause::new("the store cannot replace metadata");
                Err(self.attempt(SET_META, Some(key)).other(Retry::Never, cause))
            }
        }
    }

    /// Makes `to`, where nothing stands, hold the content of one version of `from`, with the metadata of `node`, whose content it must be;
    /// else [`Error::Changed`], or [`Error::NotFound`] if there is no `from`. No content crosses the line.
    pub async fn copy(
        &self,
        prefix: &Prefix,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        let task = Task { key: to, place: self.place(prefix, to), prefix, node };
        if node.size > COPY_SIZE_MAX {
            return self.copy_in_parts(&task, (from, version), &Expect::Absent).await;
        }
        // Few stores know a condition on a copy's target, so the look comes first with all of them.
        match self.look(prefix, to, &Expect::Absent).await {
            Ok(()) => {}
            Err(Refused::Failed(error)) => return Err(error),
            Err(Refused::Condition | Refused::Unsupported) => return self.settle(&task).await,
        }
        let mut headers = self.copy_headers(&self.place(prefix, from), node, version);
        headers.push(("x-amz-copy-source-if-match".to_owned(), version.etag.quoted()));
        headers.push(("if-none-match".to_owned(), "*".to_owned()));
        match self.ask_to_copy(&task, headers).await.map_err(|error| self.refusal(COPY, to, &error)) {
            Ok(Some(copied)) => self.copied(&task, copied),
            Ok(None) | Err(Refused::Condition) => self.settle(&task).await,
            Err(Refused::Failed(error)) => Err(error),
            Err(Refused::Unsupported) => {
                let cause = Cause::new("the store cannot copy");
                Err(self.attempt(COPY, Some(to)).other(Retry::Never, cause))
            }
        }
    }

    /// A careless store may have copied what someone else had just written.
    fn copied(&self, task: &Task<'_>, copied: RemoteVersion) -> Result<RemoteVersion, Error> {
        let opaque = self.inner.opaque_tags.load(Ordering::Relaxed);
        match content_of_tag(&copied.etag) {
            Some(content) if task.node.content.is_known() && content != task.node.content && !opaque => {
                Err(Error::Changed { key: task.key.clone(), what: "another version stands there" })
            }
            _ => Ok(copied),
        }
    }

    /// Copies the object onto itself. `None`: done, but the answer does not name the new version.
    async fn copy_once(
        &self,
        task: &Task<'_>,
        version: &RemoteVersion,
        condition: Option<RemoteVersion>,
    ) -> Result<Option<RemoteVersion>, Refused> {
        let mut headers = self.copy_headers(&task.place, task.node, version);
        if let Some(condition) = condition {
            headers.push(("x-amz-copy-source-if-match".to_owned(), condition.etag.quoted()));
            // The source is the target, so that is enough, unless the store checks the one and then writes the other.
            if self.inner.learned.replace.get() == Honoured::Yes {
                headers.push(("if-match".to_owned(), condition.etag.quoted()));
            }
        }
        let copied = self.ask_to_copy(task, headers).await;
        copied.map_err(|error| self.refusal(SET_META, task.key, &error))
    }

    /// What every copy says: from where, and what the copy is to be described by.
    fn copy_headers(&self, source: &str, node: &Node, version: &RemoteVersion) -> Vec<(String, String)> {
        let mut headers = vec![
            ("x-amz-copy-source".to_owned(), self.source_of(source)),
            ("x-amz-metadata-directive".to_owned(), "REPLACE".to_owned()),
        ];
        let pairs = metadata::encode(node, self.digest_for_copy(node, version));
        headers.extend(pairs.into_iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value)));
        headers
    }

    /// The digest that the metadata must carry, because the tag will not tell it.
    fn digest_for_copy(&self, node: &Node, version: &RemoteVersion) -> Option<ContentId> {
        let tag_tells = content_of_tag(&version.etag) == Some(node.content);
        (!tag_tells || self.inner.opaque_tags.load(Ordering::Relaxed)).then_some(node.content)
    }

    /// `CopyObject`.
    async fn ask_to_copy(
        &self,
        task: &Task<'_>,
        headers: Vec<(String, String)>,
    ) -> opendal::Result<Option<RemoteVersion>> {
        let ask = Ask { method: Method::PUT, place: &task.place, query: &[], headers, body: Bytes::new() };
        let Answer { text, .. } = self.ask(&ask).await?;
        let modified = element(&text, "LastModified").and_then(|time| metadata::parse_time(&time));
        Ok(element(&text, "ETag").map(|etag| RemoteVersion { etag: ETag::new(&etag), modified }))
    }

    /// An object too large for one copy request, copied in parts.
    async fn copy_in_parts(
        &self,
        task: &Task<'_>,
        (from, version): (&ObjectKey, &RemoteVersion),
        expect: &Expect,
    ) -> Result<RemoteVersion, Error> {
        let Task { key, prefix, node, .. } = *task;
        let offsets = (0..node.size.div_ceil(COPY_PART)).map(|part| part * COPY_PART);
        let pieces = offsets.map(|start| Piece::Copy { from: start..node.size.min(start + COPY_PART) });
        let parts = Parts::along(&[], pieces.collect(), Some((from.clone(), version.clone())));
        let upload = self.begin_upload(prefix, key, node).await?;
        let write = Write { prefix, key, node, expect };
        let nothing = |_, _| async { Ok(Bytes::new()) };
        let outcome = self.upload(write, &upload, &parts, nothing, |_| {}).await;
        if outcome.as_ref().is_err_and(Error::leaves_upload) {
            self.give_up(task, upload.id()).await;
        }
        outcome
    }
}
