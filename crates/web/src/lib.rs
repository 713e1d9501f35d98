//! The pages and the git server: history as a family looks at it, and as stock tools fetch it.
//!
//! ```text
//! browser ── session cookie ─┐
//! curl ── key as Basic ──────┼─► admit(user, bucket) ─► archive history ─► page · bytes · tar/zip
//! git ── key as Basic ───────┘         │            └─► git upload-pack ─► clone, fetch
//! heirloom ─ key as Basic ─────────────┴─► the API: snapshots, listed and asked for
//! ```
//!
//! It renders and streams; it decides nothing. Who may see a bucket is asked of `accounts` at every request, and what
//! history holds is asked of `archive`. To whom a bucket is not open, it does not exist: the answer is 404, never 403.
//!
//! Invariants: nothing here writes to an archive or to live files (a snapshot is asked of [`Options`]); history is walked at most once per
//! path and new snapshot; memory per request is bounded by a directory and a few hundred KiB, whatever is downloaded; nothing
//! from a bucket ever runs as our origin, and every page works without its script.
//!
//! Read next: [`router`] for the addresses, the module `guest` for who gets in, `page` for what is shown, `git` for
//! the git server.

mod address;
mod api;
mod assets;
mod bundle;
mod compare;
mod dates;
mod error;
mod failure;
mod git;
mod guest;
mod headers;
mod health;
mod highlight;
mod markdown;
mod media;
mod page;
mod past;
mod range;
mod raw;
mod readers;
mod routes;
mod serve;
mod shelf;
mod sign_in;
mod site;
mod stream;
mod text;
mod throttle;
mod timeline;

pub use error::Error;
pub use routes::{RESERVED_NAMES, router};
pub use serve::serve;
pub use site::{Options, TakeSnapshot};
