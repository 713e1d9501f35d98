//! Waiting for the medium, together.
//!
//! A small file costs four waits: its bytes, its name, and both of its sidecar's. One by one they are most of what a first sync takes. So
//! whoever has something to wait for joins the next round, and a round of many is one `syncfs`, which also flushes what other programs
//! wrote to that disk; a round of a few is an `fsync` each, which does not. So is every round where `syncfs` is not known to reach the medium.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::oneshot;

/// A round of fewer than this is flushed one by one.
const TOGETHER: usize = 4;

/// File systems whose `syncfs` reaches the medium, by the numbers of `linux/magic.h`: ext2 to ext4, XFS, Btrfs, F2FS, FAT, exFAT, tmpfs, overlayfs. The
/// same as in the crate `disk`. Those in user space, which external disks often have (NTFS), may do nothing at all.
const KNOWN: [u64; 8] =
    [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x4D44, 0x2011_BAB0, 0x0102_1994, 0x794C_7630];

/// The rounds of one disk.
#[derive(Clone)]
pub(super) struct Flush(Arc<Rounds>);

struct Rounds {
    /// Open for as long as there are rounds: an error of the disk is told to whoever had it open. `None` where each file is flushed.
    root: OnceLock<Option<File>>,
    path: Arc<Path>,
    next: Mutex<Next>,
}

#[derive(Default)]
struct Next {
    is_running: bool,
    waiting: Vec<Waiting>,
}

/// A file or directory that is to be on the medium, and who waits for it.
type Waiting = (File, oneshot::Sender<io::Result<()>>);

impl Flush {
    pub(super) fn new(path: Arc<Path>) -> Self {
        Self(Arc::new(Rounds { root: OnceLock::new(), path, next: Mutex::default() }))
    }

    /// Returns once what was written to `file` before is on the medium; of a directory, its names.
    pub(super) async fn flush(&self, file: File) -> io::Result<()> {
        let (done, flushed) = oneshot::channel();
        let starts = {
            let mut next = self.0.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.waiting.push((file, done));
            !std::mem::replace(&mut next.is_running, true)
        };
        if starts {
            let rounds = Arc::clone(&self.0);
            // Not awaited: whoever waits may be dropped, and the others go on waiting.
            drop(tokio::task::spawn_blocking(move || rounds.run()));
        }
        flushed.await.unwrap_or_else(|_| Err(io::Error::other("flushing ended early")))
    }
}

impl Rounds {
    /// Rounds, until nobody waits.
    fn run(&self) {
        loop {
            let round = {
                let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
                next.is_running = !next.waiting.is_empty();
                std::mem::take(&mut next.waiting)
            };
            if round.is_empty() {
                return;
            }
            let is_done = round.len() >= TOGETHER && matches!(self.sync_all(), Ok(true));
            for (file, done) in round {
                // One that is gone does not want to know.
                drop(done.send(if is_done { Ok(()) } else { sync(&file) }));
            }
        }
    }

    /// Whether the whole disk was flushed.
    fn sync_all(&self) -> io::Result<bool> {
        let root = if let Some(root) = self.root.get() {
            root
        } else {
            let opened = File::open(&self.path)?;
            let known = is_known(&opened)?;
            self.root.get_or_init(|| known.then_some(opened))
        };
        root.as_ref().map(rustix::fs::syncfs).transpose()?;
        Ok(root.is_some())
    }
}

fn is_known(root: &File) -> io::Result<bool> {
    // The field is signed on some machines, and all numbers are of 32 bits.
    #[expect(clippy::cast_sign_loss, reason = "a number that names something")]
    let kind = rustix::fs::fstatfs(root)?.f_type as u64 & 0xFFFF_FFFF;
    Ok(KNOWN.contains(&kind))
}

/// One by one.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // Some file systems cannot sync a directory.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}
