//! From the bucket to the folder. What arrives is checked against the store's digest before it gets its name.

use super::fate::{TornDownload, Trouble};
use super::{Applier, is_small, known};
use crate::decide::Seen;
use crate::observe::{is_unknown, node_of};
use crate::sides::{Local, Remote, Staging as _};
use bytes::{Bytes, BytesMut};
use disk::{Found, Surveyed};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use journal::{Change, Inside, RemoteSeen};
use model::{Agreed, BaseEntry, ContentId, Kind, Node, RemoteVersion};
use plan::sync::Action;

/// Bytes that are looked at for holes.
const START: usize = 1 << 20;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn download(&self, action: &Action, node: &Node, seen: &Seen) -> Result<(), Trouble> {
        let expect = seen.expect_local(action)?;
        let seen = seen.there()?;
        let mut large = None;
        let (found, content) = if node.kind == Kind::Directory {
            let found =
                self.local.write(&action.key.path(), node.kind, &node.meta, Bytes::new(), expect).await?;
            (found, ContentId::EMPTY)
        } else if is_small(node.kind, node.size) {
            self.download_whole(action, seen, expect).await?
        } else {
            let RemoteSeen { node, version } = seen;
            let body = |at: u64| {
                let body = self.remote.get_from(&action.key, version, at.min(node.size), node.size);
                body.map_err(Trouble::from).boxed()
            };
            let (found, surveyed) = self.receive_large(action, seen, expect, body).await?;
            let content = surveyed.content;
            large = Some(surveyed);
            (found, content)
        };
        self.remember_download(action, seen, &found, content).await;
        if let Some(surveyed) = large.filter(|_| !self.remote.may_be_sealed()) {
            self.remember(known(&action.key, surveyed), None).await;
        }
        Ok(())
    }

    async fn download_whole(
        &self,
        action: &Action,
        seen: &RemoteSeen,
        expect: disk::Expect,
    ) -> Result<(Found, ContentId), Trouble> {
        let node = &seen.node;
        let _room = self.room_for(node.size).await;
        let mut body = self.remote.get(&action.key, &seen.version, node.size).await?.body;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.try_next().await? {
            // Most small objects come in one piece, which needs no copy.
            if bytes.is_empty() && chunk.len() as u64 == node.size {
                bytes = BytesMut::from(chunk);
            } else {
                bytes.extend_from_slice(&chunk);
            }
            if bytes.len() as u64 > node.size {
                return Err(Trouble::Torn(TornDownload));
            }
        }
        let content = disk::digest_of(&bytes);
        self.verify(action, seen, bytes.len() as u64, content)?;
        let found =
            self.local.write(&action.key.path(), node.kind, &node.meta, bytes.freeze(), expect).await?;
        self.progress.bytes_done(node.size);
        Ok((found, content))
    }

    /// A large file, which `body` gives from an offset on; what an earlier attempt has brought of this very version is not asked for again.
    pub(super) async fn receive_large<'a>(
        &self,
        action: &Action,
        seen: &RemoteSeen,
        expect: disk::Expect,
        body: impl FnOnce(u64) -> BoxStream<'a, Result<Bytes, Trouble>> + Send,
    ) -> Result<(Found, Surveyed), Trouble> {
        let RemoteSeen { node, version } = seen;
        let token = format!("{} {}", version.etag, node.size);
        let path = action.key.path();
        let staging = match self.local.stage(&path, &token, node.size).await {
            // It may take less space than it has bytes.
            Err(disk::Error::NoSpace { .. }) if self.begins_sparse(action, seen).await? => {
                self.local.stage(&path, &token, 0).await?
            }
            staging => staging?,
        };
        let (mut staging, mut survey, mut length) = staging.begun().await?;
        self.progress.bytes_done(length);
        let mut body = body(length);
        while let Some(chunk) = body.try_next().await? {
            survey.update(&chunk);
            length += chunk.len() as u64;
            self.progress.bytes_done(chunk.len() as u64);
            if let Err(error) = staging.write(chunk).await {
                if matches!(error, disk::Error::NoSpace { .. }) {
                    // What it took is given back: smaller files may fit.
                    staging.discard().await;
                }
                return Err(error.into());
            }
        }
        let surveyed = survey.finish();
        if let Err(torn) = self.verify(action, seen, length, surveyed.content) {
            staging.discard().await;
            return Err(torn);
        }
        Ok((staging.place(&node.meta, expect).await?, surveyed))
    }

    /// Whether there is a hole at the start of what is to come.
    async fn begins_sparse(&self, action: &Action, seen: &RemoteSeen) -> Result<bool, Trouble> {
        let RemoteSeen { node, version } = seen;
        let mut body = self.remote.get_from(&action.key, version, 0, node.size);
        let mut start = BytesMut::new();
        while start.len() < START
            && let Some(chunk) = body.try_next().await?
        {
            start.extend_from_slice(&chunk);
        }
        Ok(disk::begins_sparse(&start[..start.len().min(START)]))
    }

    pub(super) async fn remember_download(
        &self,
        action: &Action,
        seen: &RemoteSeen,
        found: &Found,
        content: ContentId,
    ) {
        let local: Node = node_of(found, content);
        // What was unknown is known now, whatever the store says of its size.
        let remote = Node { content, size: local.size, ..seen.node };
        let agreed = Agreed { local, remote };
        let version: RemoteVersion = seen.version.clone();
        let entry = BaseEntry { key: action.key.clone(), agreed, stamp: found.stamp, version };
        self.remember(Change::Agree(entry), Some(action.key.path())).await;
    }

    fn verify(
        &self,
        action: &Action,
        seen: &RemoteSeen,
        length: u64,
        content: ContentId,
    ) -> Result<(), Trouble> {
        let right = if !is_unknown(seen) {
            (length, content) == (seen.node.size, seen.node.content)
                || self.was_inside(action, seen, Inside { content, size: length })?
        } else if self.remote.may_be_sealed() {
            length <= seen.node.size
        } else {
            length == seen.node.size
        };
        if right { Ok(()) } else { Err(Trouble::Torn(TornDownload)) }
    }

    /// Whether this came out of the seal of what was seen when there were no keys yet, and the store's word for it was all there was.
    fn was_inside(&self, action: &Action, seen: &RemoteSeen, inside: Inside) -> Result<bool, Trouble> {
        if !self.remote.may_be_sealed() {
            return Ok(false);
        }
        let sealed = self.journal.sealed_at(self.route, &action.key, &seen.version.etag)?;
        Ok(sealed.is_some_and(|sealed| sealed.inside == inside))
    }
}
