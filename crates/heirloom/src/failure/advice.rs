//! What each crate's error means for the exit code, and what a person can do about it.

use super::Exit;
use crate::config;
use crate::printed::command;
use crate::profile::api;
use sync::hooks;

/// The outcome for an error.
pub(super) struct Advice {
    /// The exit code.
    pub(super) kind: Exit,
    /// What to do, as full sentences.
    pub(super) hints: Vec<String>,
}

impl Advice {
    fn none(kind: Exit) -> Self {
        Self { kind, hints: Vec::new() }
    }

    fn one(kind: Exit, hint: impl Into<String>) -> Self {
        Self { kind, hints: vec![hint.into()] }
    }
}

/// The first error of the chain that anything is known about decides.
pub(super) fn about(error: &anyhow::Error) -> Advice {
    error
        .chain()
        .find_map(|cause| {
            cause
                .downcast_ref::<config::Error>()
                .map(about_config)
                .or_else(|| cause.downcast_ref::<accounts::Error>().map(about_accounts))
                .or_else(|| cause.downcast_ref::<bucket::Error>().map(about_bucket))
                .or_else(|| cause.downcast_ref::<disk::Error>().map(about_disk))
                .or_else(|| cause.downcast_ref::<archive::Error>().map(about_archive))
                .or_else(|| cause.downcast_ref::<mirror::Error>().and_then(about_mirror))
                .or_else(|| cause.downcast_ref::<api::Error>().map(about_api))
                .or_else(|| cause.downcast_ref::<hooks::Failed>().map(about_hook))
        })
        .unwrap_or_else(|| Advice::none(Exit::Failed))
}

/// As small as a profile can be.
const MINIMAL: &str = "\
Run `heirloom try` to see it all without a configuration, or start with this ./heirloom.yml:

profile: laptop
machine: my-laptop
state_dir: ~/.local/state/heirloom
destinations:
  cloud: {join: ~/heirloom.join}
states:
  documents:
    folders: [~/Documents]";

fn about_config(error: &config::Error) -> Advice {
    use config::Error;
    match error {
        Error::NotFound { .. } => Advice::one(Exit::Usage, MINIMAL),
        Error::Read { .. } | Error::Invalid(_) | Error::Recipients { .. } => Advice::none(Exit::Usage),
        Error::JoinMissing { path } => Advice::one(
            Exit::Failed,
            format!(
                "On the cloud, `heirloom user add NAME --join-file FILE` writes one; bring it to {}.",
                path.display()
            ),
        ),
        Error::IdentityFile { .. } | Error::Identities { .. } => Advice::one(
            Exit::WrongKey,
            "An identity is what `age-keygen` or `ssh-keygen` wrote; what protects it is given with `identity_passphrase_file`. Nothing of this state was synced.",
        ),
        Error::JoinWrite { .. }
        | Error::SecretFile { .. }
        | Error::SecretCommand { .. }
        | Error::SecretEmpty { .. } => Advice::none(Exit::Failed),
    }
}

fn about_accounts(error: &accounts::Error) -> Advice {
    use accounts::Error;
    match error {
        Error::Open { .. } => {
            Advice::one(Exit::Failed, "Run this as the user that runs `heirloom cloud`, on the same machine.")
        }
        Error::Exists { what: "user", name } => Advice::one(
            Exit::Failed,
            format!("`{}` gives an existing user one more key.", command(&format!("key add {name}"))),
        ),
        Error::Unknown { what: "user", .. } => {
            Advice::one(Exit::Failed, format!("`{}` shows all users.", command("user list")))
        }
        Error::Unknown { what: "key", .. } => {
            Advice::one(Exit::Failed, format!("`{}` shows all keys.", command("key list")))
        }
        Error::TooNew { .. } => {
            Advice::one(Exit::Failed, "Update this heirloom to the version of the cloud.")
        }
        Error::Exists { .. }
        | Error::Unknown { .. }
        | Error::Unfit { .. }
        | Error::Database { .. }
        | Error::Random { .. } => Advice::none(Exit::Failed),
    }
}

/// What somebody does who lacks the key to what is sealed.
pub(crate) const LOCKED: &str = "Give the state the identity that belongs to one of its recipients, with `identity_file`; nothing was overwritten.";

fn about_bucket(error: &bucket::Error) -> Advice {
    use bucket::{Called, Error, Missing};
    match error {
        Error::Unreachable { at: Called::Bucket(_), endpoint, .. } => Advice::one(
            Exit::Failed,
            format!(
                "See whether the store at {endpoint} runs and can be reached from here; then try again. Nothing is lost."
            ),
        ),
        Error::Unreachable { at: Called::Destination(_), endpoint, .. } => Advice::one(
            Exit::Failed,
            format!("See whether {endpoint} can be reached from here; then try again. Nothing is lost."),
        ),
        Error::WrongKey { at: Called::Bucket(_), .. } => Advice::one(
            Exit::WrongKey,
            "See whether the access key of this destination is right and may use the bucket. Where the store is a Heirloom cloud, `heirloom key list` \
             there shows the keys in use and `heirloom key add USER --join-file FILE` makes one.",
        ),
        Error::WrongKey { at: Called::Destination(name), .. } => Advice::one(
            Exit::WrongKey,
            format!(
                "See whether user and password or key under `destinations.{name}` in the profile are right."
            ),
        ),
        Error::NoSuchBucket { at: Called::Bucket(_), .. } => Advice::one(
            Exit::Failed,
            "Heirloom never creates a bucket here: see whether name and address are right (on a Heirloom cloud, `heirloom user list` shows the buckets), and \
             if it was there, find out where it went. Nothing was deleted anywhere.",
        ),
        Error::NoSuchBucket { at: Called::Destination(_), .. } => Advice::one(
            Exit::Failed,
            "Heirloom never creates a destination: if it is new, create that directory; if it was there, find out \
             where it went. Nothing was deleted anywhere.",
        ),
        Error::NoSpace { at: Called::Bucket(_), .. } => Advice::one(
            Exit::Failed,
            "Make room in that store, then sync again; what is there already stays.",
        ),
        Error::Locked { .. } => Advice::one(Exit::WrongKey, LOCKED),
        Error::NoSpace { at: Called::Destination(_), .. } => {
            Advice::one(Exit::Failed, "Make room there, then sync again; what is there already stays.")
        }
        Error::Absent { place, why } => {
            let mount = format!(
                "If it is on a disk, plug that in and mount it; nothing is written to {place} without it."
            );
            let create = "If it is to be a new one, create that directory; the next sync says how to go on."
                .to_owned();
            match why {
                Missing::Directory => Advice { kind: Exit::Skipped, hints: vec![mount, create] },
                Missing::Marker => Advice::one(Exit::Skipped, mount),
            }
        }
        Error::Emptied { .. } => Advice::one(
            Exit::Halted,
            "If a volume of that server is not mounted, mount it and sync again; nothing was deleted anywhere.",
        ),
        Error::Changed { .. } | Error::NotFound { .. } | Error::Rejected { .. } | Error::Other { .. } => {
            Advice::none(Exit::Failed)
        }
    }
}

fn about_disk(error: &disk::Error) -> Advice {
    use disk::Error;
    match error {
        Error::NoSpace { .. } => {
            Advice::one(Exit::Failed, "Make room on this disk, then sync again; nothing is lost.")
        }
        Error::Denied { .. } => {
            Advice::one(Exit::Failed, "Let the user that runs heirloom read and write there.")
        }
        Error::Missing { .. }
        | Error::NotADirectory { .. }
        | Error::Changed { .. }
        | Error::Unsupported { .. }
        | Error::Io { .. } => Advice::none(Exit::Failed),
    }
}

fn about_archive(error: &archive::Error) -> Advice {
    use archive::Error;
    match error {
        Error::Missing { .. } => Advice::one(
            Exit::NoRepository,
            "On the cloud, `heirloom snapshot` makes the archive with its first snapshot.",
        ),
        Error::Busy { .. } => {
            Advice::one(Exit::Busy, "Another heirloom writes to it; try again when it is done.")
        }
        Error::Denied { .. } => Advice::one(
            Exit::WrongKey,
            "On the cloud, `heirloom key list` shows the keys in use and `heirloom key add USER --join-file FILE` makes one.",
        ),
        Error::NotFastForward { .. } => Advice::one(
            Exit::Halted,
            "The cloud's history was replaced, perhaps by a restored backup. What is on the drive is kept as it is; \
             copy it before anything else.",
        ),
        _ => Advice::none(Exit::Failed),
    }
}

/// `None`: the cause behind it says more.
fn about_mirror(error: &mirror::Error) -> Option<Advice> {
    use mirror::Error;
    match error {
        Error::Absent { path, .. } => Some(Advice::one(
            Exit::Skipped,
            format!(
                "Plug the drive in and mount it at {0}; a new one is marked with `heirloom drive init {0}`.",
                path.display()
            ),
        )),
        Error::DamagedMarker { path } => Some(Advice::one(
            Exit::Failed,
            format!(
                "Delete {} and mark the drive anew with `heirloom drive init`; the files on it stay.",
                path.display()
            ),
        )),
        Error::Io { .. } => Some(Advice::none(Exit::Failed)),
        Error::Archive { .. } => None,
    }
}

fn about_api(error: &api::Error) -> Advice {
    use api::Error;
    match error {
        Error::Unreachable { web, .. } => Advice::one(
            Exit::Failed,
            format!(
                "See whether the cloud runs and {web} can be reached from here; then try again. Nothing is lost."
            ),
        ),
        Error::WrongKey { .. } => Advice::one(
            Exit::WrongKey,
            "The key must be the bucket owner's. On the cloud, `heirloom key list` shows the keys in use and `heirloom key add USER \
             --join-file FILE` makes one.",
        ),
        Error::Busy { .. } => Advice::one(Exit::Busy, "Try again when it is done."),
        Error::NoFiles { .. } => {
            Advice::one(Exit::Failed, "Put a file into a state's folder, then back up again.")
        }
        Error::NotACloud { .. } => Advice::one(
            Exit::Failed,
            "See whether `web` in the join file or the profile is the web address of the cloud, not its S3 endpoint, and \
             whether the cloud's heirloom is as new as this one.",
        ),
        Error::Refused { .. } => {
            Advice::one(Exit::Failed, "The log of the cloud says more. What was synced is safe there.")
        }
    }
}

/// A hook is the person's own; what is ours to say is what it means for the backup.
fn about_hook(failed: &hooks::Failed) -> Advice {
    use hooks::{How, Occasion};
    let limit = format!(
        "If that is too little, set `states.{}.hooks.timeout` in the profile, like `timeout: 1h`.",
        failed.state
    );
    let shows = format!("`{}` shows the command.", command("state list"));
    let by_hand = match failed.occasion {
        Occasion::BeforeBackup => {
            format!("Nothing of this state was synced; what was backed up before stays as it was. {shows}")
        }
        Occasion::AfterBackup => {
            "See whether what it was to start again runs. What was synced stays so.".to_owned()
        }
        Occasion::BeforeRestore => format!("Nothing was restored. {shows}"),
        Occasion::AfterRestore => {
            "See whether what it was to start again runs. What was restored stays so.".to_owned()
        }
    };
    let hints = match failed.how {
        How::TimedOut(_) => vec![limit, by_hand],
        How::Exited(_) | How::Killed(_) | How::Stopped | How::NotRun => vec![by_hand],
    };
    Advice { kind: Exit::Incomplete, hints }
}
