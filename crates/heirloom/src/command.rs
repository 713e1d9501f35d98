//! One file per command: from the configuration to the crates below, and from their outcome to the report.

pub(crate) mod backups;
pub(crate) mod cloud;
pub(crate) mod completions;
pub(crate) mod conflicts;
pub(crate) mod drive;
pub(crate) mod fetch;
pub(crate) mod hand_over;
pub(crate) mod health;
pub(crate) mod issue;
pub(crate) mod key;
pub(crate) mod laptop;
pub(crate) mod pi;
pub(crate) mod snapshot;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod try_it;
pub(crate) mod user;
pub(crate) mod why;
