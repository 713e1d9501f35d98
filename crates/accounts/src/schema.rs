//! The database file: its permissions, its settings and its format.

use crate::Error;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// One entry per format: what turns the one before into it. Entries are never edited once released.
const MIGRATIONS: [&str; 1] = ["
    CREATE TABLE users (
        name    TEXT PRIMARY KEY,
        created INTEGER NOT NULL                -- nanoseconds since 1970
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE keys (
        id      TEXT PRIMARY KEY,
        user    TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
        label   TEXT NOT NULL,
        secret  TEXT NOT NULL,                  -- in the clear: signatures are checked with it
        created INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX keys_by_user ON keys (user);
    CREATE TABLE grants (
        user    TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
        bucket  TEXT NOT NULL,
        access  TEXT NOT NULL CHECK (access IN ('read', 'write')),
        PRIMARY KEY (user, bucket)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tokens (
        digest  BLOB PRIMARY KEY,               -- SHA-256; the token itself is nowhere
        purpose TEXT NOT NULL CHECK (purpose IN ('sign-in', 'session')),
        user    TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
        expires INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

/// How long a call waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the database, makes it if it is not there, and brings it to the newest format.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    let cannot =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::Open { path: path.to_owned(), source };
    make_private(path).map_err(|error| cannot(error.into()))?;
    let mut connection = Connection::open(path).map_err(|error| cannot(error.into()))?;
    prepare(&connection).map_err(|error| cannot(error.into()))?;
    let found = migrate(&mut connection).map_err(|error| cannot(error.into()))?;
    let known = newest();
    if found > known {
        return Err(Error::TooNew { path: path.to_owned(), found, known });
    }
    Ok(connection)
}

/// SQLite gives its two companion files the mode of the main file, so one `chmod` covers all three.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_a_log(connection)?;
    // A key that was shown to a person must survive the power failing right afterwards.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", "on")
}

/// SQLite does not wait for others where it switches a new file to a write-ahead log, whatever its timeout
/// says: of several processes that begin the same file at once, some are told that it is busy.
fn keep_a_log(connection: &Connection) -> rusqlite::Result<()> {
    let patience = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if is_busy(&error) && Instant::now() < patience => sleep(Duration::from_millis(5)),
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Applies what is missing, in one transaction that other processes wait for; returns the format found last.
fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    let version =
        |connection: &Connection| connection.pragma_query_value(None, "user_version", |row| row.get(0));
    let found: i64 = version(connection)?;
    if found >= newest() {
        return Ok(found);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = version(&transaction)?;
    let done = usize::try_from(found).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration)?;
    }
    let reached = found.max(newest());
    transaction.pragma_update(None, "user_version", reached)?;
    transaction.commit()?;
    Ok(reached)
}

fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).expect("because there are a handful of migrations")
}
