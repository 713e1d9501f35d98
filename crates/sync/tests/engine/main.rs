//! The engine on real folders and a bucket in memory: what two machines do to each other, and what broken lines do to them.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod bisync;
mod directions;
mod disks;
mod fake;
mod faults;
mod guards;
mod large;
mod machine;
mod moves;
mod plain;
mod rules;
mod sealed;
mod stories;
