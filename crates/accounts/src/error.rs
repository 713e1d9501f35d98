//! The one error of this crate.

use std::path::PathBuf;

/// Why something about users, keys or grants could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database could not be created or opened.
    #[error("could not open the accounts in {}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A newer Heirloom has written the database.
    #[error(
        "the accounts in {} have format {found}, and this version of heirloom knows formats up to {known}",
        path.display()
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// The format it has.
        found: i64,
        /// The newest format this program knows.
        known: i64,
    },
    /// A user or key of that name is there already.
    #[error("{what} `{name}` exists already")]
    Exists {
        /// The sort of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There is no user, key or grant of that name.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// The sort of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A given key id or secret has a form that no client could use.
    #[error("the {what} cannot be used: {rule}")]
    Unfit {
        /// The sort of thing.
        what: &'static str,
        /// What it should have looked like.
        rule: &'static str,
    },
    /// The database refused.
    #[error("could not {doing} in the accounts database")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// The system gave no random bytes, so no key can be made.
    #[error("could not make a random key")]
    Random {
        /// What the system said.
        source: getrandom::Error,
    },
}

/// Names what was attempted when the database refuses.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Database { doing, source })
    }
}
