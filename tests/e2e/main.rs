//! The product end to end: the real binary, real daemons over loopback, real git, a real browser.
//!
//! A test that needs a program beyond git skips with a reason when it is not there, unless `HEIRLOOM_REQUIRE_TOOLS` or `CI=true` is set.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
#![expect(clippy::print_stderr, reason = "a test says what its daemons logged")]

mod backups;
mod browser;
mod chance;
mod churn;
mod conflicts;
mod crash;
mod daemon;
mod destinations;
mod directions;
mod eio;
mod foreign;
mod guards;
mod home;
mod hooks;
mod kills;
mod kinds;
mod lines;
mod machines;
mod memory;
mod namespace;
mod proxy;
mod refusals;
mod renames;
mod rules;
mod sealed;
mod server;
mod space;
mod tries;
mod users;
mod words;
