//! Removing what the other side has removed.

use super::Applier;
use super::fate::Trouble;
use crate::sides::{Local, Remote};
use journal::Change;
use plan::sync::{Action, Side};
use std::sync::Arc;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn delete(&self, action: &Action, side: Side) -> Result<(), Trouble> {
        match side {
            Side::Local => {
                let seen = self.seen_here(&action.key)?;
                self.local.remove(&action.key, &seen.found.stamp, Arc::clone(&self.keep)).await?;
            }
            Side::Remote => {
                let seen = self.seen_there(&action.key)?;
                self.remote.delete(&action.key, &seen.version).await?;
            }
        }
        self.remember(Change::Forget(action.key.clone()), None);
        Ok(())
    }
}
