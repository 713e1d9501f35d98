//! What was typed: no more than that.
//!
//! Nothing here touches the file system, the environment or the configuration; [`crate::session`] turns the
//! words into things. The texts are the program's manual: that each page fits a terminal and each example can be typed is tested.

mod cloud;
mod laptop;

use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
pub(crate) use cloud::{Drive, DriveAction, Key, KeyAction, NewKey, Snapshot, User, UserAction};
pub(crate) use laptop::{
    Backups, BackupsAction, Conflicts, ConflictsAction, GoOn, Keep, Limits, Resolve, Run, State, StateAction,
    Sync, Why,
};
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
    /// Show what is kept, where it goes, and its hooks; forget what was (laptop)
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
when something could not be done or no daemon runs, 3 when something is left out, 75 when a disk is
not there, and else 0.")]
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
    /// How to go on after a halt.
    #[command(flatten)]
    pub(crate) word: GoOn,
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

#[cfg(test)]
mod tests;
