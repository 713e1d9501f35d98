//! Giving a file of a plain tree another name, or a second one.

use super::Plain;
use super::incoming::Draft;
use super::place::Task;
use super::store::{EntryKind, Move, Onto};
use crate::{Error, Expect, Prefix};
use model::{Node, ObjectKey, RemoteVersion};

impl Plain {
    /// Gives a file another key, never onto another object, if it still is `version`; else [`Error::Changed`]. Its content is not sent.
    pub async fn rename(
        &self,
        prefix: &Prefix,
        from: &ObjectKey,
        to: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> Result<RemoteVersion, Error> {
        let _turn = self.inner.store.turn().await;
        let (place, target) = (prefix.place(from), prefix.place(to));
        let seen = self.look(&place, from).await?;
        let Some(entry) = seen.entry.as_ref().filter(|entry| entry.kind == EntryKind::File) else {
            return Err(Error::NotFound { key: from.clone() });
        };
        if seen.version(from).is_none_or(|now| now.etag != version.etag) {
            return Err(Error::Changed { key: from.clone(), what: "another version stands there" });
        }
        let task = Task { key: to, place: &target, node };
        let moves = [Move { from: &place, to: &target, onto: Onto::Nothing }];
        self.place_all(&moves)
            .await
            .map_err(|failure| self.failed("rename something to", Some(to), failure))?;
        let renamed = self.describe_placed(task, entry.clone(), None).await?;
        self.remove_sidecar(&place).await.map_err(|failure| self.failed("rename", Some(from), failure))?;
        self.prune(prefix, &place).await;
        Ok(renamed)
    }

    /// Makes `to`, where nothing stands, hold the content of one version of `from`, as `node` describes it; else [`Error::Changed`]. The
    /// store copies by itself, if it can. [`Plain::rename`] is cheaper where `from` goes afterwards.
    pub async fn copy(
        &self,
        prefix: &Prefix,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> Result<RemoteVersion, Error> {
        let _turn = self.inner.store.turn().await;
        let (source, place) = (prefix.place(from), prefix.place(to));
        let task = Task { key: to, place: &place, node };
        let as_meant = async || {
            let seen = self.look(&source, from).await?;
            match seen.version(from) {
                None => Err(Error::NotFound { key: from.clone() }),
                Some(now) if now.etag == version.etag => Ok(()),
                Some(_) => Err(Error::Changed { key: from.clone(), what: "another version stands there" }),
            }
        };
        as_meant().await?;
        if to.is_directory() {
            return self.put_directory(task, &Expect::Absent).await;
        }
        let incoming = self.incoming();
        let copied = async {
            let failed = |failure| self.failed("copy something to", Some(to), failure);
            self.make_incoming().await.map_err(failed)?;
            let copied = self.inner.store.copy(&source, &incoming, node.meta.mtime).await;
            let (entry, dirty) = copied.map_err(failed)?;
            // If it still stands there now, it is what was copied.
            as_meant().await?;
            Ok((entry, dirty))
        };
        match copied.await {
            Ok((entry, dirty)) => {
                self.place(task, Draft { path: incoming, entry, dirty }, None, &Expect::Absent).await
            }
            Err(error) => {
                self.give_up(&incoming).await;
                Err(error)
            }
        }
    }
}
