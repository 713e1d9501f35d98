//! A bucket's history: a bare git repository that Heirloom writes and anybody can read.
//!
//! The only crate that touches git. It records live files as commits, each as one pack; reads snapshots,
//! directories, files and their versions back; and fetches another machine's history, forwards only.
//! Everything blocks: callers own the threads.
//!
//! Invariant: it knows nothing of HTTP servers, accounts, S3, or the machine's clock; the date of a snapshot and
//! the names in it are arguments. Whatever happens to a snapshot or fetch, what was recorded before stays
//! as it is, and the next run goes on from there.
//!
//! ```text
//! live files ──snapshot──► Archive (bare repository) ──history──► lists, files, versions, changes
//!                              ▲ fetch
//!                           another archive, over HTTP or a path
//! ```
//!
//! The layout of what is recorded: a plain `git clone` gives the exact bytes of every file under its own
//! name, but for a few names that git keeps to itself, which get a suffix; what git forgets is in
//! `.heirloom/metadata`; `.heirloom/README.md` explains both to a person who has only the repository.
//!
//! A process that fetches over HTTP, encrypted or not, must have installed a default `rustls` crypto provider.
//!
//! Read next: `snapshot` (how files become a commit), `git_name` and `metadata` (the layout), `cache`
//! (why an unchanged bucket is not read), [`History`].

mod archive;
mod branch;
mod cache;
mod error;
mod fetch;
mod git_name;
mod history;
mod live;
mod lock;
mod metadata;
mod pack;
mod snapshot;
mod snapshot_id;
mod tree;

pub use archive::Archive;
pub use error::Error;
pub use fetch::{Fetched, Remote};
pub use history::{Change, ChangeKind, Entry, EntryId, History, SnapshotInfo, Version};
pub use snapshot::{Created, Outcome, Problem, Progress, SnapshotContext, Work};
pub use snapshot_id::{SnapshotId, SnapshotIdError};
