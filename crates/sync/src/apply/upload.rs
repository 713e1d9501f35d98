//! From the folder to the bucket: small files in one request, large ones by parts.
//!
//! Of a large file only what changed is sent: the store copies the rest from the version that both sides agreed on, whose chunks the
//! journal knows. What was begun is remembered before the first part goes, so that a crash costs no part twice.

use super::fate::Trouble;
use super::{Applier, is_small, known};
use crate::decide::Seen;
use crate::sides::{Local, Remote};
use bucket::Parts;
use bytes::Bytes;
use disk::{Found, Surveyed};
use journal::{Change, LocalSeen};
use model::{Agreed, BaseEntry, Chunk, Kind, Node, ObjectKey, RemoteVersion};
use plan::sync::Action;
use std::sync::Arc;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn upload(&self, action: &Action, node: &Node, seen: &Seen) -> Result<(), Trouble> {
        let here = seen.here()?;
        let expect = seen.expect_remote(action)?;
        let found = found(action, here);
        let mut surveyed = None;
        let version = if is_small(node.kind, node.size) {
            let _room = self.room_for(node.size).await;
            let bytes = match node.kind {
                Kind::Directory => Bytes::new(),
                Kind::File | Kind::Symlink => self.local.read(&found).await?,
            };
            let version = self.remote.put(&action.key, node, bytes, &expect).await?;
            self.progress.bytes_done(node.size);
            self.progress.bytes_sent(node.size);
            version
        } else {
            let large = self.survey_of(&found, node).await?;
            let version = self.upload_large(&found, node, &large.chunks, seen, &expect).await?;
            surveyed = Some(large);
            version
        };
        let key = action.key.clone();
        let agreed = Agreed { local: here.node, remote: *node };
        let entry = BaseEntry { key: key.clone(), agreed, stamp: here.stamp, version };
        self.remember(Change::Agree(entry), None).await;
        if let Some(surveyed) = surveyed {
            if !self.remote.seals() {
                self.remember(known(&key, surveyed), None).await;
            }
            self.journal.remove_upload(self.route, &key)?;
        }
        Ok(())
    }

    /// The file's chunks: as they were seen when it was looked at, else by reading it.
    async fn survey_of(&self, found: &Found, node: &Node) -> Result<Surveyed, Trouble> {
        if let Some(surveyed) = self.surveys.take(&found.key, &found.stamp) {
            return Ok(surveyed);
        }
        let surveyed = self.local.survey(found, None).await?;
        if surveyed.content == node.content {
            Ok(surveyed)
        } else {
            Err(Trouble::Remote(bucket::Error::Changed {
                key: found.key.clone(),
                what: "the bytes to send are not the announced ones",
            }))
        }
    }

    async fn upload_large(
        &self,
        found: &Found,
        node: &Node,
        chunks: &[Chunk],
        seen: &Seen,
        expect: &bucket::Expect,
    ) -> Result<RemoteVersion, Trouble> {
        let parts = self.parts_of(&found.key, chunks, seen)?;
        let upload = self.begin(&found.key, node).await?;
        let source = Arc::new(self.local.open(found).await?);
        let sent = self.remote.upload(&found.key, node, expect, &upload, &parts, source, self.progress).await;
        if sent.as_ref().is_err_and(|error| !error.leaves_upload()) {
            self.journal.remove_upload(self.route, &found.key)?;
        }
        Ok(sent?)
    }

    /// What of the file is sent, and what the store takes from the version it holds.
    fn parts_of(&self, key: &ObjectKey, chunks: &[Chunk], seen: &Seen) -> Result<Parts, Trouble> {
        let Some(there) = &seen.there else {
            return Ok(Parts::along(chunks, plan::delta::pieces(&[], chunks), None));
        };
        // Nothing can be copied out of what is sealed, and those chunks are of what it holds.
        if self.journal.has_sealed(self.route, Some(key))? {
            return Ok(Parts::along(chunks, plan::delta::pieces(&[], chunks), None));
        }
        let old = self.journal.chunks(self.route, key, there.node.content)?;
        let old = old.map(|old| old.chunks).unwrap_or_default();
        let base = Some((key.clone(), there.version.clone()));
        Ok(Parts::along(chunks, plan::delta::pieces(&old, chunks), base))
    }

    /// Begins an upload, or goes on with the one that was begun for the same file.
    async fn begin(&self, key: &ObjectKey, node: &Node) -> Result<R::Upload, Trouble> {
        if let Some(begun) = self.journal.upload(self.route, key)? {
            if begun.node == *node
                && let Some(upload) = self.remote.resume_upload(key, &begun.id).await?
            {
                return Ok(upload);
            }
            if begun.node != *node {
                self.remote.abort_upload(key, &begun.id).await?;
            }
        }
        let upload = self.remote.begin_upload(key, node).await?;
        let id = R::upload_id(&upload);
        self.journal.put_upload(self.route, &journal::Upload { key: key.clone(), id, node: *node })?;
        Ok(upload)
    }
}

/// What the scan found, as the disk wants it back.
fn found(action: &Action, here: &LocalSeen) -> Found {
    let LocalSeen { node: Node { kind, size, meta, .. }, stamp } = *here;
    Found { key: action.key.clone(), kind, size, meta, stamp }
}
