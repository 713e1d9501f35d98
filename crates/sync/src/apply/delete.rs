//! Removing what the other side has removed.

use super::Applier;
use super::fate::Trouble;
use crate::decide::Seen;
use crate::sides::{Local, Remote};
use bucket::Error;
use journal::Change;
use model::ObjectKey;
use plan::sync::{Action, Side};
use std::sync::Arc;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    pub(super) async fn delete(&self, action: &Action, side: Side, seen: &Seen) -> Result<(), Trouble> {
        match side {
            Side::Local => {
                let here = seen.here()?;
                self.confirm_gone(&action.key).await?;
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

    /// Asks for an object by its name before its file goes. A listing may lag behind, or end before its end, and what it lacks would be
    /// deleted here, and after a crash there as well.
    pub(super) async fn confirm_gone(&self, key: &ObjectKey) -> Result<(), Trouble> {
        if key.is_directory() || self.remote.head(key).await?.is_none() {
            return Ok(());
        }
        Err(Trouble::Remote(Error::Changed { key: key.clone(), what: "it was not listed, and yet it is there" }))
    }
}
