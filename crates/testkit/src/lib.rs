//! For tests only: directory trees with everything a person's files can be, and servers that others wrote.
//!
//! Invariant: no product crate is built from this one.

pub mod servers;
mod tree;

pub use tree::{Listing, Tricky, list, plant};
