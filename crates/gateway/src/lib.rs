//! An S3 server over plain files: every user's machines write with their own keys, and what they write is a file
//! that `ls`, `cp` and the archive see under its true name.
//!
//! ```text
//! connection ──► serve ──► signature (s3s) ──► access ──► s3::… ──► store ──┬─► incoming/  drafts
//!                                                                           ├─► live/      files
//!                                                                           └─► index.db   ETags, labels
//! ```
//!
//! - A write is acknowledged when the bytes are on the disk under the object's name, and the index has it. It
//!   happens whole or not at all, and if it is conditional, between its question and its answer nothing else
//!   happens to that key.
//! - The files are the truth. Change, add or remove some with other tools: the next look at them makes a new
//!   version. Lose the index: it is built again.
//! - Whoever knows where they were learns what changed since in one request, however much stands here.
//! - No key and no symbolic link leads out of its bucket.
//!
//! Invariant: this crate decides about requests, not about people: who may do what is asked of `accounts`, for
//! every request and for both ends of a copy. It knows nothing of snapshots, archives or syncing.
//!
//! Read next: `store` (how files and index keep in step), `access` (what is refused, and why), `index` (why listing
//! is fast), `own` (what S3 has no words for).

mod access;
mod attributes;
mod batch;
mod beneath;
mod changes;
mod error;
mod fault;
mod gateway;
mod host;
mod incoming;
mod index;
mod live;
mod locks;
mod own;
mod record;
mod s3;
mod serve;
mod store;

pub use error::Error;
pub use gateway::{Gateway, Options};
pub use store::{Problem, Reconciled};
