//! `heirloom completions SHELL`

use crate::args::{Completions, Typed};
use crate::failure::Exit;
use crate::session::Session;
use clap::CommandFactory as _;

/// Prints the script.
pub(crate) fn run(session: &Session, typed: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(typed.shell, &mut Typed::command(), "heirloom", &mut script);
    session.report.verbatim(&String::from_utf8_lossy(&script));
    Exit::Ok
}
