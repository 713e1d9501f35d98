//! Deleting from a plain tree: the file before its sidecar, and what that empties.

use super::store::Failure;
use super::{Plain, sidecar};
use crate::{Deleted, Error, Prefix};
use futures::{StreamExt as _, stream};
use model::{ObjectKey, RemoteVersion};

impl Plain {
    /// Deletes an object, if it still is `version`; else [`Error::Changed`]. An object that is gone already counts as deleted.
    pub async fn delete(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> Result<(), Error> {
        let _turn = self.inner.store.turn().await;
        let place = prefix.place(key);
        let seen = self.look(&place, key).await?;
        match seen.version(key) {
            None => return Ok(()),
            Some(now) if now.etag != version.etag => {
                return Err(Error::Changed { key: key.clone(), what: "another version stands there" });
            }
            Some(_) => {}
        }
        let failed = |failure| self.failed("delete", Some(key), failure);
        if !key.is_directory() {
            self.remove(&place).await.map_err(failed)?;
        }
        self.remove_sidecar(&place).await.map_err(failed)?;
        self.prune(prefix, &place).await;
        Ok(())
    }

    /// Deletes objects as [`Plain::delete`] does, many at once. The outcomes come in the order they are known.
    pub async fn delete_many(
        &self,
        prefix: &Prefix,
        objects: Vec<(ObjectKey, RemoteVersion)>,
    ) -> Vec<Deleted> {
        let deletions = objects.into_iter().map(|(key, version)| async move {
            let outcome = self.delete(prefix, &key, &version).await;
            Deleted { key, outcome }
        });
        stream::iter(deletions).buffer_unordered(self.inner.options.concurrency.max(1)).collect().await
    }

    pub(super) async fn remove_sidecar(&self, place: &str) -> Result<(), Failure> {
        let path = sidecar::path(place);
        self.remove(&path).await?;
        if let Some((directory, _)) = path.rsplit_once('/')
            && self.inner.store.prunes_safely()
        {
            // Fails while others are in it, which is how it should be.
            drop(self.inner.store.remove_directory(directory).await);
        }
        Ok(())
    }

    /// Removes a file, for good; one that is gone already counts as removed.
    async fn remove(&self, path: &str) -> Result<(), Failure> {
        match self.inner.store.remove(path).await {
            Ok(dirty) => self.inner.store.flush(dirty).await,
            Err(failure) => failure.unless_gone(),
        }
    }

    /// Removes the directories above `place` that were emptied, up to the prefix; not those that have a sidecar.
    pub(super) async fn prune(&self, prefix: &Prefix, place: &str) {
        if !self.inner.store.prunes_safely() {
            return;
        }
        let mut path = place.trim_end_matches('/');
        // The key of a directory stands for that directory itself.
        let mut next =
            if place.ends_with('/') { Some(path) } else { path.rsplit_once('/').map(|(up, _)| up) };
        while let Some(directory) = next.filter(|directory| directory.len() > prefix.as_str().len()) {
            path = directory;
            let is_kept = self.inner.store.stat(&sidecar::path(&format!("{path}/"))).await.is_ok();
            if is_kept || self.inner.store.remove_directory(path).await.is_err() {
                return;
            }
            next = path.rsplit_once('/').map(|(up, _)| up);
        }
    }
}
