//! A halt, and the ways on from it, as a person is told of them.

use super::telling::place;
use crate::failure::{Exit, Failure};
use crate::printed::{command, word};
use model::StateName;
use plan::mount::Doubt;
use plan::sync::{Halt, Side};
use serde::{Deserialize, Serialize};
use std::fmt;
use sync::Route;

/// The commands that go on from a halt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ways {
    /// As it is meant, deletions included.
    pub(crate) resume: String,
    /// With what either side has, and nothing deleted.
    pub(crate) resync: String,
    /// What the first of them leads to, if that is known.
    #[serde(rename = "resume_leads_to")]
    leads_to: Option<LeadsTo>,
}

/// What going on from a halt leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LeadsTo {
    /// Files are deleted, as they were on the other side.
    Deletions,
    /// Everything is received once more, into another directory.
    Receiving,
    /// Both sides are put together.
    Union,
    /// The files of a disk that is not there are deleted, or come back without it.
    WithoutDisk,
    /// Another disk takes the place of the one that was synced.
    AnotherDisk,
}

impl LeadsTo {
    const ALL: [Self; 5] =
        [Self::Deletions, Self::Receiving, Self::Union, Self::WithoutDisk, Self::AnotherDisk];

    pub(crate) fn of(halt: &Halt) -> Self {
        match halt {
            Halt::Emptied { .. } | Halt::MassDeletion { .. } => Self::Deletions,
            Halt::Vacant { .. } => Self::Receiving,
            Halt::Replaced { .. } | Halt::Strangers { .. } => Self::Union,
        }
    }

    /// The word for it in the journal.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Deletions => "deletions",
            Self::Receiving => "receiving",
            Self::Union => "union",
            Self::WithoutDisk => "without_disk",
            Self::AnotherDisk => "another_disk",
        }
    }
}

impl Ways {
    /// Those of a route.
    pub(crate) fn of(route: &Route) -> Self {
        let destination = route.is_one_of_several.then_some(route.destination.as_str());
        Self::new(route.state.as_ref(), destination)
    }

    /// Those of a state, or of a mirror; with the destination where that alone is meant.
    pub(crate) fn new(state: Option<&StateName>, destination: Option<&str>) -> Self {
        let go_on = |how| go_on(how, state, destination);
        Self { resume: go_on("--resume"), resync: go_on("--resync"), leads_to: None }
    }

    /// The same, from a halt of which the journal has this word.
    pub(crate) fn leading_to(self, word: Option<&str>) -> Self {
        Self { leads_to: LeadsTo::ALL.into_iter().find(|to| Some(to.word()) == word), ..self }
    }

    /// The same, from this halt.
    pub(crate) fn from(self, halt: &Halt) -> Self {
        Self { leads_to: Some(LeadsTo::of(halt)), ..self }
    }

    /// The same, from what is the matter with a disk below the folder.
    pub(super) fn past(self, doubt: Doubt) -> Self {
        let leads_to = match doubt {
            Doubt::Away { .. } => LeadsTo::WithoutDisk,
            Doubt::Unagreed { .. } => LeadsTo::Receiving,
            Doubt::Another => LeadsTo::AnotherDisk,
        };
        Self { leads_to: Some(leads_to), ..self }
    }

    /// When to go on, and with what.
    fn resumes(&self) -> String {
        let when = match self.leads_to {
            Some(LeadsTo::Deletions) => "if the deletions are meant",
            Some(LeadsTo::Receiving) => "to receive everything into this directory",
            Some(LeadsTo::Union) => "to put both sides together, keeping every file of either",
            Some(LeadsTo::WithoutDisk) => "if its files are to be deleted",
            Some(LeadsTo::AnotherDisk) => {
                "if this one is to take its place, with the files of both and none deleted"
            }
            None => "to go on",
        };
        format!("{when}, run `{}`", self.resume)
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resumes = self.resumes();
        match self.leads_to {
            // Neither deletes anything, so there is nothing that another way would keep.
            Some(LeadsTo::Receiving | LeadsTo::Union | LeadsTo::AnotherDisk) => {
                write!(f, "{resumes}; with --dry-run it lists what it would do")
            }
            Some(LeadsTo::WithoutDisk) => {
                let resync = &self.resync;
                write!(
                    f,
                    "{resumes}; to have them here again without that disk, run `{resync}`; with --dry-run they list what they would do"
                )
            }
            Some(LeadsTo::Deletions) | None => {
                let resync = &self.resync;
                write!(
                    f,
                    "{resumes}; to keep what either side has, run `{resync}`; with --dry-run they list what they would do"
                )
            }
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
    let ways = Ways::of(route).from(halt);
    let failure = Failure::new(Exit::Halted, halt.to_string())
        .context(format!("{} is halted, and a person must decide", route.name()))
        .hint(look(route, halt));
    let failure = match halt {
        Halt::Emptied { side, .. } => failure.hint(keep(route, *side, &ways.resync)),
        Halt::MassDeletion { side, .. } => failure.hint(keep(route, side.other(), &ways.resync)),
        Halt::Vacant { .. } | Halt::Replaced { .. } | Halt::Strangers { .. } => failure,
    };
    let resumes = ways.resumes();
    let (initial, rest) = resumes.split_at(1);
    failure.hint(format!("{}{rest}; with --dry-run it lists what it would do.", initial.to_uppercase()))
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
        Halt::Vacant { .. } => format!(
            "If {folder} lies on a disk that is not mounted, mount it and sync again; nothing was written into it."
        ),
        Halt::Replaced { side: Side::Local, .. } => format!(
            "If {folder} lies on a disk that is not mounted, mount it and sync again; nothing was changed in {there}."
        ),
        Halt::Strangers { .. } => format!(
            "Check that {folder} and the state's name are the ones you mean: going on puts both trees together, and deletes nothing."
        ),
    }
}

/// How nothing is deleted: the side that lost files gets them from the other one, or stays without them where it is never written.
fn keep(route: &Route, lacking: Side, resync: &str) -> String {
    let (folder, there) = (route.folder.display().to_string(), place(route));
    let (to, from) = match lacking {
        Side::Local => (folder, there),
        Side::Remote => (there, folder),
    };
    if route.direction.writes(lacking) {
        format!(
            "To have them in {to} again, from {from}, run `{resync}`: it keeps what either side has, both versions where they differ, and deletes nothing."
        )
    } else {
        format!(
            "To keep them in {from} all the same, run `{resync}`: it deletes nothing, and {to} stays without them."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_to_go_on_names_what_it_answers() {
        let state = StateName::new("photos").unwrap();
        assert_eq!(Ways::new(None, None).resume, "heirloom sync --resume");
        let ways = Ways::new(Some(&state), Some("usb"));
        assert_eq!(ways.resume, "heirloom sync --resume --destination usb photos");
        assert_eq!(ways.resync, "heirloom sync --resync --destination usb photos");
        assert_eq!(begin_anew("usb"), "heirloom sync --resume --destination usb");
    }
}
