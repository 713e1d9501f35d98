//! From the folder to the bucket.

use super::fate::Trouble;
use super::{Applier, is_small};
use crate::sides::{Local, Remote};
use bytes::Bytes;
use journal::Change;
use model::{Agreed, BaseEntry, Kind, Node, RemoteVersion};
use plan::sync::Action;
use std::sync::Arc;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn upload(&self, action: &Action, node: &Node) -> Result<(), Trouble> {
        let seen = self.seen_here(&action.key)?;
        let expect = self.expect_remote(action)?;
        let version = if is_small(node.kind, node.size) {
            let _room = self.room_for(node.size).await;
            let bytes = match node.kind {
                Kind::Directory => Bytes::new(),
                Kind::File | Kind::Symlink => self.local.read(&seen.found).await?,
            };
            let version = self.remote.put(&action.key, node, bytes, &expect).await?;
            self.progress.bytes_done(node.size);
            version
        } else {
            self.upload_by_parts(action, node, &expect).await?
        };
        let agreed = Agreed { local: seen.node, remote: *node };
        let entry = BaseEntry { key: action.key.clone(), agreed, stamp: seen.found.stamp, version };
        self.remember(Change::Agree(entry), None);
        Ok(())
    }

    async fn upload_by_parts(
        &self,
        action: &Action,
        node: &Node,
        expect: &bucket::Expect,
    ) -> Result<RemoteVersion, Trouble> {
        let seen = self.seen_here(&action.key)?;
        let source = Arc::new(self.local.open(&seen.found).await?);
        Ok(self.remote.put_parts(&action.key, node, source, expect, self.progress).await?)
    }
}
