//! Keys: one for each machine of each user.

use crate::error::{Doing, Error};
use crate::store::Accounts;
use crate::{AccessKeyId, SecretKey, users};
use model::{UnixNanos, UserName};
use rusqlite::{Connection, OptionalExtension};

/// A key with its secret.
#[derive(Clone, Debug)]
pub struct Key {
    /// What a request names.
    pub id: AccessKeyId,
    /// Whose key it is.
    pub user: UserName,
    /// What a request is signed with.
    pub secret: SecretKey,
}

/// A key, as listed: never its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// What a request names.
    pub id: AccessKeyId,
    /// Whose key it is.
    pub user: UserName,
    /// What the key is for, mostly the name of a machine.
    pub label: String,
    /// When it was added.
    pub created: UnixNanos,
}

impl Accounts {
    /// Makes a random key: the id is `HL` and 18 letters or digits, the secret has 40.
    pub fn add_key(&self, user: &UserName, label: &str, now: UnixNanos) -> Result<Key, Error> {
        let key = Key { id: AccessKeyId::random()?, user: user.clone(), secret: SecretKey::random()? };
        self.write("add a key", |transaction| {
            users::require(transaction, user)?;
            insert(transaction, &key, label, now)
        })?;
        Ok(key)
    }

    /// Stores a key that a configuration gives. Doing so again changes nothing; a new secret or label
    /// replaces the old one; an id that belongs to someone else is [`Error::Exists`].
    pub fn put_key(
        &self,
        user: &UserName,
        label: &str,
        id: &AccessKeyId,
        secret: &SecretKey,
        now: UnixNanos,
    ) -> Result<(), Error> {
        const DOING: &str = "store a key";
        let key = Key { id: id.clone(), user: user.clone(), secret: secret.clone() };
        self.write(DOING, |transaction| {
            users::require(transaction, user)?;
            let holder: Option<String> = transaction
                .query_row("SELECT user FROM keys WHERE id = ?1", [id.as_str()], |row| row.get(0))
                .optional()
                .doing(DOING)?;
            match holder {
                None => insert(transaction, &key, label, now),
                Some(holder) if holder == user.as_str() => {
                    let change = "UPDATE keys SET label = ?2, secret = ?3 WHERE id = ?1";
                    transaction.execute(change, (id.as_str(), label, secret.reveal())).doing(DOING)?;
                    Ok(())
                }
                Some(_) => Err(Error::Exists { what: "key", name: id.to_string() }),
            }
        })
    }

    /// The keys of one user, or of all, by user and age.
    pub fn keys(&self, user: Option<&UserName>) -> Result<Vec<KeyInfo>, Error> {
        self.read("list keys", |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, user, label, created FROM keys WHERE ?1 IS NULL OR user = ?1 ORDER BY user, created, id",
            )?;
            let rows = statement.query_map([user.map(UserName::as_str)], |row| {
                let id = AccessKeyId::new(row.get_ref(0)?.as_str()?);
                let user = UserName::new(row.get_ref(1)?.as_str()?);
                let (label, created) = (row.get(2)?, UnixNanos(row.get(3)?));
                Ok(id.ok().zip(user.ok()).map(|(id, user)| KeyInfo { id, user, label, created }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }

    /// Takes a key out of use, in every process and from the next request on.
    pub fn revoke_key(&self, id: &AccessKeyId) -> Result<(), Error> {
        const DOING: &str = "revoke a key";
        self.write(DOING, |transaction| {
            match transaction.execute("DELETE FROM keys WHERE id = ?1", [id.as_str()]).doing(DOING)? {
                0 => Err(Error::Unknown { what: "key", name: id.to_string() }),
                _ => Ok(()),
            }
        })
    }

    /// The key with this id, to check a signature with. Called for every request.
    pub fn identify(&self, id: &AccessKeyId) -> Result<Option<Key>, Error> {
        Ok(self.view()?.key(id.as_str()).cloned())
    }

    /// The user whose key this is, if id and secret belong together (Basic credentials).
    pub fn authenticate(&self, id: &str, secret: &str) -> Result<Option<UserName>, Error> {
        let view = self.view()?;
        Ok(view.key(id).filter(|key| key.secret.matches(secret)).map(|key| key.user.clone()))
    }
}

fn insert(connection: &Connection, key: &Key, label: &str, now: UnixNanos) -> Result<(), Error> {
    let row = (key.id.as_str(), key.user.as_str(), label, key.secret.reveal(), now.0);
    connection.execute("INSERT INTO keys VALUES (?1, ?2, ?3, ?4, ?5)", row).doing("add a key")?;
    Ok(())
}
