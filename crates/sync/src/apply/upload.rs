//! From the folder to the bucket.

use super::fate::Trouble;
use super::{Applier, is_small};
use crate::decide::Seen;
use crate::sides::{Local, Remote};
use bytes::Bytes;
use disk::Found;
use journal::{Change, LocalSeen};
use model::{Agreed, BaseEntry, Kind, Node, RemoteVersion};
use plan::sync::Action;
use std::sync::Arc;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn upload(&self, action: &Action, node: &Node, seen: &Seen) -> Result<(), Trouble> {
        let here = seen.here()?;
        let expect = seen.expect_remote(action)?;
        let found = found(action, here);
        let version = if is_small(node.kind, node.size) {
            let _room = self.room_for(node.size).await;
            let bytes = match node.kind {
                Kind::Directory => Bytes::new(),
                Kind::File | Kind::Symlink => self.local.read(&found).await?,
            };
            let version = self.remote.put(&action.key, node, bytes, &expect).await?;
            self.progress.bytes_done(node.size);
            version
        } else {
            self.upload_by_parts(action, node, &found, &expect).await?
        };
        let agreed = Agreed { local: here.node, remote: *node };
        let entry = BaseEntry { key: action.key.clone(), agreed, stamp: here.stamp, version };
        self.remember(Change::Agree(entry), None).await;
        Ok(())
    }

    async fn upload_by_parts(
        &self,
        action: &Action,
        node: &Node,
        found: &Found,
        expect: &bucket::Expect,
    ) -> Result<RemoteVersion, Trouble> {
        let source = Arc::new(self.local.open(found).await?);
        Ok(self.remote.put_parts(&action.key, node, source, expect, self.progress).await?)
    }
}

/// What the scan found, as the disk wants it back.
fn found(action: &Action, here: &LocalSeen) -> Found {
    let LocalSeen { node: Node { kind, size, meta, .. }, stamp } = *here;
    Found { key: action.key.clone(), kind, size, meta, stamp }
}
