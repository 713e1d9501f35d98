//! The three machines, wired: from a checked profile to running parts.
//!
//! Everything here joins crates that do not know each other. A command runs a profile from its file; `try` runs
//! all three from values it makes up, which is why these functions take checked profiles and nothing else.

pub(crate) mod api;
pub(crate) mod attempt;
pub(crate) mod away;
pub(crate) mod cloud;
pub(crate) mod daemon;
pub(crate) mod fetch;
pub(crate) mod halted;
pub(crate) mod join;
pub(crate) mod keep;
pub(crate) mod left;
pub(crate) mod live;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod pi;
pub(crate) mod planned;
pub(crate) mod rounds;
pub(crate) mod routes;
pub(crate) mod runs;
pub(crate) mod snapshots;
pub(crate) mod status;
pub(crate) mod telling;
pub(crate) mod totals;
pub(crate) mod turn;
pub(crate) mod users;
pub(crate) mod watch;
pub(crate) mod words;
