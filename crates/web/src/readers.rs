//! Opened histories, kept for the next request.
//!
//! Opening an archive means reading the index of every pack, one for each snapshot since the last repack: a hundred
//! milliseconds for a thousand. Sliding through time asks for a page at every step, so readers are lent out and come
//! back. A reader sees the archive as it was when it was opened, hence it is lent again only while the latest snapshot
//! and the directory of packs are still the same.
//! Rejected: one reader behind a lock (readers cannot be shared, so one slow download would stop every page).

use archive::{Archive, Error, History, SnapshotId};
use std::cell::Cell;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Readers kept for all buckets together; each may hold some megabytes of decoded objects.
const IDLE_MAX: usize = 12;

/// The readers that nobody uses right now, the one used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Readers(Mutex<Vec<(Stamp, History)>>);

/// What tells whether a reader still sees everything.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    archive: PathBuf,
    latest: SnapshotId,
    packs: Option<SystemTime>,
}

/// A history on loan.
pub(crate) struct Reader {
    // `None` only while it is given back.
    history: Option<History>,
    stamp: Stamp,
    owner: Arc<Readers>,
    is_spoilt: Cell<bool>,
}

impl Readers {
    /// A reader of what the archive holds now; `None` if it has no snapshot.
    pub(crate) fn lend(self: &Arc<Self>, path: &Path) -> Result<Option<Reader>, Error> {
        let archive = match Archive::open(path) {
            Ok(archive) => archive,
            Err(Error::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Before the reader is opened: what comes later makes the next loan a new one.
        let packs = path.join("objects/pack").metadata().and_then(|meta| meta.modified()).ok();
        let Some(latest) = archive.latest()? else { return Ok(None) };
        let stamp = Stamp { archive: path.to_owned(), latest, packs };
        let idle = self.take(&stamp);
        let history = idle.map_or_else(|| archive.history(), Ok)?;
        // A snapshot may have come in between; the stamp says what the reader sees.
        let Some(latest) = history.latest() else { return Ok(None) };
        let stamp = Stamp { latest, ..stamp };
        let owner = Arc::clone(self);
        Ok(Some(Reader { history: Some(history), stamp, owner, is_spoilt: Cell::new(false) }))
    }

    fn take(&self, stamp: &Stamp) -> Option<History> {
        let mut idle = self.idle();
        // Readers of this archive as it was before are of no use to anyone.
        idle.retain(|(other, _)| other.archive != stamp.archive || other == stamp);
        let at = idle.iter().rposition(|(other, _)| other == stamp)?;
        Some(idle.remove(at).1)
    }

    fn give_back(&self, stamp: Stamp, history: History) {
        let mut idle = self.idle();
        if idle.len() >= IDLE_MAX {
            idle.remove(0);
        }
        idle.push((stamp, history));
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Stamp, History)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The latest snapshot that this reader sees.
    pub(crate) fn newest(&self) -> SnapshotId {
        self.stamp.latest
    }

    /// Keeps a reader that failed from being lent again.
    pub(crate) fn spoil(&self) {
        self.is_spoilt.set(true);
    }
}

impl Deref for Reader {
    type Target = History;

    fn deref(&self) -> &History {
        self.history.as_ref().expect("because it is given back only when dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(history) = self.history.take()
            && !self.is_spoilt.get()
            && !std::thread::panicking()
        {
            self.owner.give_back(self.stamp.clone(), history);
        }
    }
}
