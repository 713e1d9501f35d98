//! Opening the database: its layout, the steps from older layouts, and what happens to a damaged one.
//!
//! Reading all of it at each start to prove it sound would take seconds on a slow disk. So that is done only
//! when there is cause: after a crash, which leaves a write-ahead log behind, or when damage was met
//! in use, which leaves a file `<name>.suspect`.

use crate::{Beginning, Error, Journal};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, io};

/// One step per layout; a journal's `user_version` counts those it has taken. Never edit one, add another.
const STEPS: [&str; 13] = [
    "CREATE TABLE route (
        id INTEGER PRIMARY KEY,
        destination TEXT NOT NULL,
        prefix TEXT NOT NULL,
        folder BLOB NOT NULL,
        halt TEXT,
        root_device INTEGER,
        root_inode INTEGER,
        UNIQUE (destination, prefix, folder)
    ) STRICT;
    -- NULL where `Row` says so; `kind` is file 0, symlink 1, directory 2.
    CREATE TABLE base (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        kind INTEGER NOT NULL,
        content BLOB NOT NULL,
        size INTEGER NOT NULL,
        local_mtime INTEGER, local_mode INTEGER, local_uid INTEGER, local_gid INTEGER,
        remote_kind INTEGER, remote_content BLOB, remote_size INTEGER,
        remote_mtime INTEGER, remote_mode INTEGER, remote_uid INTEGER, remote_gid INTEGER,
        stamp_size INTEGER, stamp_mtime INTEGER, stamp_ctime INTEGER NOT NULL, stamp_inode INTEGER NOT NULL,
        etag ANY, modified INTEGER,
        PRIMARY KEY (route, key)
    ) STRICT, WITHOUT ROWID;",
    "CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        started INTEGER NOT NULL,
        finished INTEGER,
        outcome TEXT,
        uploaded INTEGER, downloaded INTEGER, deleted INTEGER, conflicts INTEGER, problems INTEGER,
        bytes_up INTEGER, bytes_down INTEGER
    ) STRICT;
    CREATE INDEX run_of_route ON run (route, id);",
    // `side` is local 0, remote 1; `kind` is NULL where nothing stands.
    "CREATE TABLE sighting (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        side INTEGER NOT NULL,
        kind INTEGER, content BLOB, size INTEGER,
        mtime INTEGER, mode INTEGER, uid INTEGER, gid INTEGER,
        stamp_size INTEGER, stamp_mtime INTEGER, ctime INTEGER, inode INTEGER,
        etag TEXT, modified INTEGER,
        PRIMARY KEY (route, key, side)
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE route ADD COLUMN cursor TEXT;
    ALTER TABLE route ADD COLUMN calm TEXT;
    ALTER TABLE route ADD COLUMN rewound INTEGER NOT NULL DEFAULT 0;",
    "CREATE TABLE chunk (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        content BLOB NOT NULL,
        chunks BLOB NOT NULL,
        PRIMARY KEY (route, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE upload (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        id TEXT NOT NULL,
        content BLOB NOT NULL,
        size INTEGER NOT NULL,
        mtime INTEGER, mode INTEGER, uid INTEGER, gid INTEGER,
        PRIMARY KEY (route, key)
    ) STRICT, WITHOUT ROWID;",
    // Which place a destination's name stood for, where it may come to stand for another.
    "ALTER TABLE route ADD COLUMN place TEXT;",
    "CREATE TABLE sealed (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        seal TEXT NOT NULL,
        etag TEXT,
        content BLOB NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (route, key, seal)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sealed_by_seal ON sealed (route, seal);
    CREATE INDEX sealed_by_etag ON sealed (route, etag);",
    "ALTER TABLE route ADD COLUMN missing TEXT;",
    "ALTER TABLE route ADD COLUMN root_born INTEGER;",
    // What the latest run could not do; the key is empty where it is not about one.
    "CREATE TABLE problem (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX problem_of_key ON problem (route, key);",
    "ALTER TABLE chunk ADD COLUMN waypoints BLOB;",
    // Why a run was incomplete, and what going on from a halt does.
    "ALTER TABLE run ADD COLUMN overtaken INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE run ADD COLUMN hook_failed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE route ADD COLUMN halt_leads_to TEXT;",
    // Where something was mounted below the folder, and what is said of that if it is not as before.
    "CREATE TABLE mount (
        route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
        key TEXT NOT NULL,
        doubt TEXT,
        PRIMARY KEY (route, key)
    ) STRICT, WITHOUT ROWID;",
    // Which disk it was. `doubt` is how many files went with one that is away, or less than 0 if they wait for it; 0 where another is in its place.
    "ALTER TABLE mount DROP COLUMN doubt;
    ALTER TABLE mount ADD COLUMN disk TEXT;
    ALTER TABLE mount ADD COLUMN doubt INTEGER;",
];

/// How long a writer waits for another process, a person with `sqlite3` for instance.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const CACHE_KIB: i64 = 8 * 1024;

/// What stands for the path of a journal that has none.
const IN_MEMORY: &str = ":memory:";

impl Journal {
    /// Opens the journal at `path`, creating it and the directory above it, and brings it to this version's
    /// layout.
    ///
    /// A damaged one is moved aside to `<name>.damaged-<n>` and another begun, as [`Journal::recovered`]
    /// tells.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreachable = |source| Error::Unreachable { path: path.to_owned(), source };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(unreachable)?;
        }
        let existed = fs::metadata(path).is_ok_and(|data| data.len() > 0);
        let (connection, beginning) = match connect(path) {
            Ok(connection) => (connection, if existed { Beginning::Found } else { Beginning::New }),
            Err(Error::Damaged { .. }) => {
                let aside = move_aside(path).map_err(unreachable)?;
                tracing::warn!(journal = ?path, ?aside, "moved a damaged journal aside");
                (connect(path)?, Beginning::Recovered { aside })
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            connection: Mutex::new(connection),
            path: path.to_owned(),
            beginning,
            medium: Mutex::new(None),
        })
    }

    /// A journal that touches no disk and is gone with this value: what a simulated machine remembers with.
    pub fn open_in_memory() -> Result<Self, Error> {
        let path = PathBuf::from(IN_MEMORY);
        let failed = |source| Error::new("opening", &path, source);
        let mut connection = Connection::open_in_memory().map_err(failed)?;
        configure(&connection).map_err(failed)?;
        migrate(&mut connection, &path)?;
        Ok(Self {
            connection: Mutex::new(connection),
            path,
            beginning: Beginning::New,
            medium: Mutex::new(None),
        })
    }
}

/// Whether the database itself is broken, as opposed to a request to it.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        // The layout is ours, so a value that does not fit it was not written by us.
        || matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..))
}

/// Remembers that damage was met. If even that fails, the next opening finds the damage as this one did.
pub(crate) fn suspect(path: &Path) {
    if path == Path::new(IN_MEMORY) {
        return;
    }
    if let Err(error) = fs::write(beside(path, ".suspect"), "") {
        tracing::warn!(journal = ?path, %error, "could not mark a damaged journal");
    }
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let doubtful = beside(path, ".suspect").exists()
        || fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let failed = |source| Error::new("opening", path, source);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    if doubtful {
        prove_sound(&connection, path)?;
    }
    migrate(&mut connection, path)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    keep_a_log(connection)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Each is asked again in the next cycle; there are some seventy.
    connection.set_prepared_statement_cache_capacity(128);
    // Else every new value bound to a kept statement has it prepared anew, in the hope of a better plan: tens of microseconds each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
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

fn prove_sound(connection: &Connection, path: &Path) -> Result<(), Error> {
    let doing = "checking";
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| Error::new(doing, path, source))?;
    if verdict != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let source = rusqlite::Error::SqliteFailure(code, Some(verdict));
        return Err(Error::new(doing, path, source));
    }
    match fs::remove_file(beside(path, ".suspect")) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::Unreachable { path: path.to_owned(), source })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let failed = |source| Error::new("migrating", path, source);
    let known = i64::try_from(STEPS.len()).expect("because there are few steps");
    // In the same transaction, so that two processes do not take one step twice.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let found: i64 =
        transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let Some(steps) = usize::try_from(found).ok().and_then(|taken| STEPS.get(taken..)) else {
        return Err(Error::TooNew { path: path.to_owned(), found, known });
    };
    if steps.is_empty() {
        return Ok(());
    }
    for step in steps {
        transaction.execute_batch(step).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Gives the database and what belongs to it names that are free.
fn move_aside(path: &Path) -> io::Result<PathBuf> {
    let free = |n: &u32| !beside(path, &format!(".damaged-{n}")).exists();
    let number = (1..=u32::MAX).find(free).expect("because no directory holds so many files");
    let aside = beside(path, &format!(".damaged-{number}"));
    // The database goes last: until then the next opening meets the damage again.
    for part in ["-wal", "-shm", ""] {
        match fs::rename(beside(path, part), beside(&aside, part)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    match fs::remove_file(beside(path, ".suspect")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(aside),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
