//! Links that sign a browser in once, and the sessions they open.

use crate::error::{Doing, Error};
use crate::store::Accounts;
use crate::{SessionToken, SignInToken, users};
use model::{UnixNanos, UserName};
use rusqlite::{OptionalExtension, Transaction};
use std::time::Duration;

const SIGN_IN: &str = "sign-in";
const SESSION: &str = "session";

impl Accounts {
    /// Makes a token that signs `user` in once, within `lifetime` of `now`.
    pub fn create_sign_in(
        &self,
        user: &UserName,
        now: UnixNanos,
        lifetime: Duration,
    ) -> Result<SignInToken, Error> {
        let token = SignInToken::random()?;
        self.store_token(SIGN_IN, &token.digest(), user, now, lifetime)?;
        Ok(token)
    }

    /// Uses a sign-in token up. `None` if it is not known, used already, or too old.
    pub fn redeem_sign_in(&self, token: &SignInToken, now: UnixNanos) -> Result<Option<UserName>, Error> {
        const DOING: &str = "redeem a sign-in link";
        self.write(DOING, |transaction| {
            let found: Option<(String, i64)> = transaction
                .query_row(
                    "DELETE FROM tokens WHERE digest = ?1 AND purpose = ?2 RETURNING user, expires",
                    (token.digest(), SIGN_IN),
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
                .doing(DOING)?;
            let valid = found.filter(|&(_, expires)| now.0 < expires);
            Ok(valid.and_then(|(user, _)| UserName::new(&user).ok()))
        })
    }

    /// Makes a token that keeps `user` signed in until `lifetime` after `now`.
    pub fn create_session(
        &self,
        user: &UserName,
        now: UnixNanos,
        lifetime: Duration,
    ) -> Result<SessionToken, Error> {
        let token = SessionToken::random()?;
        self.store_token(SESSION, &token.digest(), user, now, lifetime)?;
        Ok(token)
    }

    /// Whose session this is. `None` if it is not known, ended, or too old.
    pub fn session(&self, token: &SessionToken, now: UnixNanos) -> Result<Option<UserName>, Error> {
        let user: Option<String> = self.read("look for a session", |connection| {
            connection
                .prepare_cached(
                    "SELECT user FROM tokens WHERE digest = ?1 AND purpose = ?2 AND expires > ?3",
                )?
                .query_row((token.digest(), SESSION, now.0), |row| row.get(0))
                .optional()
        })?;
        Ok(user.and_then(|user| UserName::new(&user).ok()))
    }

    /// Ends a session. Ending one that is not there is no error: signing out twice is signing out.
    pub fn end_session(&self, token: &SessionToken) -> Result<(), Error> {
        const DOING: &str = "end a session";
        self.write(DOING, |transaction| {
            let end = "DELETE FROM tokens WHERE digest = ?1 AND purpose = ?2";
            transaction.execute(end, (token.digest(), SESSION)).doing(DOING)?;
            Ok(())
        })
    }

    fn store_token(
        &self,
        purpose: &str,
        digest: &[u8; 32],
        user: &UserName,
        now: UnixNanos,
        lifetime: Duration,
    ) -> Result<(), Error> {
        const DOING: &str = "store a token";
        let lifetime = i64::try_from(lifetime.as_nanos()).unwrap_or(i64::MAX);
        let expires = now.0.saturating_add(lifetime);
        self.write(DOING, |transaction| {
            users::require(transaction, user)?;
            drop_expired(transaction, now)?;
            let row = (digest, purpose, user.as_str(), expires);
            transaction.execute("INSERT INTO tokens VALUES (?1, ?2, ?3, ?4)", row).doing(DOING)?;
            Ok(())
        })
    }
}

/// Done whenever a token is made, so that the table holds little more than what is valid.
fn drop_expired(transaction: &Transaction<'_>, now: UnixNanos) -> Result<(), Error> {
    transaction.execute("DELETE FROM tokens WHERE expires <= ?1", [now.0]).doing("forget old tokens")?;
    Ok(())
}
