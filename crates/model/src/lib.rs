//! The nouns of Heirloom: names, paths, nodes and sizes, shared by every other crate.
//!
//! Invariant: no input or output, no clock, no environment, no serialisation. A value of a type in
//! this crate is valid by construction; parsing happens here, once, at the edge where it arrived.
//!
//! # Glossary
//!
//! One word per concept, in code, command line, pages, logs and documents.
//!
//! | word | meaning |
//! |---|---|
//! | machine | one computer with a profile: `laptop`, `cloud` or `pi` |
//! | state | a named set of folders worth keeping, with its rules and hooks |
//! | bucket | one tree of live files plus its archive; every user owns the bucket of their name |
//! | key | an S3 access key id and secret for one machine of one user |
//! | live files | the current files of a bucket, plain files on disk |
//! | local, remote | the two sides of a sync: the machine's folder, and its place in the bucket |
//! | base | what both sides last agreed on, path by path; kept in the journal |
//! | journal | the machine's database; losing it costs time, never data |
//! | scan | reading what a side holds now |
//! | plan | the pure outcome of comparing base, local and remote |
//! | halt | a refusal to act that waits for a person |
//! | stage, apply | bring bytes beside their target; put them in place |
//! | conflict | both sides changed a path differently since the base |
//! | archive | the bare git repository of a bucket |
//! | snapshot | one commit of the whole bucket in its archive |
//! | mirror | a pi's copy of live files on its drive |
//! | destination | where a state goes |
//! | route | one folder of a state on its way to one destination; what a base belongs to |
//!
//! Read next: [`RelPath`] (why a path is kept in its escaped form), [`Node`] (what is compared).

mod disk;
mod escape;
mod name;
mod node;
mod part;
mod path;
mod size;
mod version;

pub use disk::DiskId;
pub use name::{BucketName, MachineName, NameError, StateName, UserName};
pub use node::{ContentId, Kind, Meta, Mode, Node, Owner, UnixNanos};
pub use part::{Chunk, ChunkDigest, Piece, UploadId};
pub use path::{ObjectKey, PathError, RelPath};
pub use size::{ByteSize, SizeError};
pub use version::{Agreed, BaseEntry, ETag, RemoteVersion, Stamp};
