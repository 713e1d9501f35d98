//! A file from another one in the same folder that holds the same.

use super::fate::Trouble;
use super::{Applier, is_small, known};
use crate::decide::Seen;
use crate::sides::{Local, Reading as _, Remote, Staging as _};
use disk::{Found, Surveyed};
use journal::{Known, LocalSeen, RemoteSeen};
use model::Node;
use plan::sync::Action;

/// Bytes that are copied at a time.
const STEP: usize = 1 << 20;

impl<L: Local, R: Remote> Applier<'_, L, R> {
    /// Whether the file could be copied from `twin`. If that is not what it was any more, nothing is written.
    pub(super) async fn copy_here(
        &self,
        twin: &Known,
        action: &Action,
        node: &Node,
        seen: &Seen,
    ) -> Result<bool, Trouble> {
        let expect = seen.expect_local(action)?;
        let seen = seen.there()?;
        let Some(LocalSeen { node: there, stamp }) = twin.local().filter(|here| here.node.same_content(node))
        else {
            return Ok(false);
        };
        let twin =
            Found { key: twin.key.clone(), kind: there.kind, size: there.size, meta: there.meta, stamp };
        let mut large = None;
        let found = if is_small(node.kind, node.size) {
            let _room = self.room_for(node.size).await;
            let Ok(bytes) = self.local.read(&twin).await else { return Ok(false) };
            if disk::digest_of(&bytes) != node.content {
                return Ok(false);
            }
            self.local.write(&action.key.path(), node.kind, &node.meta, bytes, expect).await?
        } else {
            let Some((staging, surveyed)) = self.stage_copy(&twin, action, node, seen).await? else {
                return Ok(false);
            };
            large = Some(surveyed);
            staging.place(&node.meta, expect).await?
        };
        self.remember_download(action, seen, &found, node.content).await;
        if let Some(surveyed) = large.filter(|_| !self.remote.may_be_sealed()) {
            self.remember(known(&action.key, surveyed), None).await;
        }
        Ok(true)
    }

    async fn stage_copy(
        &self,
        twin: &Found,
        action: &Action,
        node: &Node,
        seen: &RemoteSeen,
    ) -> Result<Option<(L::Staging, Surveyed)>, Trouble> {
        let Ok(reading) = self.local.open(twin).await else { return Ok(None) };
        // As if it came from there: a download goes on with it, and it with a download.
        let token = format!("{} {}", seen.version.etag, node.size);
        let staging = self.local.stage(&action.key.path(), &token, node.size).await?;
        let (mut staging, mut survey, mut length) = staging.begun().await?;
        while length < node.size {
            let step = usize::try_from(node.size - length).map_or(STEP, |left| left.min(STEP));
            let Ok(bytes) = reading.read_at(length, step).await else { break };
            if bytes.is_empty() {
                break;
            }
            survey.update(&bytes);
            length += bytes.len() as u64;
            staging.write(bytes).await?;
        }
        let surveyed = survey.finish();
        if surveyed.content == node.content {
            return Ok(Some((staging, surveyed)));
        }
        staging.discard().await;
        Ok(None)
    }
}
