//! The real local side: a folder on a disk, its blocking work on threads made for that.

use crate::flushes::Flushes;
use crate::sides::{Keep, LeaveOut, Local, Reading, Staging};
use crate::threads::blocking;
use bucket::Hands;
use bytes::Bytes;
use disk::{Expect, Found, Identity, OpenFile, Problem, Root, Staged, Survey, Surveyed};
use model::{ContentId, Kind, Meta, ObjectKey, RelPath, Stamp};
use std::path::Path;
use std::sync::Arc;

/// A folder on this machine.
#[derive(Clone, Debug)]
pub struct Folder {
    root: Root,
    hands: Hands,
    flushes: Arc<Flushes>,
}

/// Threads that work in a folder at the same time: more would only wait for the disk.
const HANDS: usize = 16;

impl Folder {
    /// Opens a folder that must exist: a missing one may be an unmounted disk, so it is never created.
    pub fn open(path: &Path) -> Result<Self, disk::Error> {
        Self::new(Root::open(path)?)
    }

    /// As [`Folder::open`], speaking of the folder as `name`.
    pub fn open_named(path: &Path, name: &Path) -> Result<Self, disk::Error> {
        Self::new(Root::open_named(path, name)?)
    }

    fn new(root: Root) -> Result<Self, disk::Error> {
        let flushes = Arc::new(Flushes::new(&root)?);
        Ok(Self { root, hands: Hands::new(HANDS), flushes })
    }

    /// Does blocking work when there is a hand for it.
    async fn hand<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        self.hands.run(work).await
    }

    /// The tree below.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }
}

impl Local for Folder {
    type Reading = Reader;
    type Staging = Stager;

    fn scan(
        &self,
        leave_out: LeaveOut,
    ) -> Result<impl Iterator<Item = Result<Found, Problem>> + Send + 'static + use<>, disk::Error> {
        self.root.scan(leave_out)
    }

    fn identity(&self) -> Result<Identity, disk::Error> {
        self.root.identity()
    }

    fn mounts(&self) -> Result<disk::Mounts, disk::Error> {
        self.root.mounts()
    }

    async fn digest(&self, found: &Found) -> Result<ContentId, disk::Error> {
        let (root, path, kind, stamp) = (self.root.clone(), found.key.path(), found.kind, found.stamp);
        self.hand(move || match kind {
            Kind::File => root.digest(&path, &stamp),
            Kind::Symlink => root.read_link(&path).map(|target| disk::digest_of(&target)),
            Kind::Directory => Ok(ContentId::EMPTY),
        })
        .await
    }

    async fn survey(&self, found: &Found, before: Option<Surveyed>) -> Result<Surveyed, disk::Error> {
        let (root, path, stamp) = (self.root.clone(), found.key.path(), found.stamp);
        self.hand(move || root.survey(&path, &stamp, before.as_ref())).await
    }

    async fn read(&self, found: &Found) -> Result<Bytes, disk::Error> {
        let (root, path, kind, stamp) = (self.root.clone(), found.key.path(), found.kind, found.stamp);
        self.hand(move || match kind {
            Kind::File => root.read_small(&path, &stamp).map(Bytes::from),
            Kind::Symlink => root.read_link(&path).map(Bytes::from),
            Kind::Directory => Ok(Bytes::new()),
        })
        .await
    }

    async fn open(&self, found: &Found) -> Result<Reader, disk::Error> {
        let (root, path, stamp) = (self.root.clone(), found.key.path(), found.stamp);
        self.hand(move || root.open_file(&path, &stamp).map(|file| Reader(Arc::new(file)))).await
    }

    async fn write(
        &self,
        path: &RelPath,
        kind: Kind,
        meta: &Meta,
        bytes: Bytes,
        expect: Expect,
    ) -> Result<Found, disk::Error> {
        let (root, path, meta) = (self.root.clone(), path.clone(), *meta);
        match kind {
            Kind::Directory => self.hand(move || root.make_directory(&path, &meta)).await,
            Kind::Symlink => self.hand(move || root.place_symlink(&path, &bytes, &meta, expect)).await,
            Kind::File => {
                let _place = self.flushes.place().await;
                let stage = move || {
                    let mut staged = root.stage(&path)?;
                    staged.write(&bytes)?;
                    staged.ready(&meta, expect)
                };
                self.flushes.place_flushed(self.hand(stage).await?).await
            }
        }
    }

    async fn stage(&self, path: &RelPath, token: &str, size: u64) -> Result<Stager, disk::Error> {
        let (root, path, token) = (self.root.clone(), path.clone(), token.to_owned());
        let begin = move || {
            let staged = root.stage_resumable(&path, &token)?;
            match staged.check_room(size) {
                Ok(()) => Ok(Stager(Some(staged))),
                Err(error) => {
                    staged.discard();
                    Err(error)
                }
            }
        };
        self.hand(begin).await
    }

    async fn set_meta(&self, key: &ObjectKey, meta: &Meta, expect: &Stamp) -> Result<Found, disk::Error> {
        let (root, path, meta, expect) = (self.root.clone(), key.path(), *meta, *expect);
        self.hand(move || root.set_meta(&path, &meta, &expect)).await
    }

    async fn remove(&self, key: &ObjectKey, expect: &Stamp, keep: Keep) -> Result<(), disk::Error> {
        let (root, key, expect) = (self.root.clone(), key.clone(), *expect);
        self.hand(move || {
            if key.is_directory() {
                root.remove_directory(&key.path(), &*keep)
            } else {
                root.remove(&key.path(), &expect, &*keep)
            }
        })
        .await
    }

    async fn rename(&self, from: &RelPath, to: &RelPath, expect: &Stamp) -> Result<Found, disk::Error> {
        let (root, from, to, expect) = (self.root.clone(), from.clone(), to.clone(), *expect);
        self.hand(move || root.rename(&from, &to, &expect)).await
    }

    async fn prune(&self, path: &RelPath, keep: Keep) -> Result<(), disk::Error> {
        let (root, path) = (self.root.clone(), path.clone());
        self.hand(move || root.prune(&path, &*keep)).await
    }

    async fn make_durable(&self, paths: Vec<RelPath>) -> Result<(), disk::Error> {
        let root = self.root.clone();
        self.hand(move || root.sync_directories(&paths)).await
    }
}

/// A big file being read.
pub struct Reader(Arc<OpenFile>);

impl Reading for Reader {
    async fn read_at(&self, offset: u64, length: usize) -> Result<Bytes, disk::Error> {
        let file = Arc::clone(&self.0);
        blocking(move || file.read_at(offset, length).map(Bytes::from)).await
    }
}

/// A big file being written.
pub struct Stager(Option<Staged>);

impl Staging for Stager {
    async fn begun(self) -> Result<(Self, Survey, u64), disk::Error> {
        let staged = self.0.expect("a write that failed is the last");
        blocking(move || {
            let mut survey = Survey::new();
            staged.for_each_block(|block| survey.update(block))?;
            let length = staged.length();
            Ok((Self(Some(staged)), survey, length))
        })
        .await
    }

    async fn discard(self) {
        if let Some(staged) = self.0 {
            blocking(move || staged.discard()).await;
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), disk::Error> {
        let mut staged = self.0.take().expect("a write that failed is the last");
        let (staged, written) = blocking(move || {
            let written = staged.write(&bytes);
            (staged, written)
        })
        .await;
        self.0 = Some(staged);
        written
    }

    async fn place(self, meta: &Meta, expect: Expect) -> Result<Found, disk::Error> {
        let (staged, meta) = (self.0.expect("a write that failed is the last"), *meta);
        blocking(move || staged.place(&meta, expect)).await
    }
}
