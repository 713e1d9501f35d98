//! Directories in a store that has none.
//!
//! What a directory says of itself is an object whose key ends in `/`. Some stores, files behind them, drop that slash and make a file of it;
//! there, an empty file in the directory stands for it. Which kind a store is, is found out at a place of ours, because a directory that holds
//! something must not be sent as a file to a store that believes it. Rejected: leaving out what such a store cannot hold, for which no sync
//! would ever be complete.

use crate::conditions::Refused;
use crate::write::{Demand, Task};
use crate::{Bucket, Cause, Error, Prefix, Retry};
use bytes::Bytes;
use model::{Kind, Node, ObjectKey, RelPath};
use std::sync::atomic::Ordering;

/// What stands for the directory it is in. It begins with the first printable sign, so that nearly always it is listed before what else is there.
const STAND_IN: &str = "!.heirloom-directory";

impl Bucket {
    /// The full key of the object for `key`.
    pub(crate) fn place(&self, prefix: &Prefix, key: &ObjectKey) -> String {
        let place = prefix.place(key);
        if key.is_directory() && self.inner.stands_in.load(Ordering::Relaxed) {
            place + STAND_IN
        } else {
            place
        }
    }

    /// The directory's key for which a listed one stands.
    pub(crate) fn stood_for<'k>(&self, key: &'k str) -> Option<&'k str> {
        let directory = key.strip_suffix(STAND_IN).filter(|directory| directory.ends_with('/'))?;
        // Where directories have their own keys, it is a file that was copied from elsewhere.
        if self.inner.keeps_directories.load(Ordering::Relaxed) {
            return None;
        }
        self.inner.stands_in.store(true, Ordering::Relaxed);
        Some(directory)
    }

    /// Before the first directory `key`, of `node`, is written: whether the store keeps the slash.
    pub(crate) async fn learn_of_directories(&self, key: &ObjectKey, node: &Node) -> Result<(), Error> {
        if !key.is_directory() || self.knows_of_directories() {
            return Ok(());
        }
        let _turn = self.inner.learning_of_directories.lock().await;
        if self.knows_of_directories() {
            return Ok(());
        }
        let drops = self.drops_slashes(node).await?;
        let known = if drops { &self.inner.stands_in } else { &self.inner.keeps_directories };
        known.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn knows_of_directories(&self) -> bool {
        [&self.inner.keeps_directories, &self.inner.stands_in]
            .iter()
            .any(|known| known.load(Ordering::Relaxed))
    }

    async fn drops_slashes(&self, node: &Node) -> Result<bool, Error> {
        let attempt = || self.attempt("write", None);
        // Of its own for each machine: two may be finding out at once.
        let noise =
            getrandom::u64().map_err(|error| attempt().other(Retry::Never, Cause::new(error.to_string())))?;
        let path = RelPath::from_key(&format!(".heirloom/probe-{noise:016x}"))
            .expect("because it is printable and has no dots alone");
        let (prefix, directory, file) = (Prefix::root(), ObjectKey::directory(&path), ObjectKey::file(&path));
        let task = Task { key: &directory, place: prefix.place(&directory), prefix: &prefix, node };
        match self.put_once(&task, &Bytes::new(), Demand::Nothing).await {
            Ok(_) => {}
            Err(Refused::Failed(error)) if error.retry() == Retry::Later => return Err(error),
            // Who may not write there finds no fault with the store.
            Err(_) => return Ok(false),
        }
        let dropped = match self.head(&prefix, &file).await {
            Ok(found) => found.is_some_and(|found| found.kind == Kind::File),
            Err(Error::Rejected { .. }) => true,
            Err(error) => return Err(error),
        };
        // What is left of it is ours, and in nobody's way.
        drop(self.delete_once(&prefix, if dropped { &file } else { &directory }, None).await);
        Ok(dropped)
    }
}
