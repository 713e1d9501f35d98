//! The index file and its format.

use crate::error::Error;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What makes each format of the one before; the first one begins with nothing. An index has the format of the last
/// step it has gone through.
const STEPS: [&str; 3] = [TABLES, FEED, PLACES];

/// The format of an index that has gone through all steps.
const FORMAT: i64 = 3;

/// Keys are blobs, because only those are ordered and bounded byte by byte, as S3 lists them.
const TABLES: &str = "
    CREATE TABLE objects (
        bucket   TEXT NOT NULL,
        key      BLOB NOT NULL,
        kind     INTEGER NOT NULL,       -- 0 file, 1 symlink, 2 directory
        size     INTEGER NOT NULL,
        etag     TEXT NOT NULL,
        modified INTEGER NOT NULL,       -- milliseconds since 1970
        mtime    INTEGER NOT NULL,       -- the stamp: nanoseconds, and the inode
        ctime    INTEGER NOT NULL,
        inode    INTEGER NOT NULL,
        sequence INTEGER NOT NULL,       -- the number of its last change; each change has one of its own
        about    TEXT,                   -- JSON
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE tombstones (
        bucket   TEXT NOT NULL,
        key      BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sequences (
        bucket   TEXT PRIMARY KEY,
        last     INTEGER NOT NULL        -- the number of the bucket's last change
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE uploads (
        id       TEXT PRIMARY KEY,
        bucket   TEXT NOT NULL,
        key      BLOB NOT NULL,
        started  INTEGER NOT NULL,       -- milliseconds since 1970
        about    TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX uploads_by_key ON uploads (bucket, key, id);
    CREATE TABLE parts (
        upload   TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
        number   INTEGER NOT NULL,
        size     INTEGER NOT NULL,
        md5      BLOB NOT NULL,
        modified INTEGER NOT NULL,
        PRIMARY KEY (upload, number)
    ) STRICT, WITHOUT ROWID;
";

/// What it takes to tell changes (see `feed`): where to find them by their number, and whose numbers they are.
///
/// Numbers were each bucket's own before; from here on they go up across all buckets, from the highest there was.
const FEED: &str = "
    CREATE INDEX objects_by_sequence ON objects (bucket, sequence);
    CREATE INDEX tombstones_by_sequence ON tombstones (sequence);
    CREATE TABLE epochs (
        number INTEGER PRIMARY KEY,      -- in the order of time
        id     TEXT NOT NULL UNIQUE,
        first  INTEGER NOT NULL          -- the number of the last change before it
    ) STRICT;
    CREATE TABLE forgotten (
        sequence INTEGER NOT NULL        -- up to here, tombstones may be missing
    ) STRICT;
    INSERT INTO forgotten VALUES (0);
";

/// Where in the object a part is written already, if it is; and whether what stands under `md5` is something else.
const PLACES: &str = "
    ALTER TABLE parts ADD COLUMN place INTEGER;
    ALTER TABLE parts ADD COLUMN is_other INTEGER NOT NULL DEFAULT 0;
";

/// Opens the index for writing, and makes it if it is not there. A damaged one is set aside and another begun: everything
/// that matters in it is found again by comparing with the files.
pub(crate) fn open(path: &Path) -> Result<Connection, Error> {
    match open_as_it_is(path) {
        Err(Error::Index { source, .. }) if is_damage(&source) => {
            let aside = set_aside(path).map_err(|source| Error::Files {
                doing: "set aside the damaged index",
                path: path.to_owned(),
                source,
            })?;
            tracing::warn!(aside = %aside.display(), "the index was damaged and is built anew from the files");
            open_as_it_is(path)
        }
        outcome => outcome,
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Renames the database; what belongs to its journal means nothing without it.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", path.display()));
    let mut number = 1;
    let mut aside = beside(".damaged-1");
    while aside.exists() {
        number += 1;
        aside = beside(&format!(".damaged-{number}"));
    }
    std::fs::rename(path, &aside)?;
    for ending in ["-wal", "-shm"] {
        match std::fs::remove_file(beside(ending)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn open_as_it_is(path: &Path) -> Result<Connection, Error> {
    let cannot = |doing| move |source| Error::Index { doing, path: path.to_owned(), source };
    let mut connection = Connection::open(path).map_err(cannot("open"))?;
    prepare(&connection).map_err(cannot("open"))?;
    connection.pragma_update(None, "foreign_keys", "on").map_err(cannot("open"))?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000).map_err(cannot("open"))?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20).map_err(cannot("open"))?;
    let found: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(cannot("read"))?;
    let steps = usize::try_from(found).ok().and_then(|found| STEPS.get(found..));
    let steps = steps.ok_or_else(|| Error::TooNew { path: path.to_owned(), found, known: FORMAT })?;
    if !steps.is_empty() {
        go(&mut connection, steps).map_err(cannot("bring up to date"))?;
    }
    Ok(connection)
}

/// Opens the index for reading.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", "on")?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    connection.pragma_update(None, "mmap_size", 256 << 20)
}

/// All steps or none.
fn go(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

#[cfg(test)]
mod tests;
