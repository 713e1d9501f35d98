//! A pi's external drive: whether it is there, where things lie on it, and what it says to a stranger.
//!
//! ```text
//! <drive>/
//!   START-HERE.html        for whoever finds this drive: what it is, how to get everything back
//!   .heirloom-drive        the marker: without it, nothing is ever written here
//!   files/<bucket>/…       the current files, plain
//!   archives/<bucket>.git  every snapshot, a bare git repository
//! ```
//!
//! Invariant: nothing is written below a path that does not carry the marker, so an empty mount point stays empty.
//! This crate never knows what is synced or when; the sync engine fills `files/`, [`fetch`] fills `archives/`.
//!
//! Read next: [`Drive`], [`Guide`].

mod drive;
mod error;
mod fetch;
mod guide;

pub use drive::{Drive, DriveId, Held, Initialised};
pub use error::Error;
pub use fetch::fetch;
pub use guide::{Guide, GuideBucket};
