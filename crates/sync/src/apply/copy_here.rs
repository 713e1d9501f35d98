//! A file from another one in the same folder that holds the same.

use super::fate::Trouble;
use super::{Applier, is_small, known};
use crate::decide::Seen;
use crate::sides::{Local, Reading, Remote};
use bytes::Bytes;
use disk::Found;
use futures::{Stream, StreamExt as _};
use journal::{Known, LocalSeen};
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
            let found = self.local.write(&action.key.path(), node.kind, &node.meta, bytes, expect).await?;
            self.progress.bytes_done(node.size);
            found
        } else {
            let Ok(reading) = self.local.open(&twin).await else { return Ok(false) };
            // As if it came from there: a download goes on with it, and it with a download.
            let body = |at: u64| bytes_from(reading, at, node.size).boxed();
            match self.receive_large(action, seen, expect, body).await {
                Err(Trouble::Torn(_)) => return Ok(false),
                received => {
                    let (found, surveyed) = received?;
                    large = Some(surveyed);
                    found
                }
            }
        };
        self.remember_download(action, seen, &found, node.content).await;
        if let Some(surveyed) = large.filter(|_| !self.remote.may_be_sealed()) {
            self.remember(known(&action.key, surveyed), None).await;
        }
        Ok(true)
    }
}

/// What a file holds from `at` on. Where it cannot be read it ends, and what was read of it is not what it was to be.
fn bytes_from(file: impl Reading, at: u64, size: u64) -> impl Stream<Item = Result<Bytes, Trouble>> + Send {
    futures::stream::unfold((file, at), move |(file, at)| async move {
        let step = usize::try_from(size.saturating_sub(at)).map_or(STEP, |left| left.min(STEP));
        let bytes = file.read_at(at, step).await.ok().filter(|bytes| !bytes.is_empty())?;
        let next = at + bytes.len() as u64;
        Some((Ok(bytes), (file, next)))
    })
}
