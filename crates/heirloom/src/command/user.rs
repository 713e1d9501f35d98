//! `heirloom user add | list | remove`

use super::issue::issue;
use crate::args::{NewKey, UserAction};
use crate::config::Cloud;
use crate::failure::{Exit, Failure};
use crate::printed::command;
use crate::profile::users::refuse_reserved;
use crate::report::{Message, Row};
use crate::session::{Session, now};
use accounts::Accounts;
use model::UserName;
use serde::Serialize;
use std::fmt;

/// Does what was asked, on the cloud's own machine.
pub(crate) fn run(session: &Session, action: UserAction) -> Result<Exit, Failure> {
    let cloud = session.cloud("user")?;
    let accounts = Accounts::open(&cloud.accounts())?;
    match action {
        UserAction::Add { name, key } => add(session, &cloud, &accounts, &name, key)?,
        UserAction::List => list(session, &accounts)?,
        UserAction::Remove { name } => {
            accounts.remove_user(&name)?;
            session.report.say(&Removed { user: name.to_string() });
        }
    }
    Ok(Exit::Ok)
}

/// All or nothing: without a usable key there is no new user either.
fn add(
    session: &Session,
    cloud: &Cloud,
    accounts: &Accounts,
    name: &UserName,
    key: NewKey,
) -> Result<(), Failure> {
    refuse_reserved(name)?;
    accounts.add_user(name, now())?;
    let issued = issue(cloud, accounts, name, key).or_else(|failure| {
        accounts.remove_user(name)?;
        Err(failure)
    })?;
    session.report.note(format_args!("added user {name}, who owns the bucket of the same name"));
    session.report.say(&issued);
    Ok(())
}

#[derive(Serialize)]
struct Removed {
    user: String,
}

impl Message for Removed {
    const TYPE: &'static str = "user_removed";
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "removed user {} and their keys; files and history of the bucket stay", self.user)
    }
}

fn list(session: &Session, accounts: &Accounts) -> Result<(), Failure> {
    let rows: Vec<Listed> = (accounts.users()?.into_iter())
        .map(|user| Listed {
            bucket: user.name.bucket().to_string(),
            user: user.name.to_string(),
            keys: user.keys,
            created: super::key::day_and_time(user.created),
        })
        .collect();
    session.report.table(&rows, &format!("no users yet; `{}` adds one", command("user add NAME")));
    Ok(())
}

#[derive(Serialize)]
struct Listed {
    user: String,
    bucket: String,
    keys: u64,
    created: String,
}

impl Row for Listed {
    const TYPE: &'static str = "user";
    const HEADERS: &'static [&'static str] = &["user", "bucket", "keys", "created"];

    fn cells(&self) -> Vec<String> {
        vec![self.user.clone(), self.bucket.clone(), self.keys.to_string(), self.created.clone()]
    }
}
