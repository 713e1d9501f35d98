//! Who may do what: users, their keys, and the grants that share buckets.
//!
//! One SQLite file, `<data_dir>/heirloom.db`, holds the truth; the daemon and the command line have it open at
//! the same time, so nothing here may be remembered for longer than it takes to ask whether another process
//! changed it. What every request needs (keys and grants) is kept in memory as one immutable view and
//! replaced as soon as the database says that it moved on.
//!
//! ```text
//! S3 request ── identify(id) ──► key and secret ── permission(user, bucket) ──► None | Read | Write
//! git, LFS, API ── authenticate(id, secret) ──► user
//! sign-in link ── redeem_sign_in(token) ──► user ── create_session ──► cookie ── session(token) ──► user
//! ```
//!
//! **Secrets are stored recoverably.** A `SigV4` signature is a keyed hash over the request, so whoever checks it
//! needs the secret itself; a hash of it would not do. The file is therefore created with mode 0600, and
//! reading it is equal to holding every key in it. Sign-in and session tokens arrive whole, so of them
//! only the SHA-256 is kept.
//!
//! Invariant: this crate knows no wire protocol, no request and no clock; time is an argument. All calls
//! block, for microseconds when they read and for one flush to disk when they write.
//!
//! Read next: [`Accounts`], then the module `view` (why a revoked key stops working at once).

mod error;
mod grants;
mod keys;
mod schema;
mod secret;
mod sessions;
mod store;
mod users;
mod view;

pub use error::Error;
pub use grants::{Grant, Permission};
pub use keys::{Key, KeyInfo};
pub use secret::{AccessKeyId, SecretKey, SessionToken, SignInToken};
pub use store::Accounts;
pub use users::User;
