//! `heirloom state`

use crate::args::StateAction;
use crate::config::laptop::State;
use crate::failure::{Exit, Failure};
use crate::printed::command;
use crate::profile::left::{self, Left};
use crate::profile::routes::open_journal;
use crate::report::{Format, Message};
use crate::session::Session;
use model::StateName;
use plan::sync::{Direction, MaxDelete};
use serde::Serialize;
use std::fmt;
use std::time::Duration;
use sync::hooks::Occasion;

/// Lists what the profile says.
pub(crate) fn run(session: &Session, action: &StateAction) -> Result<Exit, Failure> {
    match action {
        StateAction::List => {
            for (number, (name, state)) in session.laptop("state list")?.states.iter().enumerate() {
                if number > 0 && session.report.format() == Format::Human {
                    session.report.verbatim("");
                }
                session.report.say(&Listed::new(name, state));
            }
            Ok(Exit::Ok)
        }
        StateAction::Forget { place, destination } => forget(session, place, destination.as_deref()),
    }
}

/// Only what nothing of the profile leads to any more: what it does is known for a reason.
fn forget(session: &Session, place: &str, destination: Option<&str>) -> Result<Exit, Failure> {
    let laptop = session.laptop("state forget")?;
    let journal = open_journal(&laptop.state_dir)?;
    let is_meant = |left: &Left| {
        left.name() == place.trim_end_matches('/')
            && destination.is_none_or(|destination| left.key.destination == destination)
    };
    let left = left::behind(&laptop, &journal)?;
    if !left.iter().any(is_meant) {
        let message = format!("there is no place `{place}` that was left behind");
        let hint = format!("`{}` tells which there are.", command("status"));
        return Err(Failure::new(Exit::Usage, message).hint(hint));
    }
    for left in left.into_iter().filter(is_meant) {
        journal.forget_route(left.id)?;
        session
            .report
            .say(&Forgotten { place: left.name().to_owned(), destination: left.key.destination.clone() });
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Forgotten {
    place: String,
    destination: String,
}

impl Message for Forgotten {
    const TYPE: &'static str = "forgotten";
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "forgot {} at {}; what is there stays there", self.place, self.destination)
    }
}

/// One state, in the shape of `clan state list`.
#[derive(Serialize)]
struct Listed {
    name: String,
    folders: Vec<String>,
    destinations: Vec<String>,
    direction: &'static str,
    interval: String,
    ignore: Vec<String>,
    max_delete: String,
    hooks: Hooks,
}

#[derive(Serialize)]
struct Hooks {
    before_backup: Option<String>,
    after_backup: Option<String>,
    before_restore: Option<String>,
    after_restore: Option<String>,
    timeout: String,
}

impl Listed {
    fn new(name: &StateName, state: &State) -> Self {
        let command = |occasion| state.hooks.commands.get(&occasion).cloned();
        Self {
            name: name.to_string(),
            folders: state.folders.iter().map(|folder| folder.path.display().to_string()).collect(),
            destinations: state.destinations.iter().map(ToString::to_string).collect(),
            direction: match state.direction {
                Direction::TwoWay => "two-way",
                Direction::Push => "push",
                Direction::Pull => "pull",
            },
            interval: span(state.interval),
            ignore: state.ignore.clone(),
            max_delete: match state.max_delete {
                MaxDelete::Percent(share) => format!("{share}%"),
                MaxDelete::Count(count) => count.to_string(),
            },
            hooks: Hooks {
                before_backup: command(Occasion::BeforeBackup),
                after_backup: command(Occasion::AfterBackup),
                before_restore: command(Occasion::BeforeRestore),
                after_restore: command(Occasion::AfterRestore),
                timeout: span(state.hooks.timeout),
            },
        }
    }
}

impl Message for Listed {
    const TYPE: &'static str = "state";
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "· state: {}\n  folders:", self.name)?;
        for folder in &self.folders {
            write!(f, "\n  - {folder}")?;
        }
        write!(f, "\n  destinations: {}", self.destinations.join(", "))?;
        write!(f, "\n  direction: {}", self.direction)?;
        write!(f, "\n  interval: {}", self.interval)?;
        if !self.ignore.is_empty() {
            write!(f, "\n  ignore: {}", self.ignore.join(", "))?;
        }
        let Hooks { before_backup, after_backup, before_restore, after_restore, timeout } = &self.hooks;
        let commands = [before_backup, after_backup, before_restore, after_restore];
        for (occasion, command) in Occasion::ALL.iter().zip(commands) {
            if let Some(command) = command {
                write!(f, "\n  {occasion}: {}", shown(command))?;
            }
        }
        if commands.iter().any(|command| command.is_some()) {
            write!(f, "\n  timeout: {timeout}")?;
        }
        Ok(())
    }
}

/// A command on one line: the first of its own, and how many more there are.
fn shown(command: &str) -> String {
    let mut lines = command.trim().lines();
    let first = lines.next().unwrap_or_default();
    match lines.count() {
        0 => first.to_owned(),
        1 => format!("{first} … (1 more line)"),
        more => format!("{first} … ({more} more lines)"),
    }
}

/// A duration as profiles write it, in its largest whole unit.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm')];
    match units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["1s", "90s", "5m", "10m", "1h", "1d", "25h"] {
            assert_eq!(span(crate::config::value::duration(text).unwrap()), text);
        }
    }

    #[test]
    fn a_long_command_is_cut() {
        assert_eq!(shown("pg_dump a\n"), "pg_dump a");
        assert_eq!(shown("\nset -e\ncp a b\ncp b c\n"), "set -e … (2 more lines)");
    }
}
