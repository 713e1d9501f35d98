//! The people and roles that own buckets.

use crate::error::{Doing, Error};
use crate::store::Accounts;
use model::{UnixNanos, UserName};
use rusqlite::{Connection, OptionalExtension};

/// A user, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, which is also the name of the bucket they own.
    pub name: UserName,
    /// When the user was added.
    pub created: UnixNanos,
    /// How many keys they hold.
    pub keys: u64,
}

impl Accounts {
    /// Adds a user without keys. [`Error::Exists`] if the name is taken.
    pub fn add_user(&self, name: &UserName, now: UnixNanos) -> Result<(), Error> {
        const DOING: &str = "add a user";
        self.write(DOING, |transaction| {
            let added = transaction
                .execute("INSERT INTO users VALUES (?1, ?2) ON CONFLICT DO NOTHING", (name.as_str(), now.0))
                .doing(DOING)?;
            if added == 0 {
                return Err(Error::Exists { what: "user", name: name.to_string() });
            }
            Ok(())
        })
    }

    /// Removes a user with their keys, tokens and what was granted to them. Their files stay on disk, and so
    /// does what others were granted on their bucket. [`Error::Unknown`] if there is no such user.
    pub fn remove_user(&self, name: &UserName) -> Result<(), Error> {
        const DOING: &str = "remove a user";
        self.write(DOING, |transaction| {
            let removed =
                transaction.execute("DELETE FROM users WHERE name = ?1", [name.as_str()]).doing(DOING)?;
            if removed == 0 {
                return Err(unknown(name));
            }
            Ok(())
        })
    }

    /// All users by name.
    pub fn users(&self) -> Result<Vec<User>, Error> {
        self.read("list users", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, created, (SELECT count(*) FROM keys WHERE user = name) FROM users ORDER BY name",
            )?;
            let rows = statement.query_map([], |row| {
                let (created, keys) = (UnixNanos(row.get(1)?), row.get::<_, i64>(2)?.unsigned_abs());
                Ok(UserName::new(row.get_ref(0)?.as_str()?).ok().map(|name| User { name, created, keys }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }
}

/// Fails with [`Error::Unknown`] unless the user is there.
pub(crate) fn require(connection: &Connection, name: &UserName) -> Result<(), Error> {
    connection
        .query_row("SELECT 1 FROM users WHERE name = ?1", [name.as_str()], |_| Ok(()))
        .optional()
        .doing("look for a user")?
        .ok_or_else(|| unknown(name))
}

fn unknown(name: &UserName) -> Error {
    Error::Unknown { what: "user", name: name.to_string() }
}
