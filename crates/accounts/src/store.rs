//! The handle that everybody holds.

use crate::error::{Doing, Error};
use crate::schema;
use crate::view::{Cached, View};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Users, keys, grants and tokens. Clones share one connection.
#[derive(Clone, Debug)]
pub struct Accounts {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    connection: Connection,
    cached: Cached,
}

impl Accounts {
    /// Opens the database at `path`, which is created (mode 0600, its directory 0700) if it is not there.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let shared = Shared { connection: schema::open(path)?, cached: Cached::default() };
        Ok(Self { shared: Arc::new(Mutex::new(shared)) })
    }

    pub(crate) fn view(&self) -> Result<Arc<View>, Error> {
        let shared = &mut *self.lock();
        shared.cached.current(&shared.connection)
    }

    pub(crate) fn read<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        query(&self.lock().connection).doing(doing)
    }

    /// Runs `change` in a transaction of its own, which is rolled back when it fails.
    pub(crate) fn write<T>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let shared = &mut *self.lock();
        // Immediate, because a transaction that starts by reading and then writes fails at once, instead of
        // waiting, when another process wrote in between.
        let transaction =
            shared.connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(doing)?;
        let outcome = change(&transaction)?;
        transaction.commit().doing(doing)?;
        shared.cached.forget();
        Ok(outcome)
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic cannot leave the value half changed: the database rolls back, the view is replaced whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
