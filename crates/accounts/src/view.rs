//! What every request needs, in memory: keys by id, and grants by user.
//!
//! A key that the command line revokes must stop working in the running daemon at once, not after some
//! seconds. SQLite tells whether another connection has committed since one last looked
//! (`PRAGMA data_version`), without reading a page; so each call asks that first and reloads the whole view, a
//! few rows per user, when the answer is new. Rejected: a cache with a time limit (a revoked key lives
//! on), and reading the row each time (several times the cost).

use crate::error::{Doing, Error};
use crate::{AccessKeyId, Key, Permission, SecretKey};
use model::{BucketName, UserName};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Everything that decides about a request, as of one version of the database.
#[derive(Debug, Default)]
pub(crate) struct View {
    keys: HashMap<AccessKeyId, Key>,
    grants: HashMap<UserName, BTreeMap<BucketName, Permission>>,
}

impl View {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut view = Self::default();
        let mut statement = connection.prepare_cached("SELECT id, user, secret FROM keys")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let (id, user, secret) =
                (AccessKeyId::new(text(0)?), UserName::new(text(1)?), SecretKey::new(text(2)?));
            // What does not parse was not written by us, and opens nothing.
            if let (Ok(id), Ok(user), Ok(secret)) = (id, user, secret) {
                view.keys.insert(id.clone(), Key { id, user, secret });
            }
        }
        let mut statement = connection.prepare_cached("SELECT user, bucket, access FROM grants")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
            let access = Permission::from_column(text(2)?);
            if let (Ok(user), Ok(bucket)) = (UserName::new(text(0)?), BucketName::new(text(1)?)) {
                view.grants.entry(user).or_default().insert(bucket, access);
            }
        }
        Ok(view)
    }

    pub(crate) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.get(id)
    }

    pub(crate) fn granted(&self, user: &UserName, bucket: &BucketName) -> Permission {
        self.grants.get(user).and_then(|granted| granted.get(bucket)).copied().unwrap_or(Permission::None)
    }

    pub(crate) fn granted_buckets(&self, user: &UserName) -> impl Iterator<Item = &BucketName> {
        self.grants.get(user).into_iter().flat_map(BTreeMap::keys)
    }
}

/// The view and the database version it shows.
#[derive(Debug, Default)]
pub(crate) struct Cached {
    current: Option<(i64, Arc<View>)>,
}

impl Cached {
    /// The view as the database is now.
    pub(crate) fn current(&mut self, connection: &Connection) -> Result<Arc<View>, Error> {
        let version = connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .doing("look for changes")?;
        if let Some((seen, view)) = &self.current
            && *seen == version
        {
            return Ok(Arc::clone(view));
        }
        // A commit between the question and the answer makes the view newer than its number: harmless, it is
        // loaded once more.
        let view = Arc::new(View::load(connection).doing("read keys and grants")?);
        self.current = Some((version, Arc::clone(&view)));
        Ok(view)
    }

    /// Forgets the view: the database does not count this connection's own changes.
    pub(crate) fn forget(&mut self) {
        self.current = None;
    }
}
