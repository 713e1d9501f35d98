//! The profile `pi`: a drive that holds the files and their history.

use super::access::{Access, Web};
use super::laptop::MAX_DELETE;
use super::limits::Limits;
use super::section::{Checked, Section};
use super::value;
use model::MachineName;
use plan::sync::{Direction, MaxDelete};
use std::path::PathBuf;
use std::time::Duration;

/// A checked profile of a pi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pi {
    /// The machine's name.
    pub(crate) machine: MachineName,
    /// Where the journal is.
    pub(crate) state_dir: PathBuf,
    /// Where the drive is mounted.
    pub(crate) drive: PathBuf,
    /// The cloud that it mirrors.
    pub(crate) cloud: Access,
    /// How fast the files may go.
    pub(crate) limits: Limits,
    /// The files.
    pub(crate) mirror: Mirror,
    /// The history.
    pub(crate) archive: Archive,
}

/// How the files are mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// How often.
    pub(crate) interval: Duration,
    /// Which way changes travel.
    pub(crate) direction: Direction,
    /// How many deletions are normal.
    pub(crate) max_delete: MaxDelete,
}

/// How the history is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    /// How often.
    pub(crate) interval: Duration,
}

impl Pi {
    /// Reads the keys of this profile; the caller has read `profile` and finishes the section.
    pub(crate) fn read(section: &Section<'_>) -> Checked<Self> {
        let machine = section.required("machine", MachineName::new);
        let state_dir = section.required("state_dir", value::absolute(section));
        let drive = section.required("drive", value::absolute(section));
        let cloud = if section.has("cloud") {
            section.section("cloud").and_then(|cloud| {
                let access = Access::read(&cloud, Web::Needed);
                cloud.finish();
                access
            })
        } else {
            Err(section.missing("cloud"))
        };
        let limits = section.section("limits").and_then(Limits::read);
        let mirror = section.section("mirror").and_then(Mirror::read);
        let archive = section.section("archive").and_then(Archive::read);
        Ok(Self {
            machine: machine?,
            state_dir: state_dir?,
            drive: drive?,
            cloud: cloud?,
            limits: limits?,
            mirror: mirror?,
            archive: archive?,
        })
    }

    /// How often a daemon that is well shows a sign of life.
    pub(crate) fn shortest_interval(&self) -> Duration {
        self.mirror.interval.min(self.archive.interval)
    }
}

impl Mirror {
    fn read(section: Section<'_>) -> Checked<Self> {
        let interval = section.or("interval", Duration::from_mins(15), value::duration);
        let direction = section.or("direction", Direction::TwoWay, value::direction);
        let max_delete = section.or("max_delete", MAX_DELETE, value::max_delete);
        section.finish();
        Ok(Self { interval: interval?, direction: direction?, max_delete: max_delete? })
    }
}

impl Archive {
    fn read(section: Section<'_>) -> Checked<Self> {
        let interval = section.or("interval", Duration::from_hours(1), value::duration);
        section.finish();
        Ok(Self { interval: interval? })
    }
}
