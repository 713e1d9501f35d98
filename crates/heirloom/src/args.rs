//! What was typed: no more than that.
//!
//! Nothing here touches the file system, the environment or the configuration; [`crate::session`] turns the
//! words into things. The texts are the program's manual, so a golden test holds them.

use accounts::AccessKeyId;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};
use model::{BucketName, StateName, UserName};
use std::path::PathBuf;

/// The whole command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "heirloom",
    version,
    about = "Keeps a person's files alive: past a lost laptop, a forgotten password, and the person's own death",
    long_about = None,
    propagate_version = false,
    disable_help_subcommand = false,
    arg_required_else_help = true,
    max_term_width = 100,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands",
    help_template = "{about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}",
    after_help = "\
Try it, with no configuration at all:
  heirloom try ~/Documents

The three machines, each with its own profile:
  heirloom cloud  --config cloud.yml     keeps the files, their history, and shows both
  heirloom laptop --config laptop.yml    keeps folders in sync with the cloud
  heirloom pi     --config pi.yml        keeps a second copy on a drive at home

Exit codes:
  0 ok · 1 failed · 2 wrong usage or configuration · 3 finished, but incomplete
  10 no repository · 11 busy · 12 wrong key · 20 halted, a person must decide
  75 skipped, the drive is not there · 130 interrupted

`heirloom COMMAND --help` says more about each command."
)]
pub(crate) struct Typed {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Global {
    /// The file that was named; see `config::discover` for the usual places.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath, help = CONFIG_HELP)]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON lines, each with a `message_type`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more; twice for what a developer needs
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

const CONFIG_HELP: &str = "The configuration to use [default: $HEIRLOOM_CONFIG, ./heirloom.yml, \
                           ~/.config/heirloom/config.yml, /etc/heirloom/config.yml]";

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Run cloud, laptop and pi on this machine, in a scratch folder
    Try(Try),
    /// Keep folders in sync with the cloud, until stopped
    #[command(after_help = RUN_HELP)]
    Laptop(Run),
    /// Keep the files and their history, and serve both, until stopped
    #[command(after_help = RUN_HELP)]
    Cloud,
    /// Keep a copy of files and history on a drive, until stopped
    #[command(after_help = RUN_HELP)]
    Pi(Run),
    /// Sync once (laptop, pi)
    Sync(Sync),
    /// Show what is kept, where it goes, and its hooks (laptop)
    State(State),
    /// Back up now, and list the backups (laptop)
    Backups(Backups),
    /// List and resolve conflict copies (laptop, pi)
    Conflicts(Conflicts),
    /// Show how the machine of this profile is doing, route by route
    Status(Status),
    /// Say what happens to a path, and by which rule (laptop, pi)
    Why(Why),
    /// Take a snapshot now (cloud)
    Snapshot(Snapshot),
    /// Fetch the history onto the drive now (pi)
    Fetch,
    /// Prepare the drive of a pi
    Drive(Drive),
    /// Add, list and remove users (cloud)
    User(User),
    /// Add, list and revoke keys (cloud)
    Key(Key),
    /// Ask whether the machine of this profile is well
    #[command(after_help = "\
A cloud is asked over HTTP. A laptop or pi is well when its last cycle was, and is not long ago.
Exit code 0 means well, 1 means not; so this is what a container's health check calls.")]
    Health,
    /// Print the completion script of a shell
    Completions(Completions),
}

const RUN_HELP: &str = "\
Runs in the foreground. SIGTERM or Ctrl-C ends it cleanly; after a crash, the next start finishes
whatever was interrupted.";

/// `heirloom laptop`, `heirloom pi`
#[derive(Args, Clone, Debug)]
pub(crate) struct Run {
    /// How fast.
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// How fast everything may go, all routes together.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Send at most so many bytes a second, like 500KiB or 2MiB [default: `limits` in the profile]
    #[arg(long = "limit-upload", value_name = "RATE", value_parser = rate)]
    pub(crate) upload: Option<Rate>,
    /// Receive at most so many bytes a second
    #[arg(long = "limit-download", value_name = "RATE", value_parser = rate)]
    pub(crate) download: Option<Rate>,
}

/// A limit as it was typed; `None` for `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) Option<u64>);

impl Limits {
    /// Whether any was typed.
    pub(crate) fn any(self) -> bool {
        self.upload.is_some() || self.download.is_some()
    }

    /// These, and else those of the profile.
    pub(crate) fn before(self, profile: crate::config::limits::Limits) -> crate::config::limits::Limits {
        profile.with(self.upload.map(|rate| rate.0), self.download.map(|rate| rate.0))
    }
}

/// `heirloom status`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom status
  heirloom status --json | jq 'select(.halt)'
  heirloom status --check --quiet || notify-send 'Heirloom wants a look'

A running daemon is asked over the socket in its state_dir; without one, the history of runs tells
how far things had come. Nothing is looked at but what is known already, and no server is asked.

The exit code is 0 whatever there is to tell. With --check it is 20 when something is halted, 1
when something could not be done or no daemon runs, 3 when something is left out, and else 0.")]
pub(crate) struct Status {
    /// Let the exit code say whether all is well
    #[arg(long)]
    pub(crate) check: bool,
}

/// `heirloom try`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom try                       with a small sample to play with
  heirloom try ~/Documents           with your own files; they are only read and synced
  heirloom try --data /tmp/heirloom  in a scratch folder of your choice

A second `try` on the same data goes on where the first one was. Ctrl-C ends it.")]
pub(crate) struct Try {
    /// The folder to keep [default: a sample that is made for you]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Where everything is put [default: ~/.local/share/heirloom/try]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Go on after a halt: you have looked, and the deletions are meant
    #[arg(long)]
    pub(crate) resume: bool,
}

/// `heirloom sync`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom sync                      every state of this laptop, or the mirror of this pi
  heirloom sync documents photos     only these states
  heirloom sync --dry-run            show what would be done
  heirloom sync --resume             go on after a halt, deletions included

The hooks of a state, if it has any, run around its sync, once for all its folders and
destinations; a state whose before_backup fails is skipped.

A running daemon does the work, with its own limits, and this command shows it; Ctrl-C leaves the
daemon at it. --resume answers the halt that was told last, and no other: one that says something
else by now halts anew.

Exit code 3 means that all went well except for what is listed; 20 that Heirloom halted because
a side looks emptied or far too much was deleted, and wants a person to look.")]
pub(crate) struct Sync {
    /// The states to sync [default: all]
    #[arg(value_name = "STATE")]
    pub(crate) states: Vec<StateName>,
    /// Show what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Go on after a halt: you have looked, and the deletions are meant
    #[arg(long)]
    pub(crate) resume: bool,
    /// How fast.
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// `heirloom state`
#[derive(Args, Clone, Debug)]
pub(crate) struct State {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: StateAction,
}

/// What to do with states.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum StateAction {
    /// List the states: folders, destinations, rules and hooks
    #[command(after_help = "\
Examples:
  heirloom state list
  heirloom state list --json | jq -r .name

States are what the profile names under `states`. Nothing is looked at but the profile.")]
    List,
}

/// `heirloom backups`
#[derive(Args, Clone, Debug)]
pub(crate) struct Backups {
    /// What to do.
    #[command(subcommand)]
    pub(crate) action: BackupsAction,
}

/// What to do with backups.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum BackupsAction {
    /// Run the hooks, sync, and have the cloud take a snapshot
    #[command(after_help = "\
Examples:
  heirloom backups create                      every state
  heirloom backups create --state documents    only this one
  heirloom backups create && notify-send done

For each state: its before_backup hook, its sync to every destination, its after_backup hook. Then
every cloud among the destinations takes a snapshot, and its name is printed:

  <destination>::<bucket>::<machine>-<time>

where the machine is the one that took it, and the time is UTC. If nothing has changed since the
latest snapshot, that one is the backup, and its name is printed. A running `heirloom laptop` waits
meanwhile; it need not be stopped.

Exit code 3 means that something is left out, and says what: a state whose before_backup failed, a
file that could not be read, a conflict. The snapshot is taken nevertheless, and its commit says
so. A cloud to which no state could be brought takes none.")]
    Create {
        /// The states to back up [default: all]
        #[arg(long = "state", value_name = "STATE", num_args = 1..)]
        states: Vec<StateName>,
    },
    /// List the snapshots on every cloud, the oldest first
    #[command(after_help = "\
Examples:
  heirloom backups list
  heirloom backups list --json      [{\"name\": \"cloud::alice::cloud-2026-11-20T03:00:00Z\"}]

With --json, one array, as Clan's backup providers print it.")]
    List,
}

/// `heirloom conflicts`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom conflicts                           what there is to decide
  heirloom conflicts resolve --all --keep both

When two machines have changed one file, both versions are kept: one has the file's name, the other
is beside it, as `letter.sync-conflict-20261120-101500-desk.txt`, and holds what the machine in its
name had. On a laptop the folders of all states are looked through, on a pi the drive.")]
pub(crate) struct Conflicts {
    /// What to do; without it, they are listed.
    #[command(subcommand)]
    pub(crate) action: Option<ConflictsAction>,
}

/// What to do with conflict copies.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConflictsAction {
    /// Decide which version goes on
    #[command(after_help = "\
Which version is whose, seen from the machine on which this is run:
  mine     what this machine had: the conflict copy if this machine's name is in it, and else the
           version that kept the file's name
  theirs   the other one
  both     both: the copy gets a name of its own, `letter (desk, 2026-11-20 10.15.00).txt`

Examples:
  heirloom conflicts resolve --all --keep theirs
  heirloom conflicts resolve letters/anna.txt --keep mine
  heirloom conflicts resolve ~/Documents/letters --keep both --dry-run

A version is deleted only while the other one stands, and only if it is still what was looked at.
Files are changed on this machine alone; the next sync carries that everywhere.
Exit code 3 means that some conflicts are left, and says why.")]
    Resolve(Resolve),
}

/// `heirloom conflicts resolve`
#[derive(Args, Clone, Debug)]
pub(crate) struct Resolve {
    /// Conflict copies, the files they belong to, or directories with all below them
    #[arg(value_name = "PATH", required_unless_present = "all", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Every conflict there is
    #[arg(long, conflicts_with = "paths")]
    pub(crate) all: bool,
    /// Which version goes on under the file's name
    #[arg(long, value_name = "mine|theirs|both", hide_possible_values = true)]
    pub(crate) keep: Keep,
    /// Show what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

/// Which version of a file in conflict goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keep {
    /// This machine's
    Mine,
    /// The other one
    Theirs,
    /// Both, under two names
    Both,
}

/// `heirloom why`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom why ~/Documents/thesis.odt
  heirloom why ./node_modules

The answer is one line for each destination: in sync, waiting to go or to come, or left alone, and
then by which rule: of the profile, of a .heirloomignore file, or because a CACHEDIR.TAG marks a
cache. It tells what the last sync saw; the cloud is not asked.")]
pub(crate) struct Why {
    /// The file or directory; it need not exist
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
}

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

/// `heirloom completions`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom completions bash > ~/.local/share/bash-completion/completions/heirloom
  heirloom completions zsh  > ~/.zfunc/_heirloom
  heirloom completions fish > ~/.config/fish/completions/heirloom.fish")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

fn rate(text: &str) -> Result<Rate, String> {
    crate::config::value::rate(text).map(Rate)
}

fn access_key_id(text: &str) -> Result<AccessKeyId, accounts::Error> {
    AccessKeyId::new(text)
}

#[cfg(test)]
mod tests;
