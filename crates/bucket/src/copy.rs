//! New metadata for an object whose content stays: a copy onto itself.
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
                Err(self.attempt(SET_META, Some(key)).other(Retry::Never, cause))
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

    /// Copies the object onto itself. `None`: done, but the answer does not name the new version.
    async fn copy(
        &self,
        task: &Task<'_>,
        version: &RemoteVersion,
        condition: Option<RemoteVersion>,
    ) -> Result<Option<RemoteVersion>, Refused> {
        let copied = self.ask_to_copy(task, version, condition.as_ref()).await;
        copied.map_err(|error| self.refusal(SET_META, task.key, &error))
    }

    /// The digest that the metadata must carry, because the tag will not tell it.
    fn digest_for_copy(&self, node: &Node, version: &RemoteVersion) -> Option<ContentId> {
        let tag_tells = content_of_tag(&version.etag) == Some(node.content);
        (!tag_tells || self.inner.opaque_tags.load(Ordering::Relaxed)).then_some(node.content)
    }

    /// `CopyObject`, from the object to itself.
    async fn ask_to_copy(
        &self,
        task: &Task<'_>,
        version: &RemoteVersion,
        condition: Option<&RemoteVersion>,
    ) -> opendal::Result<Option<RemoteVersion>> {
        let mut headers = vec![
            ("x-amz-copy-source".to_owned(), self.source_of(&task.place)),
            ("x-amz-metadata-directive".to_owned(), "REPLACE".to_owned()),
        ];
        if let Some(condition) = condition {
            headers.push(("x-amz-copy-source-if-match".to_owned(), condition.etag.quoted()));
            // The source is the target, so that is enough, unless the store checks the one and then writes the other.
            if self.inner.learned.replace.get() == Honoured::Yes {
                headers.push(("if-match".to_owned(), condition.etag.quoted()));
            }
        }
        let pairs = metadata::encode(task.node, self.digest_for_copy(task.node, version));
        headers.extend(pairs.into_iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value)));
        let ask = Ask { method: Method::PUT, place: &task.place, query: &[], headers, body: Bytes::new() };
        let Answer { text, .. } = self.ask(&ask).await?;
        let modified = element(&text, "LastModified").and_then(|time| metadata::parse_time(&time));
        Ok(element(&text, "ETag").map(|etag| RemoteVersion { etag: ETag::new(&etag), modified }))
    }

    /// An object too large for one copy request, copied onto itself in parts.
    async fn copy_parts(&self, task: &Task<'_>, version: &RemoteVersion) -> Result<RemoteVersion, Error> {
        let Task { key, prefix, node, .. } = *task;
        let offsets = (0..node.size.div_ceil(COPY_PART)).map(|part| part * COPY_PART);
        let pieces = offsets.map(|start| Piece::Copy { from: start..node.size.min(start + COPY_PART) });
        let parts = Parts::along(&[], pieces.collect(), Some((key.clone(), version.clone())));
        let upload = self.begin_upload(prefix, key, node).await?;
        let expect = Expect::Version(version.clone());
        let write = Write { prefix, key, node, expect: &expect };
        let nothing = |_, _| async { Ok(Bytes::new()) };
        let outcome = self.upload(write, &upload, &parts, nothing, |_| {}).await;
        if outcome.as_ref().is_err_and(Error::leaves_upload) {
            self.give_up(task, upload.id()).await;
        }
        outcome
    }
}
