//! `heirloom drive init`

use crate::args::DriveAction;
use crate::failure::{Exit, Explain as _, Failure};
use crate::report::Message;
use crate::session::Session;
use mirror::{Drive, Guide, Initialised};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// Does what was asked.
pub(crate) fn run(session: &Session, action: DriveAction) -> Result<Exit, Failure> {
    match action {
        DriveAction::Init { directory } => {
            session.report.say(&init(&directory)?);
            Ok(Exit::Ok)
        }
    }
}

/// Marks a drive; the page for strangers is there from the first minute.
pub(crate) fn init(directory: &Path) -> Result<Marked, Failure> {
    let (drive, initialised) = Drive::init(directory)
        .exit(Exit::Failed)
        .hint("Mount the drive first; `drive init` marks an existing directory and creates none.")?;
    if initialised == Initialised::Now {
        let written = chrono::Local::now().format("%-d %B %Y").to_string();
        let guide = Guide { machine: "not yet named".to_owned(), written, buckets: Vec::new() };
        drive.hold()?.write_guide(&guide.html())?;
    }
    let new = initialised == Initialised::Now;
    Ok(Marked { drive: directory.to_owned(), id: drive.id().to_string(), new })
}

/// A drive that carries the marker.
#[derive(Serialize)]
pub(crate) struct Marked {
    drive: PathBuf,
    id: String,
    new: bool,
}

impl Message for Marked {
    const TYPE: &'static str = "drive";
}

impl fmt::Display for Marked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drive = self.drive.display();
        if self.new {
            write!(f, "{drive} is now an Heirloom drive; name it as `drive` in the pi's profile")
        } else {
            write!(f, "{drive} was an Heirloom drive already; nothing has changed")
        }
    }
}
