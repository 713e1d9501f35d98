//! What is typed where the history is: on a cloud, and for the drive that gets a copy of it.

use accounts::AccessKeyId;
use clap::{Args, Subcommand, ValueHint};
use model::{BucketName, UserName};
use std::path::PathBuf;

/// `heirloom snapshot`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom snapshot                  every bucket
  heirloom snapshot alice            only this one

A bucket that has not changed gets no snapshot.")]
pub(crate) struct Snapshot {
    /// The buckets [default: all]
    #[arg(value_name = "BUCKET")]
    pub(crate) buckets: Vec<BucketName>,
}

/// `heirloom drive`
#[derive(Args, Clone, Debug)]
pub(crate) struct Drive {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) action: DriveAction,
}

/// What to do with a drive.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DriveAction {
    /// Mark a mounted drive as Heirloom's
    #[command(after_help = "\
Example:
  heirloom drive init /mnt/drive

A pi writes only where this mark is, so that it never fills the directory below a drive that is
not mounted. Nothing on the drive is removed or changed.")]
    Init {
        /// The directory at which the drive is mounted
        #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: PathBuf,
    },
}

/// `heirloom user`
#[derive(Args, Clone, Debug)]
pub(crate) struct User {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: UserAction,
}

/// What to do with users.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Add a user, their bucket and a first key
    #[command(after_help = "\
Examples:
  heirloom user add alice
  heirloom user add alice --join-file /run/heirloom/alice.join

The join file holds all that alice's laptop needs: name it in the laptop's profile as
`destinations: {cloud: {join: FILE}}`. The key also opens the web view and `git clone`.")]
    Add {
        /// The name of the user, and of their bucket
        #[arg(value_name = "NAME")]
        name: UserName,
        /// How to make the first key.
        #[command(flatten)]
        key: NewKey,
    },
    /// List the users
    List,
    /// Remove a user and their keys; their files and history stay
    Remove {
        /// The name of the user
        #[arg(value_name = "NAME")]
        name: UserName,
    },
}

/// How to make a key.
#[derive(Args, Clone, Debug)]
pub(crate) struct NewKey {
    /// What the key is for, mostly the name of a machine [default: the first free of `key`, `key-2`, …]
    #[arg(long, value_name = "LABEL", value_parser = crate::config::value::label)]
    pub(crate) label: Option<String>,
    /// Write what a machine needs to join into this file, readable by its owner only
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) join_file: Option<PathBuf>,
}

/// `heirloom key`
#[derive(Args, Clone, Debug)]
pub(crate) struct Key {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: KeyAction,
}

/// What to do with keys.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Add a key to a user: one for each machine is best
    #[command(after_help = "\
Examples:
  heirloom key add alice --label attic-pi --join-file /run/heirloom/pi.join
  heirloom key add alice --json

The secret is shown this once.")]
    Add {
        /// Whose key it is
        #[arg(value_name = "USER")]
        user: UserName,
        /// How to make it.
        #[command(flatten)]
        key: NewKey,
    },
    /// List the keys, never their secrets
    List {
        /// Whose keys [default: everybody's]
        #[arg(value_name = "USER")]
        user: Option<UserName>,
    },
    /// Take a key out of use, at once and for good
    Revoke {
        /// The access key id
        #[arg(value_name = "ID", value_parser = access_key_id)]
        id: AccessKeyId,
    },
}

fn access_key_id(text: &str) -> Result<AccessKeyId, accounts::Error> {
    AccessKeyId::new(text)
}
