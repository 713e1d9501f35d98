//! The production engine on several machines and one bucket, in one thread, under one seed.
//!
//! Everything that takes time in the world (disks, lines, persons, power) is played by a world that a seed determines, so that whatever
//! goes wrong can be repeated: every failure prints its seed, and `HEIRLOOM_SEED=<seed> cargo test -p heirloom-sync --test simulation`
//! runs it again and tells the story. `HEIRLOOM_SEEDS=<count>` or `HEIRLOOM_SEEDS=<from>..<to>` runs other ones than usual.
//!
//! ```text
//!  person, events ──► world (trees, bucket, chance) ◄── folder, store ◄── engine (Keeper, Cycle, a journal in memory)
//!                       │
//!                       └──► ledger (what is true) ──► oracle (what must be)
//! ```
//!
//! Read next: `run` (the course of a run), `world` (where chance comes in), `ledger` and `oracle` (what is promised), `plant` (how we know that
//! a broken promise would be seen).

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod aside;
mod conformance;
mod events;
mod folder;
mod judge;
mod ledger;
mod machine;
mod mounts;
mod objects;
mod oracle;
mod person;
mod plant;
mod power;
mod random;
mod run;
mod seeds;
mod store;
mod stories;
mod trace;
mod tree;
mod weather;
mod world;
