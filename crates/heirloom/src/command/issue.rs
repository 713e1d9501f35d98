//! Making a key and telling its owner everything that goes with it.

use crate::args::NewKey;
use crate::config::Cloud;
use crate::config::join::Join;
use crate::config::secret::Secret;
use crate::failure::Failure;
use crate::report::Message;
use crate::session::now;
use accounts::{Accounts, Key};
use model::UserName;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// A new key, as its owner is told of it.
#[derive(Serialize)]
pub(super) struct Issued {
    user: String,
    label: String,
    access_key_id: String,
    secret_access_key: String,
    endpoint: String,
    region: String,
    bucket: String,
    web: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    join_file: Option<PathBuf>,
}

impl Message for Issued {
    const TYPE: &'static str = "key";
}

/// Adds a key to a user who is there, and writes its join file. When that fails the key is revoked again: nobody has
/// seen its secret.
pub(super) fn issue(
    cloud: &Cloud,
    accounts: &Accounts,
    user: &UserName,
    new: NewKey,
) -> Result<Issued, Failure> {
    let label = match new.label {
        Some(label) => label,
        None => free_label(accounts, user)?,
    };
    let key = accounts.add_key(user, &label, now())?;
    let join = join_of(cloud, user, &key);
    let join_file = match new.join_file {
        None => None,
        Some(path) => Some(write(&join, &path).or_else(|failure| {
            accounts.revoke_key(&key.id)?;
            Err(failure)
        })?),
    };
    Ok(Issued {
        user: user.to_string(),
        label,
        access_key_id: join.access_key_id,
        secret_access_key: join.secret_access_key.reveal().to_owned(),
        endpoint: join.endpoint.to_string(),
        region: join.region,
        bucket: join.bucket.to_string(),
        web: cloud.web_url().to_string(),
        join_file,
    })
}

/// What a machine needs to use `key`: the content of its join file.
pub(crate) fn join_of(cloud: &Cloud, user: &UserName, key: &Key) -> Join {
    Join {
        endpoint: cloud.s3_endpoint(),
        region: cloud.s3.region.clone(),
        bucket: user.bucket(),
        access_key_id: key.id.to_string(),
        secret_access_key: Secret::new(key.secret.reveal()),
        web: Some(cloud.web_url()),
    }
}

fn write(join: &Join, path: &Path) -> Result<PathBuf, Failure> {
    join.write(path)?;
    Ok(std::path::absolute(path)?)
}

fn free_label(accounts: &Accounts, user: &UserName) -> Result<String, Failure> {
    let taken = accounts.keys(Some(user))?;
    let free = |label: &String| taken.iter().all(|key| key.label != *label);
    let numbered = (2..).map(|number| format!("key-{number}"));
    let label = std::iter::once("key".to_owned()).chain(numbered).find(free);
    Ok(label.expect("because a user has finitely many keys"))
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, label, endpoint, bucket, region, web, .. } = self;
        writeln!(f, "new key `{label}` of {user}")?;
        if let Some(path) = &self.join_file {
            let path = path.display();
            writeln!(f, "wrote {path}, which holds its secret: keep the file like a key\n")?;
            writeln!(f, "Next, on {user}'s machine:")?;
            writeln!(f, "  1. put the file where only {user} can read it")?;
            writeln!(f, "  2. name it in the profile:  destinations: {{cloud: {{join: FILE}}}}")?;
            writeln!(f, "  3. start:                   heirloom laptop\n")?;
            write!(f, "The files and their history will be at {web}")
        } else {
            writeln!(f)?;
            writeln!(f, "  access key id      {}", self.access_key_id)?;
            writeln!(f, "  secret access key  {}   (shown this once)", self.secret_access_key)?;
            writeln!(f, "  endpoint           {endpoint}")?;
            writeln!(f, "  region             {region}")?;
            writeln!(f, "  bucket             {bucket}")?;
            writeln!(f, "  web                {web}\n")?;
            writeln!(
                f,
                "Next, put these under `destinations` in the laptop's profile, or use any S3 client."
            )?;
            write!(f, "The same key signs in at {web}, and is the password of")?;
            write!(f, "\n  git clone {web}/{bucket}.git")
        }
    }
}
