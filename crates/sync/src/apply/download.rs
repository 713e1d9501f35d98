//! From the bucket to the folder. What arrives is checked against the store's digest before it gets its name.

use super::fate::{TornDownload, Trouble};
use super::{Applier, is_small};
use crate::decide::Seen;
use crate::observe::{node_of, stand_in};
use crate::sides::{Local, Remote, Staging as _};
use bytes::{Bytes, BytesMut};
use disk::Found;
use futures::TryStreamExt as _;
use journal::{Change, RemoteSeen};
use md5::{Digest as _, Md5};
use model::{Agreed, BaseEntry, ContentId, Kind, Node, RemoteVersion};
use plan::sync::Action;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn download(&self, action: &Action, node: &Node, seen: &Seen) -> Result<(), Trouble> {
        let expect = seen.expect_local(action)?;
        let seen = seen.there()?;
        let (found, content) = if node.kind == Kind::Directory {
            let found =
                self.local.write(&action.key.path(), node.kind, &node.meta, Bytes::new(), expect).await?;
            (found, ContentId::EMPTY)
        } else if is_small(node.kind, node.size) {
            self.download_whole(action, seen, expect).await?
        } else {
            self.download_by_chunks(action, seen, expect).await?
        };
        self.remember_download(action, seen, &found, content).await;
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
        let mut body = self.remote.get(&action.key, &seen.version).await?.body;
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
        verify(seen, bytes.len() as u64, content)?;
        let found =
            self.local.write(&action.key.path(), node.kind, &node.meta, bytes.freeze(), expect).await?;
        self.progress.bytes_done(node.size);
        Ok((found, content))
    }

    async fn download_by_chunks(
        &self,
        action: &Action,
        seen: &RemoteSeen,
        expect: disk::Expect,
    ) -> Result<(Found, ContentId), Trouble> {
        let mut body = self.remote.get(&action.key, &seen.version).await?.body;
        let mut staging = self.local.stage(&action.key.path()).await?;
        let mut digest = Md5::new();
        let mut length = 0;
        while let Some(chunk) = body.try_next().await? {
            digest.update(&chunk);
            length += chunk.len() as u64;
            self.progress.bytes_done(chunk.len() as u64);
            staging.write(chunk).await?;
        }
        let content = ContentId::from_md5(digest.finalize().into());
        verify(seen, length, content)?;
        Ok((staging.place(&seen.node.meta, expect).await?, content))
    }

    async fn remember_download(&self, action: &Action, seen: &RemoteSeen, found: &Found, content: ContentId) {
        let local: Node = node_of(found, content);
        let agreed = Agreed { local, remote: seen.node };
        let version: RemoteVersion = seen.version.clone();
        let entry = BaseEntry { key: action.key.clone(), agreed, stamp: found.stamp, version };
        self.remember(Change::Agree(entry), Some(action.key.path())).await;
    }
}

fn verify(seen: &RemoteSeen, length: u64, content: ContentId) -> Result<(), Trouble> {
    let whole = length == seen.node.size;
    let is_digest = seen.node.content != stand_in(&seen.version.etag);
    let right = !is_digest || content == seen.node.content;
    if whole && right { Ok(()) } else { Err(Trouble::Torn(TornDownload)) }
}
