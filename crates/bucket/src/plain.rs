//! Destinations that are plain trees of files: a disk, a WebDAV server, an SFTP server.
//!
//! [`Plain`] has the methods of [`Bucket`](crate::Bucket), and gives the same answers in the same nouns. A person finds their
//! files there under their own names (the text of the key; only what no key can hold is escaped), and what they put
//! there is synced. Such a store knows neither metadata nor conditions, so:
//!
//! - **Time, permissions, the kind and the digest of a file are in a sidecar**, see `sidecar`. Where a store lets us, the file's
//!   own time is set as well, for people. A file without a sidecar that fits is one that a person put there, or one
//!   whose sidecar was lost: what it is shows when it was read.
//! - **A version** is what the store tells of the file (its `ETag`, or else its size and time), and which sidecar it has.
//! - **A file is written beside its place** (in `.heirloom/incoming/`) and moved there whole. What was interrupted is never seen
//!   under a name; [`Plain::sweep`] removes it.
//! - **Conditions are a look right before acting.** Only creating is decided by the store itself, where it can: a
//!   disk by `renameat2`, WebDAV by `Overwrite: F`, SFTP by its plain rename. Between the look and a replacement, another machine's change
//!   of the same file is lost; two machines that share such a destination should know.
//! - **Empty directories** are kept if they were synced as such (they have a sidecar). Those that a deletion empties go, except on
//!   WebDAV, where deleting a collection deletes what it holds by then.
//!
//! Rejected: `OpenDAL`'s services for these three. Its `fs` trims names and never calls `fsync`; its `webdav` holds
//! a whole file in memory to write it, and takes a listing that was refused with 404 for an empty one; its `sftp` starts up to 64
//! SSH connections (a Storage Box allows ten), asks twice for everything, and panics on a name that is not UTF-8.
//! Metadata in extended attributes or in WebDAV's dead properties: most servers have neither.

mod copy;
mod disk;
mod incoming;
mod list;
mod marker;
mod place;
mod read;
mod remove;
mod sftp;
mod sidecar;
mod store;
mod webdav;
mod write;

use crate::{Called, Cause, Conditions, Error, Honoured, Limits, Object, Prefix, Retry};
use bytes::Bytes;
use futures::TryStreamExt as _;
pub use marker::PlaceId;
use model::{ContentId, ETag, Kind, MachineName, Meta, ObjectKey, RemoteVersion};
use sidecar::{Described, Sidecar};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use store::{Entry, EntryKind, Failure, Store};
use tokio::sync::OnceCell;

/// Where files wait to be moved into place.
const INCOMING: &str = ".heirloom/incoming";

/// Where such a tree is, and how to get there. Printed without the password.
#[derive(Clone)]
pub enum At {
    /// A directory of this machine, which must exist: a drive that is not mounted is not made up for.
    Disk {
        /// The directory.
        root: PathBuf,
    },
    /// A collection of a WebDAV server (RFC 4918), which must exist.
    Webdav {
        /// Its address, `https://…`.
        url: String,
        /// The user, if the server asks for one (Basic).
        user: Option<String>,
        /// The user's password.
        password: Option<String>,
    },
    /// A directory of an SFTP server, reached with the machine's own `ssh`, whose configuration holds. There is nobody
    /// to type a password, so it takes a key.
    Sftp {
        /// The host, or its name in the configuration of `ssh`.
        host: String,
        /// The port, if it is not the one `ssh` would take.
        port: Option<u16>,
        /// The user, if it is not the one `ssh` would take.
        user: Option<String>,
        /// The directory: absolute, or relative to where the user arrives. It must exist.
        path: String,
        /// The private key, if it is not one that `ssh` finds by itself.
        key_file: Option<PathBuf>,
        /// The file with the host's key, if it is not one that `ssh` knows.
        known_hosts_file: Option<PathBuf>,
    },
}

/// How to reach a plain tree.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it is called in errors.
    pub name: String,
    /// Where it is.
    pub at: At,
    /// Which machine this is: what it leaves behind when it is interrupted carries its name.
    pub machine: MachineName,
    /// Requests in flight at once, at least 1.
    pub concurrency: usize,
    /// How much may go over the line to a server; a disk has none.
    pub limits: Limits,
}

/// One tree of files that serves as a bucket. Clones share connections.
#[derive(Clone)]
pub struct Plain {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    store: Store,
    session: Arc<Session>,
    /// Done once the directory for what is in transit was made.
    incoming: OnceCell<()>,
}

/// What this process leaves in transit.
struct Session {
    /// Names what it writes, so that nobody else's is taken for its own.
    name: String,
    written: AtomicU64,
    /// Done once what earlier runs left was removed.
    swept: OnceCell<()>,
}

/// What stands at a key.
struct Seen {
    entry: Option<Entry>,
    /// The sidecar's own tag, and what it says if that can be read.
    sidecar: Option<(String, Option<Sidecar>)>,
}

impl Plain {
    /// Prepares a connection; talks to nobody yet.
    pub fn connect(options: &Options) -> Result<Self, Error> {
        let unusable = |source| Error::Other {
            attempt: format!("use {} as a destination", options.at.address()),
            retry: Retry::Never,
            source,
        };
        let mut noise = [0; 8];
        getrandom::fill(&mut noise).map_err(|error| unusable(Cause::new(error.to_string())))?;
        let name = format!("{}.{:016x}", options.machine, u64::from_le_bytes(noise));
        let session = Arc::new(Session { name, written: AtomicU64::new(0), swept: OnceCell::new() });
        let store =
            Store::connect(&options.at, options.concurrency.max(1), &options.limits).map_err(unusable)?;
        let inner = Inner { options: options.clone(), store, session, incoming: OnceCell::new() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The name from the options.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.options.name
    }

    fn called(&self) -> Called {
        Called::Destination(self.inner.options.name.clone())
    }

    /// Looks for the tree's root: [`Error::Unreachable`], [`Error::WrongKey`], [`Error::NoSuchBucket`] and, of a disk,
    /// [`Error::Absent`] are told apart.
    pub async fn probe(&self) -> Result<(), Error> {
        match self.inner.store.stat("").await {
            Ok(entry) if entry.kind == EntryKind::Directory => Ok(()),
            Ok(_) | Err(Failure::NotFound) => Err(self.no_such_place()),
            Err(failure) => Err(self.failed("open", None, failure)),
        }
    }

    /// Nothing but creating is decided by the store, and only where it can.
    #[must_use]
    pub fn conditions(&self) -> Conditions {
        let create = self.inner.store.creates_exclusively();
        Conditions { create, replace: Honoured::No, relabel: Honoured::No, delete: Honoured::No }
    }

    /// What stands at `key`; `None` if nothing does.
    ///
    /// A directory without a sidecar is one that was never synced as such, or whose sidecar went as another machine deleted it. Only where the
    /// sidecars of what it holds are not there either, it is told: then it is empty, or has lost its own together with them.
    pub async fn head(&self, prefix: &Prefix, key: &ObjectKey) -> Result<Option<Object>, Error> {
        let place = prefix.place(key);
        let seen = self.look(&place, key).await?;
        if seen.is_bare(key) && !self.has_lost_sidecars(&place).await? {
            return Ok(None);
        }
        Ok(seen.object(key))
    }

    /// Where deleting leaves the directory itself, no sidecars in it prove nothing, only none at all.
    async fn has_lost_sidecars(&self, directory: &str) -> Result<bool, Error> {
        let path = directory.trim_end_matches('/');
        let among = if self.inner.store.prunes_safely() {
            sidecar::directory(path)
        } else {
            sidecar::METADATA.to_owned()
        };
        match self.inner.store.stat(&among).await {
            Ok(_) => Ok(false),
            Err(Failure::NotFound) => Ok(true),
            Err(failure) => Err(self.failed("look for the sidecars of", None, failure)),
        }
    }

    /// What stands at a place: one look at the file, and one at its sidecar.
    async fn look(&self, place: &str, key: &ObjectKey) -> Result<Seen, Error> {
        let path = place.trim_end_matches('/');
        let (entry, sidecar) = tokio::join!(self.inner.store.stat(path), self.read_sidecar(place));
        let failed = |failure| self.failed("look at", Some(key), failure);
        let entry = match entry {
            Ok(entry) => Some(entry),
            // A file stands where a directory would have to.
            Err(Failure::NotFound | Failure::Blocked(_)) => None,
            Err(failure) => return Err(failed(failure)),
        };
        Ok(Seen { entry, sidecar: sidecar.map_err(failed)? })
    }

    async fn read_sidecar(&self, place: &str) -> Result<Option<(String, Option<Sidecar>)>, Failure> {
        let (entry, body) = match self.inner.store.open(&sidecar::path(place), 0).await {
            Ok(opened) => opened,
            Err(Failure::NotFound) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        if entry.size > sidecar::SIZE_MAX {
            return Ok(Some((entry.tag, None)));
        }
        let chunks: Vec<Bytes> = body.try_collect().await?;
        Ok(Some((entry.tag, Sidecar::parse(place, &chunks.concat()))))
    }

    /// Sorts a failure.
    fn failed(&self, verb: &str, key: Option<&ObjectKey>, failure: Failure) -> Error {
        let at = self.called();
        let other = |retry, source| match key {
            Some(key) => Error::Other { attempt: format!("{verb} `{key}`"), retry, source },
            None => self.other(verb, retry, source),
        };
        match (failure, key) {
            (Failure::NotFound, Some(key)) => Error::NotFound { key: key.clone() },
            (Failure::NotFound, None) => self.no_such_place(),
            (Failure::Exists, Some(key)) => {
                Error::Changed { key: key.clone(), what: "another version stands there" }
            }
            (Failure::Exists, None) => other(Retry::Later, Cause::new("it exists already")),
            (Failure::Blocked(source) | Failure::Refused(source), Some(key)) => {
                Error::Rejected { key: key.clone(), source }
            }
            (Failure::Blocked(source) | Failure::Refused(source), None) => other(Retry::Never, source),
            (Failure::Locked(source), _) => {
                Error::WrongKey { at, access_key_id: self.inner.options.at.user(), source }
            }
            (Failure::Full(source), _) => Error::NoSpace { at, source },
            (Failure::Unreachable(source), _) => {
                Error::Unreachable { endpoint: self.inner.options.at.address(), at, source }
            }
            (Failure::Other(source), _) => other(Retry::Later, source),
        }
    }
}

impl Seen {
    /// The version, if there is an object.
    fn version(&self, key: &ObjectKey) -> Option<RemoteVersion> {
        let entry = self.entry.as_ref()?;
        let label = self.sidecar.as_ref().map(|(tag, _)| tag.as_str());
        version(key, entry, label)
    }

    /// Whether it is a directory that says nothing of its own.
    fn is_bare(&self, key: &ObjectKey) -> bool {
        key.is_directory() && self.sidecar.is_none()
    }

    /// What the sidecar says of what stands there.
    fn described(&self) -> Option<&Described> {
        let (_, sidecar) = self.sidecar.as_ref()?;
        let entry = self.entry.as_ref()?;
        sidecar.as_ref()?.of(entry)
    }

    fn object(&self, key: &ObjectKey) -> Option<Object> {
        let (version, entry) = (self.version(key)?, self.entry.as_ref()?);
        let described = self.described();
        let meta = described.map_or_else(Meta::default, |described| described.node.meta);
        if key.is_directory() {
            let content = Some(ContentId::EMPTY);
            return Some(Object { kind: Kind::Directory, size: 0, meta, content, version });
        }
        let Some(Described { node, .. }) = described else {
            let meta = Meta { mtime: entry.modified, ..meta };
            let content = (entry.size == 0).then_some(ContentId::EMPTY);
            return Some(Object { kind: Kind::File, size: entry.size, meta, content, version });
        };
        Some(Object { kind: node.kind, size: entry.size, meta, content: Some(node.content), version })
    }
}

/// The version of an object, if that is what stands there.
fn version(key: &ObjectKey, entry: &Entry, label: Option<&str>) -> Option<RemoteVersion> {
    let tag = match (entry.kind, key.is_directory(), label) {
        (EntryKind::File, false, Some(label)) => format!("{}+{label}", entry.tag),
        (EntryKind::File, false, None) => entry.tag.clone(),
        (EntryKind::Directory, true, label) => format!("+{}", label.unwrap_or_default()),
        _ => return None,
    };
    Some(RemoteVersion { etag: ETag::new(&tag), modified: None })
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())
    }
}

impl At {
    /// What a person is told when it cannot be reached. No password.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Disk { root } => root.display().to_string(),
            Self::Webdav { url, .. } => url.clone(),
            Self::Sftp { host, port, user, path, .. } => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                // `~` is where the user arrives.
                let path = if path.starts_with('/') { path.clone() } else { format!("/~/{path}") };
                format!("sftp://{user}{host}{port}{path}")
            }
        }
    }

    fn user(&self) -> String {
        match self {
            Self::Disk { .. } => None,
            Self::Webdav { user, .. } | Self::Sftp { user, .. } => user.clone(),
        }
        .unwrap_or_default()
    }
}
