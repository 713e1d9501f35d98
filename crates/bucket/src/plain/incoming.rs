//! What is on its way into a plain tree.

use super::place::{Task, describe};
use super::sidecar::Sidecar;
use super::store::{Dirty, Entry, Failure, Writer};
use super::{INCOMING, Plain};
use crate::Error;
use bytes::Bytes;
use model::UnixNanos;
use std::sync::atomic::Ordering;

/// A file in transit: whole, but not in its place, and perhaps not on the medium.
pub(super) struct Draft {
    pub(super) path: String,
    pub(super) entry: Entry,
    pub(super) dirty: Dirty,
}

impl Plain {
    /// Removes what earlier runs of this machine left in transit.
    pub async fn sweep(&self) -> Result<(), Error> {
        let left = match self.inner.store.list(INCOMING).await {
            Ok(left) => left,
            Err(Failure::NotFound) => return Ok(()),
            Err(failure) => return Err(self.failed("tidy", None, failure)),
        };
        let mine = format!("{}.", self.inner.options.machine);
        for name in left.into_iter().filter_map(|named| named.name.ok()) {
            if name.starts_with(&mine) && !name.starts_with(&self.inner.session.name) {
                let removed = self.inner.store.remove(&format!("{INCOMING}/{name}")).await.map(drop);
                removed
                    .or_else(Failure::unless_gone)
                    .map_err(|failure| self.failed("tidy", None, failure))?;
            }
        }
        Ok(())
    }

    /// A name that nobody else uses, for something in transit.
    pub(super) fn incoming(&self) -> String {
        let number = self.inner.session.written.fetch_add(1, Ordering::Relaxed);
        format!("{INCOMING}/{}.{number}", self.inner.session.name)
    }

    /// Writes a file in transit in one go.
    pub(super) async fn draft(&self, bytes: Bytes, time: Option<UnixNanos>) -> Result<Draft, Failure> {
        self.make_incoming().await?;
        let path = self.incoming();
        let write = || self.inner.store.write(&path, bytes.clone(), time);
        match self.once_more_with_room(write).await {
            Ok((entry, dirty)) => Ok(Draft { path, entry, dirty }),
            Err(failure) => {
                self.give_up(&path).await;
                Err(failure)
            }
        }
    }

    /// Writes a file and its sidecar in transit, both in one go.
    pub(super) async fn draft_described(&self, task: Task<'_>, bytes: Bytes) -> Result<[Draft; 2], Failure> {
        self.make_incoming().await?;
        let (path, beside) = (self.incoming(), self.incoming());
        let write = || {
            let (node, place) = (*task.node, task.place.to_owned());
            let encode =
                move |entry: &Entry| Sidecar::new(vec![describe(&node, entry)]).encode(&place).into();
            let file = (path.as_str(), bytes.clone(), task.node.meta.mtime);
            self.inner.store.write_described(file, (&beside, encode))
        };
        match self.once_more_with_room(write).await {
            Ok([(entry, dirty), (its_entry, its_dirty)]) => {
                let sidecar = Draft { path: beside, entry: its_entry, dirty: its_dirty };
                Ok([Draft { path, entry, dirty }, sidecar])
            }
            Err(failure) => {
                self.give_up(&path).await;
                self.give_up(&beside).await;
                Err(failure)
            }
        }
    }

    /// Makes the directory for what is in transit again if it is gone.
    async fn once_more_with_room<T, Fut>(&self, write: impl Fn() -> Fut) -> Result<T, Failure>
    where
        Fut: Future<Output = Result<T, Failure>>,
    {
        match write().await {
            Err(Failure::NotFound) => {
                self.inner.store.make_directories(INCOMING).await?;
                write().await
            }
            written => written,
        }
    }

    /// Begins a file in transit.
    pub(super) async fn create(&self, incoming: &str, size: u64) -> Result<Writer, Failure> {
        self.make_incoming().await?;
        self.once_more_with_room(|| self.inner.store.create(incoming, size)).await
    }

    /// Once for all writes: a WebDAV server says only at the end of one that there is no such collection.
    pub(super) async fn make_incoming(&self) -> Result<(), Failure> {
        let made = self.inner.incoming.get_or_try_init(|| self.inner.store.make_directories(INCOMING));
        made.await?;
        // Whoever writes nothing has no use for the space.
        let sweep = self.inner.session.swept.get_or_try_init(|| self.sweep());
        if let Err(error) = sweep.await {
            tracing::debug!(%error, "leftovers of an earlier run stay in transit");
        }
        Ok(())
    }

    /// What stays behind in transit costs space and nothing else, so the first error is the one to tell.
    pub(super) async fn give_up(&self, incoming: &str) {
        match self.inner.store.remove(incoming).await {
            Ok(_) | Err(Failure::NotFound) => {}
            Err(failure) => tracing::debug!(incoming, ?failure, "something stays behind in transit"),
        }
    }
}
