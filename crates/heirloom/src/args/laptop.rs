//! What is typed on a machine with folders: a laptop, or a pi with its mirror.

use crate::profile::words::Word;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use model::StateName;
use std::path::PathBuf;

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

/// What a person has decided who was told of a halt.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct GoOn {
    /// Go on after a halt: you have looked, and the deletions are meant
    #[arg(long)]
    resume: bool,
    /// Keep everything that either side has: what is missing on one comes back from the other
    #[arg(long, conflicts_with = "resume")]
    resync: bool,
}

impl GoOn {
    /// The one word that it is.
    pub(crate) fn said(self) -> Word {
        match self {
            Self { resync: true, .. } => Word::Resync,
            Self { resume: true, .. } => Word::Resume,
            Self { .. } => Word::None,
        }
    }
}

/// `heirloom sync`
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  heirloom sync                      every state of this laptop, or the mirror of this pi
  heirloom sync documents photos     only these states
  heirloom sync --dry-run            show what would be done
  heirloom sync --resume documents   go on after a halt, deletions included
  heirloom sync --resync documents   go on with what either side has, nothing deleted
  heirloom sync --destination usb    only with this destination

The hooks of a state, if it has any, run around its sync, once for all its folders and
destinations; a state whose before_backup fails is skipped.

A running daemon does the work, with its own limits, and this command shows it; Ctrl-C leaves the
daemon at it. --resume answers the halt that was told last, and no other: one that says something
else by now halts anew. --resync answers all of them: what is missing on one side comes back from
the other, and where they differ both versions are kept, one as a conflict copy. With --destination
both also answer that this one has lost its marker: a new disk is begun anew, which puts both sides
together and deletes nothing. Of a disk that was mounted below a folder and is not there, --resume
says that its files are to be deleted, --resync that they are to come back without it.

Exit code 3 means that all went well except for what is listed; 20 that Heirloom halted because
a side looks emptied or far too much was deleted, and wants a person to look.")]
pub(crate) struct Sync {
    /// The states to sync [default: all]
    #[arg(value_name = "STATE")]
    pub(crate) states: Vec<StateName>,
    /// Sync with this destination only [default: all of a state's]
    #[arg(long, value_name = "NAME")]
    pub(crate) destination: Option<String>,
    /// Show what would be done, and change nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// How to go on after a halt.
    #[command(flatten)]
    pub(crate) word: GoOn,
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
    /// Forget a place that no state names any more; nothing is deleted there
    #[command(after_help = "\
Examples:
  heirloom state forget pictures           a state that has another name now
  heirloom state forget photos --destination usb

When a state gets another name, or more folders, they go to another place, and what was is left
where it is. `heirloom status` tells of such places until they are forgotten here, with all that
this machine knows of them.")]
    Forget {
        /// The place, as `heirloom status` names it
        #[arg(value_name = "PLACE")]
        place: String,
        /// Only at this destination [default: at all]
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
    },
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

fn rate(text: &str) -> Result<Rate, String> {
    crate::config::value::rate(text).map(Rate)
}
