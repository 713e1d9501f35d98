//! A halt, and the ways on from it, as a person is told of them.

use super::telling::place;
use crate::failure::{Exit, Failure};
use crate::printed::{command, word};
use model::StateName;
use plan::sync::{Direction, Halt, Side};
use serde::{Deserialize, Serialize};
use std::fmt;
use sync::Route;

/// The commands that go on from a halt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ways {
    /// As it is meant, deletions included.
    pub(crate) resume: String,
    /// With both sides put together; `None` where only one of them is written, which may be the one that lacks nothing.
    pub(crate) resync: Option<String>,
}

impl Ways {
    /// Those of a route.
    pub(crate) fn of(route: &Route) -> Self {
        let destination = route.is_one_of_several.then_some(route.destination.as_str());
        Self::new(route.state.as_ref(), destination, route.direction)
    }

    /// Those of a state, or of a mirror; with the destination where that alone is meant.
    pub(crate) fn new(state: Option<&StateName>, destination: Option<&str>, direction: Direction) -> Self {
        Self {
            resume: go_on("--resume", state, destination),
            resync: (direction == Direction::TwoWay).then(|| go_on("--resync", state, destination)),
        }
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "look, then go on with `{}`", self.resume)?;
        match &self.resync {
            None => f.write_str("; with --dry-run it lists what it would do"),
            Some(resync) => write!(
                f,
                ", or keep what either side has with `{resync}`; with --dry-run they list what they would do"
            ),
        }
    }
}

/// What begins a destination anew that does not carry its marker.
pub(crate) fn begin_anew(destination: &str) -> String {
    go_on("--resume", None, Some(destination))
}

fn go_on(how: &str, state: Option<&StateName>, destination: Option<&str>) -> String {
    let destination = destination.map_or(String::new(), |name| format!(" --destination {}", word(name)));
    let state = state.map_or(String::new(), |state| format!(" {state}"));
    command(&format!("sync {how}{destination}{state}"))
}

/// The failure that a halt is.
pub(super) fn halted(route: &Route, halt: &Halt) -> Failure {
    let ways = Ways::of(route);
    let resume =
        |why: &str| format!("{why} run `{}`; with --dry-run it lists what it would do.", ways.resume);
    let failure = Failure::new(Exit::Halted, halt.to_string())
        .context(format!("{} is halted, and a person must decide", route.name()))
        .hint(look(route, halt));
    match (halt, bring_back(route, halt)) {
        (Halt::Emptied { .. } | Halt::MassDeletion { .. }, Some(resync)) => {
            failure.hint(resync).hint(resume("If the deletions are meant,"))
        }
        (Halt::Emptied { .. } | Halt::MassDeletion { .. }, None) => {
            failure.hint(resume("If the deletions are meant,"))
        }
        (Halt::Replaced { .. } | Halt::Strangers { .. }, _) => {
            failure.hint(resume("To put both sides together, keeping every file of either,"))
        }
    }
}

/// What to look for.
fn look(route: &Route, halt: &Halt) -> String {
    let (folder, there) = (route.folder.display(), place(route));
    match halt {
        Halt::Emptied { side: Side::Local, .. } => format!(
            "There is nothing in {folder}. If it lies on a disk that is not mounted, mount it and sync again; nothing was deleted anywhere."
        ),
        Halt::Emptied { side: Side::Remote, .. } => format!(
            "There is nothing in {there}. If that is an accident, bring the files back there and sync again; nothing was deleted in {folder}."
        ),
        Halt::MassDeletion { side: Side::Remote, .. } => format!(
            "They are gone from {folder}. If that was not meant, bring them back there and sync again; nothing was deleted in {there}."
        ),
        Halt::MassDeletion { side: Side::Local, .. } => format!(
            "They are gone from {there}. If that was not meant, bring them back there and sync again; nothing was deleted in {folder}."
        ),
        Halt::Replaced { side: Side::Remote, .. } => format!(
            "What is in {there} does not know how far this machine had come: it was restored from a backup or made anew, or is another disk. Nothing was changed in {folder}."
        ),
        Halt::Replaced { side: Side::Local, .. } => format!(
            "If {folder} lies on a disk that is not mounted, mount it and sync again; nothing was changed in {there}."
        ),
        Halt::Strangers { .. } => format!(
            "Check that {folder} and the state's name are the ones you mean: going on puts both trees together, and deletes nothing."
        ),
    }
}

/// How the side that lost files gets them from the other one, if it may be written.
fn bring_back(route: &Route, halt: &Halt) -> Option<String> {
    let lacking = match halt {
        Halt::Emptied { side, .. } => *side,
        Halt::MassDeletion { side, .. } => side.other(),
        Halt::Replaced { .. } | Halt::Strangers { .. } => return None,
    };
    let (to, from) = match lacking {
        Side::Local => (route.folder.display().to_string(), place(route)),
        Side::Remote => (place(route), route.folder.display().to_string()),
    };
    let destination = route.is_one_of_several.then_some(route.destination.as_str());
    let resync = go_on("--resync", route.state.as_ref(), destination);
    route.direction.writes(lacking).then(|| {
        format!(
            "To have them in {to} again, from {from}, run `{resync}`: it keeps what either side has, both versions where they differ, and deletes nothing."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_to_go_on_names_what_it_answers() {
        let state = StateName::new("photos").unwrap();
        assert_eq!(Ways::new(None, None, Direction::Pull).resume, "heirloom sync --resume");
        let ways = Ways::new(Some(&state), Some("usb"), Direction::TwoWay);
        assert_eq!(ways.resume, "heirloom sync --resume --destination usb photos");
        assert_eq!(ways.resync.as_deref(), Some("heirloom sync --resync --destination usb photos"));
        assert_eq!(Ways::new(Some(&state), None, Direction::Push).resync, None);
        assert_eq!(begin_anew("usb"), "heirloom sync --resume --destination usb");
    }
}
