//! The machine's database: what both sides last agreed on, what was seen of each folder, how runs went.
//!
//! Invariant: it keeps observations, never queued work and never anything that exists nowhere else. Losing
//! it costs time (everything is read and compared once more), never data; so a damaged one is moved aside
//! and begun anew without asking. It blocks, decides nothing, and touches no file but its own.
//!
//! ```text
//! Journal::open ──► route ──► known (base and sightings) ──► (scan, plan, apply) ──► record
//!                     ├──► chunks · upload · put_upload          (of large files: what need not be sent again)
//!                     ├──► put_sealed · sealed_at · in_clear       (of encrypted states: what is inside)
//!                     ├──► halt · missing · root_identity
//!                     └──► start_run … finish_run ──► last_runs · last_success
//! ```
//!
//! # What lasts, and when
//!
//! A transaction that returned survives the process. After a loss of power the last ones may be gone, each
//! whole, which is as if those observations had not been made yet. An observation of a local change must
//! therefore be recorded only when that change itself is safely on the disk.
//!
//! Read next: `open` (layout, migration, damage), `base` (why a row is small).

mod base;
mod chunks;
mod crossings;
mod error;
mod known;
mod medium;
mod mounts;
mod moves;
mod open;
mod problem;
mod route;
mod run;
mod sealed;
mod sighting;
#[cfg(test)]
mod testing;
mod uploads;

pub use base::{BaseEntries, Change};
pub use chunks::Chunks;
pub use crossings::Crossing;
pub use error::Error;
pub use known::{Known, KnownEntries};
pub use medium::Peril;
pub use mounts::{Mount, Mounts};
pub use moves::{MovedOn, Moves, Origin};
pub use route::{RootIdentity, RouteId, RouteKey};
pub use run::{Outcome, Run, RunId, RunSummary};
pub use sealed::{Inside, SealedObject};
pub use sighting::{Contested, LocalSeen, Pending, RemoteSeen, Sighting};
pub use uploads::Upload;

use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The open database; several threads may use it, one at a time.
#[derive(Debug)]
pub struct Journal {
    connection: Mutex<Connection>,
    path: PathBuf,
    beginning: Beginning,
    /// Only for simulations.
    medium: Mutex<Option<medium::Medium>>,
}

/// What a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Commit {
    /// Only of what this connection alone sees.
    Temporary,
    /// Gone with the power if it comes right after.
    Usual,
    Durable,
}

/// How a journal came to be open.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Beginning {
    /// There was one.
    Found,
    /// There was none.
    New,
    /// There was a damaged one, which is kept under another name.
    Recovered { aside: PathBuf },
}

impl Journal {
    /// Whether it holds nothing from before: there was none, or a damaged one.
    #[must_use]
    pub fn opened_fresh(&self) -> bool {
        self.beginning != Beginning::Found
    }

    /// Where the damaged journal went that this one replaces.
    #[must_use]
    pub fn recovered(&self) -> Option<&Path> {
        match &self.beginning {
            Beginning::Recovered { aside } => Some(aside),
            Beginning::Found | Beginning::New => None,
        }
    }

    /// Runs `ask` on the connection.
    fn with<T>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.with_commit(doing, Commit::Usual, ask)
    }

    fn with_commit<T>(
        &self,
        doing: &'static str,
        commit: Commit,
        ask: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connection = self.lock();
        let asked =
            ask(&mut connection).and_then(|asked| self.reach_medium(&connection, commit).map(|()| asked));
        asked.map_err(|source| self.failed(doing, source))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic leaves no transaction behind: dropping one rolls it back.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, doing: &'static str, source: rusqlite::Error) -> Error {
        if open::is_damage(&source) {
            open::suspect(&self.path);
        }
        Error::new(doing, &self.path, source)
    }
}
