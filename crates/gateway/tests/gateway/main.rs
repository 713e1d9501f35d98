//! The gateway over loopback: what S3 clients and people at the disk may rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod batches;
mod buckets;
mod changes;
mod client;
mod conditions;
mod copies;
mod files;
mod listings;
mod multipart;
mod objects;
mod opendal_client;
mod places;
mod recovery;
mod server;
mod speed;
