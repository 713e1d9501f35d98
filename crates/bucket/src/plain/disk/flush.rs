//! Waiting for the medium, together.
//!
//! A small file costs four waits: its bytes, its name, and both of its sidecar's. One by one they are most of what a first sync takes. So
//! whoever has something to wait for joins the next round, and a round of many is one `syncfs`, which also flushes what other programs
//! wrote to that disk; a round of a few is an `fsync` each, which does not.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::oneshot;

/// A round of fewer than this is flushed one by one.
const TOGETHER: usize = 4;

/// The rounds of one disk.
#[derive(Clone)]
pub(super) struct Flush(Arc<Rounds>);

struct Rounds {
    /// Open for as long as there are rounds: an error of the disk is told to whoever had it open.
    root: OnceLock<File>,
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
            let is_done = round.len() >= TOGETHER && self.sync_all().is_ok();
            for (file, done) in round {
                // One that is gone does not want to know.
                drop(done.send(if is_done { Ok(()) } else { sync(&file) }));
            }
        }
    }

    fn sync_all(&self) -> io::Result<()> {
        let root = if let Some(root) = self.root.get() {
            root
        } else {
            let opened = File::open(&self.path)?;
            self.root.get_or_init(|| opened)
        };
        Ok(rustix::fs::syncfs(root)?)
    }
}

/// One by one.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        // Some file systems cannot sync a directory.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}
