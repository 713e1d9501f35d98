//! The product end to end: the real binary, real daemons over loopback, real git, a real browser.
//!
//! A test that needs a program beyond git skips with a reason when it is not there, unless `HEIRLOOM_REQUIRE_TOOLS` is set.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
#![expect(clippy::print_stderr, reason = "a test says why it is skipped, and what its daemons logged")]

mod backups;
mod browser;
mod conflicts;
mod crash;
mod daemon;
mod destinations;
mod foreign;
mod home;
mod hooks;
mod machines;
mod memory;
mod refusals;
mod rules;
mod server;
mod tries;
mod users;
