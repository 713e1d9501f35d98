//! Removing what the other side has removed.

use super::Applier;
use super::fate::Trouble;
use crate::decide::Seen;
use crate::sides::{Local, Remote};
use journal::{Change, Sighting};
use model::ObjectKey;
use plan::sync::{Action, Side};
use std::sync::Arc;

/// What is still on the other side is not forgotten: that it goes as well is another action, or none.
fn after(key: &ObjectKey, side: Side, seen: &Seen) -> Change {
    match (side, &seen.here, &seen.there) {
        (Side::Local, _, Some(_)) => Change::See(Sighting::Local(key.clone(), None)),
        (Side::Remote, Some(_), _) => Change::See(Sighting::Remote(key.clone(), None)),
        _ => Change::Forget(key.clone()),
    }
}

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
        self.remember(after(&action.key, side, seen), None).await;
        Ok(())
    }
}
