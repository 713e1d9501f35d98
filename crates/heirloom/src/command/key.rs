//! `heirloom key add | list | revoke`

use super::issue::issue;
use crate::args::KeyAction;
use crate::failure::{Exit, Failure};
use crate::printed::command;
use crate::report::{Message, Row};
use crate::session::Session;
use accounts::Accounts;
use chrono::{DateTime, SecondsFormat};
use model::{UnixNanos, UserName};
use serde::Serialize;
use std::fmt;

/// Does what was asked, on the cloud's own machine.
pub(crate) fn run(session: &Session, action: KeyAction) -> Result<Exit, Failure> {
    let cloud = session.cloud("key")?;
    let accounts = Accounts::open(&cloud.accounts())?;
    match action {
        KeyAction::Add { user, key } => session.report.say(&issue(&cloud, &accounts, &user, key)?),
        KeyAction::List { user } => list(session, &accounts, user.as_ref())?,
        KeyAction::Revoke { id } => {
            accounts.revoke_key(&id)?;
            session.report.say(&Revoked { access_key_id: id.to_string() });
        }
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Revoked {
    access_key_id: String,
}

impl Message for Revoked {
    const TYPE: &'static str = "key_revoked";
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revoked {}; it opens nothing from now on", self.access_key_id)
    }
}

fn list(session: &Session, accounts: &Accounts, user: Option<&UserName>) -> Result<(), Failure> {
    let rows: Vec<Listed> = (accounts.keys(user)?.into_iter())
        .map(|key| Listed {
            user: key.user.to_string(),
            label: key.label,
            access_key_id: key.id.to_string(),
            created: day_and_time(key.created),
        })
        .collect();
    if let (Some(user), true) = (user, rows.is_empty()) {
        // An empty table would hide a mistyped name.
        if !accounts.users()?.iter().any(|known| known.name == *user) {
            return Err(accounts::Error::Unknown { what: "user", name: user.to_string() }.into());
        }
    }
    session.report.table(&rows, &format!("no keys yet; `{}` adds one", command("key add USER")));
    Ok(())
}

#[derive(Serialize)]
struct Listed {
    user: String,
    label: String,
    access_key_id: String,
    created: String,
}

impl Row for Listed {
    const TYPE: &'static str = "key";
    const HEADERS: &'static [&'static str] = &["user", "label", "access key id", "created"];

    fn cells(&self) -> Vec<String> {
        vec![self.user.clone(), self.label.clone(), self.access_key_id.clone(), self.created.clone()]
    }
}

/// A time as RFC 3339 has it, in UTC.
pub(super) fn day_and_time(at: UnixNanos) -> String {
    DateTime::from_timestamp_nanos(at.0).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests;
