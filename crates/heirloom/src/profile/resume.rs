//! A person's word to a running daemon: go on with a route that halted.
//!
//! A file in the machine's state directory, made by the command and taken away by the daemon, so that one word resumes one
//! run. Rejected: stopping the daemon first, which nobody remembers to start again.

use model::StateName;
use plan::sync::Guards;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use sync::Route;

/// The word for one state; `None` for a pi's mirror.
fn word(state_dir: &Path, state: Option<&StateName>) -> PathBuf {
    match state {
        Some(state) => state_dir.join(format!("resume.{state}")),
        None => state_dir.join("resume"),
    }
}

/// Leaves the word.
pub(crate) fn ask(state_dir: &Path, state: Option<&StateName>) -> io::Result<()> {
    File::create(word(state_dir, state)).map(drop)
}

/// Whether the word is there.
pub(crate) fn is_asked(state_dir: &Path, route: &Route) -> bool {
    word(state_dir, route.state.as_ref()).exists()
}

/// Takes the word, if it is there.
pub(crate) fn take(state_dir: &Path, route: &Route) -> Guards {
    match fs::remove_file(word(state_dir, route.state.as_ref())) {
        Ok(()) => Guards::Resumed,
        Err(_) => Guards::On,
    }
}
