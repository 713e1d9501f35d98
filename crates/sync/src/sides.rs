//! The two ports of the engine: what it needs of a folder and of a place in a bucket.
//!
//! They exist because there are two of each: the real ones ([`Folder`](crate::Folder), [`Place`](crate::Place)) and those of the
//! simulation. Both speak in the adapters' types; a third vocabulary in between would say the same again.

pub use crate::leave_out::LeaveOut;
use crate::progress::Progress;
use crate::threads::{blocking, is_large};
pub use bucket::Changed;
use bucket::plain::PlaceId;
use bucket::{Object, Parts};
use bytes::Bytes;
use disk::{Found, Identity, Problem, Survey, Surveyed};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use journal::Inside;
use md5::{Digest as _, Md5};
use model::{ContentId, Kind, Meta, Node, ObjectKey, RelPath, RemoteVersion, Stamp, UploadId};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Which directories stay although they were emptied.
pub type Keep = Arc<dyn Fn(&RelPath) -> bool + Send + Sync>;

/// A store's answer to what changed since a cursor.
pub enum Changes {
    /// It cannot tell; it has to be listed.
    Unsupported,
    /// It does not know the cursor: it may have been put back to an older state.
    Unknown,
    /// These keys did, each told as it is now.
    Since(Told),
    /// This is all that stands, in the order of the keys: the answer to a question without a cursor, or with one that is too old.
    Everything(Told),
}

/// What a store tells.
pub struct Told {
    /// Where the next question starts.
    pub cursor: String,
    /// The keys. An error ends the stream; what came before it is true and not the whole.
    pub changes: BoxStream<'static, Result<Changed, bucket::Error>>,
}

impl Told {
    /// The same with each object as `see` sees it.
    #[must_use]
    pub fn map_objects(self, see: impl Fn(&ObjectKey, Object) -> Object + Send + 'static) -> Self {
        let seen = move |changed| match changed {
            Changed::Put { key, object } => {
                let object = see(&key, object);
                Changed::Put { key, object }
            }
            other @ (Changed::Gone(_) | Changed::Unusable(_)) => other,
        };
        Self { changes: self.changes.map_ok(seen).boxed(), ..self }
    }
}

/// The machine's folder.
pub trait Local: Clone + Send + Sync + 'static {
    /// A big file being read for its parts.
    type Reading: Reading;
    /// A big file being written beside its target.
    type Staging: Staging;

    /// Everything below the folder, in the order of the keys. Blocks, as does what it returns.
    fn scan(
        &self,
        leave_out: LeaveOut,
    ) -> Result<impl Iterator<Item = Result<Found, Problem>> + Send + 'static + use<Self>, disk::Error>;
    /// Which directory the folder is. Blocks for a moment.
    fn identity(&self) -> Result<Identity, disk::Error>;
    /// What is mounted below the folder, and stays so as long as the answer lives. Blocks for a moment.
    fn mounts(&self) -> Result<disk::Mounts, disk::Error>;
    /// The content of what was found; fails if it is not the same any more.
    fn digest(&self, found: &Found) -> impl Future<Output = Result<ContentId, disk::Error>> + Send;
    /// The same for a large file, with its chunks, in one pass; or in less, if it begins like what it was `before`.
    fn survey(
        &self,
        found: &Found,
        before: Option<Surveyed>,
    ) -> impl Future<Output = Result<Surveyed, disk::Error>> + Send;
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
    /// Begins to write a big file of `size` bytes beside its target, or goes on with what was begun under the same token, which names one
    /// version. Where there is no room for the rest, nothing of it stays.
    fn stage(
        &self,
        path: &RelPath,
        token: &str,
        size: u64,
    ) -> impl Future<Output = Result<Self::Staging, disk::Error>> + Send;
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
    ) -> impl Future<Output = Result<Found, disk::Error>> + Send;
    /// Removes the directories above a path that hold nothing any more.
    fn prune(&self, path: &RelPath, keep: Keep) -> impl Future<Output = Result<(), disk::Error>> + Send;
    /// Returns once the names of these paths are on the medium.
    fn make_durable(&self, paths: Vec<RelPath>) -> impl Future<Output = Result<(), disk::Error>> + Send;
}

/// A file that is read by parts.
pub trait Reading: Send + Sync + 'static {
    /// `length` bytes from `offset`. That all parts come from one version shows in the digest of the whole.
    fn read_at(&self, offset: u64, length: usize) -> impl Future<Output = Result<Bytes, disk::Error>> + Send;
}

/// A file that is written beside its target.
pub trait Staging: Sized + Send + 'static {
    /// What is there from an earlier attempt: a survey that has seen it, and its length.
    fn begun(self) -> impl Future<Output = Result<(Self, Survey, u64), disk::Error>> + Send;
    /// Gives it up: what it holds has turned out to be wrong.
    fn discard(self) -> impl Future<Output = ()> + Send;
    /// Appends.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), disk::Error>> + Send;
    /// Puts the file in its place.
    fn place(
        self,
        meta: &Meta,
        expect: disk::Expect,
    ) -> impl Future<Output = Result<Found, disk::Error>> + Send;
}

/// What stands under a place's name, for one cycle.
pub struct Held<R> {
    /// That very place.
    pub remote: R,
    /// Which one it is.
    pub standing: Standing,
}

/// Whether a place can be told from another one under the same name.
#[derive(Debug)]
pub enum Standing {
    /// A name is all there is to go by.
    Named,
    /// It carries a marker with this id.
    Marked(PlaceId),
    /// It carries no marker, which is an error (this one) for whoever knew it with one.
    Unmarked(bucket::Error),
}

/// A folder's place in a bucket.
pub trait Remote: Clone + Send + Sync + 'static {
    /// An upload by parts that the store knows.
    type Upload: Send + Sync;

    /// What stands there now, held on to: what comes to stand under its name later may be another place.
    fn hold(&self) -> impl Future<Output = Result<Held<Self>, bucket::Error>> + Send;
    /// Marks a place that carries no marker, at its first use.
    fn mark(&self) -> impl Future<Output = Result<PlaceId, bucket::Error>> + Send;

    /// What changed since a cursor, or everything. If nothing did, the answer may take as long as `wait`.
    fn changes(
        &self,
        since: Option<&str>,
        wait: Duration,
    ) -> impl Future<Output = Result<Changes, bucket::Error>> + Send;
    /// Everything below the place, in the order of the keys. After an error nothing follows, and what came before is not the whole.
    fn list(&self) -> BoxStream<'static, Result<bucket::Found, bucket::Error>>;
    /// What stands at a key.
    fn head(&self, key: &ObjectKey) -> impl Future<Output = Result<Option<Object>, bucket::Error>> + Send;
    /// Reads one version of an object of about `size` bytes, which only says how it is best asked for.
    fn get(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        size: u64,
    ) -> impl Future<Output = Result<bucket::Get, bucket::Error>> + Send;
    /// Reads one version of a large object of `size` bytes from the byte `from` on.
    fn get_from(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        from: u64,
        size: u64,
    ) -> BoxStream<'static, Result<Bytes, bucket::Error>>;
    /// What a version of `size` bytes holds, of which the store does not tell: read, and let go again.
    fn look_into(
        &self,
        key: &ObjectKey,
        version: &RemoteVersion,
        size: u64,
    ) -> impl Future<Output = Result<Inside, bucket::Error>> + Send {
        async move {
            let body = if is_large(size) {
                self.get_from(key, version, 0, size)
            } else {
                self.get(key, version, size).await?.body
            };
            inside_of(body).await
        }
    }
    /// Whether what an object holds may be sealed: then its size is not that of its content, and an end of its bytes is proof that none are missing.
    fn may_be_sealed(&self) -> bool {
        false
    }
    /// Whether what it says of an object beside its bytes is in a file of its own, which may be lost.
    fn may_forget(&self) -> bool {
        false
    }
    /// Whether [`Self::look_into`] tells more of what an object holds than the store does.
    fn looks_inside(&self) -> bool {
        false
    }
    /// Whether whatever is written is sealed.
    fn seals(&self) -> bool {
        false
    }
    /// Writes a small object.
    fn put(
        &self,
        key: &ObjectKey,
        node: &Node,
        bytes: Bytes,
        expect: &bucket::Expect,
    ) -> impl Future<Output = Result<RemoteVersion, bucket::Error>> + Send;
    /// Begins the upload of a large object. It belongs to `node` as it is.
    fn begin_upload(
        &self,
        key: &ObjectKey,
        node: &Node,
    ) -> impl Future<Output = Result<Self::Upload, bucket::Error>> + Send;
    /// Finds an upload that was begun; `None` if the store does not know it any more.
    fn resume_upload(
        &self,
        key: &ObjectKey,
        id: &UploadId,
    ) -> impl Future<Output = Result<Option<Self::Upload>, bucket::Error>> + Send;
    /// The name by which an upload is found again.
    fn upload_id(upload: &Self::Upload) -> UploadId;
    /// Sends what the store does not have of `parts`, and makes the object of them. An error says whether the upload can be gone on with
    /// ([`bucket::Error::leaves_upload`]); if not, it is aborted.
    #[expect(clippy::too_many_arguments, reason = "what, where, under which condition, from where")]
    fn upload<R: Reading>(
        &self,
        key: &ObjectKey,
        node: &Node,
        expect: &bucket::Expect,
        upload: &Self::Upload,
        parts: &Parts,
        source: Arc<R>,
        progress: &Progress,
    ) -> impl Future<Output = Result<RemoteVersion, bucket::Error>> + Send;
    /// Gives an upload up.
    fn abort_upload(
        &self,
        key: &ObjectKey,
        id: &UploadId,
    ) -> impl Future<Output = Result<(), bucket::Error>> + Send;
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
    /// Makes `to`, where nothing stands, hold the content of one version of `from`, as `node` describes it.
    fn copy(
        &self,
        from: &ObjectKey,
        version: &RemoteVersion,
        to: &ObjectKey,
        node: &Node,
    ) -> impl Future<Output = Result<RemoteVersion, bucket::Error>> + Send;
}

/// What comes out of a body.
pub(crate) async fn inside_of(
    mut body: BoxStream<'static, Result<Bytes, bucket::Error>>,
) -> Result<Inside, bucket::Error> {
    let (mut hasher, mut size) = (Md5::new(), 0);
    while let Some(chunk) = body.try_next().await? {
        size += chunk.len() as u64;
        hasher = blocking(move || hasher.chain_update(&chunk)).await;
    }
    Ok(Inside { content: ContentId::from_md5(hasher.finalize().into()), size })
}
