//! The two ports of the engine: what it needs of a folder and of a place in a bucket.
//!
//! They exist because there are two of each: the real ones ([`Folder`](crate::Folder), [`Place`](crate::Place)) and those of the
//! simulation. Both speak in the adapters' types; a third vocabulary in between would say the same again.

use crate::progress::Progress;
use bucket::{Listing, Object};
use bytes::Bytes;
use disk::{Found, Problem};
use model::{ContentId, Kind, Meta, Node, ObjectKey, RelPath, RemoteVersion, Stamp};
use std::future::Future;
use std::sync::Arc;

/// Whether a scan leaves out a path.
pub type LeaveOut = Arc<dyn Fn(&RelPath, Kind) -> bool + Send + Sync>;

/// Which directories stay although they were emptied.
pub type Keep = Arc<dyn Fn(&RelPath) -> bool + Send + Sync>;

/// What a scan of the local side showed.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Everything seen, sorted by key.
    pub found: Vec<Found>,
    /// What could not be seen.
    pub problems: Vec<Problem>,
}

/// The machine's folder.
pub trait Local: Clone + Send + Sync + 'static {
    /// A big file being read for its parts.
    type Reading: Reading;
    /// A big file being written beside its target.
    type Staging: Staging;

    /// Everything below the folder.
    fn scan(&self, leave_out: LeaveOut) -> impl Future<Output = Result<Scanned, disk::Error>> + Send;
    /// The content of what was found; fails if it is not the same any more.
    fn digest(&self, found: &Found) -> impl Future<Output = Result<ContentId, disk::Error>> + Send;
    /// All bytes of a small file or a symlink's target.
    fn read(&self, found: &Found) -> impl Future<Output = Result<Bytes, disk::Error>> + Send;
    /// Opens a file for reading by parts.
    fn open(&self, found: &Found) -> impl Future<Output = Result<Self::Reading, disk::Error>> + Send;
    /// Writes a small file, symlink or directory in one go.
    fn write(
        &self,
        path: &RelPath,
        kind: Kind,
        meta: &Meta,
        bytes: Bytes,
        expect: disk::Expect,
    ) -> impl Future<Output = Result<Found, disk::Error>> + Send;
    /// Begins to write a big file beside its target.
    fn stage(&self, path: &RelPath) -> impl Future<Output = Result<Self::Staging, disk::Error>> + Send;
    /// Sets time and permissions.
    fn set_meta(
        &self,
        key: &ObjectKey,
        meta: &Meta,
        expect: &Stamp,
    ) -> impl Future<Output = Result<Found, disk::Error>> + Send;
    /// Removes what stands at a key, and directories emptied by that.
    fn remove(
        &self,
        key: &ObjectKey,
        expect: &Stamp,
        keep: Keep,
    ) -> impl Future<Output = Result<(), disk::Error>> + Send;
    /// Renames a file, never onto another.
    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        expect: &Stamp,
    ) -> impl Future<Output = Result<(), disk::Error>> + Send;
    /// Returns once the names of these paths are on the medium.
    fn make_durable(&self, paths: Vec<RelPath>) -> impl Future<Output = Result<(), disk::Error>> + Send;
}

/// A file that is read by parts.
pub trait Reading: Send + Sync + 'static {
    /// `length` bytes from `offset`. That all parts come from one version shows in the digest of the whole.
    fn read_at(&self, offset: u64, length: usize) -> impl Future<Output = Result<Bytes, disk::Error>> + Send;
}

/// A file that is written beside its target.
pub trait Staging: Send + 'static {
    /// Appends.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), disk::Error>> + Send;
    /// Puts the file in its place.
    fn place(
        self,
        meta: &Meta,
        expect: disk::Expect,
    ) -> impl Future<Output = Result<Found, disk::Error>> + Send;
}

/// A folder's place in a bucket.
pub trait Remote: Clone + Send + Sync + 'static {
    /// Everything below the place, sorted by key.
    fn list(&self) -> impl Future<Output = Result<Listing, bucket::Error>> + Send;
    /// What stands at a key.
    fn head(&self, key: &ObjectKey) -> impl Future<Output = Result<Option<Object>, bucket::Error>> + Send;
    /// Reads one version.
    fn get(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> impl Future<Output = Result<bucket::Get, bucket::Error>> + Send;
    /// Writes a small object.
    fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &bucket::Expect,
    ) -> impl Future<Output = Result<RemoteVersion, bucket::Error>> + Send;
    /// Writes a big object by parts.
    fn put_parts<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        source: Arc<R>,
        expect: &bucket::Expect,
        progress: &Progress,
    ) -> impl Future<Output = Result<RemoteVersion, bucket::Error>> + Send;
    /// Sets time and permissions.
    fn set_meta(
        &self,
        key: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> impl Future<Output = Result<RemoteVersion, bucket::Error>> + Send;
    /// Deletes one version.
    fn delete(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
    ) -> impl Future<Output = Result<(), bucket::Error>> + Send;
    /// Gives an object another key, never onto another object.
    fn rename(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        node: &Node,
        version: &RemoteVersion,
    ) -> impl Future<Output = Result<(), bucket::Error>> + Send;
}
