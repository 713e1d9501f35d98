//! Conflicts: one version moves out of the other's way.
//!
//! One rename and nothing else. What follows (the copy reaching the other side, the other version taking the name) is ordinary work, of
//! this cycle's next pass or, after a crash, of the next cycle.

use super::Applier;
use super::fate::{Fate, Trouble};
use crate::decide::Seen;
use crate::error::Error;
use crate::observe::{is_unknown, node_of, stand_in};
use crate::report::Problem;
use crate::sides::{Local, Remote};
use journal::{Change, LocalSeen, RemoteSeen, Sighting};
use model::{ContentId, Node};
use plan::sync::{Conflict, Side};

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn set_aside(&self, conflict: Conflict, seen: &Seen) -> Result<(), Error> {
        for side in conflict.moves.keys() {
            let moved = match side {
                Side::Local => self.set_aside_local(&conflict, seen).await,
                Side::Remote => self.set_aside_remote(&conflict, seen).await,
            };
            match moved.map_err(|trouble| (trouble.fate(), trouble)) {
                Ok(()) => {}
                Err((Fate::Overtaken, _)) => {
                    self.report().overtaken.add(&conflict.key);
                    return Ok(());
                }
                Err((Fate::Fatal, trouble)) => return Err(trouble.into_error()),
                Err((Fate::Problem | Fate::Full(_), trouble)) => {
                    let problem =
                        Problem::failed(&conflict.key, "set aside as a conflict copy", trouble.error());
                    self.report().problems.push(problem);
                    return Ok(());
                }
            }
        }
        self.report().conflicts.push(conflict);
        Ok(())
    }

    async fn set_aside_local(&self, conflict: &Conflict, seen: &Seen) -> Result<(), Trouble> {
        let here = seen.here()?;
        let (from, to) = (conflict.key.path(), conflict.copy.path());
        let found = self.local.rename(&from, &to, &here.stamp).await?;
        let node = node_of(&found, here.node.content);
        let copy = Sighting::Local(conflict.copy.clone(), Some(LocalSeen { node, stamp: found.stamp }));
        let vacated = Self::vacated(self.is_agreed(conflict)?, &conflict.key, Side::Local);
        self.remember(Change::See(copy), Some(to)).await;
        self.remember(vacated, Some(from)).await;
        Ok(())
    }

    async fn set_aside_remote(&self, conflict: &Conflict, seen: &Seen) -> Result<(), Trouble> {
        let there = seen.there()?;
        let is_unknown = is_unknown(there);
        let content = if is_unknown { ContentId::UNKNOWN } else { there.node.content };
        let told = Node { content, ..there.node };
        let version = self.remote.copy(&conflict.key, &there.version, &conflict.copy, &told).await?;
        self.remote.delete(&conflict.key, &there.version).await?;
        let content = if is_unknown { stand_in(&version.etag) } else { content };
        let copy = RemoteSeen { node: Node { content, ..there.node }, version };
        let vacated = Self::vacated(self.is_agreed(conflict)?, &conflict.key, Side::Remote);
        self.remember(Change::See(Sighting::Remote(conflict.copy.clone(), Some(copy))), None).await;
        self.remember(vacated, None).await;
        Ok(())
    }

    fn is_agreed(&self, conflict: &Conflict) -> Result<bool, Trouble> {
        Ok(self.journal.base_entry(self.route, &conflict.key)?.is_some())
    }
}
