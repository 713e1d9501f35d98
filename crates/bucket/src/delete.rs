//! Deleting objects, each only as the version that was meant.
//!
//! Many objects are deleted by as many requests at once. Rejected: `DeleteObjects`, whose per-key condition is the last thing
//! a store learns, and a deletion is the last thing to do without one.

use crate::conditions::Refused;
use crate::{Bucket, Error, Expect, Prefix};
use futures::{StreamExt as _, stream};
use model::{ObjectKey, RemoteVersion};
use opendal::options::DeleteOptions;
use opendal::raw::oio::Delete as _;
use opendal::raw::{OpDelete, Service as _};

/// How one of many deletions went.
#[derive(Debug)]
pub struct Deleted {
    /// The key, relative to the prefix.
    pub key: ObjectKey,
    /// As from [`Bucket::delete`].
    pub outcome: Result<(), Error>,
}

impl Bucket {
    /// Deletes an object, if it still is `version`; else [`Error::Changed`]. An object that is gone already counts as deleted.
    pub async fn delete(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> Result<(), Error> {
        let expect = Expect::Version(version.clone());
        let look = || self.look(prefix, key, &expect);
        let delete = |version| self.delete_once(prefix, key, version);
        let deleted = self.inner.learned.delete.change(version, look, delete).await;
        match deleted {
            Ok(()) | Err(Refused::Failed(Error::NotFound { .. })) => Ok(()),
            Err(Refused::Failed(error)) => Err(error),
            // Gone, perhaps by our own request whose answer was lost, or another one by now.
            Err(Refused::Condition | Refused::Unsupported) => match self.head(prefix, key).await? {
                None => Ok(()),
                Some(_) => Err(Error::Changed { key: key.clone(), what: "another version stands there" }),
            },
        }
    }

    /// Deletes objects as [`Bucket::delete`] does, many at once. The outcomes come in the order they are known.
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

    pub(crate) async fn delete_once(
        &self,
        prefix: &Prefix,
        key: &ObjectKey,
        version: Option<RemoteVersion>,
    ) -> Result<(), Refused> {
        let options = DeleteOptions {
            if_match: version.map(|version| version.etag.quoted()),
            ..DeleteOptions::default()
        };
        let deleted = async {
            let options = OpDelete::from_options(&self.inner.service.capability(), options)?;
            let mut deleter = self.inner.service.delete(&self.inner.context)?;
            deleter.delete(&self.place(prefix, key), options).await?;
            deleter.close().await
        };
        deleted.await.map_err(|error| self.refusal("delete", key, &error))
    }
}
