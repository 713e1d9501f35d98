//! For tests only: directory trees with everything a person's files can be.
//!
//! Invariant: no product crate is built from this one.

mod tree;

pub use tree::{Listing, Tricky, list, plant};
