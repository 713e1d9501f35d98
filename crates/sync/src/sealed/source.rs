//! Sealed bytes to be sent by parts.

use crate::sides::Reading;
use crate::threads::blocking;
use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use model::{ContentId, Node, ObjectKey};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;
use vault::Sealer;

/// Bytes of the file that are sealed at once.
const STEP: u64 = 1 << 20;

/// A file that is sealed while it is read: once, from its beginning to its end.
pub(super) struct Sealing<S> {
    source: Arc<S>,
    path: PathBuf,
    content: ContentId,
    size: u64,
    progress: Mutex<Progress>,
}

struct Progress {
    /// `None` once all of it was sealed.
    sealer: Option<Sealer>,
    hasher: Md5,
    /// Bytes of the file that were read.
    read: u64,
    /// Sealed bytes that were given out.
    given: u64,
    /// Sealed bytes that were not given out: at most those of one step.
    ready: Bytes,
}

impl<S: Reading> Sealing<S> {
    pub(super) fn new(sealer: Sealer, source: Arc<S>, key: &ObjectKey, node: &Node) -> Self {
        let (sealer, ready) = (Some(sealer), Bytes::new());
        let progress = Mutex::new(Progress { sealer, hasher: Md5::new(), read: 0, given: 0, ready });
        Self { source, path: PathBuf::from(key.as_str()), content: node.content, size: node.size, progress }
    }

    /// Seals the next bytes of the file, or its end: which is withheld if this is not the file that was announced.
    async fn advance(&self, progress: &mut Progress) -> Result<(), disk::Error> {
        let Some(mut sealer) = progress.sealer.take() else {
            return Err(disk::Error::Changed { path: self.path.clone() });
        };
        let length = STEP.min(self.size - progress.read);
        if length == 0 {
            let hasher = std::mem::take(&mut progress.hasher);
            if ContentId::from_md5(hasher.finalize().into()) != self.content {
                return Err(disk::Error::Changed { path: self.path.clone() });
            }
            progress.ready = sealer.finish();
            return Ok(());
        }
        let length = usize::try_from(length).expect("because a step fits in memory");
        let plain = self.source.read_at(progress.read, length).await?;
        progress.read += plain.len() as u64;
        let hasher = std::mem::take(&mut progress.hasher);
        let work = move || {
            let hasher = hasher.chain_update(&plain);
            let bytes = sealer.push(&plain);
            (hasher, sealer, bytes)
        };
        let (hasher, sealer, bytes) = blocking(work).await;
        (progress.hasher, progress.sealer, progress.ready) = (hasher, Some(sealer), bytes);
        Ok(())
    }
}

impl<S: Reading> Reading for Sealing<S> {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, disk::Error> {
        let mut progress = self.progress.lock().await;
        assert_eq!(offset, progress.given, "what is sealed is read in order");
        // Exactly what is asked for: several parts are on their way at once, and memory that grew with one would be kept by all.
        let mut part = BytesMut::with_capacity(length);
        while part.len() < length {
            if progress.ready.is_empty() {
                self.advance(&mut progress).await?;
            }
            let now = progress.ready.len().min(length - part.len());
            part.extend_from_slice(&progress.ready.split_to(now));
        }
        progress.given += length as u64;
        Ok(part.freeze())
    }
}

/// Bytes that are there already.
pub(super) struct InMemory(pub(super) Bytes);

impl Reading for InMemory {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, disk::Error> {
        let from = usize::try_from(offset).expect("because it is an offset into memory");
        Ok(self.0.slice(from..from + length))
    }
}
