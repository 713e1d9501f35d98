//! For tests only: directory trees with everything a person's files can be, and servers that others wrote, where they are there.
//!
//! Invariant: no product crate is built from this one.

pub mod servers;
pub mod tools;
mod tree;

pub use tree::{Listing, Tricky, list, plant};
