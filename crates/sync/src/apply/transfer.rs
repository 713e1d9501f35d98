//! Bringing content to the other side, from wherever it is nearest.
//!
//! A file that was moved on one side is still on the other, under its old name: there it is copied or renamed instead of sent. And what newly
//! stands in the cloud may be a copy of what is here, be it that it was moved and the cloud has not told the rest yet. If that
//! does not come off, because something else changed meanwhile, it is sent like any other.

use super::fate::{Fate, Trouble};
use super::{Applier, Way};
use crate::decide::Seen;
use crate::observe::node_of;
use crate::sides::{Local, Remote};
use journal::{Change, Known, MovedOn, Origin};
use model::{Agreed, BaseEntry, Kind, Node, ObjectKey};
use plan::sync::{Action, Side};
use std::sync::Arc;

/// Where content is already that is to be written.
enum Near {
    /// Where it is not kept.
    Left(Known),
    /// Where it stays.
    Stays(Known),
}

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn bring_up(&self, action: &Action, node: &Node, seen: &Seen) -> Result<Way, Trouble> {
        if let Some(Near::Left(origin)) = self.near(action, node, MovedOn::Local)? {
            match self.copy_there(&origin, action, node, seen).await {
                Ok(()) => {
                    self.progress.bytes_done(node.size);
                    return Ok(Way::Moved);
                }
                Err(trouble) if trouble.fate() == Fate::Fatal => return Err(trouble),
                Err(_) => {}
            }
        }
        self.upload(action, node, seen).await.map(|()| Way::Done)
    }

    pub(super) async fn bring_down(&self, action: &Action, node: &Node, seen: &Seen) -> Result<Way, Trouble> {
        let is_here = match self.near(action, node, MovedOn::Remote)? {
            Some(Near::Left(origin)) => {
                let is_renamed = self.rename_here(&origin, action, node, seen).await?;
                self.progress.bytes_done(if is_renamed { node.size } else { 0 });
                is_renamed
            }
            Some(Near::Stays(twin)) => self.copy_here(&twin, action, node, seen).await?,
            None => false,
        };
        if is_here {
            return Ok(Way::Moved);
        }
        self.download(action, node, seen).await.map(|()| Way::Done)
    }

    /// What the side that is written holds of this already.
    fn near(&self, action: &Action, node: &Node, on: MovedOn) -> Result<Option<Near>, Trouble> {
        if self.at_hand.of(action.side) == 0 || action.expect.is_some() || node.kind != Kind::File {
            return Ok(None);
        }
        let known = |key: &ObjectKey| self.journal.known_at(self.route, key);
        Ok(match self.journal.origin(self.route, on, &action.key)? {
            Some(Origin::Left(key)) => known(&key)?.filter(|left| (self.gives_up)(left)).map(Near::Left),
            Some(Origin::Stays(key)) => known(&key)?.map(Near::Stays),
            None => None,
        })
    }

    async fn copy_there(
        &self,
        origin: &Known,
        action: &Action,
        node: &Node,
        seen: &Seen,
    ) -> Result<(), Trouble> {
        let (here, there) = (seen.here()?, origin.remote().ok_or(Trouble::Unseen)?);
        if !there.node.same_content(node) {
            return Err(Trouble::Unseen);
        }
        let version = self.remote.copy(&origin.key, &there.version, &action.key, node).await?;
        let agreed = Agreed { local: here.node, remote: *node };
        let entry = BaseEntry { key: action.key.clone(), agreed, stamp: here.stamp, version };
        self.remember(Change::Agree(entry), None).await;
        Ok(())
    }

    /// Whether the file could be renamed. Its old name is gone on both sides then, and forgotten.
    async fn rename_here(
        &self,
        origin: &Known,
        action: &Action,
        node: &Node,
        seen: &Seen,
    ) -> Result<bool, Trouble> {
        let there = seen.there()?;
        let Some(here) = origin.local().filter(|here| here.node.same_content(node)) else { return Ok(false) };
        let (from, to) = (origin.key.path(), action.key.path());
        let mut found = match self.local.rename(&from, &to, &here.stamp).await {
            Ok(found) => found,
            Err(error @ disk::Error::NoSpace { .. }) => return Err(error.into()),
            Err(_) => return Ok(false),
        };
        // From here on the file has its new name, whatever else comes off.
        if !node_of(&found, node.content).same_meta(node) {
            found = self.local.set_meta(&action.key, &node.meta, &found.stamp).await?;
        }
        let agreed = Agreed { local: node_of(&found, node.content), remote: there.node };
        let entry =
            BaseEntry { key: action.key.clone(), agreed, stamp: found.stamp, version: there.version.clone() };
        let pruned = self.local.prune(&from, Arc::clone(&self.keep)).await;
        // Even where a directory could not be tidied away: what is not remembered comes back if a person deletes it now. The old name goes first:
        // agreed upon under both, a file that is moved back on the other side would be deleted under either.
        self.remember(Change::Forget(origin.key.clone()), Some(from)).await;
        self.remember(Change::Agree(entry), Some(to)).await;
        pruned?;
        Ok(true)
    }

    /// Forgets what a side was seen to hold at a key from which it was moved away by us.
    pub(super) fn vacated(known_base: bool, key: &ObjectKey, side: Side) -> Change {
        use journal::Sighting;
        match (known_base, side) {
            (true, Side::Local) => Change::See(Sighting::Local(key.clone(), None)),
            (true, Side::Remote) => Change::See(Sighting::Remote(key.clone(), None)),
            (false, Side::Local) => Change::LocalAsAgreed(key.clone()),
            (false, Side::Remote) => Change::RemoteAsAgreed(key.clone()),
        }
    }
}
