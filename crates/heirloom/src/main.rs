//! The binary: arguments, environment, standard output and exit codes, and nothing else.
//!
//! Invariant: only this crate reads what was typed or set, prints, and turns errors into text. What the
//! commands do lives in the crates below; a file under [`command`] is the wiring of one command.
//!
//! ```text
//! args (what was typed) ──► session (ready to use) ──► command ──► report (results)
//!                              │ config                   └──────► failure (errors, exit code)
//! ```
//!
//! Read next: [`args`] (the whole command line), [`config`] (what a profile may say), [`failure`] (exit codes).

mod args;
mod command;
mod config;
mod control;
mod failure;
mod printed;
mod profile;
mod report;
mod runtime;
mod session;

use args::{Command, Typed};
use clap::Parser as _;
use config::Environment;
use failure::{Exit, Failure};
use session::{Logging, Session};
use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS implementation for everything that speaks HTTP. A second call would be told so, and there is none.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let typed = Typed::parse();
    let session = Session::start(&typed.global, Environment::of_process(), logging(&typed.command));
    let outcome = dispatch(&session, typed.command);
    let printed = session.report.finish().map_err(|error| Failure::from(error).context("could not print"));
    match outcome.and_then(|exit| printed.map(|()| exit)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            session.fail(&failure);
            failure.kind().into()
        }
    }
}

fn dispatch(session: &Session, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::User(user) => command::user::run(session, user.action),
        Command::Key(key) => command::key::run(session, key.action),
        Command::Health => command::health::run(session),
        Command::Completions(completions) => Ok(command::completions::run(session, &completions)),
        Command::Try(wanted) => command::try_it::run(session, &wanted),
        Command::Laptop(wanted) => command::laptop::run(session, wanted.limits),
        Command::Cloud => command::cloud::run(session),
        Command::Pi(wanted) => command::pi::run(session, wanted.limits),
        Command::Status(wanted) => command::status::run(session, &wanted),
        Command::Sync(wanted) => command::sync::run(session, &wanted),
        Command::State(state) => command::state::run(session, &state.action),
        Command::Backups(backups) => command::backups::run(session, backups.action),
        Command::Why(wanted) => command::why::run(session, &wanted),
        Command::Conflicts(conflicts) => command::conflicts::run(session, conflicts.action),
        Command::Snapshot(wanted) => command::snapshot::run(session, wanted),
        Command::Fetch => command::fetch::run(session),
        Command::Drive(drive) => command::drive::run(session, drive.action),
    }
}

fn logging(command: &Command) -> Logging {
    match command {
        Command::Try(_) => Logging::Trial,
        Command::Laptop(_) | Command::Cloud | Command::Pi(_) => Logging::Daemon,
        Command::Sync(_)
        | Command::State(_)
        | Command::Backups(_)
        | Command::Conflicts(_)
        | Command::Why(_)
        | Command::Status(_)
        | Command::Snapshot(_)
        | Command::Fetch
        | Command::Drive(_)
        | Command::User(_)
        | Command::Key(_)
        | Command::Health
        | Command::Completions(_) => Logging::Command,
    }
}
