//! Heirloom's only user of age: it seals a stream of bytes for its readers, and opens such a stream.
//!
//! What it writes is a standard age file (<https://c2sp.org/age>), which `age -d` opens without Heirloom. Sealing needs
//! [`Recipients`], which are public unless they are a passphrase; opening needs [`Identities`].
//!
//! ```text
//! Recipients ─► Sealer  push(plain)… finish() ─► sealed chunks        SealRead: the same around a reader
//! Identities ─► Opener  push(sealed)… finish() ─► plain chunks        OpenRead: the same around a reader
//! ```
//!
//! Invariant: this crate never knows files, buckets or what ought to be synced; it never writes a secret into an error
//! or a log line. Memory is a few chunks of 64 KiB for each stream, however long that is, besides what scrypt takes.
//!
//! Everything here computes and nothing waits: about a gigabyte a second. Callers that are asynchronous run it on a
//! thread of their own, above all with a passphrase (see [`Recipients::new`]).
//!
//! # What a caller builds on
//!
//! - **A chunk is handed out only after it was authenticated**, and that nothing is missing at the end is known only once
//!   [`Opener::finish`] returned `Ok`, or [`OpenRead`] reported its end. Until then what was handed out may be the
//!   beginning of something that was cut off: it is staged, never placed.
//! - **The length is known before the first byte**: [`Sealer::sealed_size`]. It belongs to that sealer alone, because age
//!   puts a stanza of random length into every header, so that readers stay tolerant of what they do not know.
//! - **The same bytes are sealed differently each time**, with a new key. So something that was interrupted is sealed
//!   again from its beginning, and ciphertext says nothing about whether content has changed.
//!
//! # How content is known to be the same
//!
//! An object's tag is then a digest of ciphertext, and nothing in the bucket may say the digest of the plaintext: whoever reads
//! the bucket could confirm that a file they know is in it. So the journal alone keeps the plaintext's digest beside
//! the version it was uploaded as or downloaded from. While the store still shows that version, the content is known
//! and nothing is sealed again; of another version it is unknown until it was downloaded and opened. A machine that has
//! lost its journal, or has none yet, reads every object once.
//!
//! A version can be a surprise although we wrote it: an answer got lost, or a store gives copies tags of their own. So the journal also keeps
//! what stands behind every [`Seal`], written down before anything is sent; the first bytes of an object then tell all about it, even to a
//! machine that cannot open anything.
//!
//! What the bucket's host sees in any case: names, lengths, times, permissions, when something changes, and of an SSH recipient four
//! bytes that tell which key it is.
//!
//! Read next: [`Recipients`], `seal`, `open`.

mod error;
mod header;
mod identities;
mod inbox;
mod open;
mod passphrase;
mod recipients;
mod seal;

pub use error::{Error, Lock};
pub use header::Seal;
pub use identities::{Identities, NewIdentity};
pub use open::{OpenRead, Opened, Opener};
pub use passphrase::Passphrase;
pub use recipients::Recipients;
pub use seal::{SealRead, Sealer};
