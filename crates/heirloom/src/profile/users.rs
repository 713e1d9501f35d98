//! The users that a cloud's profile names: there from the start, each with the keys it says.

use crate::command::issue::join_of;
use crate::config::Cloud;
use crate::config::cloud::UserKey;
use crate::config::join::Join;
use crate::failure::{Exit, Explain as _, Failure};
use crate::session::now;
use accounts::{AccessKeyId, Accounts, Key, SecretKey};
use model::UserName;

/// Adds what is missing; what is there stays as it is.
pub(crate) fn ensure(cloud: &Cloud, accounts: &Accounts) -> Result<(), Failure> {
    for (name, user) in &cloud.users {
        refuse_reserved(name)?;
        match accounts.add_user(name, now()) {
            Ok(()) => tracing::info!(user = %name, "added the user that the profile names"),
            Err(accounts::Error::Exists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        for (label, key) in &user.keys {
            ensure_key(cloud, accounts, name, label, key)
                .attempting(format!("could not set up key `{label}` of user `{name}`"))?;
        }
    }
    Ok(())
}

/// A bucket's pages are at its name, and a few names are taken by pages of the cloud's own.
pub(crate) fn refuse_reserved(name: &UserName) -> Result<(), Failure> {
    if web::RESERVED_NAMES.contains(&name.as_str()) {
        let message = format!("`{name}` cannot be a user: the web view has a page of that name");
        return Err(Failure::new(Exit::Usage, message).hint("Choose another name."));
    }
    Ok(())
}

fn ensure_key(
    cloud: &Cloud,
    accounts: &Accounts,
    user: &UserName,
    label: &str,
    wanted: &UserKey,
) -> Result<(), Failure> {
    let key = match &wanted.given {
        Some(given) => {
            let id = AccessKeyId::new(given.access_key_id.reveal()?.reveal())?;
            let secret = SecretKey::new(given.secret_access_key.reveal()?.reveal())?;
            accounts.put_key(user, label, &id, &secret, now())?;
            Some(Key { id, user: user.clone(), secret })
        }
        None => None,
    };
    let Some(path) = &wanted.join_file else { return Ok(()) };
    let key = match key {
        Some(key) => key,
        None => made_key(accounts, user, label)?,
    };
    let join = join_of(cloud, user, &key);
    if Join::read(path).is_ok_and(|written| written == join) {
        return Ok(());
    }
    join.write(path)?;
    tracing::info!(user = %user, key = label, path = %path.display(), "wrote the join file");
    Ok(())
}

/// The key of this label, made if there is none.
fn made_key(accounts: &Accounts, user: &UserName, label: &str) -> Result<Key, Failure> {
    let known = accounts.keys(Some(user))?.into_iter().find(|key| key.label == label);
    if let Some(known) = known
        && let Some(key) = accounts.identify(&known.id)?
    {
        return Ok(key);
    }
    Ok(accounts.add_key(user, label, now())?)
}
