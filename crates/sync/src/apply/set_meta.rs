//! Time and permissions alone.

use super::Applier;
use super::fate::Trouble;
use crate::decide::Seen;
use crate::observe::node_of;
use crate::sides::{Local, Remote};
use journal::Change;
use model::{Agreed, BaseEntry, Node};
use plan::sync::{Action, Side};

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn set_meta(
        &self,
        action: &Action,
        node: &Node,
        side: Side,
        seen: &Seen,
    ) -> Result<(), Trouble> {
        let (here, there) = (seen.here()?, seen.there()?);
        let entry = match side {
            Side::Local => {
                let found = self.local.set_meta(&action.key, &node.meta, &here.stamp).await?;
                let agreed = Agreed { local: node_of(&found, here.node.content), remote: there.node };
                let version = there.version.clone();
                BaseEntry { key: action.key.clone(), agreed, stamp: found.stamp, version }
            }
            Side::Remote => {
                let told = Node { meta: node.meta, ..there.node };
                let version = self.remote.set_meta(&action.key, &told, &there.version).await?;
                let agreed = Agreed { local: here.node, remote: told };
                BaseEntry { key: action.key.clone(), agreed, stamp: here.stamp, version }
            }
        };
        self.remember(Change::Agree(entry), None).await;
        Ok(())
    }
}
