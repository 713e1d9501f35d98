//! What a user may do with a bucket: everything with their own, and what was granted with others'.

use crate::error::{Doing, Error};
use crate::store::Accounts;
use crate::users;
use model::{BucketName, UserName};

/// What a user may do with a bucket; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nothing, not even learn whether it exists.
    None,
    /// List and read it, and its history.
    Read,
    /// Change its live files too. Nobody changes history.
    Write,
}

impl Permission {
    pub(crate) fn from_column(text: &str) -> Self {
        match text {
            "write" => Self::Write,
            "read" => Self::Read,
            _ => Self::None,
        }
    }

    fn column(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Read => Some("read"),
            Self::Write => Some("write"),
        }
    }
}

/// A bucket that is shared with a user who does not own it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Who may.
    pub user: UserName,
    /// With which bucket.
    pub bucket: BucketName,
    /// What.
    pub permission: Permission,
}

impl Accounts {
    /// What `user` may do with `bucket`. Called for every request.
    pub fn permission(&self, user: &UserName, bucket: &BucketName) -> Result<Permission, Error> {
        if user.as_str() == bucket.as_str() {
            return Ok(Permission::Write);
        }
        Ok(self.view()?.granted(user, bucket))
    }

    /// The buckets that `user` may read: their own first, then those granted, by name.
    pub fn buckets(&self, user: &UserName) -> Result<Vec<BucketName>, Error> {
        let view = self.view()?;
        let own = user.bucket();
        let granted = view.granted_buckets(user).filter(|bucket| **bucket != own).cloned();
        Ok(std::iter::once(own.clone()).chain(granted).collect())
    }

    /// Lets `user` read or write `bucket`; replaces what was granted before. [`Permission::None`] takes it back.
    /// Both the user and the bucket's owner must be known.
    pub fn grant(&self, user: &UserName, bucket: &BucketName, permission: Permission) -> Result<(), Error> {
        const DOING: &str = "grant a permission";
        let Some(access) = permission.column() else { return self.revoke_grant(user, bucket) };
        self.write(DOING, |transaction| {
            users::require(transaction, user)?;
            let owner = UserName::new(bucket.as_str()).expect("because buckets and users are named alike");
            users::require(transaction, &owner)?;
            let row = (user.as_str(), bucket.as_str(), access);
            transaction.execute("INSERT OR REPLACE INTO grants VALUES (?1, ?2, ?3)", row).doing(DOING)?;
            Ok(())
        })
    }

    /// Takes a grant back. [`Error::Unknown`] if there is none.
    pub fn revoke_grant(&self, user: &UserName, bucket: &BucketName) -> Result<(), Error> {
        const DOING: &str = "take back a grant";
        self.write(DOING, |transaction| {
            let row = (user.as_str(), bucket.as_str());
            match transaction
                .execute("DELETE FROM grants WHERE user = ?1 AND bucket = ?2", row)
                .doing(DOING)?
            {
                0 => Err(Error::Unknown { what: "grant", name: format!("{user} on {bucket}") }),
                _ => Ok(()),
            }
        })
    }

    /// All grants, by user and bucket.
    pub fn grants(&self) -> Result<Vec<Grant>, Error> {
        self.read("list grants", |connection| {
            let mut statement =
                connection.prepare_cached("SELECT user, bucket, access FROM grants ORDER BY user, bucket")?;
            let rows = statement.query_map([], |row| {
                let user = UserName::new(row.get_ref(0)?.as_str()?);
                let bucket = BucketName::new(row.get_ref(1)?.as_str()?);
                let permission = Permission::from_column(row.get_ref(2)?.as_str()?);
                Ok(user.ok().zip(bucket.ok()).map(|(user, bucket)| Grant { user, bucket, permission }))
            })?;
            rows.filter_map(Result::transpose).collect()
        })
    }
}
