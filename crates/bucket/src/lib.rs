//! Heirloom's only client of object storage, and of the other places that files may go to.
//!
//! A [`Bucket`] lists, reads, writes, re-labels and deletes objects of one S3 bucket, through `OpenDAL`.
//! It answers in the shared nouns ([`model::Node`], [`model::ObjectKey`], [`model::RemoteVersion`]) and
//! makes three promises that the engine above builds on:
//!
//! - **Every change says what must still be there** ([`Expect`]). Where a store ignores conditions, that
//!   is found out on the way ([`Conditions`]) and the window is narrowed by looking right before writing.
//! - **An answer that got lost is not a conflict.** A write that was repeated because its answer never came
//!   looks at what the store holds before it reports [`Error::Changed`].
//! - **A listing is whole or it is an error.** It never ends early with what it has. Nor does a [`Feed`] of changes.
//!
//! Invariant: this crate never knows local folders, the journal, or what ought to be synced.
//!
//! Data flow: [`Options`] → [`Bucket::connect`] → (`list`, `changes`, `head`, `get`, `get_stream`, `put`, `upload`, `set_meta`, `delete`),
//! each: [`Prefix`] + [`model::ObjectKey`] → the full key → `OpenDAL`'s S3 service with its retry layer → our HTTP
//! transport, which signs and knows a slow line from a dead one. Failures are sorted once, in [`Error`], into what a
//! caller can do about them ([`Retry`]).
//!
//! `OpenDAL` is used one floor below its `Operator`: the operator trims white space off paths, refuses to write
//! keys that end in `/`, and answers questions about such keys from a listing. The service itself does none
//! of that.
//!
//! A [`Plain`] tree (a disk, a WebDAV server, an SFTP server) has the same methods and keeps the same promises as far
//! as such a place can; see [`plain`].
//!
//! Read next: `metadata` (what an object's headers say about a file), `conditions`, `write`, `upload` (large files, resumed after a crash).

mod batch;
mod bucket;
mod changes;
mod conditions;
mod copy;
mod delete;
mod directory;
mod error;
mod fetch;
mod hands;
mod limit;
mod list;
mod metadata;
mod object;
mod parts;
pub mod plain;
mod prefix;
mod read;
mod request;
mod sign;
mod transport;
mod upload;
mod write;

pub use bucket::{Bucket, Options};
pub use changes::{Changed, Changes, Cursor, Feed};
pub use conditions::{Conditions, Honoured};
pub use delete::Deleted;
pub use error::{Called, Cause, Error, Missing, Retry};
pub use hands::Hands;
pub use limit::{Limiter, Limits};
pub use list::{Found, Listing};
pub use object::{Expect, Get, Listed, Object};
pub use parts::PUT_SIZE_MAX;
pub use plain::Plain;
pub use prefix::Prefix;
pub use upload::{PART_SIZE, PartDone, Parts, Upload, Write};
