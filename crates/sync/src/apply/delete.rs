//! Removing what the other side has removed.

use super::Applier;
use super::fate::Trouble;
use crate::decide::Seen;
use crate::sides::{Local, Remote};
use journal::Change;
use plan::sync::{Action, Side};
use std::sync::Arc;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn delete(&self, action: &Action, side: Side, seen: &Seen) -> Result<(), Trouble> {
        match side {
            Side::Local => {
                let here = seen.here()?;
                self.local.remove(&action.key, &here.stamp, Arc::clone(&self.keep)).await?;
            }
            Side::Remote => {
                let there = seen.there()?;
                self.remote.delete(&action.key, &there.version).await?;
            }
        }
        self.remember(Change::Forget(action.key.clone()), None).await;
        Ok(())
    }
}
